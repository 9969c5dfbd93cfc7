"""The guide for firms, executed: its settings are read, its code runs."""

import re
import tomllib
from pathlib import Path

import pytest
from flask import Flask

from ssi.errors import Rejected
from tests.support.firm_world import Holder, make_config
from tests.support.registry import make_genesis
from verifier_sdk import Verifier
from verifier_sdk.config import ENVIRONMENT, VerifierConfig

GUIDE = (Path(__file__).parents[3] / "docs" / "firm.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_settings_of_the_guide_are_read(tmp_path):
    (text,) = blocks("toml")
    (tmp_path / "firm.toml").write_text(text, "utf-8")
    config = VerifierConfig.load(tmp_path / "firm.toml")
    assert config.verifier_id == tomllib.loads(text)["verifier_id"]
    assert config.require_attested


def test_the_code_of_the_guide_asks_and_hears(tmp_path, monkeypatch):
    make_config(tmp_path)
    (tmp_path / "genesis.json").write_bytes(make_genesis().to_bytes())
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "firm.toml"))
    names = {"__name__": "verifier_sdk", "save_customer": print, "move_customer": print}
    for text in blocks("python"):
        exec(compile(text, "docs/firm.md", "exec"), names)  # noqa: S102 - our own guide
    app, verifier = names["app"], names["verifier"]
    assert isinstance(app, Flask)
    assert isinstance(verifier, Verifier)
    client = app.test_client()
    answer = client.post("/rent")
    assert answer.status_code == 302
    assert client.get(answer.location.removeprefix("https://firm.example")).status_code == 200


@pytest.mark.parametrize("code", re.findall(r"\| `(?:503 )?([a-z_]+\.[a-z_]+)`", GUIDE))
def test_every_code_of_the_guide_has_advice(code):
    for lang in ("ja", "en"):
        assert len(Rejected(code=code).diagnostics(lang)) > len(code)


def test_the_result_has_what_the_guide_names(world):
    result = world.verifier.verify(Holder().answer(world.verifier, world.ask().link))
    for name in ("checks", "validators", "height", "header_time", "header_age", "status_age"):
        assert getattr(result, name) is not None
    assert any("反社" in text or "反社会" in text for text in result.not_included("ja"))
    assert world.verifier.records("booking-42")[0]["retain_until"] > "2029"
