"""From one validator to a network: a node takes over the ledger that was handed to it [REG-MIG-3].

Nothing is rewritten: the file is copied, verified as the old engine would at its start, and goes on
at the next height under the validators that its last block announces.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from registry_chain.engines import ledgerfile as file
from registry_chain.engines.blocks import hands_over
from registry_chain.engines.cometbft import ledger
from registry_chain.engines.startup import require_sound
from registry_chain.genesis import Genesis
from registry_chain.light import (
    Validator,
    ValidatorSet,
    validators_hash,
)
from registry_chain.records import ValidatorRecord
from registry_chain.store import Store
from ssi.encoding import JSONObject, b64url_decode
from ssi.errors import Malformed, SSIError


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """What a network begins with after a migration.

    ``started`` is in whole Unix seconds, after the time of the last embedded block.
    """

    first_height: int
    started: int
    validators: tuple[JSONObject, ...]


def take_over(old: Path, new: Path, genesis: Genesis, own_key: bytes) -> Inheritance:
    """Copy an embedded ledger that handed over, and make it the beginning of a network's.

    Args:
        old: The embedded chain's file, whose engine is stopped.
        new: The node's file, which must not exist.
        genesis: The chain's genesis, unchanged.
        own_key: The raw validator key of this node.

    Returns:
        What CometBFT's genesis needs; the same for every node.

    Raises:
        SSIError: ``chain.not_handed_over`` when no other validators are announced or ours is not
            among them; ``chain.corrupt``.
        Malformed: ``config.exists``.
    """
    if new.exists():
        raise Malformed("the node has a ledger already", code="config.exists")
    part = new.with_suffix(".part")
    part.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{old.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        source.backup(target)
    try:
        inheritance = _begun(part, genesis, own_key)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.rename(new)
    return inheritance


def _begun(path: Path, genesis: Genesis, own_key: bytes) -> Inheritance:
    store = Store(path)
    try:
        require_sound(store, genesis)
        last = store.read(lambda db: file.block_at(db, None))
        if last is None or not hands_over(last.block):
            raise SSIError("the ledger was not handed over", code="chain.not_handed_over")
        seats = validator_seats(store)
        keys = {one.public_key for one in seats.validators}
        if validators_hash(seats) != last.block.header.next_validators_hash:
            raise SSIError("the announced validators are not those on record", code="chain.corrupt")
        if own_key not in keys:
            raise SSIError(
                "this validator is not among the announced", code="chain.not_handed_over"
            )
        block = last.block

        def begin(db: sqlite3.Connection) -> None:
            ledger.begin_network(db, block.height + 1)
            ledger.note_change(db, block)

        store.write(begin)
        return Inheritance(
            first_height=block.height + 1,
            started=block.header.time.seconds + 1,
            validators=genesis_validators(seats),
        )
    finally:
        store.close()
        Path(f"{path}.lock").unlink(missing_ok=True)


def validator_seats(store: Store) -> ValidatorSet:
    """The validators with power, as the newest state has them."""
    found: list[Validator] = []
    after: str | None = None
    while page := store.items(f"{ValidatorRecord.PREFIX}/", after=after):
        for _, raw in page:
            record = ValidatorRecord.from_bytes(raw)
            if record.voting_power:
                key = b64url_decode(record.pub_key)
                found.append(Validator(public_key=key, power=record.voting_power))
        after = page[-1][0]
    return ValidatorSet.of(found)


def genesis_validators(validators: ValidatorSet) -> tuple[JSONObject, ...]:
    """Validators as CometBFT's genesis names them."""
    return tuple(_genesis_json(one) for one in validators.validators)


def _genesis_json(validator: Validator) -> JSONObject:
    told = validator.to_json()
    return {
        "address": told["address"],
        "pub_key": told["pub_key"],
        "power": told["voting_power"],
        "name": "",
    }
