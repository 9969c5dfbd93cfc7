"""Judging again what a pack holds, by the very code that judged it when it came [EVI-VER-2]."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from registry_chain.client import ClientRecord, ConsentRecord, IssuerRecord, VerifierRecord
from registry_chain.light import TrustedState, VerifiedBundle
from registry_chain.records import client_key, consent_key, issuer_key, verifier_key
from ssi.dcql import parse_query
from ssi.encoding import (
    Fields,
    JsonLimits,
    JSONObject,
    b64url_decode,
    parse_json_object,
)
from ssi.envelope import check_opening, parse_set, verify_holder_set
from ssi.errors import BindingMismatch, Malformed, Unavailable, Untrusted
from ssi.keys import public_key_from_jwk
from ssi.oid4vp import UntrustedResponse
from ssi.relationship import relationship_key
from ssi.sharing import VerifiedConsent, parse_consent, verify_consent, verify_countersignature
from ssi.sharing_terms import Terms, parse_terms
from ssi.updates import AddressUpdate, parse_message
from verifier_sdk.addresses import verify_address
from verifier_sdk.claims import Claims
from verifier_sdk.evidence.findings import Limit, Matter, Party
from verifier_sdk.evidence.manifest import Manifest
from verifier_sdk.evidence.outside import Outside
from verifier_sdk.evidence.sources import (
    PackLedger,
    PackStatuses,
    point_of,
    receipt_keys,
    record_of,
)
from verifier_sdk.policy import DEFAULT_POLICY
from verifier_sdk.ports import LedgerView, RequestState, SentRequest, StatusView
from verifier_sdk.profiles import BY_CODE, Profile
from verifier_sdk.results import LedgerPoint
from verifier_sdk.verifier import verify_presentation

X509_HASH: Final = "x509_hash:"
LIMITS: Final = JsonLimits(
    max_bytes=1_000_000, max_depth=24, max_members=20_000, max_string=200_000
)
_CODE: Final = "evidence.matter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The parts of a pack that are verified so far: files, and what the ledger had then and later.

    ``then`` is ``None`` where nothing of the ledger was needed, as for a self-asserted address;
    ``outside`` where the pack has no anchor.
    """

    manifest: Manifest
    files: Mapping[str, bytes] = field(repr=False)
    firm: VerifierRecord
    trusted: TrustedState = field(repr=False)
    then: VerifiedBundle | None = field(repr=False)
    later: VerifiedBundle = field(repr=False)
    outside: Outside | None = field(repr=False)
    tokens: Mapping[str, bytes] = field(repr=False)

    @property
    def ledger(self) -> LedgerView:
        """The records as of then."""
        return PackLedger(bundle=self.then)

    @property
    def statuses(self) -> StatusView:
        """The status lists as of then."""
        return PackStatuses(tokens=self.tokens, later=self.later)

    def text(self, name: str) -> str | None:
        """An ASCII file, if the pack has it."""
        raw = self.files.get(name)
        if raw is None:
            return None
        if not raw.isascii():
            raise Malformed("a token of the pack is not ASCII", code=_CODE)
        return raw.decode("ascii")

    def json(self, name: str) -> JSONObject:
        """A JSON file.

        Raises:
            Malformed: ``evidence.matter``, ``json.*``: missing or bad.
        """
        raw = self.files.get(name)
        if raw is None:
            raise Malformed("the pack lacks a file", code=_CODE)
        return parse_json_object(raw, limits=LIMITS)


# --- (6) a presentation ---


def judge_presentation(pack: Opened, limits: list[Limit]) -> Matter:
    """Judge the presentation again, by all eight steps [TRUST-1].

    Raises:
        Rejected, Unavailable: As when it came.
    """
    request = _request(pack, limits)
    answer = UntrustedResponse(
        vp_token=_presentations(pack),
        state=request.state,
        kid=None,
        extra={} if (consent := pack.text("consent.jwt")) is None else {"consent": consent},
    )
    result = verify_presentation(
        answer,
        request=request,
        ledger=pack.ledger,
        statuses=pack.statuses,
        now=pack.manifest.as_of,
        policy=DEFAULT_POLICY,
        withheld=pack.manifest.withheld > 0,
    )
    terms = terms_of(request.terms)
    matter = Matter(
        firm=firm_party(pack.firm),
        issuers=tuple(_issuer(pack, name) for name in result.issuers),
        trust_frameworks=result.trust_frameworks,
        claims=result.claims,
        purpose=(terms.purpose.ja, terms.purpose.en),
        retention=(terms.retention.text.ja, terms.retention.text.en),
        status_issued_at=(result.verified_at - result.status_age,),
    )
    return _with_consent(_under(matter, result.ledger), result.consent)


def _request(pack: Opened, limits: list[Limit]) -> SentRequest:
    """The request as it was sent; what binds it to the answer is what the holder signed."""
    fields = Fields(pack.json("request.json"), where="request", code=_CODE)
    terms, client_id = fields.take_str("terms", max_len=50_000), fields.take_str("client_id")
    check_client(pack, client_id)
    code = fields.take_str("profile")
    profile = BY_CODE.get(code)
    query = parse_query(fields.take_object("query"))
    if profile is None or query != parse_query(profile.query().to_json()):
        limits.append(Limit.PROFILE)
        profile = _unknown_profile(code, terms_of(terms))
    request = SentRequest(
        id=fields.take_str("id"),
        reference="",
        profile=profile,
        query=query,
        client_id=client_id,
        verifier_id=pack.manifest.verifier,
        nonce=fields.take_str("nonce"),
        state=fields.take_str("state"),
        terms=terms,
        updates=fields.opt_bool("updates") or False,
        created_at=_moment(fields.take_int("created_at")),
        expires_at=_moment(fields.take_int("expires_at")),
        life=RequestState.OPEN,
        key=None,
        key_id="",
    )
    fields.done()
    if request.id != pack.manifest.subject or terms_of(terms).firm != pack.manifest.verifier:
        raise BindingMismatch("the request is another firm's or another", code=_CODE)
    return request


def _unknown_profile(code: str, terms: Terms) -> Profile:
    return Profile(
        code=code,
        purpose=terms.purpose,
        legal_basis=terms.legal_basis,
        retention=terms.retention,
        vct="",
        claims=(),
    )


def terms_of(encoded: str) -> Terms:
    """The terms that were shown and signed, from their encoded form."""
    return parse_terms(parse_json_object(b64url_decode(encoded)))


def _presentations(pack: Opened) -> dict[str, tuple[str, ...]]:
    """The presentations, in the order in which they came: ``presentation/<query>/<n>.sdjwt``."""
    found: dict[str, list[str]] = {}
    for name in sorted(pack.files):
        folder, _, rest = name.partition("/")
        query, _, _number = rest.partition("/")
        if folder == "presentation":
            found.setdefault(query, []).append(pack.text(name) or "")
    return {query: tuple(texts) for query, texts in found.items()}


# --- (6) an address update ---


def judge_update(pack: Opened, limits: list[Limit]) -> Matter:
    """Judge an address update again: envelope, sealed message, presentation [TRUST-UPD-2].

    Raises:
        Rejected, Unavailable: As when it came.
    """
    as_of = pack.manifest.as_of
    received = verify_holder_set(parse_set(pack.text("envelope.jwt") or ""), now=as_of)
    envelope = received.envelope
    if envelope.address.jti != pack.manifest.subject:
        raise BindingMismatch("the envelope is another", code=_CODE)
    message = parse_message(check_opening(envelope, pack.json("opened.json")))
    if not isinstance(message, AddressUpdate):
        raise Malformed("the message is no address update", code=_CODE)
    consent = _standing_consent(pack)
    if consent.relationship != envelope.relationship or consent.consent.record_id != (
        message.record_id
    ):
        raise BindingMismatch("the update is under another consent", code=_CODE)
    if not consent.consent.address_updates or not consent.consent.until > as_of:
        raise Untrusted("the consent does not cover updates", code="update.consent")
    address = verify_address(
        message,
        key=relationship_key(envelope.relationship),
        client_id=consent.consent.client_id,
        ledger=pack.ledger,
        statuses=pack.statuses,
        now=as_of,
        signed_at=envelope.issued_at,
        policy=DEFAULT_POLICY,
    )
    del limits
    matter = Matter(
        firm=firm_party(pack.firm),
        issuers=() if address.issuer is None else (_issuer(pack, address.issuer),),
        trust_frameworks=(),
        claims=Claims(address=address.address),
        moved_on=address.moved_on.isoformat(),
        self_asserted=address.issuer is None,
        purpose=(consent.consent.purposes[0].text_ja, consent.consent.purposes[0].text_en),
    )
    under = matter if pack.then is None else _under(matter, point_of(pack.then))
    return _with_consent(under, consent)


def _standing_consent(pack: Opened) -> VerifiedConsent:
    """The consent an update rests on, as it was given."""
    token = pack.text("consent.jwt")
    if token is None:
        raise Malformed("the pack lacks the consent", code=_CODE)
    untrusted = parse_consent(token)
    check_client(pack, untrusted.consent.client_id)
    return verify_consent(
        untrusted,
        verifier_id=pack.manifest.verifier,
        client_id=untrusted.consent.client_id,
        terms_digest=untrusted.consent.terms_digest,
        now=untrusted.consent.given_at,
    )


# --- (7) consent ---


def judge_consent(pack: Opened, matter: Matter, limits: list[Limit]) -> None:
    """Check the firm's countersignature of the consent [SHA-CON-4].

    Raises:
        Rejected: ``consent.*``, ``jose.*``.
    """
    token, countersigned = pack.text("consent.jwt"), pack.text("consent-receipt.jwt")
    if token is None:
        limits.append(Limit.NO_CONSENT)
        return
    if countersigned is None:
        raise Malformed("the consent was not countersigned", code="consent.countersignature")
    verify_countersignature(
        countersigned,
        consent_token=token,
        verifier_id=pack.manifest.verifier,
        record_id=matter.consent_id or "",
        keys=receipt_keys(pack.firm),
    )


def consent_on_ledger(pack: Opened) -> tuple[str, ConsentRecord | None] | None:
    """The ledger's record of the consent, its key checked; ``None`` without a consent.

    Raises:
        BindingMismatch: ``consent.binding``: it is under another key.
    """
    token = pack.text("consent.jwt")
    if token is None:
        return None
    consent = parse_consent(token)
    key = consent_key(consent.commitment)
    found = record_of(pack.later, key)
    if found is None:
        return key, None
    record = ConsentRecord.from_json(found)
    if public_key_from_jwk(record.jwk) != consent.key:
        raise BindingMismatch("the ledger has another key for it", code="consent.binding")
    return key, record


# --- parties ---


def check_client(pack: Opened, client_id: str) -> None:
    """Check by the ledger that a client id is the exporting firm's certificate.

    Raises:
        Untrusted: ``evidence.client``.
    """
    record = (
        record_of(pack.later, client_key(client_id.removeprefix(X509_HASH)))
        if client_id.startswith(X509_HASH)
        else None
    )
    if record is None or ClientRecord.from_json(record).verifier != pack.manifest.verifier:
        raise Untrusted("the certificate is not the firm's", code="evidence.client")


def firm_record(later: VerifiedBundle, verifier: str) -> VerifierRecord:
    """The exporting firm's registration.

    Raises:
        Untrusted: ``evidence.verifier``: the ledger knows no such firm.
    """
    found = record_of(later, verifier_key(verifier))
    if found is None:
        raise Untrusted("the ledger does not know the exporter", code="evidence.verifier")
    return VerifierRecord.from_json(found)


def firm_party(record: VerifierRecord) -> Party:
    """The firm, as the ledger names it."""
    profile = record.profile
    return Party(
        id=record.verifier,
        name_ja=profile.name.ja,
        name_en=profile.name.en,
        corporate_number=profile.corporate_number,
    )


def _issuer(pack: Opened, issuer: str) -> Party:
    if pack.then is None:
        raise Unavailable("the pack has no proof of then", code="evidence.proof")
    found = record_of(pack.then, issuer_key(issuer))
    record = IssuerRecord.from_json(found)
    return Party(
        id=issuer,
        name_ja=record.name.ja,
        name_en=record.name.en,
        corporate_number=record.corporate_number,
    )


def _under(matter: Matter, point: LedgerPoint) -> Matter:
    return replace(
        matter,
        block_height=point.height,
        block_time=point.time,
        signed=point.signed,
        validators=point.validators,
    )


def _with_consent(matter: Matter, consent: VerifiedConsent | None) -> Matter:
    if consent is None:
        return matter
    return replace(
        matter,
        consent_id=consent.consent.record_id,
        consent_given_at=consent.consent.given_at,
    )


def _moment(at: int) -> datetime:
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, OSError, ValueError):
        raise Malformed("a time is none", code=_CODE) from None
