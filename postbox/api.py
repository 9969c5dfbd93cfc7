"""The mailbox's HTTP interface: push, poll, boxes, consents [SHA-BOX-1].

Every answer to a stranger is one of a few, and none of them depends on whether a box exists.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from postbox import boxes, consents, messages, quotas
from postbox.boxes import OpenedBox
from postbox.messages import MAX_EVENTS, Page, milliseconds
from postbox.models import ItemKind
from postbox.services import Services
from ssi.commitment import parse_commitment
from ssi.encoding import Fields, JsonLimits, JSONObject, parse_json_object
from ssi.envelope import SET_MEDIA_TYPE
from ssi.errors import InvalidSignature, Malformed, SSIError, Unavailable, Untrusted, row_of

EXTENSION = "warifu-mailbox"
JSON_TYPE = "application/json"
_POLL_STEP_SECONDS = 0.2
_MAX_WAITING_POLLS = 4
_MAX_ACKS = 1000
_BODY_LIMITS = JsonLimits(max_bytes=262144, max_depth=8, max_members=8000, max_string=8192)

api = Blueprint("mailbox_api", __name__)
_waiting_polls = threading.BoundedSemaphore(_MAX_WAITING_POLLS)


def services() -> Services:
    """Return what `postbox.app.create_app` made for this process."""
    found: Services = current_app.extensions[EXTENSION]
    return found


# --- push (RFC 8935) ---

# The error codes of RFC 8935 §2.4, by our own; whatever is not here is `invalid_request`.
_PUSH_ERRORS: Mapping[str, str] = {
    "update.sender": "invalid_issuer",
    "mailbox.firm": "invalid_issuer",
    "update.box": "invalid_audience",
    "update.kid": "invalid_key",
    "consent.key": "invalid_key",
    "jose.key": "invalid_key",
    "jose.private_key": "invalid_key",
}


@api.post("/push")
def push() -> Response:
    """Take one envelope: 202 when it is stored durably [SHA-BOX-3]."""
    here = services()
    try:
        messages.accept(here, token=_ascii_body(SET_MEDIA_TYPE), now=here.clock())
    except Unavailable as error:
        return error_answer(error, status=_unavailable_status(error))
    except InvalidSignature as error:
        return _error(400, "authentication_failed", error.code)
    except SSIError as error:
        return _error(400, _PUSH_ERRORS.get(error.code, "invalid_request"), error.code)
    return Response(status=202)


# --- poll (RFC 8936) ---


@api.post("/poll")
def poll() -> Response:
    """Settle what the reader reports, then hand out what waits [SHA-BOX-6]."""
    here = services()
    box = boxes.box_of_token(here.db, _bearer())
    fields = Fields(_json_body(), where="poll", code="mailbox.poll")
    limit = fields.opt_int("maxEvents")
    at_once = fields.opt_bool("returnImmediately") or False
    acks = fields.opt_strs("ack", max_items=_MAX_ACKS, max_len=64) or ()
    messages.settle(here.db, box, acks=acks, errors=_set_errors(fields))
    limit = MAX_EVENTS if limit is None else min(limit, MAX_EVENTS)
    page = _page(here, box, limit=limit, at_once=at_once or limit == 0)
    sets: JSONObject = {mail.jti: mail.token for mail in page.mail}
    return _json(200, {"sets": sets, "moreAvailable": page.more})


def _set_errors(fields: Fields) -> dict[str, str]:
    errors: dict[str, str] = {}
    for jti, value in (fields.opt_object("setErrs") or {}).items():
        error = value.get("err") if isinstance(value, dict) else None
        if not isinstance(error, str) or len(errors) >= _MAX_ACKS:
            raise Malformed("a reported error has no code", code="mailbox.poll")
        errors[jti[:64]] = error[:64]
    return errors


def _page(here: Services, box: str, *, limit: int, at_once: bool) -> Page:
    """Return a page, waiting for mail when the reader may wait and a place to wait is free."""

    def look() -> Page:
        return messages.waiting(here.db, box, limit=limit, now_ms=milliseconds(here.clock()))

    page = look()
    if page.mail or at_once or not _waiting_polls.acquire(blocking=False):
        return page
    try:
        until = time.monotonic() + here.config.poll_wait_seconds
        while not page.mail and time.monotonic() < until:
            time.sleep(_POLL_STEP_SECONDS)
            page = look()
    finally:
        _waiting_polls.release()
    return page


# --- boxes ---


@api.post("/boxes")
def open_return_box() -> Response:
    """Open a holder's return box [SHA-BOX-2]."""
    fields = Fields(_json_body(), where="request", code="mailbox.request")
    jwk, proof = fields.take_object("jwk"), fields.take_str("proof", max_len=8192)
    fields.done()
    here = services()
    _charge(here, "boxes", here.config.boxes_per_hour)
    return _opened(boxes.open_return_box(here, jwk=jwk, proof=proof, now=here.clock()))


@api.post("/boxes/firm")
def open_firm_box() -> Response:
    """Open a firm's box, with or without a push address [SHA-BOX-2]."""
    fields = Fields(_json_body(), where="request", code="mailbox.request")
    proof = fields.take_str("proof", max_len=8192)
    fields.done()
    here = services()
    _charge(here, "boxes", here.config.boxes_per_hour)
    return _opened(boxes.open_firm_box(here, proof=proof, now=here.clock()))


@api.delete("/boxes")
def close_box() -> Response:
    """Delete the box a token opens, with everything in it."""
    here = services()
    boxes.close_box(here.db, boxes.box_of_token(here.db, _bearer()))
    return Response(status=204)


def _opened(opened: OpenedBox) -> Response:
    return _json(201, {"box": opened.box, "token": opened.token})


# --- consents ---


@api.post("/consents")
def record_consents() -> Response:
    """Queue consents for the chain [SHA-BOX-12]."""
    return _queue(consents.queue_consents)


@api.post("/withdrawals")
def withdraw_consents() -> Response:
    """Queue withdrawals for the chain [SHA-BOX-12]."""
    return _queue(consents.queue_withdrawals)


@api.get("/consents/<commitment>")
def consent_progress(commitment: str) -> Response:
    """Tell how far a consent has come; the chain tells the rest."""
    return _progress(ItemKind.CONSENT, commitment)


@api.get("/withdrawals/<commitment>")
def withdrawal_progress(commitment: str) -> Response:
    """Tell how far a withdrawal has come; the chain tells the rest."""
    return _progress(ItemKind.WITHDRAWAL, commitment)


def _queue(queue: Callable[..., None]) -> Response:
    fields = Fields(_json_body(), where="request", code="mailbox.request")
    items = fields.take_list("items", max_items=consents.MAX_ITEMS)
    fields.done()
    here = services()
    _charge(here, "consents", here.config.consents_per_hour, count=len(items))
    queue(here, items, now=here.clock())
    return _json(202, {"accepted": len(items)})


def _progress(kind: ItemKind, commitment: str) -> Response:
    found = consents.progress(services(), kind, parse_commitment(commitment))
    if found is None:
        return _error(404, "mailbox.unknown", "nothing is known of it")
    return _json(200, found.to_json())


# --- reading requests, writing answers ---


def _charge(here: Services, what: str, limit: int, *, count: int = 1) -> None:
    """Count against the network address; only its HMAC is stored [SHA-BOX-7]."""
    with here.db.write() as session:
        quotas.charge(
            session,
            secret=here.secret,
            what=quotas.Action(name=what, limit=limit, count=count),
            who=request.remote_addr or "",
            now_ms=milliseconds(here.clock()),
        )


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Untrusted("no token was given", code="mailbox.token")
    return token


def _bounded_body() -> bytes:
    """Read the body; a body without a length that fills the whole bound is too long."""
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) >= current_app.config["MAX_CONTENT_LENGTH"]:
        raise RequestEntityTooLarge
    return body


def _ascii_body(media_type: str) -> str:
    if request.mimetype != media_type or set(request.mimetype_params) - {"charset"}:
        raise UnsupportedMediaType
    if request.mimetype_params.get("charset", "utf-8").lower() not in {"utf-8", "us-ascii"}:
        raise UnsupportedMediaType
    if request.content_encoding:
        raise UnsupportedMediaType
    try:
        return _bounded_body().decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("the body is not ASCII", code="mailbox.request") from None


def _json_body() -> JSONObject:
    if request.mimetype != JSON_TYPE or request.content_encoding:
        raise UnsupportedMediaType
    if request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType
    return parse_json_object(_bounded_body(), limits=_BODY_LIMITS)


def error_answer(error: SSIError, *, status: int | None = None) -> Response:
    """Answer with an error of ours: its code and fact, never a value."""
    answer = _error(status or row_of(error).http, error.code, str(error))
    if error.code == "mailbox.token":
        answer.status_code = 401
        answer.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable):
        answer.status_code = _unavailable_status(error)
        answer.headers["Retry-After"] = str(error.retry_after or 5)
    return answer


def _unavailable_status(error: Unavailable) -> int:
    return 429 if error.code == "mailbox.quota" else 503


def _error(status: int, err: str, description: str) -> Response:
    return _json(status, {"err": err, "description": description})


def _json(status: int, body: JSONObject) -> Response:
    # Members in our own order: a reader that keeps it sees envelopes as they arrived.
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True)
    return Response(text, status=status, mimetype=JSON_TYPE)
