"""Pushing envelopes to firms that have an endpoint (RFC 8935) [SHA-BOX-13].

Envelopes of a box go one by one in the order they came. A firm that does not answer holds up only
its own box: the wait grows from seconds to a day, and after 410 the firm must poll. A firm that
opens its box again is back: it is pushed to at once, and what a push begun before says of it is
void.
"""

import logging
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import ColumnElement, exists, select, update

from postbox import messages
from postbox.db import Database
from postbox.messages import Mail, milliseconds
from postbox.models import Box, Message, MessageState, PushState
from postbox.services import Services
from ssi.encoding import JsonLimits, parse_json_object
from ssi.envelope import SET_MEDIA_TYPE
from ssi.errors import Malformed, Rejected, Unreachable
from ssi.fetch import Request, Response

# Waits after each failure in a row: seconds first, then hours, then a day.
BACKOFF_SECONDS = (5, 30, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
MAX_RETRY_AFTER = 86_400
# How long a box stays claimed by a process that died: longer than one push may take.
CLAIM_MS = 30_000
_PER_ROUND = 20
_BOXES_PER_ROUND = 64
_JITTER = 0.2
_SECONDS = re.compile(r"[0-9]{1,6}")
_ANSWER_LIMITS = JsonLimits(max_bytes=4096, max_depth=4, max_members=16, max_string=1024)
_LOG = logging.getLogger("warifu.mailbox.pusher")

Jitter = Callable[[], float]


class Verdict(Enum):
    """What an answer to a push means."""

    TAKEN = "taken"
    REFUSED = "refused"
    GONE = "gone"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A firm's answer to one push."""

    verdict: Verdict
    error: str = ""
    retry_after: int | None = None


def judge(response: Response) -> Answer:
    """Decide what a firm's answer means (RFC 8935 §2.2 to §2.4).

    Only 400 with a known form is a verdict on the envelope; whatever else is not 202 may be a
    proxy's or a passing fault, so the envelope is kept and tried again.
    """
    if response.status in (200, 202, 204):
        return Answer(verdict=Verdict.TAKEN)
    if response.status == 410:  # noqa: PLR2004 - Gone
        return Answer(verdict=Verdict.GONE)
    if response.status == 400:  # noqa: PLR2004 - Bad Request
        error = _error_code(response)
        if error:
            return Answer(verdict=Verdict.REFUSED, error=error)
    after = response.headers.get("retry-after", "")
    wait = int(after) if _SECONDS.fullmatch(after) else None
    return Answer(verdict=Verdict.LATER, retry_after=wait)


def _error_code(response: Response) -> str:
    try:
        error = parse_json_object(response.body, limits=_ANSWER_LIMITS).get("err")
    except Malformed:
        return ""
    known = isinstance(error, str) and error.isascii() and error.replace("_", "").isalnum()
    return error[:64] if known and isinstance(error, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A box that is ours to push; it is ours as long as the database has this very time."""

    box: str
    url: str
    until: int


def wait_seconds(attempts: int, retry_after: int | None, jitter: Jitter) -> float:
    """Return how long to wait after ``attempts`` failures in a row.

    Args:
        attempts: Failures in a row, at least 1.
        retry_after: What the firm asked for, if it did; never shortens our own wait.
        jitter: Returns a number from 0 to 1.
    """
    base = BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS)) - 1]
    asked = min(retry_after or 0, MAX_RETRY_AFTER)
    return max(base * (1 + _JITTER * jitter()), float(asked))


def push_due(services: Services, *, jitter: Jitter = random.random) -> int:
    """Push what is due, to several firms at once.

    Args:
        services: The database and the way out.
        jitter: Spreads retries, so that firms are not met by a herd.

    Returns:
        How many envelopes firms took.
    """
    boxes = _due_boxes(services.db, milliseconds(services.clock()))
    if not boxes:
        return 0
    with ThreadPoolExecutor(services.config.push_threads, "push") as pool:
        return sum(pool.map(lambda box: _push_box(services, box, jitter), boxes))


def _due_boxes(db: Database, now_ms: int) -> list[str]:
    held = exists().where(Message.box == Box.id, Message.state == MessageState.HELD)
    query = (
        select(Box.id)
        .where(
            Box.push_state == PushState.ACTIVE,
            Box.push_due_at <= now_ms,
            Box.push_claimed_until <= now_ms,
            held,
        )
        .order_by(Box.push_due_at)
        .limit(_BOXES_PER_ROUND)
    )
    with db.read() as session:
        return list(session.scalars(query))


def _push_box(services: Services, box: str, jitter: Jitter) -> int:
    """Push the oldest envelopes of one box until one does not get through."""
    claim = _claim(services, box)
    if claim is None:
        return 0
    taken = 0
    now_ms = milliseconds(services.clock())
    page = messages.waiting(services.db, box, limit=_PER_ROUND, now_ms=now_ms)
    for mail in page.mail:
        claim = _renewed(services, claim)
        if claim is None:
            return taken
        answer = _push(services, claim.url, mail)
        match answer.verdict:
            case Verdict.TAKEN:
                messages.settle(services.db, box, acks=[mail.jti], errors={})
                taken += 1
            case Verdict.REFUSED:
                _LOG.warning("a firm refused an envelope: %s", answer.error)
                messages.settle(services.db, box, acks=[], errors={mail.jti: answer.error})
            case Verdict.GONE:
                _release(services.db, claim, state=PushState.GONE)
                return taken
            case Verdict.LATER:
                _put_off(services, claim, answer, jitter)
                return taken
    _release(services.db, claim, state=PushState.ACTIVE)
    return taken


def _push(services: Services, url: str, mail: Mail) -> Answer:
    headers = {"Content-Type": SET_MEDIA_TYPE, "Accept": "application/json"}
    request = Request(url=url, method="POST", headers=headers, body=mail.token.encode("ascii"))
    try:
        return judge(services.fetch(request))
    except Unreachable as error:
        return Answer(verdict=Verdict.LATER, retry_after=error.retry_after)
    except Rejected as error:
        # The name leads into a private network now: as good as unreachable [SHA-BOX-14].
        _LOG.warning("a push address is blocked: %s", error.code)
        return Answer(verdict=Verdict.LATER)


def _claim(services: Services, box: str) -> _Claim | None:
    """Take a box for this process, or return ``None`` when another was faster."""
    now_ms = milliseconds(services.clock())
    free = (Box.push_claimed_until <= now_ms, Box.push_state == PushState.ACTIVE)
    return _hold(services.db, box, free, until=now_ms + CLAIM_MS)


def _renewed(services: Services, claim: _Claim) -> _Claim | None:
    """Keep a box while there is more to push, or return ``None`` when it is not ours any more."""
    now_ms = milliseconds(services.clock())
    if claim.until - now_ms > CLAIM_MS // 2:
        return claim
    ours = (Box.push_claimed_until == claim.until,)
    return _hold(services.db, claim.box, ours, until=now_ms + CLAIM_MS)


def _hold(
    db: Database, box: str, condition: tuple[ColumnElement[bool], ...], *, until: int
) -> _Claim | None:
    with db.write() as session:
        held = session.connection().execute(
            update(Box).where(Box.id == box, *condition).values(push_claimed_until=until)
        )
        url = session.scalar(select(Box.push_url).where(Box.id == box)) if held.rowcount else None
    return None if url is None else _Claim(box=box, url=url, until=until)


def _release(db: Database, claim: _Claim, *, state: PushState) -> None:
    with db.write() as session:
        session.connection().execute(
            update(Box)
            .where(Box.id == claim.box, Box.push_claimed_until == claim.until)
            .values(push_state=state, push_claimed_until=0, push_attempts=0, push_due_at=0)
        )


def _put_off(services: Services, claim: _Claim, answer: Answer, jitter: Jitter) -> None:
    now_ms = milliseconds(services.clock())
    with services.db.write() as session:
        row = session.get(Box, claim.box, with_for_update=True)
        if row is None or row.push_claimed_until != claim.until:
            return  # the firm opened its box again meanwhile: it is back
        row.push_attempts += 1
        wait = wait_seconds(row.push_attempts, answer.retry_after, jitter)
        row.push_due_at = now_ms + int(wait * 1000)
        row.push_claimed_until = 0
