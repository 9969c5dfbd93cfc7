"""Outside anchors on the chain: [REG-BRG-1] to [REG-BRG-3]."""

from dataclasses import replace

import pytest

from registry_chain.records import BridgeRecord, bridge_key
from registry_chain.transactions import AttestBridge
from registry_chain.transactions.fields import plain_object
from ssi.errors import Malformed
from tests.support.refusals import refused
from tests.support.registry import Ledger, digest_of, settled

BODY = AttestBridge(
    epoch="2026-11-25t20",
    height=1,
    block_hash=digest_of("block"),
    method="rfc3161",
    digest=digest_of("proof"),
)


@pytest.fixture
def ledger() -> Ledger:
    return settled()


def test_reg_brg_1_an_auditor_records_an_anchor(ledger):
    ledger.do("watcher", BODY)
    record = BridgeRecord.from_bytes(ledger.get(bridge_key(BODY.epoch, BODY.digest)))
    assert (record.account, record.anchored_height, record.block_hash) == (
        "watcher",
        1,
        BODY.block_hash,
    )
    assert (record.method, record.digest, record.epoch) == ("rfc3161", BODY.digest, BODY.epoch)


@pytest.mark.parametrize("account", ["council", "city-kyc", "minpaku-one", "yubin-box"])
def test_reg_brg_1_nobody_else_does(ledger, account):
    with refused(ledger, "REG-BRG-1", "role_missing"):
        ledger.do(account, BODY)


def test_reg_brg_2_the_anchored_block_is_an_earlier_one(ledger):
    with refused(ledger, "REG-BRG-2", "bridge_height"):
        ledger.do("watcher", replace(BODY, height=ledger.height))
    ledger.do("watcher", replace(BODY, height=ledger.height - 1))


def test_reg_brg_3_a_proof_is_recorded_once_and_another_one_beside_it(ledger):
    ledger.do("watcher", BODY)
    with refused(ledger, "REG-BRG-3", "bridge_exists"):
        ledger.do("watcher", replace(BODY, method="evm"))
    ledger.do("watcher", replace(BODY, digest=digest_of("upgraded")))


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": "2026-11-25T20"},
        {"epoch": "2026-11-25t2"},
        {"epoch": "26-11-25"},
        {"epoch": "2026/11/25"},
        {"epoch": "２０２６-11-25"},
        {"method": "twitter"},
        {"height": 0},
        {"block_hash": "AAAA"},
        {"digest": "x" * 43},
        {"note": "hello"},
    ],
)
def test_reg_brg_1_other_shapes_are_refused(changes):
    assert AttestBridge.from_json(plain_object(BODY)) == BODY
    with pytest.raises(Malformed):
        AttestBridge.from_json(plain_object(BODY) | changes)
