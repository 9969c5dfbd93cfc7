"""The bytes on the wire: strict JSON, strict base64url, canonical JSON, and a field reader.

Hostile input is the normal case here. Sizes are bounded before anything is parsed, one text has
one meaning (no duplicate names, no NaN, no lone surrogates, no padding), and what a format does
not define is refused.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256 as _sha256
from typing import NoReturn

from ssi.base64url import b64url_decode, b64url_encode
from ssi.canonical import (
    JSON,
    MAX_SAFE_INTEGER,
    JSONObject,
    canonical_json,
    canonical_parsed,
)
from ssi.errors import Malformed
from ssi.fields import Fields

__all__ = [
    "DEFAULT_LIMITS",
    "JSON",
    "MAX_SAFE_INTEGER",
    "Fields",
    "JSONObject",
    "JsonLimits",
    "b64url_decode",
    "b64url_encode",
    "canonical_json",
    "canonical_parsed",
    "parse_json",
    "parse_json_object",
    "sha256",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLimits:
    """What a JSON text may cost us; decided by the reader, never by the text."""

    max_bytes: int = 65536
    max_depth: int = 32
    max_members: int = 2000
    max_string: int = 16384


DEFAULT_LIMITS = JsonLimits()


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest of ``data``."""
    return _sha256(data).digest()


_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_OPENING_TO_SQUARE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SAFE_INTEGER_DIGITS = 17
_WHITE_SPACE = " \t\n\r"


def parse_json(
    data: bytes | str, *, limits: JsonLimits = DEFAULT_LIMITS, floats: bool = False
) -> JSON:
    """Parse a JSON text that a stranger sent.

    Args:
        data: The text, as UTF-8 bytes or as ``str``.
        limits: Bounds checked before and while parsing.
        floats: Whether numbers may have a fraction or exponent; such numbers, and integers
            beyond 2^53-1, then become the nearest double (RFC 8785 §3.2.2.3).

    Returns:
        The value.

    Raises:
        Malformed: ``json.limits`` when too big, deep or wide; ``json.duplicate_key`` for a name
            given twice in one object; ``json.malformed`` for everything else.
    """
    raw = _bounded_bytes(data, limits)
    _check_shape(raw, limits)
    decoder = _FLOAT_DECODER if floats else _INTEGER_DECODER
    try:
        value = _decode(decoder, raw.decode("utf-8").strip(_WHITE_SPACE))
    except UnicodeDecodeError:
        raise Malformed("the text is not UTF-8", code="json.malformed") from None
    except RecursionError:
        raise Malformed("the JSON text is nested too deep", code="json.limits") from None
    except ValueError:
        # JSONDecodeError carries the whole text; the cause is cut so that no log can show it.
        raise Malformed("the text is not JSON", code="json.malformed") from None
    if len(raw) > limits.max_string or _SURROGATE_ESCAPE.search(raw):
        _check_strings(value, limits.max_string)
    return value


def parse_json_object(
    data: bytes | str, *, limits: JsonLimits = DEFAULT_LIMITS, floats: bool = False
) -> JSONObject:
    """Parse a JSON text whose top value must be an object.

    Args:
        data: The text, as UTF-8 bytes or as ``str``.
        limits: Bounds checked before and while parsing.
        floats: As in `parse_json`.

    Returns:
        The object.

    Raises:
        Malformed: As `parse_json`, and ``json.malformed`` when the value is no object.
    """
    value = parse_json(data, limits=limits, floats=floats)
    if not isinstance(value, dict):
        raise Malformed("the JSON text is not an object", code="json.malformed")
    return value


def _decode(decoder: json.JSONDecoder, text: str) -> JSON:
    """Decode a text without white space around it; `ValueError` when more follows the value."""
    value: JSON
    value, end = decoder.raw_decode(text)
    if end != len(text):
        raise ValueError("more follows the value")
    return value


def _bounded_bytes(data: bytes | str, limits: JsonLimits) -> bytes:
    if len(data) > limits.max_bytes:
        raise Malformed("the JSON text is too long", code="json.limits")
    if isinstance(data, bytes):
        return data
    try:
        raw = data.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("the text holds a lone surrogate", code="json.malformed") from None
    if len(raw) > limits.max_bytes:
        raise Malformed("the JSON text is too long", code="json.limits")
    return raw


def _check_shape(raw: bytes, limits: JsonLimits) -> None:
    """Bound depth and members before the parser recurses, without a Python loop over bytes.

    Commas and opening brackets bound both; only a text rich in them is looked at closely, first
    without its strings. Each round of removing ``[]`` then peels one level of nesting.
    """
    opened = raw.count(b"[") + raw.count(b"{")
    if opened <= limits.max_depth and raw.count(b",") + opened <= limits.max_members:
        return
    skeleton = _STRING.sub(b"", raw)
    opened = skeleton.count(b"[") + skeleton.count(b"{")
    if skeleton.count(b",") + opened > limits.max_members:
        raise Malformed("the JSON text has too many members", code="json.limits")
    brackets = skeleton.translate(_OPENING_TO_SQUARE, delete=_NOT_BRACKETS)
    for _ in range(limits.max_depth):
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise Malformed("the JSON text is nested too deep", code="json.limits")


def _object(pairs: list[tuple[str, JSON]]) -> JSONObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("an object gives one name twice", code="json.duplicate_key")
    return value


def _no_constant(_: str) -> NoReturn:
    raise Malformed("a number is not finite", code="json.malformed")


def _no_float(_: str) -> NoReturn:
    raise Malformed("a number is not an integer", code="json.malformed")


def _integer(text: str) -> int:
    if len(text) <= _SAFE_INTEGER_DIGITS:
        value = int(text)
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
    raise Malformed("an integer is beyond 2^53-1", code="json.malformed")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Malformed("a number is not finite", code="json.malformed")
    return value


def _integer_or_double(text: str) -> int | float:
    if len(text) <= _SAFE_INTEGER_DIGITS:
        value = int(text)
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
    return _float(text)


def _decoder(
    parse_int: Callable[[str], int | float], parse_float: Callable[[str], float]
) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=parse_int,
        parse_float=parse_float,
        parse_constant=_no_constant,
    )


_INTEGER_DECODER = _decoder(_integer, _no_float)
_FLOAT_DECODER = _decoder(_integer_or_double, _float)


def _check_strings(value: JSON, max_string: int) -> None:
    """Check every name and string; the depth is bounded already."""
    if isinstance(value, str):
        _check_string(value, max_string)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item, max_string)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_string(name, max_string)
            _check_strings(item, max_string)


def _check_string(text: str, max_string: int) -> None:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise Malformed("a string holds a lone surrogate", code="json.malformed") from None
    if size > max_string:
        raise Malformed("a string is too long", code="json.limits")
