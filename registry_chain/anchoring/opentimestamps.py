"""OpenTimestamps: hand a block's hash to calendars, and judge the Bitcoin proof years later.

Our own reader, because the format's Python library has had no release for years; it is tested
against that library (ADR 0011). Asking goes through `Fetch`, judging asks nobody.
"""

from datetime import UTC, timedelta
from http import HTTPStatus

from registry_chain.anchoring.bitcoin import counted_header
from registry_chain.anchoring.ots_format import (
    InBitcoin,
    Path,
    Pending,
    Unknown,
    parse_answer,
    parse_file,
    to_file,
)
from registry_chain.anchoring.policy import BitcoinPolicy
from registry_chain.anchoring.proofs import Method, VerifiedAnchor, stamped_digest
from ssi.errors import BindingMismatch, InvalidProof, Malformed, Unavailable, Unreachable, Untrusted
from ssi.fetch import Fetch, Request, Response

AUTHORITY = "bitcoin"
MAX_ANSWER = 10_000
# A header's time is later than the median of eleven before it and at most two hours ahead.
HEADER_ACCURACY = timedelta(hours=2)
_TYPE = "application/vnd.opentimestamps.v1"


def submit(url: str, block_hash: bytes, fetch: Fetch) -> bytes:
    """Hand a hash to a calendar [ANC-OTS-2].

    Args:
        url: The calendar, as configured.
        block_hash: What is to be stamped.
        fetch: Bounded HTTP.

    Returns:
        A proof that is pending, or complete if the calendar is that quick.

    Raises:
        Unreachable: The calendar gives no proof now.
        Malformed: ``anchor.ots_form``.
    """
    digest = stamped_digest(block_hash)
    request = Request(
        url=f"{url.rstrip('/')}/digest", method="POST", headers={"Accept": _TYPE}, body=digest
    )
    return to_file(_best(parse_answer(_body(fetch(request)), digest)))


def upgrade(proof: bytes, url: str, fetch: Fetch) -> bytes:
    """Ask the calendar whether a pending proof is in a Bitcoin block by now [ANC-OTS-2].

    The address is the configured one; what the proof names is not followed.

    Returns:
        The complete proof.

    Raises:
        Unavailable: ``anchor.pending``: not yet.
        Unreachable: The calendar gives no answer.
        Malformed: ``anchor.ots_form``.
    """
    path = _single(proof)
    if isinstance(path.attestation, InBitcoin):
        return proof
    commitment = path.message
    request = Request(
        url=f"{url.rstrip('/')}/timestamp/{commitment.hex()}", headers={"Accept": _TYPE}
    )
    answer = fetch(request)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise _pending()
    further = _best(parse_answer(_body(answer), commitment))
    if not isinstance(further.attestation, InBitcoin):
        raise _pending()
    return to_file(path.joined(further))


def is_pending(proof: bytes) -> bool:
    """Whether a proof still waits for its Bitcoin block."""
    return isinstance(_single(proof).attestation, Pending)


def narrowed(proof: bytes) -> bytes:
    """One path of an ``.ots`` file from elsewhere: the Bitcoin block that is lowest, if any."""
    return to_file(_best(parse_file(proof)))


def verify_ots(proof: bytes, block_hash: bytes, policy: BitcoinPolicy) -> VerifiedAnchor:
    """Return what a proof proves [ANC-OTS-3].

    (1) one path, with nothing beside it  (2) it starts from this block hash
    (3) it ends in a Bitcoin block  (4) that block's header counts under the policy
    (5) the path leads to the header's Merkle root

    Args:
        proof: A detached ``.ots`` file.
        block_hash: The hash it must start from.
        policy: Which headers count.

    Raises:
        Rejected: ``anchor.ots_form``, ``anchor.imprint``, ``anchor.ots_root``, ``anchor.header_*``.
        Unavailable: ``anchor.pending``, ``anchor.header_missing``.
    """
    path = _single(proof)
    if path.start != stamped_digest(block_hash):
        raise BindingMismatch("the proof is for something else", code="anchor.imprint")
    if not isinstance(path.attestation, InBitcoin):
        raise _pending()
    header = counted_header(path.attestation.height, policy)
    if path.message != header.merkle_root:
        raise InvalidProof(
            "the proof does not lead to the Bitcoin block it names", code="anchor.ots_root"
        )
    return VerifiedAnchor(
        method=Method.OPENTIMESTAMPS,
        authority=AUTHORITY,
        block_hash=block_hash,
        time=header.time.astimezone(UTC),
        accuracy=HEADER_ACCURACY,
        shown={
            "bitcoin_height": header.height,
            "bitcoin_block": header.hash,
            "confirmations": header.confirmations,
            "pinned": header.pinned,
        },
    )


def _single(proof: bytes) -> Path:
    """(1) The one path of a kept proof; written again it is the same bytes [ANC-FORM-3]."""
    paths = parse_file(proof)
    if len(paths) != 1 or isinstance(paths[0].attestation, Unknown):
        raise Malformed("a kept proof is one path to Bitcoin", code="anchor.ots_form")
    return paths[0]


def _best(paths: tuple[Path, ...]) -> Path:
    """The path to the lowest Bitcoin block, else a pending one."""
    complete = [path for path in paths if isinstance(path.attestation, InBitcoin)]
    if complete:
        return min(complete, key=_height)
    pending = [path for path in paths if isinstance(path.attestation, Pending)]
    if not pending:
        raise Untrusted("the calendar offers nothing that leads to Bitcoin", code="anchor.ots_form")
    return pending[0]


def _height(path: Path) -> int:
    return path.attestation.height if isinstance(path.attestation, InBitcoin) else 0


def _body(answer: Response) -> bytes:
    if answer.status != HTTPStatus.OK:
        raise Unreachable("the calendar gives no proof now", code="anchor.calendar_http")
    if len(answer.body) > MAX_ANSWER:
        raise Malformed("the calendar's answer is too long", code="anchor.ots_form")
    return answer.body


def _pending() -> Unavailable:
    return Unavailable("the proof is not in a Bitcoin block yet", code="anchor.pending")
