"""The JSON value type, and its one canonical spelling (RFC 8785).

Import these names from `ssi.encoding`; they stand here so that each file holds one standard.
"""

from collections.abc import Callable, Iterable
from json import JSONEncoder
from json.encoder import encode_basestring
from typing import TypeAlias

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None
JSONObject: TypeAlias = dict[str, JSON]

MAX_SAFE_INTEGER = 2**53 - 1


def canonical_json(value: JSON) -> bytes:
    """Serialise ``value`` by the JSON Canonicalization Scheme.

    Args:
        value: Any JSON value; integers within 2^53-1, finite doubles, no lone surrogates.

    Returns:
        The one UTF-8 text RFC 8785 defines for it.

    Raises:
        ValueError: The value has no canonical form.
        TypeError: The value is not a JSON value.
    """
    parts: list[str] = []
    _write(value, parts.append)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a string holds a lone surrogate") from None


_ENCODER = JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def canonical_parsed(value: JSON) -> bytes:
    """Serialise what `ssi.encoding.parse_json` read without floats; the same as `canonical_json`.

    By the C encoder, whose order of names is by code point: that of RFC 8785 as long as no
    character needs two UTF-16 units.
    """
    text = _ENCODER.encode(value)
    if len(text.encode("utf-16-le")) == 2 * len(text):
        return text.encode()
    return canonical_json(value)


def _write(value: JSON, out: Callable[[str], None]) -> None:
    if isinstance(value, str):
        out(encode_basestring(value))
    elif value is None:
        out("null")
    elif isinstance(value, bool):
        out("true" if value else "false")
    elif isinstance(value, int):
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise ValueError("an integer is beyond 2^53-1")
        out(int.__repr__(value))
    elif isinstance(value, float):
        out(_es6_number(value))
    elif isinstance(value, list):
        _write_sequence(value, out)
    elif isinstance(value, dict):
        _write_object(value, out)
    else:
        raise TypeError("not a JSON value")


def _write_sequence(items: Iterable[JSON], out: Callable[[str], None]) -> None:
    comma = "["
    for item in items:
        out(comma)
        _write(item, out)
        comma = ","
    out("]" if comma == "," else "[]")


def _write_object(value: JSONObject, out: Callable[[str], None]) -> None:
    comma = "{"
    for name in sorted(value, key=_utf16_order):
        out(comma)
        out(encode_basestring(name))
        out(":")
        _write(value[name], out)
        comma = ","
    out("}" if comma == "," else "{}")


def _utf16_order(name: str) -> bytes:
    """Order names by UTF-16 code units (RFC 8785 §3.2.3)."""
    return name.encode("utf-16-be", "surrogatepass")


_POINT_LIMIT = 21
_ZEROS_LIMIT = -6


def _es6_number(value: float) -> str:
    """Write a double as ECMAScript's Number::toString does (RFC 8785 §3.2.2.3)."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - the NaN test
        raise ValueError("a number is not finite")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= _POINT_LIMIT:
        text = digits.ljust(point, "0")
    elif 0 < point <= _POINT_LIMIT:
        text = f"{digits[:point]}.{digits[point:]}"
    elif _ZEROS_LIMIT < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + text
