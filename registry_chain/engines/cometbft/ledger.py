"""The network engine's rows, in the tables that the embedded engine has too.

`Commit` writes a block's transactions and results with the state, in one database transaction
[REG-NET-2]. The block's signatures come later, when the next block has fixed them; until then its
``light`` is empty. A file that an embedded chain began is continued, not rewritten.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from registry_chain.application import TxResult
from registry_chain.engines import ledgerfile as file
from registry_chain.light import UntrustedLightBlock, light_block_to_json, validators_hash
from registry_chain.rules import Offence
from ssi.encoding import JSON, JSONObject, canonical_json, parse_json_object

_START = "network_start"
_SIGNED = "signed"


@dataclass(frozen=True, slots=True, order=True)
class Signed:
    """How far a validator has signed: height, then round, then step."""

    height: int
    round: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedBlock:
    """A block that the network decided, as far as the application was told."""

    height: int
    hash: bytes
    txs: tuple[bytes, ...]
    results: tuple[TxResult, ...]
    tokens: tuple[tuple[str, str], ...]
    offences: tuple[Offence, ...] = ()


def begin(db: sqlite3.Connection, genesis: str, start: int) -> None:
    """Make the tables for a chain that begins on a network."""
    file.make_tables(db, genesis)
    begin_network(db, start)


def begin_network(db: sqlite3.Connection, start: int) -> None:
    """Note from which height on the blocks are the network's."""
    set_meta(db, _START, str(start))


def network_start(db: sqlite3.Connection) -> int | None:
    """The height of the network's first block; ``None`` when no network has begun."""
    tables = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    value = None if tables is None else get_meta(db, _START)
    return None if value is None else int(value)


def write_block(db: sqlite3.Connection, block: DecidedBlock) -> None:
    """Write a decided block; the caller's transaction makes it durable."""
    db.execute("INSERT INTO block VALUES (?, ?, ?, '')", (block.height, block.hash, block.height))
    rows = [
        (block.height, place, one.tx_id, raw, one.code, one.rule, one.error, one.log)
        for place, (raw, one) in enumerate(zip(block.txs, block.results, strict=True))
    ]
    db.executemany("INSERT INTO tx VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    db.executemany("INSERT OR IGNORE INTO token VALUES (?, ?)", block.tokens)
    if block.offences:
        told: list[JSON] = [asdict(offence) for offence in block.offences]
        set_meta(db, f"{file.MISBEHAVIOUR}/{block.height}", canonical_json(told).decode())


def set_lights(db: sqlite3.Connection, blocks: Sequence[tuple[int, str]]) -> None:
    """Add the final light blocks of heights."""
    db.executemany(
        "UPDATE block SET light = ? WHERE height = ? AND light = ''",
        [(light, height) for height, light in blocks],
    )


def has_block(db: sqlite3.Connection, height: int) -> bool:
    """Whether the transactions of a height are here."""
    return db.execute("SELECT 1 FROM block WHERE height = ?", (height,)).fetchone() is not None


def unsigned_heights(db: sqlite3.Connection, limit: int) -> list[tuple[int, bytes]]:
    """Heights and hashes of blocks whose light block is not here yet, the oldest first."""
    rows = db.execute(
        "SELECT height, hash FROM block WHERE light = '' ORDER BY height LIMIT ?", (limit,)
    )
    return [(int(row[0]), bytes(row[1])) for row in rows]


def state_at(db: sqlite3.Connection, height: int) -> int:
    """The version of the state after a block."""
    row = db.execute("SELECT state FROM block WHERE height = ?", (height,)).fetchone()
    return height if row is None else int(row[0])


def newest_signed(db: sqlite3.Connection) -> file.StoredBlock | None:
    """The newest block whose final light block is here."""
    row = db.execute(
        "SELECT height FROM block WHERE light != '' ORDER BY height DESC LIMIT 1"
    ).fetchone()
    return None if row is None else file.block_at(db, int(row[0]))


def signed_at(db: sqlite3.Connection, height: int) -> JSONObject | None:
    """The final light block of a height, if it is here."""
    row = db.execute("SELECT light FROM block WHERE height = ?", (height,)).fetchone()
    return parse_json_object(row[0], limits=file.LIMITS) if row and row[0] else None


def changes_after(db: sqlite3.Connection, start: int) -> list[int]:
    """Heights from ``start`` on whose header announces other validators for the next."""
    rows = db.execute(
        "SELECT CAST(value AS INTEGER) FROM meta WHERE name LIKE 'change/%'"
        " AND CAST(value AS INTEGER) >= ? ORDER BY 1",
        (start,),
    )
    return [int(row[0]) for row in rows]


def note_change(db: sqlite3.Connection, block: UntrustedLightBlock) -> None:
    """Remember a height at which other validators are announced."""
    if block.header.next_validators_hash != validators_hash(block.validators):
        set_meta(db, f"change/{block.height}", str(block.height))


def light_text(block: UntrustedLightBlock) -> str:
    """A light block as it is stored."""
    return canonical_json(light_block_to_json(block)).decode()


def signed_mark(db: sqlite3.Connection) -> Signed | None:
    """How far this validator had signed when a block was last written [REG-NET-6]."""
    tables = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    value = None if tables is None else get_meta(db, _SIGNED)
    if value is None:
        return None
    height, round_, step = (int(part) for part in value.split("/"))
    return Signed(height, round_, step)


def raise_signed_mark(db: sqlite3.Connection, signed: Signed) -> None:
    """Move the mark forward; it never goes back."""
    mark = signed_mark(db)
    if mark is None or signed > mark:
        set_meta(db, _SIGNED, f"{signed.height}/{signed.round}/{signed.step}")


def forget_signed_mark(db: sqlite3.Connection) -> None:
    """Take the mark out of a copy that another key will go on with [OPS-BAK-2]."""
    db.execute("DELETE FROM meta WHERE name = ?", (_SIGNED,))


def get_meta(db: sqlite3.Connection, name: str) -> str | None:
    """A remembered value."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(db: sqlite3.Connection, name: str, value: str) -> None:
    """Remember a value."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
