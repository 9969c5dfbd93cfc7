"""What every rule may know: the block it is in, the state it reads, who asks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from registry_chain.genesis import CONFIG_KEY
from registry_chain.records import (
    ACTIVE,
    SUSPENDED,
    MemberRecord,
    Record,
    Stoppable,
    member_key,
)
from registry_chain.state import Changes, View
from registry_chain.transactions.fields import is_loopback
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import Refused
from ssi.keys import PublicKey, public_key_from_jwk

SomeRecord = TypeVar("SomeRecord", bound=Record)
_DECISION = "proposal/"  # the key of a proposal: no member's id has a slash


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockContext:
    """The block a transaction is judged in. ``time`` is whole Unix seconds."""

    height: int
    time: int
    chain_id: str
    rules_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """What the engine proved against a validator: signed two blocks, or attacked light clients.

    ``address`` is in upper-case hex; ``height`` and ``time`` are those of the offence.
    """

    kind: str
    address: str
    height: int
    time: int
    power: int


# Each family knows its own body classes; the table pairs them, so Any stands for "its body".
Rule = Callable[[View, str, Any, BlockContext], Changes]


def refuse(rule: str, code: str, fact: str) -> Refused:
    """The refusal of a rule: its clause, a stable code under ``chain.``, and the fact."""
    return Refused(fact, code=f"chain.{code}", rule=rule)


def find(view: View, kind: type[SomeRecord], key: str) -> SomeRecord | None:
    """The record at ``key``, or none."""
    raw = view.get(key)
    if raw is None:
        return None
    record = _read(kind, raw)
    if not isinstance(record, kind):
        raise TypeError("a record is of its own kind")
    return record


@lru_cache(maxsize=512)  # records are immutable; the same accounts act again and again
def _read(kind: type[Record], raw: bytes) -> Record:
    return kind.from_bytes(raw)


def member(view: View, account: str, block: BlockContext, rule: str) -> MemberRecord:
    """The member ``account``, whatever its state at this time."""
    record = find(view, MemberRecord, member_key(account))
    if record is None:
        raise refuse(rule, "member_unknown", "no member has this id")
    return record.settled(block.time)


def decided(account: str) -> bool:
    """Whether it is the voters who act, by the proposal of that key, and not a member."""
    return account.startswith(_DECISION)


def require_decision(account: str, rule: str) -> None:
    """Only a carried proposal may go on [REG-GOV-1]."""
    if not decided(account):
        raise refuse(rule, "needs_decision", "only the voters decide this, by a proposal")


def require_role(view: View, account: str, role: str, block: BlockContext, rule: str) -> None:
    """Only an active member with ``role`` may go on."""
    record = member(view, account, block, rule)
    if record.state != ACTIVE or role not in record.roles:
        raise refuse(rule, "role_missing", "the member does not have the role this needs")


def require_url(view: View, url: str, rule: str) -> None:
    """Loopback addresses belong only on a chain that was founded as a demo [REG-REC-3]."""
    if is_loopback(url) and not is_demo(view):
        raise refuse(rule, "loopback", "this chain does not take loopback addresses")


def require_reinstatable(record: Stoppable, account: str) -> None:
    """Who may end a suspension: the voters, or the subject if it stopped itself [REG-REC-4]."""
    if record.state != SUSPENDED:
        raise refuse("REG-REC-4", "not_suspended", "nothing is suspended here")
    if not decided(account) and record.suspended_by != account:
        raise refuse("REG-REC-4", "needs_decision", "others suspended this; the voters may lift it")


def is_demo(view: View) -> bool:
    """Whether the chain was founded as a demonstration on one machine [REG-REC-3]."""
    return config(view).get("loopback", False) is True


def config(view: View) -> JSONObject:
    """What the founders fixed for ever."""
    raw = view.get(CONFIG_KEY)
    return {} if raw is None else _parsed(raw)


@lru_cache(maxsize=8)  # asked for by every transaction, and never changed
def _parsed(raw: bytes) -> JSONObject:
    return parse_json_object(raw)


def public_key(jwk: JSONObject) -> PublicKey:
    """The key of a registered JWK."""
    return _key_and_print(*_members(jwk))[0]


def thumbprint(jwk: JSONObject) -> str:
    """The RFC 7638 thumbprint of a registered JWK."""
    return _key_and_print(*_members(jwk))[1]


def _members(jwk: JSONObject) -> tuple[str, ...]:
    get = jwk.get
    return str(get("kty", "")), str(get("crv", "")), str(get("x", "")), str(get("y", ""))


@lru_cache(maxsize=4096)  # a pure function: checking that a point is good costs as much as a verify
def _key_and_print(kty: str, crv: str, x: str, y: str) -> tuple[PublicKey, str]:
    jwk: JSONObject = {"kty": kty, "crv": crv, "x": x}
    if y:
        jwk["y"] = y
    key = public_key_from_jwk(jwk)
    return key, key.thumbprint()
