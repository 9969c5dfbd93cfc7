"""The terms of a sharing: who asks, for what purpose, on which ground, and for how long.

They travel as OpenID4VP transaction data of type `urn:warifu:terms:1`, so the holder's key
binding signs their hash and the firm cannot later say it asked under other terms.
"""

import re
from dataclasses import dataclass
from typing import Final

from ssi.dcql_query import Path, parse_path
from ssi.encoding import Fields, JSONObject, b64url_encode, canonical_json
from ssi.errors import Malformed

TERMS_TYPE: Final = "urn:warifu:terms:1"
MAX_TEXT: Final = 500
MAX_CLAIMS: Final = 64

_CODE = "request.transaction_data"
_PERIOD = re.compile(r"P(?=\d)(\d{1,4}Y)?(\d{1,4}M)?(\d{1,4}W)?(\d{1,4}D)?", re.ASCII)
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_VERIFIER_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,30}[a-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalText:
    """One text in Japanese and English."""

    ja: str
    en: str

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {"ja": self.ja, "en": self.en}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long the firm keeps what it gets; `period` is an ISO 8601 duration in whole days."""

    text: LocalText
    period: str

    def to_json(self) -> JSONObject:
        """The wire form."""
        return {**self.text.to_json(), "period": self.period}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the holder agrees to by answering [PRE-TERMS-1].

    `credential_ids` are the credential queries the terms cover; `claims` every path asked for;
    `address_updates` whether the firm also asks to be told about later moves (`None`: not said).
    """

    firm: str
    credential_ids: tuple[str, ...]
    purpose_code: str
    purpose: LocalText
    legal_basis: str
    retention: Retention
    claims: tuple[Path, ...]
    address_updates: bool | None = None

    def to_json(self) -> JSONObject:
        """The wire form."""
        members: JSONObject = {
            "type": TERMS_TYPE,
            "credential_ids": list(self.credential_ids),
            "purpose_code": self.purpose_code,
            "purpose": self.purpose.to_json(),
            "legal_basis": self.legal_basis,
            "retention": self.retention.to_json(),
            "claims": [list(path) for path in self.claims],
            "firm": self.firm,
        }
        if self.address_updates is not None:
            members["updates"] = {"address": self.address_updates}
        return members

    def encode(self) -> str:
        """The base64url string for `transaction_data`, whose hash the holder signs."""
        return b64url_encode(canonical_json(self.to_json()))


def parse_terms(obj: JSONObject) -> Terms:
    """Read terms strictly: one unknown or bad member refuses the request (OpenID4VP 1.0 §8.5).

    Args:
        obj: The decoded transaction data object.

    Returns:
        The terms [PRE-TERMS-1].

    Raises:
        Malformed: `request.transaction_data`.
    """
    fields = Fields(obj, where="terms", code=_CODE)
    if fields.take_str("type") != TERMS_TYPE:
        raise _malformed("the type is not ours")
    retention = fields.take_fields("retention")
    updates = fields.opt_fields("updates")
    paths = fields.take_list("claims", max_items=MAX_CLAIMS)
    terms = Terms(
        firm=_matching(_VERIFIER_ID, fields.take_str("firm")),
        credential_ids=_unique(fields.take_strs("credential_ids", max_items=16, max_len=128)),
        purpose_code=_matching(_SLUG, fields.take_str("purpose_code")),
        purpose=_take_text(fields.take_fields("purpose"), done=True),
        legal_basis=fields.take_str("legal_basis", max_len=MAX_TEXT),
        retention=Retention(
            text=_take_text(retention, done=False),
            period=_matching(_PERIOD, retention.take_str("period")),
        ),
        claims=tuple(parse_path(path, code=_CODE) for path in paths),
        address_updates=None if updates is None else updates.take_bool("address"),
    )
    for part in (fields, retention, updates):
        if part is not None:
            part.done()
    return terms


def _take_text(fields: Fields, *, done: bool) -> LocalText:
    text = LocalText(
        ja=fields.take_str("ja", max_len=MAX_TEXT), en=fields.take_str("en", max_len=MAX_TEXT)
    )
    if done:
        fields.done()
    return text


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values or len(set(values)) != len(values):
        raise _malformed("credential_ids is empty or names one twice")
    return values


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise _malformed("a code, identifier or period has a bad form")
    return text


def _malformed(fact: str) -> Malformed:
    return Malformed(f"terms: {fact}", code=_CODE)
