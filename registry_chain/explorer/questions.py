"""What a reader asked, checked before the chain is asked; and files to take away [EXP-WEB-3]."""

from datetime import timedelta
from typing import Final

from flask import Response, request
from werkzeug.exceptions import BadRequest

from registry_chain.state import is_key
from ssi.encoding import JSONObject, canonical_json

MAX_KEYS: Final = 64
_MAX_NUMBER: Final = 2**53
_MAX_DIGITS: Final = 16
_TX_ID: Final = 64
_HEX: Final = frozenset("0123456789abcdef")
_IMMUTABLE: Final = timedelta(days=365)
_MAX_NAME: Final = 120


def number(text: str) -> int:
    """A height in plain decimal digits.

    Raises:
        BadRequest: It is none.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise BadRequest
    if int(text) > _MAX_NUMBER:
        raise BadRequest
    return int(text)


def asked_number(name: str) -> int | None:
    """A number in the query, or ``None``; raises as `number`."""
    text = request.args.get(name)
    return None if text is None else number(text)


def record_key(text: str) -> str:
    """A record's key [REG-MAP-1].

    Raises:
        BadRequest: It is none.
    """
    if not is_key(text):
        raise BadRequest
    return text


def asked_keys() -> tuple[str, ...]:
    """The keys in the query, 1 to 64; raises as `record_key`."""
    keys = tuple(dict.fromkeys(record_key(key) for key in request.args.getlist("key")))
    if not 1 <= len(keys) <= MAX_KEYS:
        raise BadRequest
    return keys


def transaction_id(text: str) -> str:
    """A transaction's id.

    Raises:
        BadRequest: It is none.
    """
    if len(text) != _TX_ID or not _HEX.issuperset(text):
        raise BadRequest
    return text


def json_file(value: JSONObject, name: str, *, immutable: bool = False) -> Response:
    """A JSON file to keep; one that never changes may be cached for ever."""
    answer = file(Response(canonical_json(value), mimetype="application/json"), name)
    if immutable:
        answer.cache_control.max_age = int(_IMMUTABLE.total_seconds())
        answer.cache_control.public = True
        answer.cache_control.immutable = True
    else:
        answer.cache_control.no_cache = True
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def file(answer: Response, name: str) -> Response:
    """Let an answer be saved under a harmless name."""
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-._") else "-"
        for letter in name
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="{plain[:_MAX_NAME]}"'
    return answer
