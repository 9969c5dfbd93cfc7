"""CometBFT as the engine of the chain: our application behind its ABCI 2.0 socket.

Reading order: ``wire`` (frames), ``server`` (the socket), ``adapter`` (ABCI to ``application``),
``snapshots`` (state sync), ``rpc`` (what we ask of CometBFT), ``engine`` (what a node needs),
``settings`` (its files), ``supervisor`` (the pair of processes).
"""
