"""Whether to believe a light block: an ordered list of predicates over what is trusted already.

No clock, no network, no storage: the caller gives the trusted state, the options and ``now``. There
is no other way to a `VerifiedLightBlock` than `verify_light_block` [REG-LIGHT-2].
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from registry_chain.light.codec import Timestamp
from registry_chain.light.commit import Flag, vote_sign_bytes
from registry_chain.light.header import Header, header_hash
from registry_chain.light.light_block import UntrustedLightBlock, light_block_to_json
from registry_chain.light.validators import ValidatorSet, validators_hash
from ssi.encoding import canonical_json
from ssi.errors import (
    InvalidProof,
    InvalidSignature,
    Misbehaviour,
    NotYetValid,
    Rejected,
    Stale,
    Untrusted,
)
from ssi.merkle import EMPTY_ROOT

QUORUM: Final = Fraction(2, 3)
_LEAST_TRUST: Final = Fraction(1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustOptions:
    """How strict to be; chosen by the reader, never by what is read.

    Args:
        trust_level: Of the trusted validators' power, what must have signed a block that is not the
            next one. In a permissioned set two thirds cost nothing.
        trusting_period: For how long after its time a header may vouch for later ones. Keys of
            validators that have left may be misused afterwards.
        max_clock_drift: How far a header's time may be ahead of ``now``.
        max_age: How old a header may be to decide on; ``None`` to accept any, as on the way
            through older blocks.
    """

    trust_level: Fraction = QUORUM
    trusting_period: timedelta = timedelta(days=60)
    max_clock_drift: timedelta = timedelta(seconds=60)
    max_age: timedelta | None = timedelta(hours=24)

    def __post_init__(self) -> None:
        """Refuse levels at which trust means nothing, or can never be had."""
        if not _LEAST_TRUST <= self.trust_level < 1:
            raise ValueError("a trust level is at least one third and less than one")


DEFAULT_OPTIONS: Final = TrustOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedState:
    """What one knows of a chain already.

    ``pinned`` marks a state that a person vouches for, such as the genesis: the trusting period
    does not apply to it. ``next_app_hash`` is the root that the next header must carry, if known.
    ``block`` is what was verified, kept as evidence should its validators sign a contradiction.
    """

    chain_id: str
    height: int
    time: Timestamp
    header_hash: bytes
    next_validators_hash: bytes
    validators: ValidatorSet = field(repr=False)
    next_app_hash: bytes | None = None
    pinned: bool = False
    block: UntrustedLightBlock | None = field(default=None, repr=False)

    @staticmethod
    def remembered(block: UntrustedLightBlock) -> "TrustedState":
        """Return the state that a light block leaves which the caller verified before.

        Giving it a block that was never verified is trusting a stranger.
        """
        return _state(block, header_hash(block.header))


def _state(block: UntrustedLightBlock, digest: bytes) -> TrustedState:
    header = block.header
    return TrustedState(
        chain_id=header.chain_id,
        height=header.height,
        time=header.time,
        header_hash=digest,
        next_validators_hash=header.next_validators_hash,
        validators=block.validators,
        block=block,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLightBlock:
    """A header that enough of the right validators signed, and how many did [REG-LIGHT-5]."""

    chain_id: str
    height: int
    time: datetime
    app_hash: bytes
    data_hash: bytes
    header_hash: bytes
    validators: int
    signed: int
    power: int
    signed_power: int
    trusted: TrustedState = field(repr=False)
    block: UntrustedLightBlock = field(repr=False)


def verify_light_block(
    untrusted: UntrustedLightBlock,
    *,
    trusted: TrustedState,
    now: datetime,
    options: TrustOptions = DEFAULT_OPTIONS,
) -> VerifiedLightBlock:
    """Return what a light block proves.

    (1) the trusted state may still vouch  (2) chain id  (3) height and time grow
    (4) not from the future  (5) the commit is for this header  (6) the validators are the header's
    (7) every vote is genuine, and more than two thirds of the power signed
    (8) next block: its validators were announced; later block: enough trusted ones signed
    (9) not too old to decide on

    Args:
        untrusted: The light block to judge.
        trusted: What is known already, of the same or an earlier height.
        now: The aware time of judging.
        options: How strict to be.

    Returns:
        The verified block; its ``trusted`` vouches for later ones.

    Raises:
        Rejected: It is not to be believed: ``light.*``. ``light.not_enough_trust`` means that
            blocks in between may still lead to it.
        Stale: ``light.stale``: good, but too old.
        Misbehaviour: ``light.misbehaviour``: the trusted validators signed this block as well as
            the trusted one, and both cannot be; the evidence is in it.
    """
    if now.tzinfo is None:
        raise ValueError("now is an aware time")
    _may_vouch(trusted, options, now)
    _same_chain(untrusted, trusted)
    _later(untrusted, trusted)
    _not_from_the_future(untrusted, options, now)
    digest = _commit_is_for_header(untrusted)
    _validators_are_the_headers(untrusted)
    signed = _quorum_signed(untrusted)
    if untrusted.height <= trusted.height + 1:
        _continues(untrusted, trusted)
    else:
        _trusted_ones_signed(untrusted, trusted, options)
    _fresh(untrusted, options, now)
    return _verified(untrusted, signed, digest)


def verify_older(
    untrusted: UntrustedLightBlock,
    *,
    newer: TrustedState,
    now: datetime,
    options: TrustOptions = DEFAULT_OPTIONS,
) -> VerifiedLightBlock:
    """Return what the light block just below a trusted one proves [REG-LIGHT-10].

    The trusted header names it by its hash; its own validators' votes are counted as well. Its age
    is no matter: who looks back wants to know what was.

    Args:
        untrusted: The light block of the height below.
        newer: What is known already, with its block.
        now: The aware time of judging.
        options: How strict to be; ``max_age`` does not apply.

    Raises:
        Rejected: ``light.trust_expired``, ``light.chain_id``, ``light.backwards``, ``light.time``,
            or as `verify_light_block` for the votes.
    """
    if now.tzinfo is None:
        raise ValueError("now is an aware time")
    _may_vouch(newer, options, now)
    _same_chain(untrusted, newer)
    named = b"" if newer.block is None else newer.block.header.last_block_id.hash
    if untrusted.height != newer.height - 1 or header_hash(untrusted.header) != named:
        raise Untrusted("the block above names another one", code="light.backwards")
    if untrusted.header.time >= newer.time:
        raise Rejected("time does not grow with height", code="light.time")
    digest = _commit_is_for_header(untrusted)
    _validators_are_the_headers(untrusted)
    return _verified(untrusted, _quorum_signed(untrusted), digest)


def _may_vouch(trusted: TrustedState, options: TrustOptions, now: datetime) -> None:
    """(1) An old header vouches for nothing, for its validators' keys may be out of their hands."""
    if not trusted.pinned and now > trusted.time.moment + options.trusting_period:
        raise Untrusted(
            "the trusted header is past its trusting period", code="light.trust_expired"
        )


def _same_chain(untrusted: UntrustedLightBlock, trusted: TrustedState) -> None:
    """(2) A header of another chain says nothing about this one."""
    if untrusted.header.chain_id != trusted.chain_id:
        raise Untrusted("the light block is of another chain", code="light.chain_id")


def _later(untrusted: UntrustedLightBlock, trusted: TrustedState) -> None:
    """(3) Trust goes forward, and so does time."""
    header = untrusted.header
    if header.height < trusted.height:
        raise Untrusted("the light block is older than the trusted one", code="light.height")
    if header.height == trusted.height:
        return
    if header.time < trusted.time or (header.time == trusted.time and trusted.height > 0):
        raise Rejected("time does not grow with height", code="light.time")


def _not_from_the_future(
    untrusted: UntrustedLightBlock, options: TrustOptions, now: datetime
) -> None:
    """(4) A header's time is not ahead of ours by more than clocks differ."""
    if untrusted.header.time >= Timestamp.at(now + options.max_clock_drift):
        raise NotYetValid("the header is from the future", code="light.future")


def _commit_is_for_header(untrusted: UntrustedLightBlock) -> bytes:
    """(5) The votes name this header's height and hash, which is returned."""
    header, commit = untrusted.header, untrusted.commit
    digest = header_hash(header)
    if commit.height != header.height or commit.block_id.hash != digest:
        raise InvalidProof("the commit is not for this header", code="light.header_hash")
    return digest


def _validators_are_the_headers(untrusted: UntrustedLightBlock) -> None:
    """(6) The set shown is the one the header binds."""
    if validators_hash(untrusted.validators) != untrusted.header.validators_hash:
        raise InvalidProof(
            "the validator set is not the one in the header", code="light.validators_hash"
        )


def _quorum_signed(untrusted: UntrustedLightBlock) -> frozenset[bytes]:
    """(7) Every vote verifies, and those for this block have more than two thirds of the power."""
    commit, validators = untrusted.commit, untrusted.validators
    if len(commit.signatures) != len(validators.validators):
        raise InvalidProof("there is not one vote for each validator", code="light.commit")
    signed: dict[bytes, int] = {}
    for index, (vote, validator) in enumerate(
        zip(commit.signatures, validators.validators, strict=True)
    ):
        if vote.flag is Flag.ABSENT:
            continue
        if vote.address != validator.address:
            raise InvalidProof("a vote is not in its validator's place", code="light.commit")
        message = vote_sign_bytes(untrusted.header.chain_id, commit, index)
        _check_signature(validator.public_key, message, vote.signature)
        if vote.flag is Flag.COMMIT:
            signed[vote.address] = validator.power
    if not sum(signed.values()) > QUORUM * validators.total_power:
        raise Untrusted("not more than two thirds of the power signed", code="light.quorum")
    return frozenset(signed)


def _check_signature(public_key: bytes, message: bytes, signature: bytes) -> None:
    """One library and one rule for Ed25519 everywhere: libsodium's [REG-LIGHT-4]."""
    try:
        crypto_sign_open(signature + message, public_key)
    except (BadSignatureError, ValueError):
        raise InvalidSignature("a vote's signature is invalid", code="light.signature") from None


def _continues(untrusted: UntrustedLightBlock, trusted: TrustedState) -> None:
    """(8a) The next block has the validators and the state that were announced."""
    header = untrusted.header
    if header.height == trusted.height:
        if header_hash(header) != trusted.header_hash:
            raise _conflict(untrusted, trusted, trusted.validators)
        return
    if header.validators_hash != trusted.next_validators_hash:
        raise Untrusted(
            "the validators are not those announced before", code="light.validators_changed"
        )
    follows = trusted.height == 0 or header.last_block_id.hash == trusted.header_hash
    if not follows and not _hands_over(header, trusted):
        raise _conflict(untrusted, trusted, untrusted.validators)
    if trusted.next_app_hash is not None and header.app_hash != trusted.next_app_hash:
        raise Untrusted("the founding state is not that of the genesis", code="light.app_hash")


def _hands_over(header: Header, trusted: TrustedState) -> bool:
    """Whether this is the first block of the engine to which a sole validator handed over.

    CometBFT's first block names no block before it. Its validators are those that the old one
    announced and more than two thirds of them signed; that it goes on from the same state is seen
    by the root, which is that of the last block, which changed nothing [REG-LIGHT-9].
    """
    if trusted.block is None or len(trusted.validators.validators) != 1:
        return False
    last = trusted.block.header
    return (
        header.last_block_id.is_zero
        and header.last_commit_hash == EMPTY_ROOT
        and header.validators_hash != last.validators_hash
        and last.data_hash == EMPTY_ROOT
        and header.app_hash == last.app_hash
    )


def _conflict(
    untrusted: UntrustedLightBlock, trusted: TrustedState, entitled: ValidatorSet
) -> Untrusted | Misbehaviour:
    """Tell a stranger's fork from one by the trusted validators themselves [REG-LIGHT-8]."""
    if trusted.block is None or untrusted.validators != entitled:
        return Untrusted("another header is trusted already", code="light.conflict")
    return Misbehaviour(
        "the validators signed two blocks that cannot both be",
        code="light.misbehaviour",
        first=canonical_json(light_block_to_json(trusted.block)),
        second=canonical_json(light_block_to_json(untrusted)),
    )


def _trusted_ones_signed(
    untrusted: UntrustedLightBlock, trusted: TrustedState, options: TrustOptions
) -> None:
    """(8b) Of the power trusted before, more than the trust level signed this block as well."""
    # Votes are verified under the keys of the new set; an address is the hash of the key.
    known = trusted.validators.by_address()
    power = sum(
        known[vote.address].power
        for vote in untrusted.commit.signatures
        if vote.flag is Flag.COMMIT and vote.address in known
    )
    if not power > options.trust_level * trusted.validators.total_power:
        raise Untrusted("too few of the trusted validators signed", code="light.not_enough_trust")


def _fresh(untrusted: UntrustedLightBlock, options: TrustOptions, now: datetime) -> None:
    """(9) What an old header says may have changed since [REG-LIGHT-6]."""
    if options.max_age is not None and now - untrusted.header.time.moment > options.max_age:
        raise Stale("the newest header at hand is too old", code="light.stale")


def _verified(
    untrusted: UntrustedLightBlock, signed: frozenset[bytes], digest: bytes
) -> VerifiedLightBlock:
    header, validators = untrusted.header, untrusted.validators
    power = {one.address: one.power for one in validators.validators}
    return VerifiedLightBlock(
        chain_id=header.chain_id,
        height=header.height,
        time=header.time.moment,
        app_hash=header.app_hash,
        data_hash=header.data_hash,
        header_hash=digest,
        validators=len(validators.validators),
        signed=len(signed),
        power=validators.total_power,
        signed_power=sum(power[address] for address in signed),
        trusted=_state(untrusted, digest),
        block=untrusted,
    )
