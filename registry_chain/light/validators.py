"""Validator sets: who signs blocks, with how much power, and the hash a header binds them by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from registry_chain.light import codec
from registry_chain.light.codec import pb_bytes, pb_int, pb_message, to_base64, to_hex
from registry_chain.light.header import ADDRESS_SIZE
from ssi.encoding import JSON, Fields, JSONObject, sha256
from ssi.merkle import root_hash

MAX_VALIDATORS: Final = 200
MAX_TOTAL_POWER: Final = codec.MAX_INT64 // 8
KEY_SIZE: Final = 32
_KEY_TYPE: Final = "tendermint/PubKeyEd25519"
_UNSIGNED_MEMBERS: Final = {"name", "proposer_priority"}
_UNSIGNED_SET_MEMBERS: Final = {"proposer", "total_voting_power"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """An Ed25519 key and its voting power."""

    public_key: bytes
    power: int

    @property
    def address(self) -> bytes:
        """The first twenty bytes of the key's SHA-256."""
        return sha256(self.public_key)[:ADDRESS_SIZE]

    def encode(self) -> bytes:
        """Encode ``SimpleValidator``, the leaf of the set's hash."""
        return pb_message(1, pb_bytes(1, self.public_key)) + pb_int(2, self.power)

    @classmethod
    def parse(cls, obj: JSON) -> Self:
        """Read CometBFT's JSON, from a genesis (``power``) or a node (``voting_power``)."""
        fields = codec.reader(obj, "validator")
        key = fields.take_fields("pub_key")
        if key.take_str("type") != _KEY_TYPE:
            raise codec.malformed("a validator's key is not Ed25519")
        named = "voting_power" if fields.has("voting_power") else "power"
        validator = cls(
            public_key=codec.take_base64(key, "value", KEY_SIZE),
            power=codec.take_int64(fields, named),
        )
        key.done()
        address = fields.opt_str("address", allow_empty=True)
        if address is not None and address != to_hex(validator.address):
            raise codec.malformed("a validator's address is not that of its key")
        _ignore(fields, _UNSIGNED_MEMBERS)
        if validator.power < 1:
            raise codec.malformed("a validator has no power")
        return validator

    def to_json(self) -> JSONObject:
        """Return CometBFT's JSON, without what nobody signs."""
        key: JSONObject = {"type": _KEY_TYPE, "value": to_base64(self.public_key)}
        return {"address": to_hex(self.address), "pub_key": key, "voting_power": str(self.power)}


@dataclass(frozen=True, slots=True)
class ValidatorSet:
    """The validators of a height, in the order in which a commit lists them."""

    validators: tuple[Validator, ...]

    @classmethod
    def of(cls, validators: Sequence[Validator]) -> Self:
        """Return a set in CometBFT's order: most power first, then by address."""
        return cls(tuple(sorted(validators, key=lambda one: (-one.power, one.address))))

    @property
    def total_power(self) -> int:
        """The power of all."""
        return sum(validator.power for validator in self.validators)

    def by_address(self) -> dict[bytes, Validator]:
        """Return the validators under their addresses."""
        return {validator.address: validator for validator in self.validators}

    @classmethod
    def parse(cls, obj: JSON) -> "ValidatorSet":
        """Read CometBFT's JSON.

        Raises:
            Malformed: ``light.malformed``.
        """
        fields = codec.reader(obj, "validator_set")
        listed = fields.take_list("validators", max_items=MAX_VALIDATORS)
        _ignore(fields, _UNSIGNED_SET_MEMBERS)
        return checked_set(tuple(Validator.parse(item) for item in listed))

    def to_json(self) -> JSONObject:
        """Return CometBFT's JSON."""
        return {"validators": [validator.to_json() for validator in self.validators]}


@lru_cache(maxsize=8)  # the same set signs block after block
def validators_hash(validators: ValidatorSet) -> bytes:
    """Return the hash by which headers bind a set."""
    return root_hash([validator.encode() for validator in validators.validators])


def parse_genesis_validators(listed: Sequence[JSON]) -> ValidatorSet:
    """Read the validators of a genesis, which lists them in any order.

    Raises:
        Malformed: ``light.malformed``.
    """
    return checked_set(ValidatorSet.of([Validator.parse(item) for item in listed]).validators)


def checked_set(validators: tuple[Validator, ...]) -> ValidatorSet:
    """Return a set in the order given, if it can be one.

    Raises:
        Malformed: ``light.malformed``: it is empty, too powerful, or lists a key twice.
    """
    found = ValidatorSet(validators)
    if not validators or len(found.by_address()) != len(validators):
        raise codec.malformed("a validator set is empty or lists a key twice")
    if found.total_power > MAX_TOTAL_POWER:
        raise codec.malformed("a validator set has too much power")
    return found


def _ignore(fields: Fields, names: set[str]) -> None:
    """Pass over members that CometBFT shows but nobody signs; refuse all others."""
    if fields.rest().keys() - names:
        raise codec.malformed("a validator or its set has an unknown member")
