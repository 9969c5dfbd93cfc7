"""Settings that make no sense stop the program at its start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from issuer.config import Config
from ssi.errors import Malformed

GOOD = """
issuer_id = "city-kyc"
url = "https://issuer.example"
name_ja = "市民KYC"
name_en = "City KYC"
trust_framework = "https://warifu.example/trust_framework/jp_sharing"
credential_key = "credential.key"
credential_chain = "credential.pem"
status_key = "status.key"
status_chain = "status.pem"
account_key = "account.key"
genesis = "genesis.json"
nodes = ["https://node.example"]
"""


def load(folder: Path, text: str) -> Config:
    (folder / "issuer.toml").write_text(text, "utf-8")
    return Config.load(folder / "issuer.toml")


def test_paths_are_beside_the_file(tmp_path: Path):
    config = load(tmp_path, GOOD)
    assert config.credential_key == tmp_path / "credential.key"
    assert config.database == f"sqlite:///{tmp_path / 'issuer.db'}"
    assert config.status_uri.startswith("https://issuer.example/status-lists/")


@pytest.mark.parametrize(
    "change",
    [
        ('url = "https://issuer.example"', 'url = "https://issuer.example/"'),
        ('url = "https://issuer.example"', 'url = "http://issuer.example"'),
        ('url = "https://issuer.example"', 'url = "ftp://issuer.example"'),
        ('nodes = ["https://node.example"]', "nodes = []"),
        ('issuer_id = "city-kyc"', ""),
        ('issuer_id = "city-kyc"', 'issuer_id = "city-kyc"\nsecret = "x"'),
        ('issuer_id = "city-kyc"', 'issuer_id = "city-kyc"\nbatch_size = 0'),
        ('issuer_id = "city-kyc"', 'issuer_id = "city-kyc"\ntoken_seconds = 301'),
        ('issuer_id = "city-kyc"', "issuer_id = "),
    ],
)
def test_senseless_settings_are_refused(tmp_path: Path, change: tuple[str, str]):
    with pytest.raises((ValueError, Malformed), match=r".+"):
        load(tmp_path, GOOD.replace(*change))


def test_a_bearer_token_lives_five_minutes_at_most(tmp_path: Path):
    with pytest.raises(ValueError, match="token_seconds"):
        replace(load(tmp_path, GOOD), token_seconds=600)
