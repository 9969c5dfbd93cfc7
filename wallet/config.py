"""Where the wallet lives and whom it talks to: ``wallet.toml`` in ``WARIFU_HOME``.

Fields::

    genesis  = "genesis.json"               # the chain's genesis file, pinned by this wallet
    nodes    = ["https://node.example"]     # one or more; every answer is verified
    mailbox  = "https://box.example"        # the electronic PO box this wallet uses
    loopback = false                        # true only for a demo on this machine
    lang     = "ja"                         # ja or en
    undo_seconds = 600                      # how long a change of address can be taken back
    max_age_seconds = 300                   # how old the ledger's newest statement may be
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ssi.errors import VaultError
from ssi.files import read_toml

UNDO_DEFAULT = 600
MAX_AGE_DEFAULT = 300
_KNOWN = frozenset(
    {"genesis", "nodes", "mailbox", "loopback", "lang", "undo_seconds", "max_age_seconds"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletConfig:
    """The wallet's settings; paths are absolute."""

    home: Path
    genesis: Path
    nodes: tuple[str, ...]
    mailbox: str
    loopback: bool = False
    lang: str = "ja"
    undo_window: timedelta = timedelta(seconds=UNDO_DEFAULT)
    max_age: timedelta = timedelta(seconds=MAX_AGE_DEFAULT)

    @classmethod
    def load(cls, home: Path) -> WalletConfig:
        """Read ``wallet.toml``.

        Raises:
            VaultError: ``config.missing`` or ``config.malformed``; the fact names the field.
            Malformed: As `ssi.files.read_toml`.
        """
        path = home / "wallet.toml"
        if not path.exists():
            raise VaultError(f"there is no {path}", code="config.missing")
        return parse_config(read_toml(path), home=home)


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return ``WARIFU_HOME``, or ``~/.warifu``."""
    named = environ.get("WARIFU_HOME", "")
    return Path(named).expanduser() if named else Path.home() / ".warifu"


def parse_config(data: Mapping[str, object], *, home: Path) -> WalletConfig:
    """Return the settings; every unknown or wrongly typed field is an error."""
    unknown = sorted(data.keys() - _KNOWN)
    if unknown:
        raise _malformed(unknown[0])
    nodes = data.get("nodes")
    if not isinstance(nodes, list) or not nodes or not all(isinstance(n, str) for n in nodes):
        raise _malformed("nodes")
    lang = data.get("lang", "ja")
    if lang not in {"ja", "en"}:
        raise _malformed("lang")
    loopback = data.get("loopback", False)
    if not isinstance(loopback, bool):
        raise _malformed("loopback")
    return WalletConfig(
        home=home,
        genesis=home / _text(data, "genesis"),
        nodes=tuple(str(node) for node in nodes),
        mailbox=_text(data, "mailbox").rstrip("/"),
        loopback=loopback,
        lang=str(lang),
        undo_window=_seconds(data, "undo_seconds", UNDO_DEFAULT),
        max_age=_seconds(data, "max_age_seconds", MAX_AGE_DEFAULT),
    )


def _text(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise _malformed(name)
    return value


def _seconds(data: Mapping[str, object], name: str, default: int) -> timedelta:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 7 * 86400:
        raise _malformed(name)
    return timedelta(seconds=value)


def _malformed(name: str) -> VaultError:
    return VaultError(f"wallet.toml: the field {name} is wrong", code="config.malformed")
