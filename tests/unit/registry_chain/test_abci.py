"""The application behind CometBFT's socket [REG-NET-1] to [REG-NET-3], [REG-NET-8]."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_chain.engines.cometbft import ledger
from registry_chain.engines.cometbft.ledger import Signed
from registry_chain.engines.cometbft.pb.tendermint.abci import types_pb2 as abci
from registry_chain.engines.cometbft.server import ABCIServer
from registry_chain.engines.cometbft.wire import MAX_FRAME, Frames, parse_request
from registry_chain.genesis import address_of
from registry_chain.light.codec import uvarint
from registry_chain.records import OffenceRecord, offence_key
from registry_chain.transactions import PlanUpgrade, SuspendMember, build_tx
from ssi.errors import Malformed
from tests.support.abci import Connection, node
from tests.support.chain import open_engine
from tests.support.registry import T0, VALIDATOR, digest_of, make_genesis, proposal, signer


def tx(seq: int, member: str = "car-two", lane: int = 0) -> bytes:
    return build_tx(
        chain_id="test-chain",
        account="council",
        lane=lane,
        seq=seq,
        valid_until_height=500,
        body=replace(
            proposal(SuspendMember(member=member, reason="x"), at=T0 + 60), id=f"stop-{lane}-{seq}"
        ),
        signer=signer("council"),
    ).encode()


def echo(text: str) -> abci.Request:
    return abci.Request(echo=abci.RequestEcho(message=text))


# --- the wire ---


@given(st.lists(st.binary(max_size=300), max_size=8), st.data())
@settings(max_examples=60)
def test_messages_come_out_however_the_stream_was_cut(
    messages: list[bytes], data: st.DataObject
) -> None:
    """[REG-NET-1]"""
    stream = b"".join(uvarint(len(one)) + one for one in messages)
    frames, found, at = Frames(), [], 0
    while at < len(stream):
        step = data.draw(st.integers(1, len(stream) - at))
        frames.add(stream[at : at + step])
        found += list(frames)
        at += step
    assert found == messages


@pytest.mark.parametrize(
    "stream",
    [uvarint(MAX_FRAME + 1), b"\xff\xff\xff\xff\x7f", b"\xff" * 5, b"\x80" * 64],
    ids=["too long", "much too long", "endless length", "zeros without end"],
)
def test_a_length_that_cannot_be_is_refused_before_anything_is_kept(stream: bytes) -> None:
    """[REG-NET-1]"""
    frames = Frames()
    frames.add(stream)
    with pytest.raises(Malformed) as caught:
        list(frames)
    assert caught.value.code == "abci.frame"


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_hostile_bytes_are_a_request_or_malformed(data: bytes) -> None:
    """[REG-NET-1]"""
    try:
        known = parse_request(data).WhichOneof("value")
    except Malformed as error:
        known = error.code
    assert known == "abci.request" or known in abci.Request.DESCRIPTOR.fields_by_name


def test_many_requests_at_once_are_answered_in_order(tmp_path: Path) -> None:
    """[REG-NET-1]"""
    with node(tmp_path) as app:
        connection = app.connect()
        connection.send(
            *(echo(str(n)) for n in range(500)), abci.Request(flush=abci.RequestFlush())
        )
        answers = [connection.receive() for _ in range(501)]
        assert [one.echo.message for one in answers[:500] if one] == [str(n) for n in range(500)]
        assert answers[500] is not None
        assert answers[500].WhichOneof("value") == "flush"


def test_what_is_sent_is_taken_in_while_earlier_requests_are_answered(tmp_path: Path) -> None:
    """[REG-NET-1]: CometBFT's client burns a processor while it cannot write."""
    allowed = threading.Semaphore(0)

    def when_allowed(request: abci.Request) -> abci.Response:
        allowed.acquire()
        return abci.Response(echo=abci.ResponseEcho(message=request.echo.message[:4]))

    server = ABCIServer(tmp_path / "app.sock", when_allowed)
    connection = Connection(tmp_path / "app.sock")
    requests = [echo(f"{number:04}" + "x" * 1000) for number in range(1000)]
    sending = threading.Thread(target=connection.send, args=requests)
    try:
        sending.start()
        turns = 0
        while sending.is_alive() and turns < 40:
            allowed.release(32)
            turns += 1
            sending.join(0.2)
        assert turns < 13  # a megabyte was taken before half of it was answered
        allowed.release(1000)
        answers = [connection.receive() for _ in range(1000)]
        assert [one.echo.message for one in answers if one] == [f"{n:04}" for n in range(1000)]
    finally:
        allowed.release(1000)
        connection.socket.close()
        server.close()


@pytest.mark.parametrize(
    "junk", [b"\xff" * 9, b"\x03\xff\xff\xff", b"\x00", b"GET / HTTP/1.1\r\n" * 6]
)
def test_a_broken_connection_ends_and_the_others_go_on(tmp_path: Path, junk: bytes) -> None:
    """[REG-NET-1]"""
    with node(tmp_path) as app:
        bad, good = app.connect(), app.connect()
        bad.send(echo("before"))
        assert bad.receive() is not None
        bad.socket.sendall(junk)
        assert bad.receive() is None
        assert good.ask(echo=abci.RequestEcho(message="on")).echo.message == "on"


def test_a_failure_of_our_own_is_told_as_an_exception(tmp_path: Path) -> None:
    """CometBFT then stops; it must not go on with an application that does not know."""
    with node(tmp_path) as app:
        connection = app.connect()
        answer = connection.ask(commit=abci.RequestCommit())
        assert answer.WhichOneof("value") == "exception"
        assert answer.exception.error == "chain.engine"
        assert connection.receive() is None


# --- the adapter ---


def test_nothing_is_durable_before_commit(tmp_path: Path) -> None:
    """[REG-NET-2]"""
    with node(tmp_path) as app:
        connection = app.connect()
        founding = app.init_chain(connection)
        assert app.store.root == founding
        app.finalize(connection, [tx(1)])
        assert app.store.version == 0
    with node(tmp_path) as app:
        connection = app.connect()
        info = connection.ask(info=abci.RequestInfo()).info
        assert (info.last_block_height, info.last_block_app_hash) == (0, b"")
        assert app.init_chain(connection) == founding
        first = app.finalize(connection, [tx(1)])
        again = app.finalize(connection, [tx(1)])
        assert first == again
        assert app.block(connection, [tx(1)]).app_hash == first.app_hash
    with node(tmp_path) as app:
        info = app.connect().ask(info=abci.RequestInfo()).info
        assert (info.last_block_height, info.last_block_app_hash) == (1, first.app_hash)
        assert info.app_version == 1


def test_an_entry_is_judged_after_those_that_wait(tmp_path: Path) -> None:
    with node(tmp_path) as app:
        connection = app.connect()
        app.init_chain(connection)

        def check(raw: bytes) -> tuple[int, str]:
            answer = connection.ask(check_tx=abci.RequestCheckTx(tx=raw)).check_tx
            return answer.code, answer.codespace

        assert check(tx(1)) == (0, "")
        assert check(tx(2, "watcher")) == (0, "")
        assert check(tx(2, "city-kyc")) == (50, "chain.replayed")
        assert check(b"junk") == (11, "jose.malformed")
        app.block(connection, [tx(1)])
        assert check(tx(2, "watcher")) == (0, "")
        app.adapter.reset()
        assert check(tx(2, "watcher")) == (0, "")


def test_a_proposal_is_cut_to_size_and_accepted_whatever_is_in_it(tmp_path: Path) -> None:
    """[REG-NET-3]"""
    with node(tmp_path) as app:
        connection = app.connect()
        app.init_chain(connection)
        raw = tx(1)
        asked = abci.RequestPrepareProposal(txs=[raw] * 10, max_tx_bytes=3 * (len(raw) + 4))
        assert len(connection.ask(prepare_proposal=asked).prepare_proposal.txs) == 3
        verdict = abci.ResponseProcessProposal.ProposalStatus
        for txs, said in (
            ([b"", b"junk", raw, raw], verdict.ACCEPT),
            ([b""] * 2_000, verdict.ACCEPT),
            ([b""] * 2_001, verdict.REJECT),
        ):
            request = abci.RequestProcessProposal(txs=txs, height=2)
            assert connection.ask(process_proposal=request).process_proposal.status == said
        judged = app.block(connection, [b"", b"junk", raw, raw])
        assert [one.code for one in judged.tx_results] == [11, 11, 0, 50]
        assert all(one.data == b"" and one.gas_used == 0 for one in judged.tx_results)


def test_the_first_block_is_proposed_and_accepted_empty_only(tmp_path: Path) -> None:
    """[REG-NET-9]: its time is not that of votes, so nothing is judged by it."""
    verdict = abci.ResponseProcessProposal.ProposalStatus
    with node(tmp_path) as app:
        connection = app.connect()
        app.init_chain(connection)
        for height, chosen, said in ((1, 0, verdict.REJECT), (2, 1, verdict.ACCEPT)):
            asked = abci.RequestPrepareProposal(txs=[tx(1)], max_tx_bytes=10_000, height=height)
            answer = connection.ask(prepare_proposal=asked).prepare_proposal
            assert len(answer.txs) == chosen
            for txs, status in (([], verdict.ACCEPT), ([tx(1)], said), ([b"junk"], said)):
                request = abci.RequestProcessProposal(txs=txs, height=height)
                assert connection.ask(process_proposal=request).process_proposal.status == status


def test_a_vote_extension_is_never_ours(tmp_path: Path) -> None:
    with node(tmp_path) as app:
        connection = app.connect()
        assert (
            connection.ask(extend_vote=abci.RequestExtendVote()).extend_vote.vote_extension == b""
        )
        verdict = abci.ResponseVerifyVoteExtension.VerifyStatus
        for extension, said in ((b"", verdict.ACCEPT), (b"x", verdict.REJECT)):
            request = abci.RequestVerifyVoteExtension(vote_extension=extension)
            answer = connection.ask(verify_vote_extension=request).verify_vote_extension
            assert answer.status == said


def test_misbehaviour_reaches_the_record(tmp_path: Path) -> None:
    """[REG-VAL-3]"""
    address = address_of(VALIDATOR.public_key.raw)
    with node(tmp_path) as app:
        connection = app.connect()
        app.init_chain(connection)
        app.block(
            connection,
            misbehavior=[
                abci.Misbehavior(
                    type=abci.MisbehaviorType.DUPLICATE_VOTE,
                    validator=abci.Validator(address=bytes.fromhex(address), power=1),
                    height=1,
                )
            ],
        )
        raw = app.store.get(offence_key(1, address, "duplicate_vote"))
        assert raw is not None
        assert OffenceRecord.from_bytes(raw).validator == address


def test_the_mark_of_what_was_signed_rises_with_the_blocks(tmp_path: Path) -> None:
    """[REG-NET-6]"""
    for state, kept in ((Signed(3, 0, 3), Signed(3, 0, 3)), (Signed(2, 9, 3), Signed(3, 0, 3))):
        with node(tmp_path, signed=state) as app:
            connection = app.connect()
            if app.store.empty:
                app.init_chain(connection)
            app.height = app.store.version
            app.block(connection)
            assert app.store.read(ledger.signed_mark) == kept


def test_another_genesis_is_refused(tmp_path: Path) -> None:
    with node(tmp_path) as app:
        other = abci.RequestInitChain(chain_id="other", initial_height=1, app_state_bytes=b"{}")
        assert app.connect().ask(init_chain=other).WhichOneof("value") == "exception"


def test_a_record_can_be_asked_for_with_its_proof(tmp_path: Path) -> None:
    with node(tmp_path) as app:
        connection = app.connect()
        app.init_chain(connection)
        app.block(connection)
        asked = abci.RequestQuery(path="/record", data=b"member/council", prove=True)
        found = connection.ask(query=asked).query
        assert b'"state":"active"' in found.value
        assert found.proof_ops.ops[0].type == "warifu:jmt"
        assert connection.ask(query=abci.RequestQuery(path="/else")).query.code == 1
        bad = abci.RequestQuery(path="/record", data=b"\xff" * 300)
        assert connection.ask(query=bad).query.code == 11


def test_equal_blocks_give_equal_roots_on_both_engines(tmp_path: Path) -> None:
    """[REG-NET-8]"""
    txs = [tx(1), tx(2, "watcher"), tx(1, "city-kyc", lane=3)]
    engine = open_engine(tmp_path / "embedded.db")
    roots = []
    for raw in txs:
        engine.wait(engine.submit(raw), 5)
        roots.append(engine.status().app_hash)
    blocks = engine.blocks(1, 100)
    times = {}
    for block in blocks:
        header = block["light_block"]["signed_header"]["header"]  # type: ignore[index,call-overload]
        times[block["height"]] = header["time"]  # type: ignore[index,call-overload]
    engine.close()
    with node(tmp_path / "network") as app:
        connection = app.connect()
        founding = app.init_chain(connection)
        found = []
        for block in blocks:
            raws = [raw for raw in txs if _stands_in(raw, block)]
            moment = _seconds(str(times[block["height"]]))
            request = abci.RequestFinalizeBlock(
                txs=raws, height=int(str(block["height"])), hash=b"\1" * 32
            )
            request.time.seconds = moment
            judged = connection.ask(finalize_block=request).finalize_block
            connection.ask(commit=abci.RequestCommit())
            if raws:
                found.append(judged.app_hash.hex())
        assert founding
        assert found == roots


def _stands_in(raw: bytes, block: dict[str, object]) -> bool:
    from ssi.encoding import b64url_encode

    return b64url_encode(raw) in block["txs"]  # type: ignore[operator]


def _seconds(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text[:19] + "+00:00").timestamp())


def test_the_header_before_an_upgrade_announces_the_version(tmp_path: Path) -> None:
    """[REG-UPG-2], [REG-UPG-4]: and at its height a program without it answers no more."""
    body = proposal(
        PlanUpgrade(height=4, rules_version=2, package=digest_of("warifu 2")), at=T0 + 1
    )
    token = build_tx(
        chain_id="test-chain",
        account="council",
        lane=0,
        seq=1,
        valid_until_height=500,
        body=body,
        signer=signer("council"),
    )
    with node(tmp_path / "n", genesis=make_genesis(timelock=0)) as one:
        connection = one.connect()
        one.init_chain(connection)
        told = [
            one.block(connection, [token.encode()] if height == 2 else []) for height in (1, 2, 3)
        ]
        assert [block.tx_results[0].code for block in told if block.tx_results] == [0]
        versions = [block.consensus_param_updates.version.app for block in told]
        assert versions == [0, 0, 2]
        request = abci.RequestFinalizeBlock(height=4)
        answer = connection.ask(finalize_block=request)
        assert answer.WhichOneof("value") == "exception"
        assert answer.exception.error == "chain.upgrade_needed"
