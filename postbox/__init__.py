"""The electronic PO box: stores sealed envelopes, forwards them, and commits them to the chain.

It never reads a message, keeps no name and no address of anybody, and decides nothing about
people. The product is the mailbox; the package is not named so because the standard library has
a ``mailbox`` already (``specs/adr/0007``).

Reading order: ``config``, ``models``, ``messages``, ``boxes``, ``ledger``, ``outbox``,
``committer``, ``pusher``, ``app``. Clauses: ``specs/sharing.md`` [SHA-BOX-1] to [SHA-BOX-15].
"""
