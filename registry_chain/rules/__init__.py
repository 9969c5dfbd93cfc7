"""The registry's rules: what a transaction changes, and when it is refused.

``apply_tx`` first judges the envelope (this file), then asks the one function of the record
family. Rules are pure: the same view, transaction and block give the same changes on every node.
They know no clock, storage, network, randomness or locale; block time is a parameter. A refusal
changes nothing. Clauses: ``specs/registry.md``.
"""

from collections.abc import Mapping
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
    find,
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
from ssi.encoding import JSON, sha256
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
    _require_envelope(view, tx, block)
    require_not_paused(view, tx.type, block)
    changes = rules[tx.type](view, tx.account, tx.body, block)
    if any(len(value) > MAX_RECORD_BYTES for value in changes.values()):
        raise refuse("REG-REC-2", "record_too_big", "the record would be too big")
    return changes | _counted(view, tx)


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
    seqs = _lane_seqs(view, account)
    return seqs[lane] if lane < len(seqs) else 0


def _lane_seqs(view: View, account: str) -> tuple[int, ...]:
    """The last number of each lane, up to the highest one used [REG-TX-6]."""
    raw = view.get(lanes_key(account))
    return () if raw is None else _numbers(raw)


@lru_cache(maxsize=64)  # asked for twice by every transaction
def _numbers(raw: bytes) -> tuple[int, ...]:
    return tuple(loads(raw)["seqs"])  # our own bytes


def _counted(view: View, tx: UntrustedTx) -> Changes:
    """The account's counters after a transaction."""
    seqs: list[JSON] = [*_lane_seqs(view, tx.account)]
    seqs += [0] * (tx.lane + 1 - len(seqs))
    seqs[tx.lane] = tx.seq
    return {lanes_key(tx.account): canonical({"seqs": seqs, "v": 1})}


def verify_early(view: View, tx: UntrustedTx) -> None:
    """Verify the signature ahead of time, where several threads can do it at once.

    A mere warming of the cache: `apply_tx` judges again, on the state of its moment.
    """
    account = find(view, MemberRecord, member_key(tx.account))
    if account is not None:
        with suppress(Refused):
            _require_signed(account, tx)


def _require_envelope(view: View, tx: UntrustedTx, block: BlockContext) -> None:
    if tx.chain_id != block.chain_id:
        raise refuse("REG-TX-2", "wrong_chain", "the transaction is for another chain")
    if not block.height <= tx.valid_until_height <= block.height + VALIDITY_WINDOW:
        raise refuse("REG-TX-3", "height_window", "the transaction is not for this height")
    account = member(view, tx.account, block, "REG-TX-5")
    if account.state == EXPELLED:
        raise refuse("REG-TX-5", "member_expelled", "the member was expelled")
    if account.state != ACTIVE and not (tx.type in _BALLOTS and keeps_ballot(account)):
        raise refuse("REG-TX-5", "member_suspended", "the account is suspended")
    _require_signed(account, tx)
    last = lane_seq(view, tx.account, tx.lane)
    if tx.seq <= last:
        raise refuse("REG-TX-6", "replayed", "the lane's number was used before")
    if tx.seq != last + 1:
        raise refuse("REG-TX-6", "sequence_gap", "the lane's number is not the next one")


def _require_signed(account: MemberRecord, tx: UntrustedTx) -> None:
    jwk = next((key for key in account.keys if thumbprint(key) == tx.kid), None)
    if jwk is None:
        raise refuse("REG-TX-5", "key_unknown", "the account has no such key")
    try:
        _verified(_Signed(tx, public_key(jwk)))
    except InvalidSignature:
        raise refuse("REG-TX-5", "signature", "the account's key did not sign this") from None


class _Signed:
    """A signature to check once: on entry, not again in the block. Equal by key and content."""

    __slots__ = ("identity", "key", "signing_input")

    def __init__(self, tx: UntrustedTx, key: PublicKey) -> None:
        self.key = key
        self.signing_input = tx.jws.signing_input
        self.identity = (key.raw, sha256(self.signing_input), tx.jws.signature)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Signed) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


@lru_cache(maxsize=8192)
def _verified(signed: _Signed) -> None:
    signed.key.verify(signed.signing_input, signed.identity[2])
    signed.signing_input = b""  # the cache keeps the digest, not up to 256 KiB of content
