"""Rules for batch anchors: a Merkle root, written once. [REG-ANC-1], [REG-ANC-2]."""

from registry_chain.records import ACTIVE, AnchorRecord, anchor_key
from registry_chain.rules.context import BlockContext, Rule, find, refuse
from registry_chain.rules.issuers import active_issuer
from registry_chain.state import Changes, View
from registry_chain.transactions import AnchorBatch


def _anchor(view: View, account: str, body: AnchorBatch, block: BlockContext) -> Changes:
    active_issuer(view, account, block, "REG-ANC-1")
    key = anchor_key(account, body.batch)
    if find(view, AnchorRecord, key) is not None:
        raise refuse("REG-ANC-2", "anchor_exists", "the batch is anchored already")
    record = AnchorRecord(
        state=ACTIVE, height=block.height, time=block.time, root=body.root, size=body.size
    )
    return {key: record.to_bytes()}


RULES: dict[str, Rule] = {AnchorBatch.TYPE: _anchor}
