"""The firms' answers: fetched from the return boxes, verified, and noted [WAL-OUT-3]."""

from __future__ import annotations

from dataclasses import dataclass

from ssi.delivery import DeliveryState, answered
from ssi.encoding import JSON, JSONObject, parse_json_object
from ssi.envelope import POLL_LIMITS, parse_set, unseal, verify_firm_set
from ssi.errors import Rejected, SSIError
from ssi.updates import Receipt, VerifiedReceipt, parse_message, verify_receipt
from wallet import history, outbox, relationships, web
from wallet.context import Context
from wallet.history import Did
from wallet.outbox import Item, Kind
from wallet.register import Firm, firm_by_id
from wallet.relationships import Relationship
from wallet.store import remember_shared

_BATCH = 20
_ROUNDS = 10  # of polling one box in one sync


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One verified answer."""

    verifier_id: str
    event_id: str
    state: str
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a look into the return boxes brought; ``unchecked`` are issuers whose list is unread."""

    answers: tuple[Answer, ...]
    unreachable: tuple[str, ...]
    rejected: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


def poll(ctx: Context) -> Synced:
    """Fetch and verify what every firm answered; trouble with one stops no other."""
    answers: list[Answer] = []
    unreachable: list[str] = []
    rejected: list[str] = []
    for relationship in relationships.every(ctx.vault):
        try:
            answers += _poll_box(ctx, relationship, rejected)
        except SSIError as error:
            if not web.is_quiet(error):
                raise
            unreachable.append(relationship.verifier_id)
    return Synced(answers=tuple(answers), unreachable=tuple(unreachable), rejected=tuple(rejected))


def _poll_box(ctx: Context, relationship: Relationship, rejected: list[str]) -> list[Answer]:
    """Empty one box; what was noted is acknowledged with the next request (RFC 8936)."""
    answers: list[Answer] = []
    done: list[str] = []
    refused: dict[str, JSON] = {}
    for _ in range(_ROUNDS):
        page = _page(ctx, relationship, done, refused)
        sets = page.get("sets")
        if not isinstance(sets, dict) or not sets:
            break
        done, refused = [], {}
        firm = firm_by_id(ctx, relationship.verifier_id, relationship.client_id, now=ctx.now())
        for jti, token in sets.items():
            try:
                answer = _take(ctx, relationship, firm, jti, token)
            except Rejected as error:
                refused[jti] = {"err": "invalid_request", "description": error.code}
                rejected.append(relationship.verifier_id)
                continue
            done.append(jti)
            if answer is not None:
                answers.append(answer)
    return answers


def _page(
    ctx: Context, relationship: Relationship, done: list[str], refused: dict[str, JSON]
) -> JSONObject:
    body: JSONObject = {"maxEvents": _BATCH, "returnImmediately": True, "ack": list[JSON](done)}
    if refused:
        body["setErrs"] = refused
    answer = web.post_json(
        ctx.fetch, f"{relationship.mailbox}/poll", body, token=relationship.token
    )
    text = web.expect(answer, web.OK, code="update.box").body
    return parse_json_object(text, limits=POLL_LIMITS)


def _take(
    ctx: Context, relationship: Relationship, firm: Firm, jti: str, token: JSON
) -> Answer | None:
    """Verify one envelope and note what it says; None for one noted before."""
    if not isinstance(token, str):
        raise Rejected("an envelope is no text", code="update.malformed")
    if ctx.vault.read("SELECT 1 FROM inbox WHERE jti = ?", (jti,)):
        return None
    untrusted = parse_set(token)
    if untrusted.envelope.address.jti != jti:
        raise Rejected("the envelope is filed under another id", code="update.malformed")
    verified = verify_firm_set(
        untrusted, verifier_id=firm.id, keys=firm.receipt_keys, now=ctx.now()
    )
    keys = {relationship.return_name: relationships.return_key(ctx.vault, relationship)}
    message = parse_message(unseal(verified, keys))
    if not isinstance(message, Receipt):
        raise Rejected("a firm sends receipts only", code="update.kind")
    item = outbox.by_jti(ctx.vault, message.facts.for_jti)
    if item is None or item.envelope is None or item.verifier_id != firm.id:
        raise Rejected("the receipt is for nothing we sent", code="update.receipt")
    receipt = verify_receipt(
        message,
        verifier_id=firm.id,
        keys=firm.receipt_keys,
        jti=message.facts.for_jti,
        sealed=parse_set(item.envelope).envelope.sealed,
    )
    return _note(ctx, relationship, item, jti, receipt)


def _note(
    ctx: Context, relationship: Relationship, item: Item, jti: str, receipt: VerifiedReceipt
) -> Answer:
    facts = receipt.facts
    code = None if facts.code is None else facts.code.value
    with ctx.vault.transaction():
        ctx.vault.write("INSERT INTO inbox(jti, at) VALUES (?, ?)", (jti, ctx.seconds()))
        state = outbox.move_on(
            ctx,
            item,
            answered(facts.state),
            code=code,
            applied_on=facts.applied_on,
            statement=receipt.statement,
        )
        relationships.set_nonce(ctx.vault, item.verifier_id, facts.next_nonce)
        if item.kind is Kind.ADDRESS_UPDATE and state is DeliveryState.ACCEPTED:
            _note_new_address(ctx, relationship, item)
        history.record(
            ctx.vault,
            Did.UPDATE_ANSWERED,
            at=ctx.now(),
            party=item.verifier_id,
            names=relationship.names,
            outcome=state.value,
            code=code,
            details={"kind": item.kind.value, "event_id": item.event_id},
        )
    return Answer(
        verifier_id=item.verifier_id, event_id=item.event_id, state=state.value, code=code
    )


def _note_new_address(ctx: Context, relationship: Relationship, item: Item) -> None:
    rows = ctx.vault.read("SELECT version FROM moves WHERE event_id = ?", (item.move_id,))
    if rows:
        remember_shared(
            ctx.vault,
            party=item.verifier_id,
            names=relationship.names,
            at=ctx.seconds(),
            address_version=int(rows[0][0]),
            record_id=item.record_id,
        )
