"""The standing relation to one firm: a fresh key pair, a return box, and its consents.

Every firm knows the holder by another key and answers to another box, so no two of
them can join what they know [WAL-REL-1].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from registry_chain.transactions.commitments import build_consent_item, build_withdrawal_item
from ssi.box_proof import BoxProof, build_holder_box_proof
from ssi.encoding import JSON, JSONObject, parse_json_object
from ssi.errors import Rejected, SSIError, VaultError
from ssi.keys import AgreementKey, Alg, SoftwareSigner, generate_agreement_key, generate_signer
from wallet import web
from wallet.context import Context
from wallet.register import Firm
from wallet.store import (
    KeyKind,
    Names,
    agreement_key_of,
    agreement_name,
    dump,
    keep_agreement_key,
    keep_signer,
    load,
    load_list,
    signer_of,
)
from wallet.vault import Row, Vault

GIVEN = "given"
UNCONFIRMED = "unconfirmed"  # sent; the firm has not countersigned
WITHDRAWN = "withdrawn"

# What the chain knows of a consent.
LEDGER_NONE = "none"
LEDGER_PENDING = "pending"
LEDGER_QUEUED = "queued"
LEDGER_RECORDED = "recorded"
LEDGER_WITHDRAWAL_PENDING = "withdrawal_pending"
LEDGER_WITHDRAWAL_QUEUED = "withdrawal_queued"
LEDGER_WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """The holder's side of the relation to one firm."""

    verifier_id: str
    client_id: str
    names: Names
    thumbprint: str
    return_name: str
    mailbox: str
    box: str
    token: str = field(repr=False)
    nonce: str | None = field(repr=False)
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConsent:
    """A consent the holder gave, with the firm's countersignature when it came."""

    record_id: str
    verifier_id: str
    names: Names
    state: str
    ledger: str
    receipt: str = field(repr=False)
    countersigned: str | None = field(repr=False)
    commitment: str
    purpose_code: str
    terms: JSONObject
    paths: tuple[tuple[str | int, ...], ...]
    updates: bool
    given_at: datetime
    until: datetime
    withdrawn_at: datetime | None

    def live(self, now: datetime) -> bool:
        """Return whether it stands now."""
        return self.state == GIVEN and now < self.until


# --- relationships ----------------------------------------------------------

_RELATIONSHIP = (
    "verifier_id, client_id, names, thumbprint, return_thumbprint, mailbox, box, token,"
    " nonce, sequence"
)


def find(vault: Vault, verifier_id: str) -> Relationship | None:
    """Return the relationship to a firm, when there is one."""
    rows = vault.read(
        f"SELECT {_RELATIONSHIP} FROM relationships WHERE verifier_id = ?",  # noqa: S608 - constant column list
        (verifier_id,),
    )
    return _relationship(rows[0]) if rows else None


def get(vault: Vault, verifier_id: str) -> Relationship:
    """Return the relationship to a firm.

    Raises:
        VaultError: ``input.unknown_firm``.
    """
    found = find(vault, verifier_id)
    if found is None:
        raise VaultError("the wallet has no relation to this firm", code="input.unknown_firm")
    return found


def every(vault: Vault) -> tuple[Relationship, ...]:
    """Return all relationships."""
    rows = vault.read(f"SELECT {_RELATIONSHIP} FROM relationships ORDER BY created_at, verifier_id")  # noqa: S608 - constant column list
    return tuple(map(_relationship, rows))


def _relationship(row: Row) -> Relationship:
    return Relationship(
        verifier_id=row[0],
        client_id=row[1],
        names=Names.from_text(row[2]),
        thumbprint=row[3],
        return_name=row[4],
        mailbox=row[5],
        box=row[6],
        token=row[7],
        nonce=row[8],
        sequence=row[9],
    )


def signer(vault: Vault, relationship: Relationship) -> SoftwareSigner:
    """Return the key the firm knows the holder by."""
    return signer_of(vault, relationship.thumbprint)


def return_key(vault: Vault, relationship: Relationship) -> AgreementKey:
    """Return the key the firm seals its answers to."""
    return agreement_key_of(vault, relationship.return_name)


def open_relationship(ctx: Context, firm: Firm) -> Relationship:
    """Return the relationship to a firm; make keys and a return box for a new one.

    The keys are in the vault before the mailbox hears of them.

    Raises:
        Unavailable: the mailbox does not answer.
        Rejected: ``update.box`` when it refuses.
    """
    known = find(ctx.vault, firm.id)
    if known is not None:
        return known
    key = generate_signer(Alg.EDDSA, ctx.random)
    back = generate_agreement_key(ctx.random)
    at = ctx.seconds()
    with ctx.vault.transaction():
        thumbprint = keep_signer(ctx.vault, KeyKind.RELATIONSHIP, key, at=at)
        return_name = keep_agreement_key(ctx.vault, back, at=at)
    box, token = _open_box(ctx, key)
    ctx.vault.write(
        "INSERT INTO relationships(verifier_id, client_id, names, thumbprint, return_thumbprint,"
        " mailbox, box, token, nonce, sequence, created_at) VALUES (?,?,?,?,?,?,?,?,NULL,0,?)",
        (
            firm.id,
            firm.client_id,
            firm.names.to_text(),
            thumbprint,
            return_name,
            ctx.config.mailbox,
            box,
            token,
            at,
        ),
    )
    return get(ctx.vault, firm.id)


def _open_box(ctx: Context, key: SoftwareSigner) -> tuple[str, str]:
    mailbox = ctx.config.mailbox
    proof = BoxProof(mailbox_url=mailbox, jti=ctx.new_name(), issued_at=ctx.now())
    body: JSONObject = {
        "jwk": key.public_key.jwk,
        "proof": build_holder_box_proof(proof, key),
    }
    answer = web.expect(
        web.post_json(ctx.fetch, f"{mailbox}/boxes", body), web.CREATED, code="update.box"
    )
    given = parse_json_object(answer.body)
    box, token = given.get("box"), given.get("token")
    if not isinstance(box, str) or not isinstance(token, str) or not box or not token:
        raise Rejected("the mailbox gave no box", code="update.box")
    return box, token


def return_jwk(vault: Vault, relationship: Relationship) -> JSONObject:
    """Return the public half of the return key, with its kid."""
    key = return_key(vault, relationship)
    return key.public_jwk(kid=agreement_name(key))


def set_nonce(vault: Vault, verifier_id: str, nonce: str | None) -> None:
    """Store the nonce the next update must carry, or forget a spent one."""
    vault.write("UPDATE relationships SET nonce = ? WHERE verifier_id = ?", (nonce, verifier_id))


def next_sequence(vault: Vault, verifier_id: str) -> int:
    """Count up the number of messages sent to a firm and return it."""
    vault.write(
        "UPDATE relationships SET sequence = sequence + 1 WHERE verifier_id = ?", (verifier_id,)
    )
    return get(vault, verifier_id).sequence


# --- consents ---------------------------------------------------------------

_CONSENT = (
    "c.record_id, c.verifier_id, r.names, c.state, c.ledger, c.receipt, c.countersigned,"
    " c.commitment, c.purpose_code, c.terms, c.paths, c.updates, c.given_at, c.until,"
    " c.withdrawn_at"
)
_FROM = "FROM consents c JOIN relationships r ON r.verifier_id = c.verifier_id"


def keep_consent(vault: Vault, consent: StoredConsent, *, salt: bytes) -> None:
    """Store a consent before it is sent."""
    vault.write(
        "INSERT INTO consents(record_id, verifier_id, state, ledger, receipt, countersigned,"
        " commitment, salt, purpose_code, terms, paths, updates, given_at, until)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            consent.record_id,
            consent.verifier_id,
            consent.state,
            consent.ledger,
            consent.receipt,
            consent.countersigned,
            consent.commitment,
            salt,
            consent.purpose_code,
            dump(consent.terms),
            dump([list[JSON](path) for path in consent.paths]),
            int(consent.updates),
            int(consent.given_at.timestamp()),
            int(consent.until.timestamp()),
        ),
    )


def consents(vault: Vault) -> tuple[StoredConsent, ...]:
    """Return every consent, the newest first."""
    rows = vault.read(f"SELECT {_CONSENT} {_FROM} ORDER BY c.given_at DESC, c.record_id")
    return tuple(map(_consent, rows))


def consent(vault: Vault, record_id: str) -> StoredConsent:
    """Return one consent.

    Raises:
        VaultError: ``input.unknown_record``.
    """
    rows = vault.read(f"SELECT {_CONSENT} {_FROM} WHERE c.record_id = ?", (record_id,))
    if not rows:
        raise VaultError("there is no such consent", code="input.unknown_record")
    return _consent(rows[0])


def _consent(row: Row) -> StoredConsent:
    return StoredConsent(
        record_id=row[0],
        verifier_id=row[1],
        names=Names.from_text(row[2]),
        state=row[3],
        ledger=row[4],
        receipt=row[5],
        countersigned=row[6],
        commitment=row[7],
        purpose_code=row[8],
        terms=load(row[9]),
        paths=tuple(_path(item) for item in load_list(row[10])),
        updates=bool(row[11]),
        given_at=datetime.fromtimestamp(row[12], UTC),
        until=datetime.fromtimestamp(row[13], UTC),
        withdrawn_at=None if row[14] is None else datetime.fromtimestamp(row[14], UTC),
    )


def _path(item: JSON) -> tuple[str | int, ...]:
    if not isinstance(item, list):
        raise VaultError("a record of the wallet is damaged", code="keystore.tampered")
    return tuple(step for step in item if isinstance(step, str | int))


def live_subscriptions(vault: Vault, now: datetime) -> dict[str, StoredConsent]:
    """Return the newest live consent with address updates, by firm."""
    found: dict[str, StoredConsent] = {}
    for item in consents(vault):
        if item.updates and item.countersigned is not None and item.live(now):
            found.setdefault(item.verifier_id, item)
    return found


def set_ledger(vault: Vault, record_id: str, state: str) -> None:
    """Note what the chain knows of a consent."""
    vault.write("UPDATE consents SET ledger = ? WHERE record_id = ?", (state, record_id))


def confirm(vault: Vault, record_id: str, token: str, *, ledger: str) -> bool:
    """Note the firm's countersignature, and return whether the consent stands from now on.

    One that stood before, or was taken back meanwhile, stays as it is.
    """
    changed = vault.write(
        "UPDATE consents SET countersigned = ?, state = ?, ledger = ?"
        " WHERE record_id = ? AND state = ?",
        (token, GIVEN, ledger, record_id, UNCONFIRMED),
    )
    return changed > 0


def set_withdrawn(vault: Vault, consent: StoredConsent, *, withdrawal: str, at: int) -> None:
    """Note that a consent was taken back; one the chain never saw needs no withdrawal there."""
    never = consent.ledger in {LEDGER_NONE, LEDGER_PENDING}
    vault.write(
        "UPDATE consents SET state = ?, ledger = ?, withdrawal = ?, withdrawn_at = ?"
        " WHERE record_id = ?",
        (
            WITHDRAWN,
            LEDGER_NONE if never else LEDGER_WITHDRAWAL_PENDING,
            withdrawal,
            at,
            consent.record_id,
        ),
    )


# --- the chain, through the mailbox operator --------------------------------


def record_on_chain(ctx: Context) -> None:
    """Hand pending commitments to the mailbox operator and look at what is proven by now.

    A failure changes nothing: the next call tries again.
    """
    for item in consents(ctx.vault):
        try:
            _advance_ledger(ctx, item)
        except SSIError as error:
            if not web.is_quiet(error):
                raise


def _advance_ledger(ctx: Context, item: StoredConsent) -> None:
    chain_id = ctx.registry.chain_id
    relationship = get(ctx.vault, item.verifier_id)
    key = signer(ctx.vault, relationship)
    if item.ledger == LEDGER_PENDING:
        given = build_consent_item(
            key,
            chain_id=chain_id,
            commitment=item.commitment,
            until=int(item.until.timestamp()),
        )
        _hand_over(ctx, relationship, "consents", given.to_json())
        set_ledger(ctx.vault, item.record_id, LEDGER_QUEUED)
    elif item.ledger == LEDGER_WITHDRAWAL_PENDING:
        if ctx.registry.consent(item.commitment, ctx.now()) is None:
            return  # the operator has not committed the consent itself yet
        taken = build_withdrawal_item(key, chain_id=chain_id, commitment=item.commitment)
        _hand_over(ctx, relationship, "withdrawals", taken.to_json())
        set_ledger(ctx.vault, item.record_id, LEDGER_WITHDRAWAL_QUEUED)
    elif item.ledger in {LEDGER_QUEUED, LEDGER_WITHDRAWAL_QUEUED}:
        record = ctx.registry.consent(item.commitment, ctx.now())
        if record is not None and record.withdrawn_at is not None:
            set_ledger(ctx.vault, item.record_id, LEDGER_WITHDRAWN)
        elif record is not None and item.ledger == LEDGER_QUEUED:
            set_ledger(ctx.vault, item.record_id, LEDGER_RECORDED)


def _hand_over(ctx: Context, relationship: Relationship, path: str, item: JSONObject) -> None:
    answer = web.post_json(ctx.fetch, f"{relationship.mailbox}/{path}", {"items": [item]})
    web.expect(answer, web.OK, web.CREATED, web.ACCEPTED, code="consent.operator")
