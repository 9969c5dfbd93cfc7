"""A record's JSON as cells that a template can draw: text, code, links, moments, lists, rows.

What a member means is told by its name and its shape alone, so a family that is new to this file is
drawn as well; nothing of a record is left out but what is ``null``, which counts as absent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from registry_chain.explorer.here import Here
from ssi.encoding import JSON, JSONObject, canonical_json
from ssi.errors import SSIError
from ssi.keys import public_key_from_jwk

MAX_DEPTH: Final = 8
_TIMES: Final = frozenset({"time", "until", "deadline", "valid_from", "valid_until", "not_before"})
_HEIGHTS: Final = frozenset({"height", "activation_height", "at_height", "anchored_height"})
_ORGANISATIONS: Final = {
    "issuer": "issuer",
    "verifier": "verifier",
    "operator": "operator",
    "member": "member",
    "account": "member",
    "publisher": "member",
    "proposer": "member",
    "voter": "member",
    "suspended_by": "member",
}
_GOOD: Final = frozenset(
    {"active", "given", "committed", "accepted", "executed", "passed", "open", "anchored"}
)
_FIRST: Final = (
    "thumbprint",
    "name",
    "state",
    "code",
    "vct",
    "ja",
    "en",
    "kid",
    "corporate_number",
)
_LOCALISED: Final = frozenset({"ja", "en"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words; ``look`` is ``plain``, ``code``, ``good`` or ``bad``."""

    text: str
    look: str = "plain"
    kind: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to another page."""

    text: str
    href: str
    kind: str = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time, for people and for machines."""

    text: str
    iso: str
    kind: str = "moment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """Several cells."""

    items: "tuple[Cell, ...]"
    kind: str = "items"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A cell under its name; ``name`` is the member's own, ``label`` its word."""

    name: str
    label: str
    cell: "Cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Named cells."""

    rows: tuple[Row, ...]
    kind: str = "rows"


Cell: TypeAlias = Text | Link | Moment | Items | Rows


def rows_of(value: JSONObject, here: Here, *, first: tuple[str, ...] = ()) -> Rows:
    """The members of an object, those named in ``first`` before the others."""
    return _rows(value, here, 0, first)


def moment(at: datetime, here: Here) -> Moment:
    """A moment as a cell."""
    return Moment(text=here.moment(at), iso=at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def state(value: str, here: Here) -> Text:
    """A state in words; whether it is a good one shows by a word and by colour."""
    return Text(text=here.known(f"state_{value}", value), look="good" if value in _GOOD else "bad")


def _rows(value: JSONObject, here: Here, depth: int, first: tuple[str, ...] = _FIRST) -> Rows:
    names = [name for name in first if name in value]
    names += [name for name in value if name not in first and name != "v"]
    return Rows(
        rows=tuple(
            Row(
                name=name,
                label=here.known(f"field_{name}", name),
                cell=_cell(name, value[name], here, depth + 1),
            )
            for name in names
            if value[name] is not None
        )
    )


def _cell(name: str, value: JSON, here: Here, depth: int) -> Cell:  # noqa: PLR0911 - one a kind
    if depth > MAX_DEPTH:
        return Text(text=canonical_json(value).decode(), look="code")
    match value:
        case bool():
            return Text(text=here.word("yes" if value else "no"))
        case int():
            return _number(name, value, here)
        case str():
            return _string(name, value, here)
        case list() if name == "claims" and all(isinstance(one, list) for one in value):
            return Items(items=tuple(_path(one) for one in value))
        case list():
            return Items(items=tuple(_cell(name, one, here, depth + 1) for one in value))
        case dict():
            return _object(value, here, depth)
    return Text(text=str(value))


def _path(steps: JSON) -> Cell:
    """A claims path, which is itself a list."""
    parts = steps if isinstance(steps, list) else [steps]
    return Text(text=".".join("*" if part is None else str(part) for part in parts), look="code")


def _number(name: str, value: int, here: Here) -> Cell:
    if name in _HEIGHTS and value == 0:
        return Link(text=here.word("genesis_link"), href="/v1/genesis")
    if name in _HEIGHTS:
        return Link(text=str(value), href=here.to(f"/block/{value}"))
    timed = name in _TIMES or name.endswith(("_at", "_since", "_time"))
    at = here.seconds(value) if timed else None
    return Text(text=str(value)) if at is None else moment(at, here)


def _string(name: str, value: str, here: Here) -> Cell:
    if name == "state":
        return state(value, here)
    family = _ORGANISATIONS.get(name)
    if family is not None and value:
        return Link(text=value, href=here.record(f"{family}/{value}"))
    plain = any(ord(letter) > 0x7F or letter == " " for letter in value)  # noqa: PLR2004 - ASCII
    return Text(text=value, look="plain" if plain else "code")


def _object(value: JSONObject, here: Here, depth: int) -> Cell:
    if value.keys() == _LOCALISED:
        own, other = value[here.lang], value[here.other]
        return Text(text=str(own) if own == other else f"{own} / {other}")
    if "kty" in value:
        return _key(value, here, depth)
    return _rows(value, here, depth)


def _key(value: JSONObject, here: Here, depth: int) -> Cell:
    """A public key: its thumbprint first, by which others name it."""
    try:
        thumbprint = public_key_from_jwk(value).thumbprint()
    except SSIError:
        return _rows(value, here, depth)
    named: JSONObject = {"thumbprint": thumbprint}
    return _rows(named | value, here, depth)
