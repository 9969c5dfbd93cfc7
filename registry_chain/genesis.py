"""The genesis file: who the chain starts with. A client that pins it needs to trust nothing else.

Clause: ``specs/registry.md`` [REG-GEN-1].
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Self

from registry_chain.records import (
    ACTIVE,
    PARAMS_KEY,
    ROLL_KEY,
    ROSTER_KEY,
    MemberRecord,
    ParamsRecord,
    Roll,
    Roster,
    ValidatorRecord,
    member_key,
    unsafe_set,
    validator_key,
)
from registry_chain.transactions import fields as f
from registry_chain.transactions.bodies import ROLES, account_keys
from registry_chain.transactions.fields import Name
from registry_chain.transactions.validators import DEFAULT_POWER, MAX_POWER, MAX_VALIDATORS
from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    b64url_encode,
    canonical_json,
    parse_json,
    sha256,
)
from ssi.errors import Malformed
from ssi.files import read_file
from ssi.keys import PublicKey

RULES_VERSION = 1
MAX_MEMBERS = 200
CONFIG_KEY = "config/chain"
TIMELOCK = 7 * 86_400
EMERGENCY = 72 * 3600
_LIMITS = JsonLimits(max_bytes=1_000_000, max_members=20_000)
_PUBKEY_TYPE = "tendermint/PubKeyEd25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesisMember:
    """A founding member."""

    id: str
    name: Name
    account_keys: tuple[JSONObject, ...]
    roles: tuple[str, ...]

    @classmethod
    def read(cls, obj: JSON) -> Self:
        """Check and read one member."""
        reading = f.reader(obj, "member")
        roles = f.distinct(f.bounded(reading.take_strs("roles"), "roles", most=8), "roles")
        if any(role not in ROLES for role in roles):
            raise f.bad("roles", "names an unknown role")
        member = cls(
            id=f.slug(reading.take_str("id"), "id"),
            name=Name.from_json(reading.take_object("name")),
            account_keys=account_keys(reading.take_list("account_keys")),
            roles=tuple(roles),
        )
        reading.done()
        return member


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What the founders fixed: whether this is a chain on one machine, and the timelock.

    Only a chain on one machine (loopback addresses) may have another timelock than seven days
    [REG-GOV-10].
    """

    loopback: bool = False
    timelock: int | None = None

    @classmethod
    def read(cls, obj: JSON) -> Self:
        """Check and read the parameters."""
        reading = f.reader(obj, "params")
        params = cls(
            loopback=reading.opt_bool("loopback") or False,
            timelock=reading.opt_int("timelock", maximum=TIMELOCK),
        )
        reading.done()
        if params.timelock is not None and not params.loopback:
            raise f.bad("timelock", "is shortened on a chain that is no demonstration")
        return params


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """A checked genesis file.

    ``validators`` keeps CometBFT's own JSON shape (type/value public key in base64, power as a
    decimal string); ``registry_chain.light`` reads it.
    """

    chain_id: str
    genesis_time: int
    validators: tuple[JSONObject, ...] = field(hash=False)
    members: tuple[GenesisMember, ...]
    params: Params = Params()
    rules_version: int = RULES_VERSION

    def voters(self) -> tuple[str, ...]:
        """The ids of the founders with a vote."""
        return tuple(sorted(member.id for member in self.members if "voter" in member.roles))

    def to_json(self) -> JSONObject:
        """The genesis as its JSON value."""
        return f.plain_object(self)

    def to_bytes(self) -> bytes:
        """The file's bytes: canonical JSON and a line end."""
        return canonical_json(self.to_json()) + b"\n"

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex: what operators read to each other."""
        return sha256(canonical_json(self.to_json())).hex()

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Check a genesis.

        Raises:
            Malformed: ``chain.genesis`` or ``tx.body``.
        """
        if not isinstance(obj, dict):
            raise Malformed("the genesis is not an object", code="chain.genesis")
        reading = Fields(obj, where="genesis", code="chain.genesis")
        validators = f.bounded(reading.take_list("validators"), "validators", most=MAX_VALIDATORS)
        members = f.bounded(reading.take_list("members"), "members", most=MAX_MEMBERS)
        genesis = cls(
            chain_id=f.slug(reading.take_str("chain_id"), "chain_id"),
            genesis_time=f.unix_time(reading.take_int("genesis_time", minimum=1), "genesis_time"),
            validators=tuple(_validator(item) for item in validators),
            members=tuple(GenesisMember.read(item) for item in members),
            params=Params.read(reading.opt_object("params") or {}),
            rules_version=reading.take_int("rules_version"),
        )
        reading.done()
        f.distinct([member.id for member in genesis.members], "members")
        if genesis.rules_version != RULES_VERSION:
            raise Malformed("the rules version is unknown", code="chain.genesis")
        if not genesis.voters():
            raise Malformed("no member has a vote", code="chain.genesis")
        _require_safe(genesis)
        return genesis

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a genesis from a file's bytes."""
        return cls.from_json(parse_json(raw, limits=_LIMITS))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a genesis file; raises as `ssi.files.read_file`, and ``chain.genesis``."""
        return cls.parse(read_file(path, most=_LIMITS.max_bytes))


def validator_json(key: PublicKey, *, power: int = DEFAULT_POWER, name: str = "") -> JSONObject:
    """A validator in CometBFT's genesis shape."""
    value = b64encode(key.raw).decode()
    return {
        "address": address_of(key.raw),
        "name": name,
        "power": str(power),
        "pub_key": {"type": _PUBKEY_TYPE, "value": value},
    }


def _validator(item: JSON) -> JSONObject:
    reading = f.reader(item, "validator")
    key = Fields(reading.take_object("pub_key"), where="pub_key", code="chain.genesis")
    power = reading.take_str("power", max_len=12)
    reading.opt_str("name", allow_empty=True)
    reading.opt_str("address")
    value = key.take_str("value", max_len=64)
    if key.take_str("type") != _PUBKEY_TYPE:
        raise Malformed("a validator key is not Ed25519", code="chain.genesis")
    key.done()
    reading.done()
    try:
        raw = b64decode(value, validate=True)
    except ValueError:
        raise Malformed("a validator key is not base64", code="chain.genesis") from None
    if not power.isascii() or not power.isdecimal() or not 0 < int(power) <= MAX_POWER:
        raise Malformed("a validator's power is out of range", code="chain.genesis")
    if len(raw) != 32:  # noqa: PLR2004 - Ed25519
        raise Malformed("a validator key is not 32 bytes", code="chain.genesis")
    return item if isinstance(item, dict) else {}


def genesis_records(genesis: Genesis) -> dict[str, bytes]:
    """The state at height 0: the founding members, the validators and the parameters."""
    seats = _founding_seats(genesis)
    records = {validator_key(address): seat.to_bytes() for address, seat in seats.items()}
    records |= {
        member_key(member.id): MemberRecord(
            state=ACTIVE,
            height=0,
            time=genesis.genesis_time,
            name=member.name,
            roles=member.roles,
            keys=member.account_keys,
            voter_since=0 if "voter" in member.roles else None,
        ).to_bytes()
        for member in genesis.members
    }
    time, timelock = genesis.genesis_time, genesis.params.timelock
    records[ROLL_KEY] = Roll(state=ACTIVE, height=0, time=time, voters=genesis.voters()).to_bytes()
    records[PARAMS_KEY] = ParamsRecord(
        state=ACTIVE,
        height=0,
        time=time,
        timelock=TIMELOCK if timelock is None else timelock,
        emergency=EMERGENCY,
        majority_a=(3, 4),
        majority_b=(2, 3),
        majority_c=(1, 2),
    ).to_bytes()
    records[ROSTER_KEY] = Roster(
        state=ACTIVE,
        height=0,
        time=time,
        addresses=tuple(sorted(seats)),
        network=len(seats) > 1,
        epoch_at=time,
        epoch_power=sum(seat.power for seat in seats.values()),
    ).to_bytes()
    config: JSONObject = {
        "v": 1,
        "chain_id": genesis.chain_id,
        "genesis": genesis.digest(),
        "loopback": genesis.params.loopback,
        "rules_version": genesis.rules_version,
    }
    return records | {CONFIG_KEY: canonical_json(config)}


def _require_safe(genesis: Genesis) -> None:
    """One validator alone, or a network that no member can stop [REG-GEN-2]."""
    seats = _founding_seats(genesis)
    reason = unsafe_set(seats) if len(seats) > 1 else None
    if reason is not None:
        raise Malformed(
            f"{reason[1]}: found a chain with one validator, or with four or more of which no"
            " member has a third",
            code="chain.genesis",
        )


def _founding_seats(genesis: Genesis) -> dict[str, ValidatorRecord]:
    """The founding validators [REG-VAL-1]; a name that is a member's id says whose they are."""
    members = {member.id for member in genesis.members}
    seats: dict[str, ValidatorRecord] = {}
    for given in genesis.validators:
        reading = Fields(given, where="validator", code="chain.genesis")
        key = Fields(reading.take_object("pub_key"), where="pub_key", code="chain.genesis")
        raw = b64decode(key.take_str("value"), validate=True)
        name = reading.opt_str("name", allow_empty=True)
        seats[address_of(raw)] = ValidatorRecord(
            state=ACTIVE,
            height=0,
            time=genesis.genesis_time,
            pub_key=b64url_encode(raw),
            power=int(reading.take_str("power")),
            member=name if name in members else None,
        )
    if len(seats) != len(genesis.validators):
        raise Malformed("a validator key stands twice", code="chain.genesis")
    return seats


def address_of(public_key: bytes) -> str:
    """CometBFT's address of an Ed25519 key, in upper-case hex."""
    return sha256(public_key)[:20].hex().upper()


def new_genesis(  # noqa: PLR0913 - what founders decide
    *,
    chain_id: str,
    genesis_time: int,
    validators: Sequence[PublicKey],
    members: Sequence[GenesisMember],
    loopback: bool = False,
    names: Sequence[str] = (),
    timelock: int | None = None,
) -> Genesis:
    """Make a genesis whose validators all have one vote.

    Args:
        chain_id: The chain's id.
        genesis_time: In Unix seconds.
        validators: Their keys.
        members: The founders.
        loopback: Whether it is a demonstration on one machine.
        names: Which member runs each validator.
        timelock: Seconds a change of the constitution waits; only with ``loopback``.

    Returns:
        The checked genesis.
    """
    return Genesis.from_json(
        Genesis(
            chain_id=chain_id,
            genesis_time=genesis_time,
            validators=tuple(
                validator_json(key, name=name)
                for key, name in zip_longest(validators, names, fillvalue="")
                if not isinstance(key, str)
            ),
            members=tuple(members),
            params=Params(loopback=loopback, timelock=timelock),
        ).to_json()
    )
