"""Light blocks in few characters: what follows from the rest is left out [REG-PROOF-6].

The form in which bundles carry them. It is expanded to CometBFT's JSON and read by the one strict
reader, so it can say nothing that the long form could not. Each block has one short spelling: a
member that may be left out must be left out.
"""

from typing import Final

from registry_chain.light import codec
from registry_chain.light.codec import Timestamp, to_hex
from registry_chain.light.commit import Commit, CommitSig, Flag
from registry_chain.light.header import BLOCK_PROTOCOL, MAX_CHAIN_ID, BlockId, Header, header_hash
from registry_chain.light.light_block import UntrustedLightBlock
from registry_chain.light.validators import (
    KEY_SIZE,
    MAX_VALIDATORS,
    Validator,
    ValidatorSet,
    checked_set,
    validators_hash,
)
from ssi.encoding import JSON, Fields, JSONObject, b64url_encode
from ssi.merkle import EMPTY_ROOT

SIGNATURE_SIZE: Final = 64
_MAX_PARTS: Final = 2**32 - 1
_MAX_ROUND: Final = 2**31 - 1
_HASH: Final = 32
_USUALLY_EMPTY: Final = ("data_hash", "last_results_hash", "evidence_hash")


def slim_light_block(block: UntrustedLightBlock) -> JSONObject:
    """Return the short form of a light block.

    Raises:
        ValueError: The block contradicts itself, so that it could never be verified.
    """
    header, commit = block.header, block.commit
    addresses = [one.address for one in block.validators.validators]
    votes: list[JSON] = [_slim_vote(vote) for vote in commit.signatures]
    slim: JSONObject = {
        "header": _slim_header(header, addresses),
        "round": commit.round,
        "parts": [commit.block_id.parts_total, b64url_encode(commit.block_id.parts_hash)],
        "votes": votes,
        "validators": [
            [b64url_encode(one.public_key), str(one.power)] for one in block.validators.validators
        ],
    }
    if expand_light_block(slim) != block:
        raise ValueError("this light block contradicts itself")
    return slim


def _slim_header(header: Header, addresses: list[bytes]) -> JSONObject:
    slim: JSONObject = {
        "app": str(header.app_protocol),
        "chain_id": header.chain_id,
        "height": str(header.height),
        "time": header.time.to_json(),
        "last_commit_hash": b64url_encode(header.last_commit_hash),
        "consensus_hash": b64url_encode(header.consensus_hash),
        "app_hash": b64url_encode(header.app_hash),
        "proposer": (
            addresses.index(header.proposer_address)
            if header.proposer_address in addresses
            else b64url_encode(header.proposer_address)
        ),
    }
    last = header.last_block_id
    if not last.is_zero:
        slim["last_block_id"] = [
            b64url_encode(last.hash),
            last.parts_total,
            b64url_encode(last.parts_hash),
        ]
    if header.next_validators_hash != header.validators_hash:
        slim["next_validators_hash"] = b64url_encode(header.next_validators_hash)
    for name in _USUALLY_EMPTY:
        value: bytes = getattr(header, name)
        if value != EMPTY_ROOT:
            slim[name] = b64url_encode(value)
    return slim


def _slim_vote(vote: CommitSig) -> JSON:
    if vote.flag is Flag.ABSENT:
        return None
    said: list[JSON] = [vote.time.to_json(), b64url_encode(vote.signature)]
    return [*said, "nil"] if vote.flag is Flag.NIL else said


def expand_light_block(obj: JSON) -> UntrustedLightBlock:
    """Read the short form.

    Raises:
        Malformed: ``light.malformed`` or ``encoding.base64url``.
    """
    fields = codec.reader(obj, "light_block")
    validators = _validators(fields.take_list("validators", max_items=MAX_VALIDATORS))
    header = _header(fields.take_fields("header"), validators)
    parts = _row(fields.take_list("parts", max_items=2), "total", "hash")
    total = parts.take_int("total", 1, _MAX_PARTS)
    block = BlockId(
        hash=header_hash(header),
        parts_total=total,
        parts_hash=parts.take_bytes("hash", size=_HASH),
    )
    listed = fields.take_list("votes", max_items=MAX_VALIDATORS)
    round_ = fields.take_int("round", 0, _MAX_ROUND)
    fields.done()
    if len(listed) != len(validators.validators):
        raise codec.malformed("there is not one vote for each validator")
    votes = tuple(
        _vote(vote, one.address) for vote, one in zip(listed, validators.validators, strict=True)
    )
    commit = Commit(height=header.height, round=round_, block_id=block, signatures=votes)
    return UntrustedLightBlock(header=header, commit=commit, validators=validators)


def _header(fields: Fields, validators: ValidatorSet) -> Header:
    own_hash = validators_hash(validators)
    last = fields.opt_list("last_block_id", max_items=3)
    following = fields.opt_bytes("next_validators_hash", size=_HASH)
    hashes = {name: fields.opt_bytes(name) for name in _USUALLY_EMPTY}
    if following == own_hash or EMPTY_ROOT in hashes.values():
        raise codec.malformed("a member is there that follows from the rest")
    header: JSONObject = {
        "version": {"block": str(BLOCK_PROTOCOL), "app": fields.take_str("app", max_len=20)},
        "chain_id": fields.take_str("chain_id", max_len=MAX_CHAIN_ID),
        "height": fields.take_str("height", max_len=20),
        "time": fields.take_str("time"),
        "last_block_id": _block_id(last),
        "last_commit_hash": to_hex(fields.take_bytes("last_commit_hash")),
        "validators_hash": to_hex(own_hash),
        "next_validators_hash": to_hex(own_hash if following is None else following),
        "consensus_hash": to_hex(fields.take_bytes("consensus_hash")),
        "app_hash": to_hex(fields.take_bytes("app_hash")),
        "proposer_address": to_hex(_proposer(fields, validators)),
    }
    for name, value in hashes.items():
        header[name] = to_hex(EMPTY_ROOT if value is None else value)
    time = header["time"]
    fields.done()
    read = Header.parse(header)
    if read.time.to_json() != time:
        raise codec.malformed("a time is not in its shortest spelling")
    return read


def _proposer(fields: Fields, validators: ValidatorSet) -> bytes:
    """The proposer by its place in the set, or by its address when it is not in it."""
    addresses = [one.address for one in validators.validators]
    if not isinstance(fields.rest().get("proposer"), str):
        place = fields.take_int("proposer", 0, MAX_VALIDATORS)
        if place >= len(addresses):
            raise codec.malformed("the proposer has no place in the set")
        return addresses[place]
    address = fields.take_bytes("proposer")
    if address in addresses:
        raise codec.malformed("a member is there that follows from the rest")
    return address


def _block_id(row: list[JSON] | None) -> JSONObject:
    if row is None:
        return BlockId(hash=b"", parts_total=0, parts_hash=b"").to_json()
    fields = _row(row, "hash", "total", "parts")
    block = BlockId(
        hash=fields.take_bytes("hash", size=_HASH),
        parts_total=fields.take_int("total", 0, _MAX_PARTS),
        parts_hash=fields.take_bytes("parts", size=_HASH),
    )
    return block.to_json()


def _vote(row: JSON, address: bytes) -> CommitSig:
    if row is None:
        return CommitSig(flag=Flag.ABSENT)
    nil = isinstance(row, list) and len(row) == 3 and row[2] == "nil"  # noqa: PLR2004 - the mark
    fields = _row(row[:2] if isinstance(row, list) and nil else row, "time", "signature")
    signature = fields.take_bytes("signature", size=SIGNATURE_SIZE)
    written = fields.rest().get("time")
    time: Timestamp = codec.take_time(fields, "time")
    if time.to_json() != written:
        raise codec.malformed("a time is not in its shortest spelling")
    flag = Flag.NIL if nil else Flag.COMMIT
    return CommitSig(flag=flag, address=address, time=time, signature=signature)


def _validators(rows: list[JSON]) -> ValidatorSet:
    listed = []
    for row in rows:
        fields = _row(row, "key", "power")
        power = codec.take_int64(fields, "power")
        if power < 1:
            raise codec.malformed("a validator has no power")
        key = fields.take_bytes("key", size=KEY_SIZE)
        listed.append(Validator(public_key=key, power=power))
    return checked_set(tuple(listed))


def _row(row: JSON, *names: str) -> Fields:
    """Read a row by the names of its columns."""
    if not isinstance(row, list) or len(row) != len(names):
        raise codec.malformed("a row has not its columns")
    return codec.reader(dict(zip(names, row, strict=True)), "row")
