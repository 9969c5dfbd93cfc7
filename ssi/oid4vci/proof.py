"""Key proofs of type `jwt` (OpenID4VCI 1.0 Appendix F.1): the wallet shows it holds a key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ssi.did_url import key_of_did_url
from ssi.encoding import Fields, JSONObject, parse_json_object
from ssi.errors import (
    BindingMismatch,
    Expired,
    InvalidSignature,
    Malformed,
    NotYetValid,
    PolicyNotMet,
    Rejected,
)
from ssi.jose import UntrustedJws, parse_jws, sign_jws, verify_jws
from ssi.keys import Alg, PublicKey, Signer, public_key_from_jwk
from ssi.x509 import parse_x5c, public_key_of

PROOF_TYPE: Final = "openid4vci-proof+jwt"
_MALFORMED = "issuance.proof_malformed"
_KEY_MEMBERS = ("jwk", "kid", "x5c")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPolicy:
    """What the issuer accepts, decided by its configuration and never by the proof."""

    past: timedelta = timedelta(seconds=300)
    future: timedelta = timedelta(seconds=60)
    algs: frozenset[Alg] = frozenset(Alg)
    nonce_required: bool = True
    batch_size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedKeyProof:
    """A well-formed key proof nobody has verified."""

    jws: UntrustedJws = field(repr=False)
    key: PublicKey
    audience: str
    issued_at: int
    nonce: str | None
    client_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedKeyProof:
    """A key whose holder answered this issuer; the caller spends `nonce`, once."""

    key: PublicKey
    nonce: str | None


def build_key_proof(
    signer: Signer, *, issuer: str, nonce: str | None, now: datetime, client_id: str | None = None
) -> str:
    """Make a key proof for one new credential key.

    Args:
        signer: The new key.
        issuer: The credential issuer identifier.
        nonce: The `c_nonce`, when the issuer has a nonce endpoint.
        now: The present.
        client_id: Our client id; left out after anonymous pre-authorized access (F.1).

    Returns:
        The proof, for `CredentialRequest.proofs`.
    """
    claims: JSONObject = {"aud": issuer, "iat": int(now.timestamp())}
    if nonce is not None:
        claims["nonce"] = nonce
    if client_id is not None:
        claims["iss"] = client_id
    return sign_jws(claims, signer, typ=PROOF_TYPE, header={"jwk": signer.public_key.jwk})


def parse_key_proof(token: str) -> UntrustedKeyProof:
    """Read a key proof without believing it [ISS-PROOF-1].

    Args:
        token: The compact JWS.

    Returns:
        The parts, with the key the header names.

    Raises:
        Malformed: `issuance.proof_malformed`.
    """
    try:
        jws = parse_jws(token, extra_headers=frozenset({"jwk"}))
        if jws.header.get("typ") != PROOF_TYPE:
            raise Malformed("the proof is of another type")
        fields = Fields(parse_json_object(jws.payload), where="key proof")
        return UntrustedKeyProof(
            jws=jws,
            key=_key_of(jws.header),
            audience=fields.take_str("aud"),
            issued_at=fields.take_int("iat"),
            nonce=fields.opt_str("nonce", max_len=1024),
            client_id=fields.opt_str("iss"),
        )
    except Rejected as error:
        raise Malformed(str(error), code=_MALFORMED) from error


def _key_of(header: JSONObject) -> PublicKey:
    """The key in exactly one of `jwk`, `kid` (a DID URL) and `x5c` (F.1) [ISS-PROOF-2]."""
    if sum(name in header for name in _KEY_MEMBERS) != 1:
        raise Malformed("the proof does not name exactly one key")
    match header:
        case {"jwk": dict(jwk)}:
            return public_key_from_jwk(jwk)
        case {"kid": str(kid)}:
            return key_of_did_url(kid)
        case {"x5c": list(chain)}:
            return public_key_of(parse_x5c([entry for entry in chain if isinstance(entry, str)])[0])
        case _:
            raise Malformed("the key of the proof has the wrong type")


def verify_key_proof(
    proof: UntrustedKeyProof,
    *,
    issuer: str,
    now: datetime,
    policy: ProofPolicy,
    client_id: str | None = None,
) -> VerifiedKeyProof:
    """Verify one key proof (Appendix F.4) [ISS-PROOF-3].

    Args:
        proof: The parsed proof.
        issuer: Our own credential issuer identifier.
        now: The present.
        policy: What we accept.
        client_id: The client of the access token, `None` after anonymous access.

    Returns:
        The key, and the nonce for the caller to spend.

    Raises:
        PolicyNotMet: `issuance.proof_algorithm`.
        InvalidSignature: `issuance.proof_signature`.
        BindingMismatch: `issuance.proof_audience`, `issuance.proof_client`, or
            `issuance.proof_malformed` when the nonce is missing.
        Expired: `issuance.proof_time`.
        NotYetValid: `issuance.proof_time`.
    """
    if proof.key.alg not in policy.algs:
        raise PolicyNotMet("the algorithm is not offered", code="issuance.proof_algorithm")
    try:
        verify_jws(proof.jws, proof.key, typ=PROOF_TYPE)
    except InvalidSignature as error:
        raise InvalidSignature(str(error), code="issuance.proof_signature") from error
    except Rejected as error:
        raise Malformed(str(error), code=_MALFORMED) from error
    if proof.audience != issuer:
        raise BindingMismatch("the proof is for another issuer", code="issuance.proof_audience")
    if proof.client_id != client_id and proof.client_id is not None:
        raise BindingMismatch("the proof is of another client", code="issuance.proof_client")
    at = int(now.timestamp())
    if proof.issued_at < at - policy.past.total_seconds():
        raise Expired("the proof is too old", code="issuance.proof_time")
    if proof.issued_at > at + policy.future.total_seconds():
        raise NotYetValid("the proof is from the future", code="issuance.proof_time")
    if proof.nonce is None and policy.nonce_required:
        raise BindingMismatch("the proof has no nonce", code=_MALFORMED)  # [ISS-PROOF-4]
    return VerifiedKeyProof(key=proof.key, nonce=proof.nonce)


def verify_key_proofs(
    proofs: Sequence[str],
    *,
    issuer: str,
    now: datetime,
    policy: ProofPolicy,
    client_id: str | None = None,
) -> tuple[VerifiedKeyProof, ...]:
    """Verify all proofs of a request: no more than the batch, each key once, one nonce.

    Args:
        proofs: `CredentialRequest.proofs`.
        issuer: Our own credential issuer identifier.
        now: The present.
        policy: What we accept.
        client_id: The client of the access token, `None` after anonymous access.

    Returns:
        The verified proofs in order, all with the same nonce [ISS-PROOF-5].

    Raises:
        PolicyNotMet: `issuance.proof_count` for none, too many, or a key used twice.
        BindingMismatch: `issuance.proof_nonce` when the nonces differ.
        Rejected: as `parse_key_proof` and `verify_key_proof`.
    """
    if not 1 <= len(proofs) <= policy.batch_size:
        raise PolicyNotMet("the number of proofs is not allowed", code="issuance.proof_count")
    verified = tuple(
        verify_key_proof(
            parse_key_proof(proof), issuer=issuer, now=now, policy=policy, client_id=client_id
        )
        for proof in proofs
    )
    if len({proof.key.thumbprint() for proof in verified}) != len(verified):
        raise PolicyNotMet("one key is proven twice", code="issuance.proof_count")
    if len({proof.nonce for proof in verified}) != 1:
        raise BindingMismatch("the proofs have different nonces", code="issuance.proof_nonce")
    return verified
