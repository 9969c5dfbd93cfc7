"""Rules for what the engine proves against validators. [REG-VAL-3]."""

from collections.abc import Sequence

from registry_chain.records import COMMITTED, OffenceRecord, offence_key
from registry_chain.rules.context import BlockContext, Offence, find
from registry_chain.state import Changes, View


def apply_offences(view: View, offences: Sequence[Offence], block: BlockContext) -> Changes:
    """Record each offence once; what was recorded stays as it is.

    Args:
        view: The state before the block's transactions.
        offences: What the engine reports with this block.
        block: The block.

    Returns:
        The new records.
    """
    changes: Changes = {}
    for offence in offences:
        key = offence_key(offence.height, offence.address, offence.kind)
        if find(view, OffenceRecord, key) is None:
            changes[key] = OffenceRecord(
                state=COMMITTED,
                height=block.height,
                time=block.time,
                kind=offence.kind,
                validator=offence.address,
                at_height=offence.height,
                at_time=offence.time,
                power=offence.power,
            ).to_bytes()
    return changes
