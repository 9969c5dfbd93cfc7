"""The transactions of an issuer's signing keys; a key may follow one whose digest was told before.

``proof`` shows that the issuer holds the new key (``keyproofs``).
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry_chain.transactions import fields as f
from ssi.encoding import JSON, JSONObject
from ssi.keys import Alg

KEY_USES = ("credential", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterKey:
    """An issuer's signing key, with proof that the issuer holds it."""

    TYPE: ClassVar[str] = "key.register"
    jwk: JSONObject
    use: str
    valid_from: int
    valid_until: int
    next_digest: str | None
    proof: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        use = reading.take_str("use")
        if use not in KEY_USES:
            raise f.bad("use", "is not credential or status")
        following = reading.opt_str("next_digest")
        body = cls(
            jwk=f.signing_jwk(reading.take_object("jwk"), "jwk", algs=(Alg.EDDSA, Alg.ES256)),
            use=use,
            valid_from=f.unix_time(reading.take_int("valid_from"), "valid_from"),
            valid_until=f.unix_time(reading.take_int("valid_until"), "valid_until"),
            next_digest=None if following is None else f.digest(following, "next_digest"),
            proof=f.signature(reading.take_str("proof"), "proof"),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateKey:
    """An issuer's key replaced by the next one; the old one may sign nothing new from now."""

    TYPE: ClassVar[str] = "key.rotate"
    thumbprint: str
    jwk: JSONObject
    valid_until: int
    next_digest: str | None
    proof: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        following = reading.opt_str("next_digest")
        body = cls(
            thumbprint=f.digest(reading.take_str("thumbprint"), "thumbprint"),
            jwk=f.signing_jwk(reading.take_object("jwk"), "jwk", algs=(Alg.EDDSA, Alg.ES256)),
            valid_until=f.unix_time(reading.take_int("valid_until"), "valid_until"),
            next_digest=None if following is None else f.digest(following, "next_digest"),
            proof=f.signature(reading.take_str("proof"), "proof"),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey:
    """An issuer's key taken out of use, perhaps because others held it since some time."""

    TYPE: ClassVar[str] = "key.revoke"
    issuer: str
    thumbprint: str
    compromised_since: int | None

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            issuer=f.slug(reading.take_str("issuer"), "issuer"),
            thumbprint=f.digest(reading.take_str("thumbprint"), "thumbprint"),
            compromised_since=f.opt_time(reading, "compromised_since", "compromised_since"),
        )
        reading.done()
        return body
