"""Verifying the presentation inside an address update: by an issuer, or by the holder's own word.

Pure, like `verifier_sdk.verifier`, and by the same steps [TRUST-UPD-2].
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from registry_chain.records import status_key
from ssi.credential import CredentialType, check_type, person_claims, verify_times
from ssi.encoding import JSONObject
from ssi.errors import BindingMismatch, Malformed
from ssi.keys import PublicKey, public_key_from_jwk
from ssi.relationship import relationship_id
from ssi.sdjwt import parse_sdjwt, verify_issuer_jwt, verify_key_binding
from ssi.updates import AddressUpdate, Assurance
from verifier_sdk.claims import Claims, PostalAddress, read_claims
from verifier_sdk.credentials import (
    binding_policy,
    check_issuer,
    check_signature,
    check_status,
    read_presentation,
)
from verifier_sdk.policy import Policy
from verifier_sdk.ports import LedgerView, StatusView

_ATTESTED: Final = frozenset(
    {CredentialType.ADDRESS.value, CredentialType.KYC.value, CredentialType.LICENCE.value}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAddress:
    """A new address whose presentation holds, and who vouches for it.

    ``bundle`` and ``status_digests`` say by what it was judged, to be kept as evidence.
    """

    address: PostalAddress = field(repr=False)
    moved_on: date = field(repr=False)
    assurance: Assurance
    issuer: str | None
    bundle: JSONObject | None = field(default=None, repr=False)
    status_digests: tuple[str, ...] = ()


def verify_address(  # noqa: PLR0913 - the ports and limits of one verification
    update: AddressUpdate,
    *,
    key: PublicKey,
    client_id: str,
    ledger: LedgerView,
    statuses: StatusView,
    now: datetime,
    signed_at: datetime,
    policy: Policy,
) -> VerifiedAddress:
    """Judge the presentation of an address update.

    The mail may have waited for days, so the key binding must be of the time of the signed
    envelope it came in [TRUST-UPD-4]; everything else must hold now.

    Args:
        update: The message; its nonce was found to be the expected one.
        key: The relationship key.
        client_id: The name by which the holder knows us.
        ledger: Proven records of the chain.
        statuses: Status lists that the chain names.
        now: The present.
        signed_at: When the holder signed the envelope.
        policy: What we take.

    Raises:
        Rejected: The presentation is bad.
        Unavailable: There is no verdict yet.
    """
    if update.assurance is Assurance.ATTESTED:
        return _attested(update, client_id, ledger, statuses, now, signed_at, policy)
    return _self_asserted(update, key, client_id, now, signed_at, policy)


def _attested(  # noqa: PLR0913, PLR0917 - as the caller
    update: AddressUpdate,
    client_id: str,
    ledger: LedgerView,
    statuses: StatusView,
    now: datetime,
    signed_at: datetime,
    policy: Policy,
) -> VerifiedAddress:
    presented = read_presentation(update.presentation)
    facts = ledger.records(presented.record_keys(), now=now)
    accredited = check_issuer(presented, facts, now)
    verified = check_signature(accredited)
    check_type(verified.claims, _ATTESTED)
    verify_times(verified.claims, now=now, leeway=policy.leeway)
    verify_key_binding(
        presented.sdjwt,
        verified,
        audience=client_id,
        nonce=update.nonce,
        now=signed_at,
        policy=binding_policy(policy),
    )
    credential = check_status(accredited, verified, facts, statuses, now)
    address = _address(
        read_claims(person_claims(credential.claims)), update, issuer=credential.issuer
    )
    record = facts.records[status_key(presented.issuer, presented.status_list)]
    digests = () if record is None else (str(record["digest"]),)
    return replace(address, bundle=facts.bundle, status_digests=digests)


def _self_asserted(  # noqa: PLR0913, PLR0917 - as the caller
    update: AddressUpdate,
    key: PublicKey,
    client_id: str,
    now: datetime,
    signed_at: datetime,
    policy: Policy,
) -> VerifiedAddress:
    sdjwt = parse_sdjwt(update.presentation)
    verified = verify_issuer_jwt(sdjwt, key)
    claims = verified.claims
    check_type(claims, {CredentialType.ADDRESS_SELF.value})
    if claims.get("iss") != relationship_id(key) or _bound_key(claims) != key:
        raise BindingMismatch("another key speaks for the holder", code="update.sender")
    verify_times(claims, now=now, leeway=policy.leeway)
    verify_key_binding(
        sdjwt,
        verified,
        audience=client_id,
        nonce=update.nonce,
        now=signed_at,
        policy=binding_policy(policy),
    )
    given: JSONObject = {name: claims[name] for name in ("address", "moved_on") if name in claims}
    return _address(read_claims(given), update, issuer=None)


def _bound_key(claims: JSONObject) -> PublicKey:
    confirmation = claims.get("cnf")
    jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
    if not isinstance(jwk, dict):
        raise Malformed("the presentation is bound to no key", code="kb.no_confirmation_key")
    return public_key_from_jwk(jwk)


def _address(claims: Claims, update: AddressUpdate, *, issuer: str | None) -> VerifiedAddress:
    if claims.address is None:
        raise Malformed("the presentation shows no address", code="update.no_address")
    if claims.moved_on is not None and claims.moved_on != update.moved_on:
        raise BindingMismatch("the message tells another day", code="update.moved_on")
    return VerifiedAddress(
        address=claims.address,
        moved_on=update.moved_on,
        assurance=update.assurance,
        issuer=issuer,
    )
