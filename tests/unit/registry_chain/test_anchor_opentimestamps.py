"""OpenTimestamps: from a calendar to a Bitcoin header, and what does not get past us.

[ANC-OTS-1], [ANC-OTS-2], [ANC-OTS-3], [ANC-OTS-4].
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimestamps.core.serialize import (
    BytesDeserializationContext,
    BytesSerializationContext,
    DeserializationError,
)
from opentimestamps.core.timestamp import DetachedTimestampFile

from registry_chain.anchoring import AnchorPolicy, AnchorProof, Method, verify_anchor
from registry_chain.anchoring.opentimestamps import (
    is_pending,
    narrowed,
    submit,
    upgrade,
    verify_ots,
)
from registry_chain.anchoring.ots_format import (
    InBitcoin,
    Operation,
    Path,
    Pending,
    parse_file,
    to_file,
)
from registry_chain.anchoring.policy import BitcoinPolicy
from registry_chain.anchoring.proofs import stamped_digest
from ssi.encoding import sha256
from ssi.errors import Malformed, Rejected, Unavailable, Unreachable
from ssi.fetch import FetchPolicy, http_fetch
from tests.support.bitcoin import EASY, START, T0, Bitcoin, Calendar, double, mine, serving

BLOCK = sha256(b"a block")
FETCH = http_fetch(FetchPolicy(allow_loopback_http=True))


@pytest.fixture(scope="module")
def stamped():
    """A proof by a calendar whose transaction is in our own Bitcoin."""
    chain = Bitcoin()
    chain.add()
    with serving(Calendar(chain)) as calendar:
        for _ in range(3):
            submit(calendar.url, os.urandom(32), FETCH)
        pending = submit(calendar.url, BLOCK, FETCH)
        submit(calendar.url, os.urandom(32), FETCH)
        height = calendar.mine()
        proof = upgrade(pending, calendar.url, FETCH)
    return chain, proof, height, pending


def test_a_hash_goes_to_a_calendar_and_comes_back_with_a_bitcoin_block(stamped):
    chain, proof, height, pending = stamped
    assert is_pending(pending)
    assert not is_pending(proof)
    found = verify_ots(proof, BLOCK, chain.policy())
    assert (found.authority, found.method) == ("bitcoin", Method.OPENTIMESTAMPS)
    assert found.time == datetime.fromtimestamp(T0 + 600 * (height - START), UTC)
    assert found.shown["bitcoin_height"] == height
    assert found.shown["pinned"] is True
    kept = AnchorProof(
        method=Method.OPENTIMESTAMPS, epoch="2026-11-25", height=3, block_hash=BLOCK, proof=proof
    )
    policy = AnchorPolicy(bitcoin=chain.policy())
    assert verify_anchor(kept, BLOCK, policy, datetime(2027, 1, 1, tzinfo=UTC)) == found


def test_anc_ots_2_a_pending_proof_proves_nothing_yet(stamped):
    chain, _, _, pending = stamped
    with pytest.raises(Unavailable) as caught:
        verify_ots(pending, BLOCK, chain.policy())
    assert caught.value.code == "anchor.pending"
    with serving(Calendar(chain)) as other:
        with pytest.raises(Unavailable) as caught:
            upgrade(pending, other.url, FETCH)
        assert caught.value.code == "anchor.pending"
        with pytest.raises(Unreachable):
            submit(f"{other.url}/elsewhere", BLOCK, FETCH)


def test_anc_ots_2_only_the_configured_calendar_is_asked(stamped):
    chain, _, _, pending = stamped
    (path,) = parse_file(pending)
    evil = to_file(
        Path(
            start=path.start,
            operations=path.operations,
            attestation=Pending(uri="http://127.0.0.1:1/evil"),
        )
    )
    with serving(Calendar(chain)) as calendar:
        with pytest.raises(Unavailable):
            upgrade(evil, calendar.url, FETCH)
        assert calendar.asked == [f"/timestamp/{path.message.hex()}"]


def test_anc_ots_1_the_librarys_reader_takes_what_we_write_and_writes_the_same(stamped):
    for proof in stamped[1], stamped[3]:
        read = DetachedTimestampFile.deserialize(BytesDeserializationContext(proof))
        context = BytesSerializationContext()
        read.serialize(context)
        assert context.getbytes() == proof
        assert read.file_digest == stamped_digest(BLOCK)


def rejects(code: str, proof: bytes, policy: BitcoinPolicy, block: bytes = BLOCK) -> None:
    with pytest.raises(Rejected) as caught:
        verify_ots(proof, block, policy)
    assert caught.value.code == code


def test_anc_ots_3_another_block_or_another_root_is_refused(stamped):
    chain, proof, height, _ = stamped
    rejects("anchor.imprint", proof, chain.policy(), sha256(b"other"))
    (path,) = parse_file(proof)
    elsewhere = Path(
        start=path.start, operations=path.operations, attestation=InBitcoin(height=height + 1)
    )
    low = chain.policy(confirmations=5)
    rejects("anchor.ots_root", to_file(elsewhere), low)


def test_anc_ots_4_headers_that_do_not_reach_give_no_verdict(stamped):
    chain, proof, height, _ = stamped
    short = b"".join(chain.headers[: height - START + 6 - 1])
    for policy in (
        chain.policy(headers={}),
        chain.policy(headers={START: short}),
        chain.policy(headers={height + 1: b"".join(chain.headers)}),
        chain.policy(confirmations=8),
    ):
        with pytest.raises(Unavailable) as caught:
            verify_ots(proof, BLOCK, policy)
        assert caught.value.code == "anchor.header_missing"


def test_anc_ots_4_work_is_our_demand(stamped):
    """Our small work does not pass for Bitcoin's, whatever the header says of itself."""
    chain, proof, _, _ = stamped
    world = BitcoinPolicy(headers=chain.policy().headers)
    rejects("anchor.header_work", proof, world)
    rejects("anchor.header_work", proof, chain.policy(max_target=EASY - 1))


@pytest.mark.parametrize("place", [0, 4, 36, 68, 72, 76])
def test_anc_ots_4_a_changed_header_does_not_hold(stamped, place):
    chain, proof, height, _ = stamped
    run = bytearray(b"".join(chain.headers))
    run[(height - START) * 80 + place] ^= 1
    with pytest.raises(Rejected) as caught:
        verify_ots(proof, BLOCK, chain.policy(headers={START: bytes(run)}))
    assert caught.value.code in {"anchor.header_work", "anchor.header_chain"}


def test_anc_ots_4_a_header_mined_by_a_forger_does_not_fit_its_neighbours(stamped):
    chain, proof, height, _ = stamped
    at = height - START
    old = chain.headers[at]
    forged = mine(old[4:36], old[36:68], T0 - 86_400)
    run = b"".join([*chain.headers[:at], forged, *chain.headers[at + 1 :]])
    rejects("anchor.header_chain", proof, chain.policy(headers={START: run}))
    rejects("anchor.header_chain", proof, chain.policy(headers={START: run[:-1]}))


def test_anc_ots_4_a_forgers_whole_run_does_not_lead_to_what_is_pinned(stamped):
    """With a pin the forger fails; without one the verdict says that nothing was pinned."""
    chain, proof, height, _ = stamped
    forged = Bitcoin()
    for _ in chain.headers:
        forged.add(chain.headers[height - START][36:68])
    policy = chain.policy(headers={START: b"".join(forged.headers)})
    rejects("anchor.header_checkpoint", proof, policy)
    rejects("anchor.header_checkpoint", proof, chain.policy(checkpoints={1: "00" * 32}))
    unpinned = chain.policy(headers=policy.headers, checkpoints={})
    assert verify_ots(proof, BLOCK, unpinned).shown["pinned"] is False


def test_anc_ots_4_difficulty_changes_only_where_bitcoin_changes_it(stamped):
    chain, proof, height, _ = stamped
    harder = EASY >> 1
    bits = bytes.fromhex("ff7f0020")
    at = height - START + 1
    changed = mine(double(chain.headers[at - 1]), bytes(32), T0, bits, harder)
    more = [changed]
    while len(more) < 5:
        more.append(mine(double(more[-1]), bytes(32), T0, bits, harder))
    run = b"".join([*chain.headers[:at], *more])
    rejects("anchor.header_chain", proof, chain.policy(headers={START: run}))


def test_anc_ots_1_only_one_path_is_kept_and_others_are_narrowed(stamped):
    chain, proof, _, pending = stamped
    head = proof[: proof.index(stamped_digest(BLOCK)) + 32]
    both = head + b"\xff" + pending[len(head) :] + proof[len(head) :]
    assert len(parse_file(both)) == 2
    rejects("anchor.ots_form", both, chain.policy())
    assert narrowed(both) == proof
    verify_ots(narrowed(both), BLOCK, chain.policy())


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"\x00",
        b"\x08",
        b"\x02\x00",
        b"\x67\x00",
        b"\xf0\x00",
        b"\xf0\x81\x00a",
        b"\xf0\xff\xff\xff\xff\xff\xff",
        b"\x08" * 200 + b"\x00",
        b"\xff" * 100,
        b"\x00" + bytes(8) + b"\x00",
        b"\x00" + bytes.fromhex("83dfe30d2ef90c8e") + b"\x03\x02\x0a\x0d",
        b"\x00" + bytes.fromhex("0588960d73d71901") + b"\x03\x80\x80\x00",
        b"\x00" + bytes.fromhex("0588960d73d71901") + b"\x02\x01\x01",
        (b"\xf0\xff\x1f" + b"a" * 4095) * 2 + b"\x00",
    ],
    ids=lambda tail: tail[:12].hex(),
)
def test_anc_ots_1_other_forms_are_refused(stamped, tail):
    chain, proof, _, _ = stamped
    head = proof[: proof.index(stamped_digest(BLOCK)) + 32]
    rejects("anchor.ots_form", head + tail, chain.policy())


@pytest.mark.parametrize("place", [0, 31, 32])
def test_anc_ots_1_only_version_1_over_sha_256_is_read(stamped, place):
    chain, proof, _, _ = stamped
    changed = bytearray(proof)
    changed[place] ^= 0x03
    rejects("anchor.ots_form", bytes(changed), chain.policy())
    rejects("anchor.ots_form", proof + b"\0", chain.policy())


def test_anc_form_3_no_changed_byte_passes(stamped):
    """Every byte in every way: a refusal, or headers that are not at hand; never a verdict."""
    chain, proof, _, _ = stamped
    policy = chain.policy()
    for place in range(len(proof)):
        for mask in (0x01, 0x02, 0x80, 0xFF):
            changed = bytearray(proof)
            changed[place] ^= mask
            with pytest.raises((Rejected, Unavailable)) as caught:
                verify_ots(bytes(changed), BLOCK, policy)
            assert caught.value.code.startswith("anchor.")


steps = st.lists(
    st.one_of(
        st.just(Operation(tag=0x08)),
        st.builds(
            Operation, tag=st.sampled_from([0xF0, 0xF1]), operand=st.binary(min_size=1, max_size=99)
        ),
    ),
    max_size=20,
).map(tuple)
ends = st.one_of(
    st.builds(InBitcoin, height=st.integers(0, 2**34)),
    st.builds(Pending, uri=st.sampled_from(["https://a.example", "https://b.example/x"])),
)


@settings(max_examples=100, deadline=None)
@given(
    path=st.builds(
        Path, start=st.binary(min_size=32, max_size=32), operations=steps, attestation=ends
    )
)
def test_anc_ots_1_what_is_written_is_read_by_us_and_by_the_library(path):
    raw = to_file(path)
    assert parse_file(raw) == (path,)
    read = DetachedTimestampFile.deserialize(BytesDeserializationContext(raw))
    ((message, _),) = read.timestamp.all_attestations()
    assert message == path.message


@settings(max_examples=300, deadline=None)
@given(tail=st.binary(max_size=120))
def test_anc_ots_1_what_we_take_the_library_takes(tail):
    raw = to_file(Path(start=BLOCK, operations=(), attestation=InBitcoin(height=1)))[:65] + tail
    try:
        paths = parse_file(raw)
    except Malformed:
        return
    read = DetachedTimestampFile.deserialize(BytesDeserializationContext(raw))
    assert {path.message for path in paths} == {m for m, _ in read.timestamp.all_attestations()}


def test_the_library_refuses_what_is_no_file():
    with pytest.raises(DeserializationError):
        DetachedTimestampFile.deserialize(BytesDeserializationContext(b"x" * 70))
    with pytest.raises(Malformed):
        parse_file(b"x" * 70)
