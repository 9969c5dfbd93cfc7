"""The few HTTP shapes the wallet speaks, each answer checked before it is read."""

from __future__ import annotations

from collections.abc import Mapping

from ssi.encoding import JSONObject, canonical_json
from ssi.errors import Rejected, SSIError, Unavailable, Unreachable
from ssi.fetch import Fetch, Request, Response

OK = 200
CREATED = 201
ACCEPTED = 202
NO_CONTENT = 204
_SERVER_FAULT = 500
_TOO_MANY = 429


def get(fetch: Fetch, url: str, *, accept: str = "application/json") -> Response:
    """Fetch a document."""
    return _answer(fetch(Request(method="GET", url=url, headers={"Accept": accept})))


def post(
    fetch: Fetch,
    url: str,
    body: bytes,
    *,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Post a body."""
    sent = {"Content-Type": content_type, "Accept": "application/json", **(headers or {})}
    return _answer(fetch(Request(method="POST", url=url, headers=sent, body=body)))


def post_json(fetch: Fetch, url: str, body: JSONObject, *, token: str | None = None) -> Response:
    """Post a JSON object, with a bearer token when there is one."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return post(fetch, url, canonical_json(body), content_type="application/json", headers=headers)


def expect(response: Response, *statuses: int, code: str) -> Response:
    """Return the response when its status is one of those.

    Raises:
        Rejected: ``code``; the fact is the number, never the body.
    """
    if response.status not in statuses:
        raise Rejected(f"the other side answered {response.status}", code=code)
    return response


def check_type(response: Response, content_type: str, *, code: str) -> Response:
    """Return the response when it declares this media type."""
    declared = response.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if declared != content_type:
        raise Rejected("the answer is of another media type", code=code)
    return response


def _answer(response: Response) -> Response:
    """Turn "not now" into an error that says so; every other status is the caller's."""
    if response.status >= _SERVER_FAULT or response.status == _TOO_MANY:
        raise Unreachable(f"the other side answered {response.status}", code="fetch.failed")
    return response


def is_quiet(error: SSIError) -> bool:
    """Return whether a courtesy message may fail with this without anyone being told."""
    return isinstance(error, Rejected | Unavailable)
