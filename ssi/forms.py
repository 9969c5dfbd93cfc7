"""`application/x-www-form-urlencoded` bodies and queries, read strictly."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from ssi.errors import Malformed

MAX_FIELDS = 64


def parse_form(data: bytes | str, *, max_bytes: int = 65536, code: str) -> dict[str, str]:
    """Read a form whose names are all different (RFC 6749 §3.1: no parameter twice).

    A parameter without a value counts as absent (RFC 6749 §3.2).

    Args:
        data: The body or query.
        max_bytes: The most that is read.
        code: The error code.

    Returns:
        The parameters.

    Raises:
        Malformed: with `code`.
    """
    if len(data) > max_bytes:
        raise Malformed("the form is too long", code=code)
    try:
        text = data.decode("ascii") if isinstance(data, bytes) else data
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise Malformed("the form cannot be read", code=code) from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Malformed("the form gives one parameter twice", code=code)
    return {name: value for name, value in form.items() if value}


def build_form(values: Mapping[str, str]) -> bytes:
    """Write a form.

    Args:
        values: The parameters, in their order.

    Returns:
        The body.
    """
    return urlencode(values).encode("ascii")
