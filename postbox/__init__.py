"""The electronic PO box: stores sealed envelopes, forwards them, and commits them to the chain.

It never reads a message, keeps no name and no address of anybody, and decides nothing about
people. Reading order: ``config``, ``models``, ``messages``, ``boxes``, ``ledger``, ``outbox``,
``committer``, ``pusher``, ``app``. Clauses: ``specs/sharing.md`` [SHA-BOX-1] to [SHA-BOX-16].
"""
