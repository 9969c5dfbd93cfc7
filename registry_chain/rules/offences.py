"""Rules for what the engine proves against validators. [REG-VAL-3], [REG-VAL-9]."""

from collections.abc import Sequence

from registry_chain.records import OffenceRecord, offence_key
from registry_chain.rules.context import BlockContext, Offence, find
from registry_chain.rules.validators import jailed
from registry_chain.state import Changes, Overlay, View

JAILED, ALARM = "jailed", "alarm"


def apply_offences(view: View, offences: Sequence[Offence], block: BlockContext) -> Changes:
    """Record each offence once; what was recorded stays as it is.

    Args:
        view: The state before the block's transactions.
        offences: What the engine reports with this block.
        block: The block.

    Returns:
        The new records.
    """
    overlay = Overlay(view)
    for offence in offences:
        key = offence_key(offence.height, offence.address, offence.kind)
        if find(overlay, OffenceRecord, key) is None:
            out = jailed(overlay, offence.address, key, block)
            for name, value in (out or {}).items():
                overlay.put(name, value)
            record = OffenceRecord(
                state=ALARM if out is None else JAILED,
                height=block.height,
                time=block.time,
                kind=offence.kind,
                validator=offence.address,
                at_height=offence.height,
                at_time=offence.time,
                power=offence.power,
            )
            overlay.put(key, record.to_bytes())
    return overlay.changes()
