"""Addresses as a person types them, and the one comparison between two of them. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from ssi.encoding import JSONObject
from ssi.errors import Malformed

# As long as the claim may be that carries it to firms [WAL-MOVE-7].
_LONGEST = {"region": 64, "locality": 128, "street_address": 200}


def address_from_form(
    *, postal_code: str, region: str, locality: str, street_address: str
) -> JSONObject:
    """Return the address claim a person typed.

    Digits of the postal code may be typed full-width or with a hyphen; every other
    field is kept as typed, code point by code point.

    Raises:
        Malformed: ``input.postal_code``, ``input.region``, ``input.locality`` or
            ``input.street_address``: that field is wrong.
    """
    folded = unicodedata.normalize("NFKC", postal_code)
    digits = "".join(char for char in folded if char not in "-‐−ー〒 ")
    if not (len(digits) == 7 and digits.isascii() and digits.isdecimal()):  # noqa: PLR2004 - Japan Post's seven digits
        raise Malformed("the postal code has seven digits", code="input.postal_code")
    rest = {"region": region, "locality": locality, "street_address": street_address}
    for name, value in rest.items():
        if not value.strip() or len(value) > _LONGEST[name] or any(char < " " for char in value):
            raise Malformed(f"the field {name} is empty or too long", code=f"input.{name}")
    return {
        "formatted": f"{region}{locality}{street_address}",
        "country": "JP",
        "country_code": "JPN",
        "postal_code": digits,
        "region": region,
        "locality": locality,
        "street_address": street_address,
    }


def same_address(first: Mapping[str, object], second: Mapping[str, object]) -> bool:
    """Return whether two addresses are the same place, compared by folded text only.

    What is signed, stored and shown is never folded.
    """
    return _place(first) == _place(second) != ""


def _place(value: Mapping[str, object]) -> str:
    text = value.get("formatted")
    if not isinstance(text, str):
        return ""
    folded = unicodedata.normalize("NFKC", text)
    hyphens = dict.fromkeys(map(ord, "‐‑‒–—−ー－"), "-")
    return "".join(folded.translate(hyphens).split())
