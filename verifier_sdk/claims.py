"""The claims of a verified presentation, typed: only what was asked, exactly as received."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

from ssi.credential import person_claims
from ssi.dcql import ConcretePath
from ssi.encoding import JSON, Fields, JSONObject
from ssi.errors import Malformed

CLAIMS_ROOT: Final = ("verified_claims", "claims")
MAX_TEXT: Final = 500
_CODE = "credential.claims"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostalAddress:
    """An address as the issuer or the holder wrote it; never normalised."""

    formatted: str | None = field(default=None, repr=False)
    country: str | None = field(default=None, repr=False)
    country_code: str | None = field(default=None, repr=False)
    postal_code: str | None = field(default=None, repr=False)
    region: str | None = field(default=None, repr=False)
    locality: str | None = field(default=None, repr=False)
    street_address: str | None = field(default=None, repr=False)

    def to_json(self) -> JSONObject:
        """The members that are there."""
        return {name: value for name in _ADDRESS if (value := getattr(self, name)) is not None}

    def __str__(self) -> str:
        """The address in one line, for a person."""
        parts = (self.region, self.locality, self.street_address)
        return self.formatted or "".join(part for part in parts if part)


_ADDRESS: Final = (
    "formatted",
    "country",
    "country_code",
    "postal_code",
    "region",
    "locality",
    "street_address",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What was asked and given; ``None`` for what was not asked."""

    name: str | None = field(default=None, repr=False)
    name_kana: str | None = field(default=None, repr=False)
    birthdate: date | None = field(default=None, repr=False)
    address: PostalAddress | None = field(default=None, repr=False)
    age_over_18: bool | None = field(default=None, repr=False)
    age_over_20: bool | None = field(default=None, repr=False)
    portrait_checked: bool | None = field(default=None, repr=False)
    moved_on: date | None = field(default=None, repr=False)
    licence_number: str | None = field(default=None, repr=False)
    licence_classes: tuple[str, ...] | None = field(default=None, repr=False)
    licence_conditions: tuple[str, ...] | None = field(default=None, repr=False)
    licence_expiry: date | None = field(default=None, repr=False)
    licence_colour: str | None = field(default=None, repr=False)

    def names(self) -> tuple[str, ...]:
        """The names of the claims that are there, without their values."""
        return tuple(name for name in self.__slots__ if getattr(self, name) is not None)


def read_claims(given: JSONObject) -> Claims:
    """Read the members of ``verified_claims.claims`` with their types [TRUST-8].

    Args:
        given: The disclosed claims that were asked for.

    Returns:
        The typed claims; a member we do not know is dropped.

    Raises:
        Malformed: ``credential.claims``.
    """
    fields = Fields(given, where="claims", code=_CODE)
    return Claims(
        name=fields.opt_str("name", max_len=MAX_TEXT),
        name_kana=fields.opt_str("name#ja-Kana-JP", max_len=MAX_TEXT),
        birthdate=_opt(fields, "birthdate", _date),
        address=_opt(fields, "address", read_address),
        age_over_18=fields.opt_bool("age_over_18"),
        age_over_20=fields.opt_bool("age_over_20"),
        portrait_checked=fields.opt_bool("portrait_checked"),
        moved_on=_opt(fields, "moved_on", _date),
        licence_number=fields.opt_str("licence_number", max_len=64),
        licence_classes=fields.opt_strs("licence_classes", max_items=64, max_len=64),
        licence_conditions=fields.opt_strs("licence_conditions", max_items=64, max_len=MAX_TEXT),
        licence_expiry=_opt(fields, "licence_expiry", _date),
        licence_colour=fields.opt_str("licence_colour", max_len=64),
    )


def read_address(value: JSON) -> PostalAddress:
    """Read an address object; unknown members are dropped.

    Raises:
        Malformed: ``credential.claims``.
    """
    if not isinstance(value, dict):
        raise Malformed("an address is not an object", code=_CODE)
    fields = Fields(value, where="address", code=_CODE)
    parts = {name: fields.opt_str(name, max_len=MAX_TEXT) for name in _ADDRESS}
    return PostalAddress(**parts)


def asked_claims(claims: JSONObject, places: Iterable[ConcretePath]) -> JSONObject:
    """Keep of ``verified_claims.claims`` only the members asked for.

    What a wallet gives beyond the question is not kept, so a firm cannot hold it by mistake.
    """
    given = person_claims(claims)
    names = dict.fromkeys(place[2] for place in places if place[:2] == CLAIMS_ROOT and place[2:])
    return {name: given[name] for name in names if isinstance(name, str) and name in given}


def _opt(fields: Fields, name: str, read: Callable[[JSON], _T]) -> _T | None:
    if not fields.has(name):
        return None
    return read(fields.rest()[name])


def _date(value: JSON) -> date:
    if not isinstance(value, str) or len(value) != len("YYYY-MM-DD"):
        raise Malformed("a date is not YYYY-MM-DD", code=_CODE)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Malformed("a date is not in the calendar", code=_CODE) from None
