"""The resident's wallet: keys, credentials, consents, and one change of address for all firms.

Reading order: ``holder`` (every use case), ``consents`` (what an answer would show), ``issuance``,
``presenting``, ``moves``, ``outbox``, ``returns``; then ``vault`` and ``display``, on which all of
them rest. Screens are in ``tui``, commands in ``cli``. Clauses: ``specs/wallet.md``.
"""
