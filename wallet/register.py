"""What the ledger proves about issuers and firms, as the wallet needs it.

[WAL-TRUST-1] [WAL-TRUST-2]

Every answer rests on a light block no older than ``max_age_seconds``. The list of
issuers is only a hint where to look: what counts is the proven record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from registry_chain.client import IssuerRecord, VerifierRecord
from registry_chain.records import REVOKED, SUSPENDED
from registry_chain.transactions.verifiers import Purpose
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import Rejected, SSIError, Untrusted
from ssi.keys import PublicKey, public_key_from_jwk
from wallet import web
from wallet.context import Context
from wallet.names import check_name
from wallet.store import Names

ACTIVE = "active"
FIRM_SUSPENDED = "request.firm_suspended"
X509_HASH = "x509_hash:"
_MOST_ISSUERS = 200
_UNKNOWN = frozenset({"chain.client_unknown", "chain.verifier_unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An accredited issuer."""

    id: str
    names: Names
    corporate_number: str
    url: str
    credential_types: tuple[str, ...]
    ca: tuple[str, ...] = field(repr=False)
    trust_framework: str
    contact: str
    accreditation: IssuerRecord = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """A registered firm."""

    id: str
    client_id: str
    names: Names
    corporate_number: str
    purposes: tuple[Purpose, ...]
    receipt_keys: dict[str, PublicKey] = field(repr=False)
    encryption_key: JSONObject | None = field(repr=False)
    mailbox: str
    box: str
    country: str
    contact: str
    trust_mark: str | None
    name_warnings: tuple[str, ...]

    def purpose(self, code: str) -> Purpose | None:
        """Return the registered purpose of that code."""
        return next((item for item in self.purposes if item.code == code), None)


def accredited_issuer(ctx: Context, url: str, *, now: datetime) -> Issuer:
    """Return the issuer accredited under this very URL [WAL-ISS-2].

    Raises:
        Untrusted: ``issuance.issuer_not_accredited``.
    """
    for issuer_id in _issuer_hints(ctx):
        record = ctx.registry.issuer(issuer_id, now)
        if record.url != url:
            continue
        if record.state != ACTIVE or not record.accredited_at(int(now.timestamp())):
            break
        names = Names(ja=record.name.ja, en=record.name.en)
        for name in (names.ja, names.en):
            check_name(name)
        return Issuer(
            id=issuer_id,
            names=names,
            corporate_number=record.corporate_number,
            url=record.url,
            credential_types=record.credential_types,
            ca=record.ca,
            trust_framework=record.trust_framework,
            contact=record.contact,
            accreditation=record,
        )
    raise Untrusted(
        "the register does not accredit this issuer", code="issuance.issuer_not_accredited"
    )


def _issuer_hints(ctx: Context) -> list[str]:
    """Ask the nodes which issuers there may be; each one is proven before it counts."""
    found: dict[str, None] = {}
    failure: SSIError | None = None
    for node in ctx.config.nodes:
        try:
            answer = web.get(ctx.fetch, f"{node}/v1/list?prefix=issuer/&limit={_MOST_ISSUERS}")
            items = parse_json_object(web.expect(answer, web.OK, code="chain.list").body)
        except SSIError as error:
            if not web.is_quiet(error):
                raise
            failure = error
            continue
        listed = items.get("items")
        for item in listed if isinstance(listed, list) else ():
            key = item.get("key") if isinstance(item, dict) else None
            if isinstance(key, str) and key.startswith("issuer/"):
                found[key.removeprefix("issuer/")] = None
        failure = None
        break
    if failure is not None:
        raise failure
    return list(found)


def credential_key(ctx: Context, issuer_id: str, thumbprint: str, *, now: datetime) -> PublicKey:
    """Return an issuer's registered credential key, good now.

    Raises:
        Untrusted: ``issuance.key_not_registered``.
    """
    record = ctx.registry.issuer_key(issuer_id, thumbprint, now)
    if record.use != "credential" or not record.good_at(int(now.timestamp())):
        raise Untrusted(
            "the issuer has not registered this key", code="issuance.key_not_registered"
        )
    return public_key_from_jwk(record.jwk)


def status_key(ctx: Context, issuer_id: str, thumbprint: str, *, now: datetime) -> PublicKey:
    """Return an issuer's registered key for status lists [WAL-STAT-1].

    A retired key is as good as it was: the chain took the list while it was in use.

    Raises:
        Untrusted: ``status.key``.
    """
    record = ctx.registry.issuer_key(issuer_id, thumbprint, now)
    stopped = record.state in {REVOKED, SUSPENDED}
    if record.use != "status" or stopped or record.valid_from > int(now.timestamp()):
        raise Untrusted("the list is not by a good status key of the issuer", code="status.key")
    return public_key_from_jwk(record.jwk)


def firm_by_client_id(ctx: Context, client_id: str, *, now: datetime) -> Firm | None:
    """Return the firm a client id belongs to; None when it is not on the register.

    Raises:
        Untrusted: ``request.firm_suspended``.
        Rejected: ``name.rejected`` when even the register's name is misleading.
    """
    if not client_id.startswith(X509_HASH):
        return None
    try:
        record = ctx.registry.verifier_by_client_id(client_id.removeprefix(X509_HASH), now)
    except Untrusted as error:
        if error.code in _UNKNOWN:
            return None
        raise
    return _firm(record, client_id)


def firm_by_id(ctx: Context, verifier_id: str, client_id: str, *, now: datetime) -> Firm:
    """Return a firm the wallet knows, as the register has it now.

    Raises:
        Untrusted: ``chain.verifier_unknown`` or ``request.firm_suspended``.
    """
    return _firm(ctx.registry.verifier(verifier_id, now), client_id)


def _firm(record: VerifierRecord, client_id: str) -> Firm:
    if record.state != ACTIVE:
        raise Untrusted("the firm is suspended", code=FIRM_SUSPENDED)
    profile = record.profile
    names = Names(ja=profile.name.ja, en=profile.name.en)
    warnings = [*check_name(names.ja).warnings, *check_name(names.en).warnings]
    mailbox = profile.mailbox
    return Firm(
        id=record.verifier,
        client_id=client_id,
        names=names,
        corporate_number=profile.corporate_number,
        purposes=profile.purposes,
        receipt_keys={
            str(jwk["kid"]): public_key_from_jwk({k: v for k, v in jwk.items() if k != "kid"})
            for jwk in profile.receipt_keys
        },
        encryption_key=profile.encryption_keys[0] if profile.encryption_keys else None,
        mailbox="" if mailbox is None else mailbox.url,
        box="" if mailbox is None else mailbox.box,
        country=profile.country,
        contact=profile.contact,
        trust_mark=profile.trust_mark,
        name_warnings=tuple(dict.fromkeys(warnings)),
    )


def sealing_key(firm: Firm) -> JSONObject:
    """Return the key a firm reads updates with.

    Raises:
        Rejected: ``update.no_mailbox`` when the register names no key or box.
    """
    if firm.encryption_key is None or not firm.mailbox:
        raise Rejected("the firm has registered no mailbox", code="update.no_mailbox")
    return firm.encryption_key
