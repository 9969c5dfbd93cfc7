"""Moving house: one event, one notice per firm that may know, and who still has the old address.

What is decided here is plain data; ``outbox`` sends it and ``returns`` hears the answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone

from ssi.credential import Address
from ssi.delivery import DeliveryState
from ssi.encoding import JSONObject
from ssi.errors import Malformed, VaultError
from ssi.updates import Reason
from wallet import history, outbox, relationships
from wallet.context import Context
from wallet.history import Did
from wallet.labels import FIRM_IS_SUSPENDED, NEXT_STEP
from wallet.register import FIRM_SUSPENDED
from wallet.store import (
    CURRENT_ADDRESS,
    Names,
    address,
    keep_address,
    set_setting,
    setting,
)
from wallet.vault import Vault

JST = timezone(timedelta(hours=9), "JST")
ANSWER_TIME = timedelta(days=14)  # a firm silent for longer is shown as such
MAX_AHEAD = timedelta(days=365)

ACTIVE = "active"
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEvent:
    """One change of address."""

    event_id: str
    version: int
    moved_on: date
    reason: Reason
    state: str
    created_at: datetime
    send_after: datetime
    address: JSONObject = field(repr=False)

    def can_undo(self, now: datetime) -> bool:
        """Return whether the time to undo is still running [WAL-MOVE-2]."""
        return self.state == ACTIVE and now < self.send_after


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmAddress:
    """Which address a firm has, and how its update stands."""

    party: str
    names: Names
    version: int
    current: bool
    state: str
    since: datetime
    code: str | None = None
    applied_on: date | None = None

    def next_step(self, lang: str) -> str:
        """Return what the person should do next."""
        suspended = self.code == FIRM_SUSPENDED
        return (FIRM_IS_SUSPENDED if suspended else NEXT_STEP[self.state]).text(lang)


def start(
    ctx: Context,
    new_address: JSONObject,
    moved_on: date,
    *,
    reason: Reason = Reason.MOVE,
    supersedes: str | None = None,
) -> MoveEvent:
    """Store a change of address with one queued notice per subscribed firm [WAL-MOVE-1].

    The same change told again is the one already stored [WAL-SEND-2]: nobody hears twice.
    Nothing is sent before the undo window is over, nor before ``moved_on`` begins in Japan.

    Raises:
        Malformed: ``input.date`` for a day more than a year ahead; ``input.address`` for an
            address that no message to a firm could carry.
    """
    now = ctx.now()
    _check_can_be_told(new_address)
    if moved_on > (now.astimezone(JST).date() + MAX_AHEAD):
        raise Malformed("the day of the move is too far ahead", code="input.date")
    told = _told_before(ctx.vault, new_address, moved_on, reason)
    if told is not None:
        return told
    send_after = max(now + ctx.config.undo_window, midnight_in_japan(moved_on))
    event_id = ctx.new_uuid()
    with ctx.vault.transaction():
        before = setting(ctx.vault, CURRENT_ADDRESS)
        version = keep_address(
            ctx.vault, new_address, source="move", since=moved_on.isoformat(), at=ctx.seconds()
        )
        set_setting(ctx.vault, CURRENT_ADDRESS, str(version))
        ctx.vault.write(
            "INSERT INTO moves(event_id, version, moved_on, reason, supersedes, state, previous,"
            " created_at, send_after) VALUES (?,?,?,?,?,?,?,?,?)",
            (
                event_id,
                version,
                moved_on.isoformat(),
                reason.value,
                supersedes,
                ACTIVE,
                int(before) if before else None,
                ctx.seconds(),
                int(send_after.timestamp()),
            ),
        )
        firms = _fan_out(ctx, event_id, moved_on, reason, send_after)
        history.record(
            ctx.vault,
            Did.MOVED,
            at=now,
            details={"event_id": event_id, "moved_on": moved_on.isoformat(), "firms": firms},
        )
    return event(ctx.vault, event_id)


def _check_can_be_told(new_address: JSONObject) -> None:
    """Refuse what could never be sent while the person is still there [WAL-MOVE-7]."""
    try:
        Address.from_json(new_address)
    except Malformed as error:
        raise Malformed("the address is incomplete or too long", code="input.address") from error


def _told_before(
    vault: Vault, new_address: JSONObject, moved_on: date, reason: Reason
) -> MoveEvent | None:
    """Return the newest change of address when it is this very one."""
    newest = next((item for item in events(vault) if item.state == ACTIVE), None)
    same = newest is not None and (
        (newest.address, newest.moved_on, newest.reason) == (new_address, moved_on, reason)
        and setting(vault, CURRENT_ADDRESS) == str(newest.version)
    )
    return newest if same else None


def _fan_out(
    ctx: Context, event_id: str, moved_on: date, reason: Reason, send_after: datetime
) -> int:
    """Queue one notice for each live consent with address updates and no other firm."""
    subscribed = relationships.live_subscriptions(ctx.vault, ctx.now())
    for verifier_id, consent in subscribed.items():
        replaced = outbox.cancel_unsent_updates(ctx.vault, verifier_id, at=ctx.seconds())
        outbox.queue(
            ctx,
            outbox.Kind.ADDRESS_UPDATE,
            verifier_id=verifier_id,
            record_id=consent.record_id,
            move_id=event_id,
            content={
                "moved_on": moved_on.isoformat(),
                "reason": reason.value,
                **({"replaced": replaced} if replaced else {}),
            },
            not_before=send_after,
            deadline=send_after + ANSWER_TIME,
        )
    return len(subscribed)


def undo(ctx: Context, event_id: str) -> MoveEvent:
    """Take a change of address back while nothing has been sent [WAL-MOVE-2].

    Raises:
        VaultError: ``input.unknown_move`` or ``move.too_late``.
    """
    with ctx.vault.transaction():
        found = event(ctx.vault, event_id)
        if not found.can_undo(ctx.now()) or outbox.anything_sent(ctx.vault, event_id):
            raise VaultError("the time to undo is over", code="move.too_late")
        outbox.cancel_move(ctx.vault, event_id, at=ctx.seconds())
        ctx.vault.write("UPDATE moves SET state = ? WHERE event_id = ?", (CANCELLED, event_id))
        if setting(ctx.vault, CURRENT_ADDRESS) == str(found.version):
            previous = ctx.vault.read("SELECT previous FROM moves WHERE event_id = ?", (event_id,))
            set_setting(ctx.vault, CURRENT_ADDRESS, str(previous[0][0] or ""))
        history.record(ctx.vault, Did.UNDID, at=ctx.now(), details={"event_id": event_id})
    return event(ctx.vault, event_id)


def event(vault: Vault, event_id: str) -> MoveEvent:
    """Return one change of address.

    Raises:
        VaultError: ``input.unknown_move``.
    """
    found = next((item for item in events(vault) if item.event_id == event_id), None)
    if found is None:
        raise VaultError("there is no such change of address", code="input.unknown_move")
    return found


def events(vault: Vault) -> tuple[MoveEvent, ...]:
    """Return every change of address, the newest first."""
    rows = vault.read(
        "SELECT event_id, version, moved_on, reason, state, created_at, send_after"
        " FROM moves ORDER BY created_at DESC, rowid DESC"
    )
    return tuple(
        MoveEvent(
            event_id=row[0],
            version=row[1],
            moved_on=date.fromisoformat(row[2]),
            reason=Reason(row[3]),
            state=row[4],
            created_at=datetime.fromtimestamp(row[5], UTC),
            send_after=datetime.fromtimestamp(row[6], UTC),
            address=address(vault, row[1]).address,
        )
        for row in rows
    )


def midnight_in_japan(day: date) -> datetime:
    """Return the moment a day begins in Japan [WAL-MOVE-3]."""
    return datetime.combine(day, time(), JST).astimezone(UTC)


# --- who has which address --------------------------------------------------


def who_has_my_address(vault: Vault, now: datetime) -> tuple[FirmAddress, ...]:
    """Return every party that ever got an address, and what it has now [WAL-MOVE-6]."""
    current = setting(vault, CURRENT_ADDRESS)
    rows = vault.read(
        "SELECT s.party, s.names, s.address_version, s.at FROM shared s JOIN"
        " (SELECT party, max(id) AS id FROM shared WHERE address_version IS NOT NULL"
        "  GROUP BY party) last ON last.id = s.id ORDER BY s.party"
    )
    subscribed = relationships.live_subscriptions(vault, now)
    return tuple(
        _firm_address(
            vault,
            party=row[0],
            names=Names.from_text(row[1]),
            version=row[2],
            since=datetime.fromtimestamp(row[3], UTC),
            current=str(row[2]) == current,
            subscribed=row[0] in subscribed,
            now=now,
        )
        for row in rows
    )


def _firm_address(  # noqa: PLR0913 - the columns of one line
    vault: Vault,
    *,
    party: str,
    names: Names,
    version: int,
    since: datetime,
    current: bool,
    subscribed: bool,
    now: datetime,
) -> FirmAddress:
    last = outbox.last_update(vault, party)
    state, code, applied_on = "not_subscribed", None, None
    if current:
        state = "current"
    elif last is not None:
        state, code, applied_on = last.state, last.code, last.applied_on
        if state == DeliveryState.QUEUED.value and last.jti is None and last.not_before > now:
            state = "waiting"
        if state == DeliveryState.ACCEPTED.value:
            state = "not_subscribed" if not subscribed else "queued"
    return FirmAddress(
        party=party,
        names=names,
        version=version,
        current=current,
        state=state,
        since=since,
        code=code,
        applied_on=applied_on,
    )
