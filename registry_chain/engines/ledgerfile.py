"""The embedded engine's own tables, in the same SQLite file as the state.

Blocks, transactions, results and tokens are written in the transaction that commits the state, so
that a kill at any moment leaves the old chain or the new one, never half [REG-ENG-1].
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from registry_chain.application import TxResult
from registry_chain.engines.base import TxOutcome
from registry_chain.light import (
    UntrustedLightBlock,
    light_block_to_json,
    parse_light_block,
)
from registry_chain.transactions.fields import canonical
from ssi.encoding import JsonLimits, JSONObject, b64url_encode, parse_json, parse_json_object

LIMITS = JsonLimits(max_bytes=1_000_000, max_members=20_000)
MISBEHAVIOUR = "misbehaviour"
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE block (
    height INTEGER PRIMARY KEY, hash BLOB NOT NULL, state INTEGER NOT NULL, light TEXT NOT NULL
);
CREATE TABLE tx (
    height INTEGER NOT NULL, place INTEGER NOT NULL, tx_id TEXT NOT NULL, raw BLOB NOT NULL,
    code INTEGER NOT NULL, rule TEXT NOT NULL, error TEXT NOT NULL, log TEXT NOT NULL,
    PRIMARY KEY (height, place)
);
CREATE INDEX tx_by_id ON tx (tx_id);
CREATE INDEX block_by_hash ON block (hash);
CREATE TABLE token (digest TEXT PRIMARY KEY, token TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBlock:
    """A block to write. ``state`` is the version of the state after it."""

    light: UntrustedLightBlock
    state: int
    txs: tuple[bytes, ...] = field(default=(), repr=False)
    results: tuple[TxResult, ...] = ()
    tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlock:
    """A block as the file has it."""

    height: int
    hash: bytes
    state: int
    light: JSONObject

    @property
    def block(self) -> UntrustedLightBlock:
        """The light block, parsed."""
        return parse_light_block(self.light)


def found(db: sqlite3.Connection, genesis: str, first: NewBlock) -> None:
    """Make the tables, note which genesis they belong to, and write the first block."""
    make_tables(db, genesis)
    write(db, [first])


def make_tables(db: sqlite3.Connection, genesis: str) -> None:
    """Make the tables and note which genesis they belong to."""
    for statement in _SCHEMA.split(";"):
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES ('genesis', ?)", (genesis,))


def write(db: sqlite3.Connection, blocks: Sequence[NewBlock]) -> None:
    """Write blocks; the caller's transaction makes them durable."""
    for new in blocks:
        height = new.light.height
        light = canonical(light_block_to_json(new.light)).decode()
        db.execute(
            "INSERT INTO block VALUES (?, ?, ?, ?)",
            (height, new.light.commit.block_id.hash, new.state, light),
        )
        rows = [
            (height, place, one.tx_id, raw, one.code, one.rule, one.error, one.log)
            for place, (raw, one) in enumerate(zip(new.txs, new.results, strict=True))
        ]
        db.executemany("INSERT INTO tx VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.executemany("INSERT OR IGNORE INTO token VALUES (?, ?)", new.tokens)


def genesis_digest(db: sqlite3.Connection) -> str:
    """Which genesis this file belongs to."""
    row = db.execute("SELECT value FROM meta WHERE name = 'genesis'").fetchone()
    return "" if row is None else str(row[0])


def block_at(db: sqlite3.Connection, height: int | None) -> StoredBlock | None:
    """The block of a height, or the newest, whose signatures are here."""
    chosen = "height = ?" if height is not None else "TRUE"
    row = db.execute(
        f"SELECT height, hash, state, light FROM block WHERE {chosen} AND light != ''"  # noqa: S608 - no input in it
        " ORDER BY height DESC LIMIT 1",
        () if height is None else (height,),
    ).fetchone()
    if row is None:
        return None
    light = parse_json_object(row[3], limits=LIMITS)
    return StoredBlock(height=row[0], hash=bytes(row[1]), state=row[2], light=light)


def height_of(db: sqlite3.Connection, block_hash: bytes) -> int | None:
    """The height of the block with this header hash."""
    row = db.execute("SELECT height FROM block WHERE hash = ?", (block_hash,)).fetchone()
    return None if row is None else int(row[0])


def codes_at(db: sqlite3.Connection, height: int) -> tuple[int, ...]:
    """The result codes of a block."""
    rows = db.execute("SELECT code FROM tx WHERE height = ? ORDER BY place", (height,))
    return tuple(int(row[0]) for row in rows)


def outcome_of(db: sqlite3.Connection, tx_id: str) -> TxOutcome | None:
    """What became of a transaction; its success if it ever had one, else its last failure."""
    row = db.execute(
        "SELECT height, place, code, rule, error, log FROM tx WHERE tx_id = ?"
        " ORDER BY code = 0 DESC, height DESC LIMIT 1",
        (tx_id,),
    ).fetchone()
    if row is None:
        return None
    return TxOutcome(
        tx_id=tx_id,
        height=row[0],
        index=row[1],
        code=row[2],
        rule=row[3],
        error=row[4],
        log=row[5],
    )


def txs_at(db: sqlite3.Connection, height: int) -> tuple[bytes, ...]:
    """The transactions of a block."""
    rows = db.execute("SELECT raw FROM tx WHERE height = ? ORDER BY place", (height,))
    return tuple(bytes(row[0]) for row in rows)


def token_of(db: sqlite3.Connection, digest: str) -> str | None:
    """The status list token with a digest."""
    row = db.execute("SELECT token FROM token WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else str(row[0])


def exported(db: sqlite3.Connection, start: int, limit: int, max_bytes: int) -> list[JSONObject]:
    """Blocks from a height on, with what a replay needs, up to about ``max_bytes``."""
    found: list[JSONObject] = []
    size = 0
    for height in range(start, start + limit):
        block = block_at(db, height)
        if block is None or size > max_bytes:
            break
        size += sum(map(len, txs_at(db, height))) + 2000
        found.append(block_under(db, height, block.light))
    return found


def block_under(db: sqlite3.Connection, height: int, light: JSONObject) -> JSONObject:
    """What a block holds, with the light block that signs it."""
    rows = db.execute(
        "SELECT raw, tx_id, code, rule, error FROM tx WHERE height = ? ORDER BY place", (height,)
    ).fetchall()
    told = db.execute(
        "SELECT value FROM meta WHERE name = ?", (f"{MISBEHAVIOUR}/{height}",)
    ).fetchone()
    offences = {} if told is None else {MISBEHAVIOUR: parse_json(told[0].encode())}
    return {
        "height": height,
        "light_block": light,
        "txs": [b64url_encode(bytes(row[0])) for row in rows],
        "results": [
            {"tx_id": row[1], "code": row[2], "rule": row[3], "error": row[4]} for row in rows
        ],
        **offences,
    }
