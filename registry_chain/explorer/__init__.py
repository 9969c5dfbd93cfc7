"""The node's pages for people: blocks, transactions and records, each with its proof.

Whatever a page shows as proven was verified by `proving.Prover`, the same light client that a
stranger runs, when the page was drawn. Clauses: ``specs/explorer.md``.
"""

from registry_chain.explorer.proving import Clock
from registry_chain.explorer.site import add_explorer, utc_now

__all__ = ["Clock", "add_explorer", "utc_now"]
