"""The proof by which a key's owner opens a box at a mailbox [SHA-BOX-2]."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ssi.encoding import Fields, JSONObject
from ssi.errors import BindingMismatch, Expired, Malformed
from ssi.jose import UntrustedJws, parse_jws, sign_jws, verify_jws
from ssi.keys import PublicKey, Signer
from ssi.relationship import (
    check_not_future,
    firm_key,
    firm_kid,
    header_key,
    seconds,
    sign_as_holder,
    split_firm_kid,
    take_time,
)

BOX_PROOF_TYP = "warifu-box+jwt"
PROOF_WINDOW = timedelta(minutes=5)
_CODE = "mailbox.proof"
_MAX_URL = 2048
_JTI = re.compile(r"[A-Za-z0-9_-]{22,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxProof:
    """What the owner of a key asks of a mailbox."""

    mailbox_url: str
    jti: str
    issued_at: datetime
    push_url: str | None = field(default=None, repr=False)

    def to_json(self) -> JSONObject:
        """Write the payload."""
        payload: JSONObject = {
            "aud": self.mailbox_url,
            "iat": seconds(self.issued_at),
            "jti": self.jti,
        }
        return payload if self.push_url is None else {**payload, "push": self.push_url}


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedBoxProof:
    """A well-formed proof nobody has verified yet."""

    jws: UntrustedJws = field(repr=False)
    verifier_id: str | None


def build_holder_box_proof(proof: BoxProof, signer: Signer) -> str:
    """Sign a proof with the relationship key, for a return box."""
    return sign_as_holder(proof.to_json(), signer, typ=BOX_PROOF_TYP)


def build_firm_box_proof(proof: BoxProof, signer: Signer, *, verifier_id: str, kid: str) -> str:
    """Sign a proof with a firm's registered receipt key, for the box its record names."""
    header_kid = firm_kid(verifier_id, kid)
    return sign_jws(proof.to_json(), signer, typ=BOX_PROOF_TYP, header={"kid": header_kid})


def parse_box_proof(token: str) -> UntrustedBoxProof:
    """Take a proof apart without believing it.

    Raises:
        Malformed: ``jose.*`` or ``update.kid``.
    """
    jws = parse_jws(token, extra_headers=frozenset({"jwk"}))
    verifier_id = None if "jwk" in jws.header else split_firm_kid(jws.kid)[0]
    return UntrustedBoxProof(jws=jws, verifier_id=verifier_id)


def verify_holder_box_proof(
    untrusted: UntrustedBoxProof, *, mailbox_url: str, now: datetime
) -> tuple[BoxProof, PublicKey]:
    """Check a holder's proof.

    Returns:
        The proof and the relationship key that made it.

    Raises:
        Rejected: ``jose.*``, ``consent.key`` or ``mailbox.proof``.
    """
    key = header_key(untrusted.jws)
    return _verify(untrusted.jws, key, mailbox_url=mailbox_url, now=now), key


def verify_firm_box_proof(
    untrusted: UntrustedBoxProof,
    *,
    verifier_id: str,
    keys: Mapping[str, PublicKey],
    mailbox_url: str,
    now: datetime,
) -> BoxProof:
    """Check a firm's proof against its registered receipt keys.

    Raises:
        Rejected: ``jose.*``, ``update.kid`` or ``mailbox.proof``.
    """
    key = firm_key(untrusted.jws, verifier_id, keys, code=_CODE)
    return _verify(untrusted.jws, key, mailbox_url=mailbox_url, now=now)


def _verify(jws: UntrustedJws, key: PublicKey, *, mailbox_url: str, now: datetime) -> BoxProof:
    fields = Fields(verify_jws(jws, key, typ=BOX_PROOF_TYP), where="proof", code=_CODE)
    proof = BoxProof(
        mailbox_url=fields.take_str("aud", max_len=_MAX_URL),
        jti=fields.take_str("jti", max_len=64),
        issued_at=take_time(fields, "iat"),
        push_url=fields.opt_str("push", max_len=_MAX_URL),
    )
    fields.done()
    if proof.mailbox_url != mailbox_url:
        raise BindingMismatch("the proof is for another mailbox", code=_CODE)
    if not _JTI.fullmatch(proof.jti):
        raise Malformed("the proof has no good id", code=_CODE)
    check_not_future(proof.issued_at, now, code=_CODE)
    if proof.issued_at < now - PROOF_WINDOW:
        raise Expired("the proof is too old", code=_CODE)
    return proof
