"""The issuer: residents apply, two operators check, OpenID4VCI issues, the chain remembers.

Never: a My Number in any form, the back of a card, a PIN; a decision by one operator alone; a
claim value in a log or a URL; two credentials with one status index.

Reading order: ``applications`` (the life of an application, pure), ``checks`` (what an application
may hold, pure), ``issuing``, ``revocation``, ``oid4vci`` (the protocol), ``portal`` and
``operators`` (the pages), ``app`` (the wiring). Clauses: ``specs/portal.md`` and
``specs/issuance.md``.
"""
