"""One box for all: height, hash, transaction, record, id, thumbprint, address [EXP-WEB-4]."""

from dataclasses import dataclass
from typing import Final

from registry_chain.engines.base import Engine
from registry_chain.explorer.proving import Prover, Shown
from registry_chain.state import is_key
from ssi.encoding import b64url_decode
from ssi.errors import Rejected

MAX_QUERY: Final = 200
_MAX_KEYS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")
_HASH_HEX, _HASH_TEXT, _HASH_BYTES = 64, 43, 32
_ADDRESS_HEX: Final = 40
_MAX_DIGITS: Final = 16
_BY_ID: Final = ("member", "issuer", "verifier", "operator", "proposal", "dispute", "upgrade")
_BY_DIGEST: Final = ("client", "box", "consent", "notice", "ack", "proposal", "dispute")
_FOUND: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to: one place to go to, or records to choose from."""

    path: str | None = None
    records: tuple[Shown, ...] = ()


def search(query: str, engine: Engine, prover: Prover) -> Found:
    """Find what a reader typed; the store's listings give hints, the map proves them."""
    text = query.strip()
    if not text or len(text) > MAX_QUERY or not text.isascii():
        return Found()
    if text.isdecimal() and len(text) <= _MAX_DIGITS:
        known = engine.light_block(int(text)) is not None
        return Found(path=f"/block/{int(text)}") if known else Found()
    lower = text.lower()
    if len(text) == _HASH_HEX and _HEX.issuperset(lower):
        place = _by_hash(lower, engine)
        if place is not None:
            return Found(path=place)
    keys = [key for key in dict.fromkeys(_keys(text, engine)) if is_key(key)]
    shown = prover.records(keys[:_MAX_KEYS]) or ()
    records = tuple(one for one in shown if one.failure is not None or one.value is not None)
    if len(records) == 1 and records[0].key == text:
        return Found(path=f"/record/{text}")
    return Found(records=records)


def _by_hash(text: str, engine: Engine) -> str | None:
    if engine.outcome(text) is not None:
        return f"/tx/{text}"
    height = engine.height_of(bytes.fromhex(text))
    return None if height is None else f"/block/{height}"


def _keys(text: str, engine: Engine) -> list[str]:
    """Every key that what was typed may stand for."""
    if "/" in text:
        return [text, *(one.key for one in engine.listing(text, "", _FOUND))]
    keys = [f"{family}/{text}" for family in _BY_ID]
    if _is_digest(text):
        keys += [f"{family}/{text}" for family in _BY_DIGEST]
        issuers = engine.listing("issuer/", "", _FOUND)
        keys += [f"key/{one.key.partition('/')[2]}/{text}" for one in issuers]
    if len(text) == _ADDRESS_HEX and _HEX.issuperset(text.lower()):
        keys += [f"validator/{text.lower()}", f"validator/{text.upper()}"]
    return keys


def _is_digest(text: str) -> bool:
    try:
        return len(text) == _HASH_TEXT and len(b64url_decode(text)) == _HASH_BYTES
    except Rejected:
        return False
