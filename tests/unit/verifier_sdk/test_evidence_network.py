"""A pack from a ledger of four validators [EVI-VER-1]: real blocks, signed by whoever is there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from registry_chain.engines import embedded
from registry_chain.engines.blocks import Tip, make_block
from registry_chain.light import (
    UntrustedLightBlock,
    Validator,
    parse_genesis_validators,
    sign_block,
)
from ssi.errors import SSIError
from tests.support import chain as chains
from tests.support.evidence_world import evidence_world
from tests.support.moves import subscribe
from tests.support.registry import VALIDATOR, make_genesis, signer
from verifier_sdk.evidence import verify_evidence
from verifier_sdk.evidence.container import read_pack

FOUR = (VALIDATOR, *(signer(f"validator {number}") for number in (2, 3, 4)))


def _four_validators(monkeypatch: pytest.MonkeyPatch, there: int) -> None:
    """Let the embedded engine found a chain of four, and all who are there sign its blocks."""
    signers = {
        Validator(public_key=one.public_key.raw, power=1).address: one.sign for one in FOUR[:there]
    }

    def signed_by_all(tip: Tip, **options: Any) -> UntrustedLightBlock:
        made = make_block(tip, **options)
        return sign_block(
            made.header,
            made.commit.block_id,
            options["validators"],
            signers=signers,
            time=made.header.time,
        )

    monkeypatch.setattr(chains, "make_genesis", partial(make_genesis, validators=FOUR))
    monkeypatch.setattr(embedded, "make_block", signed_by_all)
    monkeypatch.setattr(
        embedded,
        "one_validator",
        lambda genesis, _signer: parse_genesis_validators(genesis.validators),
    )


@pytest.mark.parametrize("there", [4, 3])
def test_a_pack_says_how_many_validators_stand_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int
) -> None:
    """[EVI-EXP-1]: three of four are enough, and the pack says three of four."""
    _four_validators(monkeypatch, there)
    with evidence_world(tmp_path) as told:
        who = subscribe(told.world)
        told.record_consent(who)
        pack, _ = told.export(told.verifier.evidence()[0].subject)
        genesis = told.genesis
    shown = verify_evidence(pack, genesis=genesis)
    assert (shown.matter.signed, shown.matter.validators) == (there, 4)
    page = read_pack(pack)["index.html"].decode()
    assert f"validators that signed {there}/4" in page


def test_two_of_four_make_no_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[REG-LIGHT-2]"""
    _four_validators(monkeypatch, 2)
    with pytest.raises(SSIError) as caught, evidence_world(tmp_path):
        pass
    assert caught.value.code.startswith(("light.", "chain."))
