"""What waits to be sent to firms: stored first, sent with the same bytes until answered.

A message is written down, then built once with its sequence number and nonce in one
transaction, and only then sent; a crash or a lost answer repeats the very same
envelope, whose ``jti`` makes the firm apply it once [WAL-OUT-1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from ssi.commitment import NOTICE_TAG
from ssi.delivery import FINAL_STATES, DeliveryEvent, DeliveryState, advance
from ssi.encoding import JSONObject
from ssi.envelope import SET_MEDIA_TYPE, Address, Envelope, build_set, seal
from ssi.errors import SSIError
from ssi.relationship import relationship_id
from ssi.updates import message_json
from wallet import history, relationships, web
from wallet.context import Context
from wallet.history import Did
from wallet.messages import build_message
from wallet.register import firm_by_id, sealing_key
from wallet.store import dump, load
from wallet.vault import Row, Vault

CANCELLED = "cancelled"
FIRST_RETRY = timedelta(seconds=30)  # twice as long each time [WAL-OUT-2]
LONGEST_RETRY = timedelta(hours=6)
_OPEN_STATES = tuple(state.value for state in DeliveryState if state not in FINAL_STATES)


class Kind(StrEnum):
    """What a message is."""

    ADDRESS_UPDATE = "address_update"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    RIGHTS_REQUEST = "rights_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message to one firm."""

    id: int
    event_id: str
    kind: Kind
    move_id: str | None
    verifier_id: str
    record_id: str
    content: JSONObject = field(repr=False)
    state: str
    code: str | None
    assurance: str | None
    jti: str | None
    envelope: str | None = field(repr=False)
    attempts: int
    not_before: datetime
    deadline: datetime
    applied_on: date | None
    updated_at: datetime


_ITEM = (
    "id, event_id, kind, move_id, verifier_id, record_id, content, state, code, assurance, jti,"
    " envelope, attempts, not_before, deadline, applied_on, updated_at"
)


def queue(  # noqa: PLR0913 - the columns of one message
    ctx: Context,
    kind: Kind,
    *,
    verifier_id: str,
    record_id: str,
    content: JSONObject,
    not_before: datetime,
    deadline: datetime,
    move_id: str | None = None,
) -> str:
    """Write a message down; its event id is seen by this firm alone [SHA-UPD-3]."""
    event_id = ctx.new_uuid()
    ctx.vault.write(
        "INSERT INTO outbox(event_id, kind, move_id, verifier_id, record_id, content, state,"
        " not_before, deadline, updated_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            event_id,
            kind.value,
            move_id,
            verifier_id,
            record_id,
            dump(content),
            DeliveryState.QUEUED.value,
            int(not_before.timestamp()),
            int(deadline.timestamp()),
            ctx.seconds(),
        ),
    )
    return event_id


def items(vault: Vault) -> tuple[Item, ...]:
    """Return every message, the oldest first."""
    return _select(vault, "1 = 1")


def by_jti(vault: Vault, jti: str) -> Item | None:
    """Return the message an answer is about."""
    found = _select(vault, "jti = ?", jti)
    return found[0] if found else None


def last_update(vault: Vault, verifier_id: str) -> Item | None:
    """Return the newest address update for a firm that was not taken back."""
    found = _select(
        vault, "kind = 'address_update' AND verifier_id = ? AND state <> ?", verifier_id, CANCELLED
    )
    return found[-1] if found else None


def of_move(vault: Vault, move_id: str) -> tuple[Item, ...]:
    """Return the messages of one change of address."""
    return _select(vault, "move_id = ?", move_id)


def _select(vault: Vault, where: str, *values: object) -> tuple[Item, ...]:
    rows = vault.read(f"SELECT {_ITEM} FROM outbox WHERE {where} ORDER BY id", values)  # noqa: S608 - constant text
    return tuple(map(_item, rows))


def _item(row: Row) -> Item:
    return Item(
        id=row[0],
        event_id=row[1],
        kind=Kind(row[2]),
        move_id=row[3],
        verifier_id=row[4],
        record_id=row[5],
        content=load(row[6]),
        state=row[7],
        code=row[8],
        assurance=row[9],
        jti=row[10],
        envelope=row[11],
        attempts=row[12],
        not_before=datetime.fromtimestamp(row[13], UTC),
        deadline=datetime.fromtimestamp(row[14], UTC),
        applied_on=None if row[15] is None else date.fromisoformat(row[15]),
        updated_at=datetime.fromtimestamp(row[16], UTC),
    )


def anything_sent(vault: Vault, move_id: str) -> bool:
    """Return whether any envelope of a change of address was built."""
    return any(item.jti is not None for item in of_move(vault, move_id))


def cancel_move(vault: Vault, move_id: str, *, at: int) -> None:
    """Take back every message of a change of address."""
    vault.write(
        "UPDATE outbox SET state = ?, updated_at = ? WHERE move_id = ? AND jti IS NULL",
        (CANCELLED, at, move_id),
    )


def cancel_unsent_updates(vault: Vault, verifier_id: str, *, at: int) -> int:
    """Take back updates to a firm that were never built: a newer one replaces them."""
    return vault.write(
        "UPDATE outbox SET state = ?, updated_at = ? WHERE verifier_id = ?"
        " AND kind = 'address_update' AND state = 'queued' AND jti IS NULL",
        (CANCELLED, at, verifier_id),
    )


def move_on(  # noqa: PLR0913 - the columns an event may change
    ctx: Context,
    item: Item,
    event: DeliveryEvent,
    *,
    code: str | None = None,
    applied_on: date | None = None,
    statement: str | None = None,
) -> DeliveryState:
    """Advance one delivery by the table of ``ssi.delivery`` and store it.

    Raises:
        Rejected: ``update.transition`` when the table has no such move.
    """
    state = advance(DeliveryState(item.state), event)
    ctx.vault.write(
        "UPDATE outbox SET state = ?, code = ?, applied_on = coalesce(?, applied_on),"
        " statement = coalesce(?, statement), updated_at = ? WHERE id = ?",
        (
            state.value,
            code,
            None if applied_on is None else applied_on.isoformat(),
            statement,
            ctx.seconds(),
            item.id,
        ),
    )
    return state


# --- sending ----------------------------------------------------------------


def send_due(ctx: Context, *, asked: bool = False) -> tuple[Item, ...]:
    """Send every message whose time has come; return those that were tried.

    Network trouble is no error here: the message waits, longer each time.

    Args:
        ctx: the wallet's ports.
        asked: the person wants it sent now: no message waits longer than the first time.
    """
    now = ctx.now()
    _expire(ctx, now)
    tried = {item.id for item in _due(ctx.vault, now, asked=asked) if _send(ctx, item)}
    return tuple(item for item in items(ctx.vault) if item.id in tried)


def is_under_way(vault: Vault, now: datetime) -> bool:
    """Return whether a message is due, or sent and not yet answered for good."""
    marks = ", ".join("?" * len(_OPEN_STATES))
    where = f"state IN ({marks}) AND not_before <= ?"
    return bool(_select(vault, where, *_OPEN_STATES, int(now.timestamp())))


def _due(vault: Vault, now: datetime, *, asked: bool) -> tuple[Item, ...]:
    tried_before = int((now - FIRST_RETRY).timestamp()) if asked else 0
    return _select(
        vault,
        "(state IN ('queued', 'unreachable') AND not_before <= ?)"
        " OR (state = 'unreachable' AND updated_at <= ?)",
        int(now.timestamp()),
        tried_before,
    )


def _expire(ctx: Context, now: datetime) -> None:
    marks = ",".join("?" * len(_OPEN_STATES))
    late = _select(
        ctx.vault,
        f"state IN ({marks}) AND deadline < ?",
        *_OPEN_STATES,
        int(now.timestamp()),
    )
    for item in late:
        move_on(ctx, item, DeliveryEvent.TIMED_OUT, code="update.no_answer")


def _send(ctx: Context, item: Item) -> bool:
    """Build the envelope if it is new, post it, and note what came of it."""
    relationship = relationships.get(ctx.vault, item.verifier_id)
    try:
        envelope = item.envelope or _build(ctx, item)
        if envelope is None:
            return False
        if item.state == DeliveryState.UNREACHABLE.value:
            move_on(ctx, item, DeliveryEvent.RETRIED)
        firm = firm_by_id(ctx, item.verifier_id, relationship.client_id, now=ctx.now())
        answer = web.post(
            ctx.fetch,
            f"{firm.mailbox}/push",
            envelope.encode("ascii"),
            content_type=SET_MEDIA_TYPE,
        )
        web.expect(answer, web.ACCEPTED, code="update.mailbox_refused")
    except SSIError as error:
        if not web.is_quiet(error):
            raise
        _give_up_for_now(ctx, item, error.code)
        return True
    with ctx.vault.transaction():
        fresh = _select(ctx.vault, "id = ?", item.id)[0]
        move_on(ctx, fresh, DeliveryEvent.STORED)
        history.record(
            ctx.vault,
            Did.UPDATE_SENT,
            at=ctx.now(),
            party=item.verifier_id,
            names=relationship.names,
            details={"kind": item.kind.value, "event_id": item.event_id},
        )
    return True


def _give_up_for_now(ctx: Context, item: Item, code: str) -> None:
    attempts = item.attempts + 1
    wait = min(FIRST_RETRY * 2 ** min(attempts - 1, 12), LONGEST_RETRY)
    # Up to a quarter more, so that wallets do not return all at once.
    wait += wait * (ctx.random(1)[0] / 1024)
    with ctx.vault.transaction():
        fresh = _select(ctx.vault, "id = ?", item.id)[0]
        move_on(ctx, fresh, DeliveryEvent.GAVE_UP, code=code)
        ctx.vault.write(
            "UPDATE outbox SET attempts = ?, not_before = ? WHERE id = ?",
            (attempts, int((ctx.now() + wait).timestamp()), item.id),
        )


def _build(ctx: Context, item: Item) -> str | None:
    """Build and store the one envelope of a message; None while a nonce is missing.

    An address update spends the nonce of the firm's last receipt, so only one is under
    way at a time; the next is built when the answer has come.
    """
    relationship = relationships.get(ctx.vault, item.verifier_id)
    if item.kind is Kind.ADDRESS_UPDATE and relationship.nonce is None:
        return None
    firm = firm_by_id(ctx, item.verifier_id, relationship.client_id, now=ctx.now())
    recipient = sealing_key(firm)
    key = relationships.signer(ctx.vault, relationship)
    with ctx.vault.transaction():
        sequence = relationships.next_sequence(ctx.vault, item.verifier_id)
        built = build_message(ctx, item, relationship, sequence=sequence)
        me = relationship_id(key.public_key)
        address = Address(issuer=me, jti=ctx.new_name(), box=firm.box)
        sealed = seal(
            message_json(built.message),
            recipient,
            address=address,
            tag=NOTICE_TAG,
            random=ctx.random,
        )
        envelope = Envelope(
            address=address,
            issued_at=ctx.now(),
            txn=ctx.new_name(),
            relationship=me,
            sealed=sealed.jwe,
            commitment=sealed.commitment,
            deadline=item.deadline,
        )
        token = build_set(envelope, key)
        ctx.vault.write(
            "UPDATE outbox SET jti = ?, envelope = ?, sequence = ?, assurance = ? WHERE id = ?",
            (address.jti, token, sequence, built.assurance, item.id),
        )
        if item.kind is Kind.ADDRESS_UPDATE:
            relationships.set_nonce(ctx.vault, item.verifier_id, None)
    return token


def requeue_attested(ctx: Context, chosen: Sequence[Item]) -> int:
    """Queue again, with a new envelope, what firms want a verified address for [WAL-MOVE-5]."""
    with ctx.vault.transaction():
        for item in chosen:
            move_on(ctx, item, DeliveryEvent.ATTESTED)
            ctx.vault.write(
                "UPDATE outbox SET jti = NULL, envelope = NULL, attempts = 0, event_id = ?,"
                " not_before = ?, assurance = 'attested' WHERE id = ?",
                (ctx.new_uuid(), ctx.seconds(), item.id),
            )
    return len(chosen)
