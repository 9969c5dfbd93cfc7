"""The registry's rules: what a transaction changes, and when it is refused.

``apply_tx`` first judges the envelope (this file), then asks the one function of the record
family. Rules are pure: the same view, transaction and block give the same changes on every node.
They know no clock, storage, network, randomness or locale; block time is a parameter. A refusal
changes nothing. Clauses: ``specs/registry.md``.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from json import loads
from types import MappingProxyType

from registry_chain.records import (
    ACTIVE,
    EXPELLED,
    MAX_RECORD_BYTES,
    MemberRecord,
    lanes_key,
    member_key,
)
from registry_chain.rules import (
    anchors,
    bridges,
    consents,
    disputes,
    emergency,
    issuers,
    keys,
    members,
    notices,
    operators,
    proposals,
    schemas,
    status,
    upgrades,
    validators,
    verifiers,
)
from registry_chain.rules.context import (
    BlockContext,
    Offence,
    Rule,
    member,
    public_key,
    refuse,
    thumbprint,
)
from registry_chain.rules.electorate import keeps_ballot
from registry_chain.rules.emergency import require_not_paused
from registry_chain.rules.offences import apply_offences
from registry_chain.rules.upgrades import rules_version
from registry_chain.state import Changes, View
from registry_chain.transactions import (
    VALIDITY_WINDOW,
    Execute,
    Propose,
    UntrustedTx,
    Vote,
)
from registry_chain.transactions.fields import canonical
from ssi.encoding import JSON
from ssi.errors import InvalidSignature, Refused, Unavailable
from ssi.keys import PublicKey

__all__ = [
    "VERSIONS",
    "BlockContext",
    "Offence",
    "apply_offences",
    "apply_tx",
    "block_context",
    "lane_seq",
    "rules_version",
    "verify_early",
]

_FAMILIES: tuple[Mapping[str, Rule], ...] = (
    members.RULES,
    issuers.RULES,
    keys.RULES,
    verifiers.RULES,
    operators.RULES,
    schemas.RULES,
    status.RULES,
    anchors.RULES,
    bridges.RULES,
    consents.RULES,
    notices.RULES,
    disputes.RULES,
    emergency.RULES,
    upgrades.RULES,
    validators.RULES,
)
_RECORDS: dict[str, Rule] = {kind: rule for family in _FAMILIES for kind, rule in family.items()}
RULES: Mapping[str, Rule] = MappingProxyType(_RECORDS | proposals.rules(_RECORDS))

# Every version of the rules this program knows; a chain moves to the next one by a plan.
VERSIONS: Mapping[int, Mapping[str, Rule]] = MappingProxyType({1: RULES})

# What a member may still send whom an emergency has stopped [REG-EMG-8].
_BALLOTS = (Propose.TYPE, Vote.TYPE, Execute.TYPE)


def apply_tx(view: View, tx: UntrustedTx, block: BlockContext) -> Changes:
    """Return what ``tx`` changes in ``view``.

    Args:
        view: The state before it.
        tx: The transaction, untrusted.
        block: The block it stands in.

    Returns:
        Every changed key with its new value, the account's counter among them.

    Raises:
        Refused: A rule forbids it; nothing changes.
    """
    rules = VERSIONS[block.rules_version]
    seqs = _lane_seqs(view, tx.account)
    _require_envelope(view, tx, block, _last(seqs, tx.lane))
    require_not_paused(view, tx.type, block)
    changes = rules[tx.type](view, tx.account, tx.body, block)
    if any(len(value) > MAX_RECORD_BYTES for value in changes.values()):
        raise refuse("REG-REC-2", "record_too_big", "the record would be too big")
    return changes | {lanes_key(tx.account): _counted(seqs, tx)}


def block_context(view: View, *, height: int, time: int, chain_id: str) -> BlockContext:
    """The block at ``height``, judged by the rules that hold there [REG-UPG-2].

    Raises:
        Unavailable: ``chain.upgrade_needed``: the plan wants a version this program does not have,
            so it stops before that height instead of guessing [REG-UPG-4].
    """
    version = rules_version(view, height)
    if version not in VERSIONS:
        raise Unavailable(
            f"this program lacks version {version} of the rules", code="chain.upgrade_needed"
        )
    return BlockContext(height=height, time=time, chain_id=chain_id, rules_version=version)


def lane_seq(view: View, account: str, lane: int) -> int:
    """The last number used in a lane; 0 before the first."""
    return _last(_lane_seqs(view, account), lane)


def _lane_seqs(view: View, account: str) -> list[int]:
    """The last number of each lane, up to the highest one used [REG-TX-6]."""
    raw = view.get(lanes_key(account))
    seqs: list[int] = [] if raw is None else loads(raw.decode())["seqs"]  # our own bytes
    return seqs


def _last(seqs: Sequence[int], lane: int) -> int:
    return seqs[lane] if lane < len(seqs) else 0


def _counted(seqs: Sequence[int], tx: UntrustedTx) -> bytes:
    """The account's counters after a transaction."""
    counted: list[JSON] = [*seqs, *[0] * (tx.lane + 1 - len(seqs))]
    counted[tx.lane] = tx.seq
    return canonical({"seqs": counted, "v": 1})


def verify_early(view: View, tx: UntrustedTx) -> None:
    """Verify the signature ahead of time, where several threads can do it at once.

    A mere warming of the cache: `apply_tx` judges again, on the state of its moment.
    """
    with suppress(Refused):
        _require_signed(view, tx)


def _require_envelope(view: View, tx: UntrustedTx, block: BlockContext, last: int) -> None:
    if tx.chain_id != block.chain_id:
        raise refuse("REG-TX-2", "wrong_chain", "the transaction is for another chain")
    if not block.height <= tx.valid_until_height <= block.height + VALIDITY_WINDOW:
        raise refuse("REG-TX-3", "height_window", "the transaction is not for this height")
    account = member(view, tx.account, block, "REG-TX-5")
    if account.state == EXPELLED:
        raise refuse("REG-TX-5", "member_expelled", "the member was expelled")
    if account.state != ACTIVE and not (tx.type in _BALLOTS and keeps_ballot(account)):
        raise refuse("REG-TX-5", "member_suspended", "the account is suspended")
    _require_signed(view, tx)
    if tx.seq <= last:
        raise refuse("REG-TX-6", "replayed", "the lane's number was used before")
    if tx.seq != last + 1:
        raise refuse("REG-TX-6", "sequence_gap", "the lane's number is not the next one")


def _require_signed(view: View, tx: UntrustedTx) -> None:
    raw = view.get(member_key(tx.account))
    key = None if raw is None else _keys(raw).get(tx.kid)
    if key is None:
        raise refuse("REG-TX-5", "key_unknown", "the account has no such key")
    try:
        _verified(_Signed(tx, key))
    except InvalidSignature:
        raise refuse("REG-TX-5", "signature", "the account's key did not sign this") from None


@lru_cache(maxsize=512)  # the same accounts act again and again
def _keys(raw: bytes) -> dict[str, PublicKey]:
    """The keys of a member's record by their thumbprints."""
    return {thumbprint(jwk): public_key(jwk) for jwk in MemberRecord.from_bytes(raw).keys}


class _Signed:
    """A signature to check once: on entry, not again in the block. Equal by key and content.

    A transaction's id is the digest of what is signed.
    """

    __slots__ = ("identity", "key", "signing_input")

    def __init__(self, tx: UntrustedTx, key: PublicKey) -> None:
        self.key = key
        self.signing_input = tx.jws.signing_input
        self.identity = (key.raw, tx.tx_id, tx.jws.signature)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Signed) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


@lru_cache(maxsize=8192)
def _verified(signed: _Signed) -> None:
    signed.key.verify(signed.signing_input, signed.identity[2])
    signed.signing_input = b""  # the cache keeps the digest, not up to 256 KiB of content
