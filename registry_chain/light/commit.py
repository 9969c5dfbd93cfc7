"""Commits: the precommit votes by which validators signed a block."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from registry_chain.light import codec
from registry_chain.light.codec import (
    NO_TIME,
    Timestamp,
    delimited,
    pb_bytes,
    pb_fixed,
    pb_int,
    pb_message,
    to_base64,
    to_hex,
)
from registry_chain.light.header import ADDRESS_SIZE, BlockId
from registry_chain.light.validators import MAX_VALIDATORS
from ssi.encoding import JSON, JSONObject
from ssi.merkle import EMPTY_ROOT, root_hash

SIGNATURE_SIZE: Final = 64
_PRECOMMIT: Final = 2
_MAX_ROUND: Final = 2**31 - 1


class Flag(IntEnum):
    """What a validator did: nothing, signed this block, or signed that there is none."""

    ABSENT = 1
    COMMIT = 2
    NIL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSig:
    """One validator's vote. Each signs its own time."""

    flag: Flag
    address: bytes = b""
    time: Timestamp = NO_TIME
    signature: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """Encode ``CommitSig``, the leaf of the commit's hash."""
        return (
            pb_int(1, self.flag)
            + pb_bytes(2, self.address)
            + pb_message(3, self.time.encode())
            + pb_bytes(4, self.signature)
        )

    @classmethod
    def parse(cls, obj: JSON) -> Self:
        """Read CometBFT's JSON."""
        fields = codec.reader(obj, "vote")
        flag = Flag(fields.take_int("block_id_flag", Flag.ABSENT, Flag.NIL))
        if flag is Flag.ABSENT:
            if obj != _ABSENT:
                raise codec.malformed("an absent validator has signed")
            return cls(flag=flag)
        vote = cls(
            flag=flag,
            address=codec.take_hex(fields, "validator_address", ADDRESS_SIZE),
            time=codec.take_time(fields, "timestamp"),
            signature=codec.take_base64(fields, "signature", SIGNATURE_SIZE),
        )
        fields.done()
        return vote

    def to_json(self) -> JSONObject:
        """Return CometBFT's JSON."""
        return {
            "block_id_flag": int(self.flag),
            "validator_address": to_hex(self.address),
            "timestamp": self.time.to_json(),
            "signature": to_base64(self.signature) if self.signature else None,
        }


_ABSENT: Final = CommitSig(flag=Flag.ABSENT).to_json()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The votes for a block, one entry for each validator in the order of the set."""

    height: int
    round: int
    block_id: BlockId
    signatures: tuple[CommitSig, ...]

    @classmethod
    def parse(cls, obj: JSON) -> Self:
        """Read CometBFT's JSON.

        Raises:
            Malformed: ``light.malformed``.
        """
        fields = codec.reader(obj, "commit")
        commit = cls(
            height=codec.take_int64(fields, "height"),
            round=fields.take_int("round", 0, _MAX_ROUND),
            block_id=BlockId.parse(fields.take_object("block_id")),
            signatures=tuple(
                CommitSig.parse(item)
                for item in fields.take_list("signatures", max_items=MAX_VALIDATORS)
            ),
        )
        fields.done()
        if commit.block_id.is_zero or not commit.signatures:
            raise codec.malformed("a commit names no block, or has no votes")
        return commit

    def to_json(self) -> JSONObject:
        """Return CometBFT's JSON."""
        return {
            "height": str(self.height),
            "round": self.round,
            "block_id": self.block_id.to_json(),
            "signatures": [signature.to_json() for signature in self.signatures],
        }

    def encode(self) -> bytes:
        """Encode ``Commit``, as it stands in the next block."""
        head = pb_int(1, self.height) + pb_int(2, self.round)
        votes = b"".join(pb_message(4, signature.encode()) for signature in self.signatures)
        return head + pb_message(3, self.block_id.encode()) + votes


def commit_hash(commit: Commit | None) -> bytes:
    """Return the hash by which the next header binds a commit; ``None`` before the first block."""
    if commit is None:
        return EMPTY_ROOT
    return root_hash([signature.encode() for signature in commit.signatures])


def vote_sign_bytes(chain_id: str, commit: Commit, index: int) -> bytes:
    """Return what the validator at ``index`` signed: a delimited ``CanonicalVote``.

    A vote for nothing leaves the block id out. Round 0 is left out as any zero.
    """
    vote = commit.signatures[index]
    block_id = pb_message(4, commit.block_id.encode()) if vote.flag is Flag.COMMIT else b""
    return delimited(
        pb_int(1, _PRECOMMIT)
        + pb_fixed(2, commit.height)
        + pb_fixed(3, commit.round)
        + block_id
        + pb_message(5, vote.time.encode())
        + pb_bytes(6, chain_id.encode())
    )
