"""The records of the chain, typed: written by the rules, read by clients from proven bytes.

Every record's JSON has ``v`` (1), ``state``, ``height`` and ``time`` of its last change. A state
that ended says when; nothing is ever deleted. Clauses: ``specs/registry.md`` §3 [REG-REC-1].
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

from registry_chain.transactions import fields as f
from registry_chain.transactions.fields import Name
from registry_chain.transactions.verifiers import Purpose, VerifierProfile
from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    b64url_encode,
    parse_json_object,
    sha256,
)
from ssi.errors import Malformed

RECORD_VERSION = 1
MAX_RECORD_BYTES = 60_000
RECORD_LIMITS = JsonLimits(
    max_bytes=MAX_RECORD_BYTES, max_members=10_000, max_string=MAX_RECORD_BYTES
)
ACTIVE, SUSPENDED, REVOKED, RETIRED = "active", "suspended", "revoked", "retired"
EXPELLED = "expelled"
GIVEN, WITHDRAWN, COMMITTED = "given", "withdrawn", "committed"

PurposeRecord = Purpose


def _open(obj: JSON, where: str) -> Fields:
    if not isinstance(obj, dict) or obj.get("v") != RECORD_VERSION:
        raise Malformed(f"{where} is not a record of this version", code="chain.record")
    given: JSONObject = {
        name: value for name, value in obj.items() if value is not None and name != "v"
    }
    return Fields(given, where=where, code="chain.record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(ABC):
    """What all records share."""

    PREFIX: ClassVar[str]
    state: str
    height: int
    time: int

    def to_json(self) -> JSONObject:
        """The record as its JSON value."""
        return {"v": RECORD_VERSION} | f.plain_object(self)

    def to_bytes(self) -> bytes:
        """The record's bytes in the map: canonical JSON."""
        return f.canonical(self.to_json())

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read the record back from the map's bytes."""
        return cls.from_json(parse_json_object(raw, limits=RECORD_LIMITS))

    @classmethod
    def from_json(cls, obj: JSON) -> Self:
        """Read the record from its JSON value.

        Raises:
            Malformed: ``chain.record``.
        """
        reading = _open(obj, cls.PREFIX)
        record = cls._read(reading)
        reading.done()
        return record

    @classmethod
    @abstractmethod
    def _read(cls, reading: Fields) -> Self:
        """Take the record's own members."""


def common(reading: Fields) -> tuple[str, int, int]:
    """State, height and time, which every record has."""
    return reading.take_str("state"), reading.take_int("height"), reading.take_int("time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stoppable(Record):
    """A record that can be suspended, for good or until a time.

    A suspension that has a last second ends without a transaction: who reads the record applies
    `settled` with the time of the block that proves it [REG-EMG-4].
    """

    suspended_at: int | None = None
    suspended_until: int | None = None
    suspended_by: str | None = None
    reason: str | None = None

    def settled(self, time: int) -> Self:
        """The record as it stands at ``time``, the time of a block that shows it.

        A reader's own clock does not do: a suspension may be prolonged after the block he knows.
        """
        over = self.suspended_until is not None and time >= self.suspended_until
        if self.state != SUSPENDED or not over:
            return self
        return replace(self, state=self._unstopped())

    def halted_at(self, time: int) -> bool:
        """Whether a suspension that this record tells of held at ``time``."""
        if self.suspended_at is None or time < self.suspended_at:
            return False
        return self.suspended_until is None or time < self.suspended_until

    def stopped(self, *, at: int, height: int, until: int | None, by: str, reason: str) -> Self:
        """The record under a suspension that begins at block time ``at``."""
        return replace(
            self,
            state=SUSPENDED,
            height=height,
            time=at,
            suspended_at=at,
            suspended_until=until,
            suspended_by=by,
            reason=reason,
        )

    def resumed(self, *, at: int, height: int) -> Self:
        """The record after the end of its suspension."""
        return replace(
            self,
            state=self._unstopped(),
            height=height,
            time=at,
            suspended_at=None,
            suspended_until=None,
            suspended_by=None,
            reason=None,
        )

    def _unstopped(self) -> str:
        return ACTIVE


class _Halt(NamedTuple):
    at: int | None
    until: int | None
    by: str | None
    reason: str | None


def take_halt(reading: Fields) -> _Halt:
    """The four members of a suspension, each perhaps absent."""
    return _Halt(
        at=reading.opt_int("suspended_at"),
        until=reading.opt_int("suspended_until"),
        by=reading.opt_str("suspended_by"),
        reason=reading.opt_str("reason"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord(Stoppable):
    """A member: its roles and account keys. ``voter_since`` is the height it became a voter."""

    PREFIX = "member"
    name: Name
    roles: tuple[str, ...]
    keys: tuple[JSONObject, ...]
    voter_since: int | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        halt = take_halt(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            name=Name.from_json(reading.take_object("name")),
            roles=tuple(reading.take_strs("roles")),
            keys=reading.take_objects("keys"),
            voter_since=reading.opt_int("voter_since"),
            suspended_at=halt.at,
            suspended_until=halt.until,
            suspended_by=halt.by,
            reason=halt.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorRecord(Stoppable):
    """A key that signs blocks, and with how much power while it is active [REG-VAL-1].

    ``pub_key`` is the raw Ed25519 key in base64url; the record's key is CometBFT's address of it.
    """

    PREFIX = "validator"
    pub_key: str
    power: int
    member: str | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        halt = take_halt(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            pub_key=reading.take_str("pub_key"),
            power=reading.take_int("power"),
            member=reading.opt_str("member"),
            suspended_at=halt.at,
            suspended_until=halt.until,
            suspended_by=halt.by,
            reason=halt.reason,
        )

    def settled(self, time: int) -> Self:
        """Itself: power comes back only by a transaction, which tells the engine [REG-EMG-9]."""
        del time
        return self

    @property
    def voting_power(self) -> int:
        """The power it has among those that sign; none unless it is active."""
        return self.power if self.state == ACTIVE else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OffenceRecord(Record):
    """What the engine proved against a validator [REG-VAL-3]. Never changed once written.

    ``at_height`` and ``at_time`` say when it was done; ``power`` how much the validator had then.
    """

    PREFIX = "offence"
    kind: str
    validator: str
    at_height: int
    at_time: int
    power: int

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            kind=reading.take_str("kind"),
            validator=reading.take_str("validator"),
            at_height=reading.take_int("at_height"),
            at_time=reading.take_int("at_time"),
            power=reading.take_int("power"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerRecord(Stoppable):
    """An accredited issuer."""

    PREFIX = "issuer"
    name: Name
    corporate_number: str
    url: str
    credential_types: tuple[str, ...]
    ca: tuple[str, ...]
    trust_framework: str
    valid_from: int
    valid_until: int
    contact: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        halt = take_halt(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            name=Name.from_json(reading.take_object("name")),
            corporate_number=reading.take_str("corporate_number"),
            url=reading.take_str("url"),
            credential_types=tuple(reading.take_strs("credential_types")),
            ca=tuple(reading.take_strs("ca")),
            trust_framework=reading.take_str("trust_framework"),
            valid_from=reading.take_int("valid_from"),
            valid_until=reading.take_int("valid_until"),
            contact=reading.take_str("contact"),
            suspended_at=halt.at,
            suspended_until=halt.until,
            suspended_by=halt.by,
            reason=halt.reason,
        )

    def accredited_at(self, time: int) -> bool:
        """Whether the issuer was accredited at ``time`` and not suspended by then [REG-ISS-6]."""
        return self.valid_from <= time <= self.valid_until and not self.halted_at(time)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord(Stoppable):
    """An issuer's signing key and its life."""

    PREFIX = "key"
    issuer: str
    thumbprint: str
    jwk: JSONObject
    use: str
    valid_from: int
    valid_until: int
    compromised_since: int | None = None
    next_digest: str | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        halt = take_halt(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            issuer=reading.take_str("issuer"),
            thumbprint=reading.take_str("thumbprint"),
            jwk=reading.take_object("jwk"),
            use=reading.take_str("use"),
            valid_from=reading.take_int("valid_from"),
            valid_until=reading.take_int("valid_until"),
            compromised_since=reading.opt_int("compromised_since"),
            next_digest=reading.opt_str("next_digest"),
            suspended_at=halt.at,
            suspended_until=halt.until,
            suspended_by=halt.by,
            reason=halt.reason,
        )

    def good_at(self, time: int) -> bool:
        """Whether a signature made at ``time`` counts [REG-KEY-6].

        A retired key still vouches for what it signed in its life; a revoked one only for what is
        provably older than ``compromised_since``, which a time inside the signed data is not.
        """
        lives = self.valid_from <= time <= self.valid_until
        return lives and self.state not in (REVOKED, SUSPENDED)

    def _unstopped(self) -> str:
        # A key that had been retired was over when it was suspended, and is retired again.
        over = self.suspended_at is not None and self.valid_until <= self.suspended_at
        return RETIRED if over else ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierRecord(Stoppable):
    """A registered firm."""

    PREFIX = "verifier"
    verifier: str
    profile: VerifierProfile

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        halt = take_halt(reading)
        verifier = reading.take_str("verifier")
        inner = _open({"v": RECORD_VERSION} | reading.take_object("profile"), "verifier.profile")
        profile = VerifierProfile.read(inner)
        inner.done()
        return cls(
            state=state,
            height=height,
            time=time,
            verifier=verifier,
            profile=profile,
            suspended_at=halt.at,
            suspended_until=halt.until,
            suspended_by=halt.by,
            reason=halt.reason,
        )

    def purpose(self, code: str) -> Purpose | None:
        """The purpose registered under ``code``."""
        return next((item for item in self.profile.purposes if item.code == code), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnedRecord(Record):
    """Which firm something belongs to that only one firm may have."""

    verifier: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(state=state, height=height, time=time, verifier=reading.take_str("verifier"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRecord(_OwnedRecord):
    """Which firm a certificate belongs to."""

    PREFIX = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxRecord(_OwnedRecord):
    """Which firm a mailbox's box belongs to."""

    PREFIX = "box"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRecord(Record):
    """An operator of mailboxes."""

    PREFIX = "operator"
    name: Name
    url: str
    keys: tuple[JSONObject, ...]

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            name=Name.from_json(reading.take_object("name")),
            url=reading.take_str("url"),
            keys=reading.take_objects("keys"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRecord(Record):
    """A version of a credential type."""

    PREFIX = "schema"
    publisher: str
    vct: str
    type_metadata: JSONObject
    json_schema: JSONObject
    digest: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            publisher=reading.take_str("publisher"),
            vct=reading.take_str("vct"),
            type_metadata=reading.take_object("type_metadata"),
            json_schema=reading.take_object("json_schema"),
            digest=reading.take_str("digest"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRecord(Record):
    """The newest edition of a status list; the token is served by every node.

    ``digest`` is the token's, ``list_digest`` that of the entries in it [REG-STA-7].
    """

    PREFIX = "status"
    sequence: int
    digest: str
    uri: str
    bits: int
    size: int
    issued_at: int
    list_digest: str
    expires_at: int | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            sequence=reading.take_int("sequence"),
            digest=reading.take_str("digest"),
            uri=reading.take_str("uri"),
            bits=reading.take_int("bits"),
            size=reading.take_int("size"),
            issued_at=reading.take_int("issued_at"),
            list_digest=reading.take_str("list_digest"),
            expires_at=reading.opt_int("expires_at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorRecord(Record):
    """The Merkle root of a batch of credentials."""

    PREFIX = "anchor"
    root: str
    size: int

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            root=reading.take_str("root"),
            size=reading.take_int("size"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord(Record):
    """A consent's commitment, its relationship key, and whether it still stands."""

    PREFIX = "consent"
    key: str
    jwk: JSONObject
    until: int
    operator: str
    withdrawn_at: int | None = None

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            key=reading.take_str("key"),
            jwk=reading.take_object("jwk"),
            until=reading.take_int("until"),
            operator=reading.take_str("operator"),
            withdrawn_at=reading.opt_int("withdrawn_at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRecord(Record):
    """The commitment to an update notice, and when the firm should have answered."""

    PREFIX = "notice"
    deadline: int
    operator: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            deadline=reading.take_int("deadline"),
            operator=reading.take_str("operator"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AckRecord(Record):
    """The commitment to a firm's answer to a notice."""

    PREFIX = "ack"
    ack: str
    outcome_class: str
    operator: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            ack=reading.take_str("ack"),
            outcome_class=reading.take_str("outcome_class"),
            operator=reading.take_str("operator"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRecord(Record):
    """That a block's hash was anchored outside, and the digest of the proof."""

    PREFIX = "bridge"
    account: str
    epoch: str
    anchored_height: int
    block_hash: str
    method: str
    digest: str

    @classmethod
    def _read(cls, reading: Fields) -> Self:
        state, height, time = common(reading)
        return cls(
            state=state,
            height=height,
            time=time,
            account=reading.take_str("account"),
            epoch=reading.take_str("epoch"),
            anchored_height=reading.take_int("anchored_height"),
            block_hash=reading.take_str("block_hash"),
            method=reading.take_str("method"),
            digest=reading.take_str("digest"),
        )


def member_key(member: str) -> str:
    """The map key of a member."""
    return f"member/{member}"


def validator_key(address: str) -> str:
    """The map key of a validator, by its address in upper-case hex."""
    return f"validator/{address}"


def offence_key(at_height: int, address: str, kind: str) -> str:
    """The map key of a validator's offence; the same one reported twice is one."""
    return f"offence/{at_height}/{address}/{kind}"


def issuer_key(issuer: str) -> str:
    """The map key of an issuer."""
    return f"issuer/{issuer}"


def signing_key_key(issuer: str, thumbprint: str) -> str:
    """The map key of an issuer's signing key."""
    return f"key/{issuer}/{thumbprint}"


def verifier_key(verifier: str) -> str:
    """The map key of a firm."""
    return f"verifier/{verifier}"


def box_key(url: str, box: str) -> str:
    """The map key of a box at a mailbox."""
    place = f"{url.rstrip('/')}\n{box}".encode()
    return f"box/{b64url_encode(sha256(place))}"


def client_key(x509_hash: str) -> str:
    """The map key of a firm's certificate."""
    return f"client/{x509_hash}"


def operator_key(operator: str) -> str:
    """The map key of a mailbox operator."""
    return f"operator/{operator}"


def schema_key(name: str, version: int) -> str:
    """The map key of a schema."""
    return f"schema/{name}/{version}"


def status_key(issuer: str, status_list: str) -> str:
    """The map key of a status list."""
    return f"status/{issuer}/{status_list}"


def anchor_key(issuer: str, batch: str) -> str:
    """The map key of a batch anchor."""
    return f"anchor/{issuer}/{batch}"


def consent_key(commitment: str) -> str:
    """The map key of a consent."""
    return f"consent/{commitment}"


def notice_key(commitment: str) -> str:
    """The map key of a notice."""
    return f"notice/{commitment}"


def ack_key(notice: str) -> str:
    """The map key of the answer to a notice."""
    return f"ack/{notice}"


def bridge_key(epoch: str, digest: str) -> str:
    """The map key of an outside anchor."""
    return f"bridge/{epoch}/{digest}"


def lane_key(account: str, lane: int) -> str:
    """The map key of an account's counter."""
    return f"lane/{account}/{lane}"
