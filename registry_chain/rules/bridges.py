"""Rules for outside anchors: who may record one, and that a record never changes.

[REG-BRG-1] to [REG-BRG-3].

Whether the block hash is this chain's is not judged here: rules see the state, not the headers. A
reader compares it with the light block of that height.
"""

from registry_chain.records import ACTIVE, BridgeRecord, bridge_key
from registry_chain.rules.context import BlockContext, Rule, find, refuse, require_role
from registry_chain.state import Changes, View
from registry_chain.transactions import AttestBridge


def _attest(view: View, account: str, body: AttestBridge, block: BlockContext) -> Changes:
    require_role(view, account, "auditor", block, "REG-BRG-1")
    if body.height >= block.height:
        raise refuse("REG-BRG-2", "bridge_height", "the anchored block is not an earlier one")
    key = bridge_key(body.epoch, body.digest)
    if find(view, BridgeRecord, key) is not None:
        raise refuse("REG-BRG-3", "bridge_exists", "this proof is recorded already")
    record = BridgeRecord(
        state=ACTIVE,
        height=block.height,
        time=block.time,
        account=account,
        epoch=body.epoch,
        anchored_height=body.height,
        block_hash=body.block_hash,
        method=body.method,
        digest=body.digest,
    )
    return {key: record.to_bytes()}


RULES: dict[str, Rule] = {AttestBridge.TYPE: _attest}
