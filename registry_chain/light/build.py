"""Making blocks that validators sign, for the embedded engine and for tests.

The encode side of what the rest of this package verifies; there is one code for both.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from registry_chain.light.codec import Timestamp, pb_message
from registry_chain.light.commit import Commit, CommitSig, Flag, vote_sign_bytes
from registry_chain.light.header import NO_BLOCK, BlockId, Header, header_hash
from registry_chain.light.light_block import UntrustedLightBlock
from registry_chain.light.validators import ValidatorSet
from ssi.merkle import root_hash

PART_SIZE: Final = 65_536
_NO_COMMIT: Final = Commit(height=0, round=0, block_id=NO_BLOCK, signatures=())
Sign = Callable[[bytes], bytes]


def block_id(header: Header, txs: Sequence[bytes], last_commit: Commit | None) -> BlockId:
    """Return the id of a block: its header's hash, and the root over its parts of 64 KiB."""
    data = encode_block(header, txs, last_commit)
    parts = [data[at : at + PART_SIZE] for at in range(0, len(data), PART_SIZE)]
    return BlockId(hash=header_hash(header), parts_total=len(parts), parts_hash=root_hash(parts))


def encode_block(header: Header, txs: Sequence[bytes], last_commit: Commit | None) -> bytes:
    """Encode CometBFT's ``Block`` message, without evidence.

    The first block of a chain has a commit too, one with nothing in it.
    """
    data = b"".join(pb_message(1, tx) for tx in txs)
    last = pb_message(4, (last_commit or _NO_COMMIT).encode())
    return pb_message(1, header.encode()) + pb_message(2, data) + pb_message(3, b"") + last


def sign_block(  # noqa: PLR0913 - what a vote is made of
    header: Header,
    block: BlockId,
    validators: ValidatorSet,
    *,
    signers: Mapping[bytes, Sign],
    time: Timestamp,
    round_: int = 0,
) -> UntrustedLightBlock:
    """Return the light block of a header, signed by those validators who are here.

    Args:
        header: The header.
        block: Its id, from `block_id`.
        validators: The validators of this height.
        signers: Who signs: a function from message to signature under each address.
        time: The time of the votes.
        round_: The round of voting.
    """
    votes = tuple(
        CommitSig(flag=Flag.COMMIT, address=one.address, time=time)
        if one.address in signers
        else CommitSig(flag=Flag.ABSENT)
        for one in validators.validators
    )
    unsigned = Commit(height=header.height, round=round_, block_id=block, signatures=votes)
    signed = tuple(
        CommitSig(
            flag=vote.flag,
            address=vote.address,
            time=vote.time,
            signature=signers[vote.address](vote_sign_bytes(header.chain_id, unsigned, index)),
        )
        if vote.flag is Flag.COMMIT
        else vote
        for index, vote in enumerate(votes)
    )
    commit = Commit(height=header.height, round=round_, block_id=block, signatures=signed)
    return UntrustedLightBlock(header=header, commit=commit, validators=validators)
