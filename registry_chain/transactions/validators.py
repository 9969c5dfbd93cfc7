"""Who signs blocks: the bodies that change it, and the proof that a key is held [REG-VAL-4].

All of them are actions of proposals. A chain founded with one validator leaves it only by moving
to a network; a network changes its validators one by one.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from registry_chain.transactions import fields as f
from registry_chain.transactions.decisions import address
from ssi.encoding import JSON, b64url_decode, b64url_encode, sha256
from ssi.keys import Alg, PublicKey, Signer

MAX_POWER = 2**31
# Not 1: CometBFT takes whoever has a third of all power, rounded down, for one without whom there
# are no blocks. One of four equals with 1 each would be told what it missed block by block, five a
# second, instead of fetching it.
DEFAULT_POWER = 10
MAX_VALIDATORS = 100
_TAG = b"warifu/validator/1\0"


def validator_proof_message(chain_id: str, member: str, key: PublicKey) -> bytes:
    """The bytes a validator's key signs to show that ``member`` holds it, on this chain only."""
    return _TAG + b"\0".join((chain_id.encode(), member.encode(), b64url_encode(key.raw).encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A validator to be: its raw Ed25519 key in base64url, whose it is, and its power."""

    pub_key: str
    member: str
    power: int
    proof: str

    @classmethod
    def from_json(cls, obj: JSON, where: str = "validator") -> Self:
        """Check and read the object."""
        reading = f.reader(obj, where)
        seat = cls(
            pub_key=f.digest(reading.take_str("pub_key"), f"{where}.pub_key"),
            member=f.slug(reading.take_str("member"), f"{where}.member"),
            power=reading.take_int("power", minimum=1, maximum=MAX_POWER),
            proof=f.signature(reading.take_str("proof"), f"{where}.proof"),
        )
        reading.done()
        f.signing_jwk(seat.jwk, where, algs=(Alg.EDDSA,))  # small-order keys are refused
        return seat

    @property
    def jwk(self) -> dict[str, JSON]:
        """The key as a JWK."""
        return {"kty": "OKP", "crv": "Ed25519", "x": self.pub_key}

    @property
    def address(self) -> str:
        """CometBFT's address of the key."""
        return sha256(b64url_decode(self.pub_key))[:20].hex().upper()


def seat_for(signer: Signer, *, chain_id: str, member: str, power: int = DEFAULT_POWER) -> Seat:
    """Describe ``signer``'s key as a validator of ``member``, with the proof that it is held."""
    key = signer.public_key
    return Seat(
        pub_key=b64url_encode(key.raw),
        member=member,
        power=power,
        proof=b64url_encode(signer.sign(validator_proof_message(chain_id, member, key))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AddValidator:
    """A key that will sign blocks."""

    TYPE: ClassVar[str] = "validator.add"
    validator: Seat

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        seat = Seat.from_json(reading.take_object("validator"))
        reading.done()
        return cls(validator=seat)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveValidator:
    """A key that will sign no more; it never comes back."""

    TYPE: ClassVar[str] = "validator.remove"
    address: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(address=address(reading.take_str("address"), "address"))
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class ReweighValidator:
    """A validator's power; it also brings back one that an emergency or an offence took out."""

    TYPE: ClassVar[str] = "validator.reweigh"
    address: str
    power: int

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            address=address(reading.take_str("address"), "address"),
            power=reading.take_int("power", minimum=1, maximum=MAX_POWER),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceValidator:
    """A member's new key in the place of its old one, with the old one's power [REG-VAL-8]."""

    TYPE: ClassVar[str] = "validator.replace"
    address: str
    validator: Seat

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(
            address=address(reading.take_str("address"), "address"),
            validator=Seat.from_json(reading.take_object("validator")),
        )
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class RejoinValidator:
    """A validator signs again after a suspension that has run out [REG-EMG-9]."""

    TYPE: ClassVar[str] = "validator.rejoin"
    address: str

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        body = cls(address=address(reading.take_str("address"), "address"))
        reading.done()
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrate:
    """The move from one validator to a network, whose validators these are [REG-MIG-1]."""

    TYPE: ClassVar[str] = "chain.migrate"
    validators: tuple[Seat, ...]

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check and read a body."""
        reading = f.reader(obj, cls.TYPE)
        items = f.bounded(reading.take_list("validators"), "validators", most=MAX_VALIDATORS)
        body = cls(validators=tuple(Seat.from_json(item) for item in items))
        reading.done()
        f.distinct([seat.pub_key for seat in body.validators], "validators")
        return body
