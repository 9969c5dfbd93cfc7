"""The EVM contract on a real chain: what it takes, what it never changes, what a proof shows.

[ANC-EVM-1], [ANC-EVM-2], [ANC-EVM-3], [ANC-EVM-4].
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from eth_hash.auto import keccak

import registry_chain.anchoring
from registry_chain.anchoring import AnchorPolicy, AnchorProof, EvmPolicy, Method, verify_anchor
from registry_chain.anchoring.evm import StorageProof
from registry_chain.anchoring.evm_chain import EvmNode, made_at, read_secret
from registry_chain.anchoring.evm_deploy import deploy
from registry_chain.anchoring.evm_job import AnchorContract
from registry_chain.anchoring.settings import AnchorSettings
from ssi.encoding import JSONObject, sha256
from ssi.errors import InvalidProof, Refused, Rejected, Unavailable, Unreachable
from ssi.fetch import FetchPolicy, http_fetch
from tests.support.anchored import tick
from tests.support.anvil import CHAIN_ID, PEERS, anvil, require_anvil
from tests.support.chain import running
from warifu.__main__ import main

pytestmark = pytest.mark.node

FETCH = http_fetch(FetchPolicy(allow_loopback_http=True))
# Keys of the accounts that anvil gives money to; they are worth nothing anywhere else.
OWNER = read_secret("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ATTESTER = read_secret("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
OTHER = read_secret("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
BLOCK, LATER = sha256(b"a block"), sha256(b"a later block")
EPOCH = "2026-11-25t20"
NEVER = bytes(32)


@pytest.fixture
def url():
    require_anvil()
    with anvil() as found:
        yield found


def node(url: str, secret: bytes = ATTESTER, confirmations: int = 3) -> EvmNode:
    return EvmNode(url, CHAIN_ID, FETCH, secret, confirmations)


def mine(url: str, count: int) -> None:
    node(url).call("anvil_mine", hex(count))


@pytest.fixture
def contract(url) -> bytes:
    attester = bytes.fromhex(node(url).address[2:])
    owner = node(url, OWNER)
    return made_at(receipt_of(owner, owner.deploy(attester)))


def receipt_of(one: EvmNode, tx: str) -> JSONObject:
    for _ in range(500):
        receipt = one.call("eth_getTransactionReceipt", tx)
        if isinstance(receipt, dict):
            return receipt
        time.sleep(0.01)
    raise AssertionError("the transaction never came into a block")


def receipt_ok(one: EvmNode, tx: str) -> bool:
    return receipt_of(one, tx)["status"] == "0x1"


def policy_for(contract: bytes, *finals) -> AnchorPolicy:
    blocks = {final.number: final.hash for final in finals}
    evm = EvmPolicy(name="anvil", chain_id=CHAIN_ID, contract=contract, final_blocks=blocks)
    return AnchorPolicy(evm=evm)


def kept(proof: bytes, height: int = 7, block: bytes = BLOCK) -> AnchorProof:
    return AnchorProof(method=Method.EVM, epoch=EPOCH, height=height, block_hash=block, proof=proof)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)  # anvil's clock runs ahead when it mines


def test_the_committed_bytecode_is_what_the_compiler_makes_of_the_source():
    made = subprocess.run(
        ["node", "solc.cjs"], cwd=PEERS, capture_output=True, check=True, text=True
    )
    folder = registry_chain.anchoring.__path__[0]
    with open(f"{folder}/anchor_contract.json", encoding="utf-8") as file:  # noqa: PTH123 - package data
        assert json.loads(made.stdout) == json.load(file)


def test_a_hash_is_kept_and_proven_offline_once_it_is_final(url, contract):
    attester = node(url)
    assert receipt_ok(attester, attester.anchor(contract, 7, BLOCK, EPOCH))
    assert attester.kept(contract, 7) == BLOCK
    with pytest.raises(Unavailable) as caught:
        attester.proof(contract, 7, BLOCK)
    assert caught.value.code == "anchor.not_final"
    mine(url, 3)
    final, proof = attester.proof(contract, 7, BLOCK)
    found = verify_anchor(kept(proof), BLOCK, policy_for(contract, final), soon())
    assert (found.authority, found.method) == ("anvil", Method.EVM)
    assert found.shown["block"] == final.number
    with pytest.raises(Unavailable) as caught:
        verify_anchor(kept(proof), BLOCK, policy_for(contract), soon())
    assert caught.value.code == "anchor.not_final"


def test_anc_evm_1_heights_only_rise(url, contract):
    attester = node(url)
    receipt_of(attester, attester.anchor(contract, 7, BLOCK, EPOCH))
    with pytest.raises(Refused) as caught:
        attester.anchor(contract, 7, LATER, EPOCH)
    assert caught.value.code == "anchor.evm_late"

    class Reckless(EvmNode):
        """Sends without looking first."""

        def last_height(self, contract: bytes) -> int:
            return 0

    reckless = Reckless(url, CHAIN_ID, FETCH, ATTESTER)
    for height, block in ((7, LATER), (6, LATER), (8, NEVER)):
        assert not receipt_ok(reckless, reckless.anchor(contract, height, block, EPOCH))
    assert attester.kept(contract, 7) == BLOCK
    assert attester.kept(contract, 8) == NEVER
    assert receipt_ok(reckless, reckless.anchor(contract, 9, LATER, EPOCH))
    assert attester.kept(contract, 7) == BLOCK
    assert attester.last_height(contract) == 9


def test_anc_evm_1_only_the_attester_adds(url, contract):
    for secret in (OTHER, OWNER):
        stranger = node(url, secret)
        assert not receipt_ok(stranger, stranger.anchor(contract, 7, BLOCK, EPOCH))
    assert node(url).kept(contract, 7) == NEVER


def test_anc_evm_1_the_owner_names_another_attester(url, contract):
    owner, other = node(url, OWNER), node(url, OTHER)
    change = keccak(b"changeAttester(address)")[:4] + bytes.fromhex(other.address[2:]).rjust(
        32, b"\0"
    )
    assert not receipt_ok(other, other._send(change, 100_000, to=contract))
    assert receipt_ok(owner, owner._send(change, 100_000, to=contract))
    assert receipt_ok(other, other.anchor(contract, 7, BLOCK, EPOCH))
    assert not receipt_ok(node(url), node(url).anchor(contract, 8, LATER, EPOCH))


def test_anc_evm_3_a_reorganisation_takes_back_what_was_not_final(url, contract):
    attester = node(url)
    before = attester.call("evm_snapshot")
    receipt_of(attester, attester.anchor(contract, 7, BLOCK, EPOCH))
    mine(url, 3)
    final, proof = attester.proof(contract, 7, BLOCK)
    assert attester.call("evm_revert", before) is True
    mine(url, 8)
    assert attester.kept(contract, 7) == NEVER
    with pytest.raises(Unavailable) as caught:
        attester.proof(contract, 7, BLOCK)
    assert caught.value.code == "anchor.not_final"
    now = attester._block(hex(final.number))
    assert now.hash != final.hash
    with pytest.raises(Rejected) as rejected:
        verify_anchor(kept(proof), BLOCK, policy_for(contract, now), soon())
    assert rejected.value.code == "anchor.evm_block"


def test_anc_evm_3_the_chains_own_finality_can_be_followed(url, contract):
    follower = EvmNode(url, CHAIN_ID, FETCH, ATTESTER)
    receipt_of(follower, follower.anchor(contract, 7, BLOCK, EPOCH))
    mine(url, 100)
    final, proof = follower.proof(contract, 7, BLOCK)
    verify_anchor(kept(proof), BLOCK, policy_for(contract, final), soon())


def test_anc_evm_2_a_proof_is_for_one_height_hash_and_contract(url, contract):
    attester = node(url)
    receipt_of(attester, attester.anchor(contract, 7, BLOCK, EPOCH))
    receipt_of(attester, attester.anchor(contract, 8, LATER, EPOCH))
    owner = node(url, OWNER)
    other = made_at(receipt_of(owner, owner.deploy(bytes(20))))
    mine(url, 3)
    final, proof = attester.proof(contract, 7, BLOCK)
    policy = policy_for(contract, final)
    codes = []
    for anchor, under in (
        (kept(proof, block=LATER), policy),
        (kept(proof, height=8, block=BLOCK), policy),
        (kept(proof, height=8, block=LATER), policy),
        (kept(proof), policy_for(other, final)),
    ):
        with pytest.raises(Rejected) as caught:
            verify_anchor(anchor, anchor.block_hash, under, soon())
        codes.append(caught.value.code)
    assert codes[0] == "anchor.imprint"
    assert set(codes[1:]) == {"anchor.evm_proof"}


def test_anc_form_3_no_changed_byte_passes(url, contract):
    attester = node(url)
    receipt_of(attester, attester.anchor(contract, 7, BLOCK, EPOCH))
    receipt_of(attester, attester.anchor(contract, 8, LATER, EPOCH))
    mine(url, 3)
    final, proof = attester.proof(contract, 7, BLOCK)
    policy = policy_for(contract, final)
    verify_anchor(kept(proof), BLOCK, policy, soon())
    for place in range(len(proof)):
        for mask in (0x01, 0x20, 0xFF):
            changed = bytearray(proof)
            changed[place] ^= mask
            with pytest.raises((Rejected, Unavailable)):
                verify_anchor(kept(bytes(changed)), BLOCK, policy, soon())


def test_anc_form_3_no_node_rides_along(url, contract):
    attester = node(url)
    receipt_of(attester, attester.anchor(contract, 7, BLOCK, EPOCH))
    mine(url, 3)
    final, raw = attester.proof(contract, 7, BLOCK)
    proof = StorageProof.parse(raw)
    policy = policy_for(contract, final)
    for changed in (
        replace(proof, storage=(*proof.storage, proof.storage[-1])),
        replace(proof, account=(*proof.account, proof.storage[-1])),
        replace(proof, storage=()),
        replace(proof, account=proof.account[:-1]),
        replace(proof, storage=proof.account),
    ):
        with pytest.raises(Rejected) as caught:
            verify_anchor(kept(changed.to_bytes()), BLOCK, policy, soon())
        assert caught.value.code in {"anchor.evm_proof", "anchor.evm_form"}
    with pytest.raises(Rejected):
        verify_anchor(kept(raw + b"\n"), BLOCK, policy, soon())


def test_a_node_of_another_chain_gets_no_signature(url, contract):
    stray = EvmNode(url, 1, FETCH, ATTESTER)
    with pytest.raises(Unreachable):
        stray.anchor(contract, 7, BLOCK, EPOCH)
    with pytest.raises(Unreachable):
        node(url).call("no_such_method")
    with pytest.raises(Unreachable):
        node(url).kept(bytes(20), 7)


SETTINGS = """\
least = 1
tsa = []
[evm]
name = "anvil"
chain_id = 31337
contract = "{contract}"
url = "{url}"
key = "evm.key"
confirmations = 3
"""


def test_the_job_puts_an_hour_into_the_contract_and_it_is_proven_offline(
    url, contract, tmp_path, capsys
):
    """Hand in, wait, prove, pin the block as our own node has it, verify."""
    (tmp_path / "evm.key").write_text(ATTESTER.hex())
    (tmp_path / "evm.key").chmod(0o600)
    settings = tmp_path / "anchoring.toml"
    settings.write_text(SETTINGS.format(contract=contract.hex(), url=url))
    with running(tmp_path / "chain.db") as chain:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for seq, minutes in enumerate((-30, 0), 1):
            chain.clock.now = hour + timedelta(minutes=minutes)
            tick(chain, seq)
        (tmp_path / "genesis.json").write_bytes(chain.genesis.to_bytes())
        place = ["--settings", f"{settings}"]
        job = [
            "chain", "anchor", *place, "--genesis", f"{tmp_path}/genesis.json", "--node", chain.url,
            "--anchors", f"{tmp_path}/anchors", "--epochs", "1", "--json", "--loopback",
        ]  # fmt: skip

        def did() -> list[str]:
            assert main(job) == 0
            return [json.loads(line)["did"] for line in capsys.readouterr().out.splitlines()]

        assert did() == ["submitted"]
        mine(url, 4)
        assert did() == ["stamped"]
        assert did() == ["kept"]
    verify = [
        "chain", "anchors", "verify", f"{tmp_path}/anchors", *place,
        "--genesis", f"{tmp_path}/genesis.json",
    ]  # fmt: skip
    assert main(verify) == 1
    assert "anchor.not_final" in capsys.readouterr().out
    assert main(["chain", "anchors", "final", f"{tmp_path}/anchors", *place, "--loopback"]) == 0
    settings.write_text(settings.read_text() + capsys.readouterr().out)
    assert main(verify) == 0
    assert contract.hex() in capsys.readouterr().out


# --- founding the contract ---


def deploying(home: Path, url: str, secret: bytes, *more: str) -> int:
    (home / "owner.key").write_text(secret.hex())
    (home / "owner.key").chmod(0o600)
    words = ["--url", url, "--chain-id", f"{CHAIN_ID}", "--key", f"{home}/owner.key"]
    return main(["chain", "anchors", "deploy", "--loopback", *words, *more])


def test_anc_evm_4_what_is_deployed_is_ready_for_the_settings(url, tmp_path, capsys):
    """[ANC-EVM-4]: owner and attester apart; the printed lines are those of anchoring.toml."""
    attester, owner = node(url), node(url, OWNER)
    asked = ("--attester", attester.address, "--name", "anvil")
    assert deploying(tmp_path, url, OWNER, *asked) == 0
    lines = capsys.readouterr().out
    assert "key" not in lines  # the owner's key is not the attester's
    settings = tmp_path / "anchoring.toml"
    settings.write_text(f'least = 1\ntsa = []\n{lines}key = "evm.key"\nconfirmations = 3\n')
    (tmp_path / "evm.key").write_text(ATTESTER.hex())
    (tmp_path / "evm.key").chmod(0o600)
    read = AnchorSettings.load(settings)
    assert read.policy.evm is not None
    assert read.evm is not None
    contract = AnchorContract.open(read.evm, read.policy.evm, FETCH)
    assert contract.name == "anvil"
    owned = tuple(bytes.fromhex(one.address[2:]) for one in (owner, attester))
    assert contract.node.parties(read.policy.evm.contract) == owned
    assert contract.proof(EPOCH, 7, BLOCK) is None
    mine(url, 4)
    assert contract.proof(EPOCH, 7, BLOCK) is not None
    assert node(url, OWNER).last_height(read.policy.evm.contract) == 7


def test_anc_evm_4_an_account_may_own_and_attest(url, tmp_path, capsys):
    assert deploying(tmp_path, url, OTHER) == 0
    assert f'key = "{tmp_path}/owner.key"' in capsys.readouterr().out


def test_anc_evm_4_who_cannot_pay_sends_nothing(url, tmp_path, capsys):
    poor = sha256(b"an account without a coin")
    assert deploying(tmp_path, url, poor) == 1
    assert "anchor.evm_funds" in capsys.readouterr().err
    assert node(url, poor).call("eth_getTransactionCount", node(url, poor).address, "latest") == (
        "0x0"
    )


def test_anc_evm_4_another_chain_gets_no_contract(url, tmp_path, capsys):
    (tmp_path / "owner.key").write_text(OWNER.hex())
    (tmp_path / "owner.key").chmod(0o600)
    words = ["--url", url, "--chain-id", "1", "--key", f"{tmp_path}/owner.key", "--loopback"]
    assert main(["chain", "anchors", "deploy", *words]) == 1
    assert "anchor.evm_rpc" in capsys.readouterr().err


def test_anc_evm_4_a_contract_that_waits_is_not_sent_twice(tmp_path, capsys):
    """[ANC-EVM-4]"""
    require_anvil()
    with anvil("--no-mining") as slow:
        assert deploying(tmp_path, slow, OWNER, "--wait", "1") == 1
        told = capsys.readouterr().err
        assert "anchor.evm_waits" in told
        (sent,) = re.findall("0x[0-9a-f]{64}", told)
        assert deploying(tmp_path, slow, OWNER, "--wait", "1") == 1  # not a second one beside it
        assert "anchor.not_final" in capsys.readouterr().err
        mine(slow, 1)
        assert deploying(tmp_path, slow, OWNER, "--sent", sent) == 0
        assert "[evm]" in capsys.readouterr().out
        count = node(slow, OWNER).call(
            "eth_getTransactionCount", node(slow, OWNER).address, "latest"
        )
        assert count == "0x1"


def test_anc_evm_4_what_was_not_made_as_sent_is_not_taken(url, contract):
    """[ANC-EVM-4]: a transaction that made something else, or nothing."""
    owner = node(url, OWNER)
    of_another = owner.deploy(bytes.fromhex(node(url, OTHER).address[2:]))
    receipt_of(owner, of_another)
    with pytest.raises(InvalidProof) as caught:
        deploy(owner, None, sent=of_another, looks=1, pause=time.sleep)
    assert caught.value.code == "anchor.evm_deploy"

    stranger = node(url, OTHER)
    failed = stranger.anchor(contract, 7, BLOCK, EPOCH)
    assert not receipt_ok(stranger, failed)
    with pytest.raises(InvalidProof) as caught:
        deploy(stranger, None, sent=failed, looks=1, pause=time.sleep)
    assert caught.value.code == "anchor.evm_deploy"
