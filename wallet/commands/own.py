"""The wallet itself: make one, tell its state, look back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ssi.encoding import JSONObject
from ssi.errors import VaultError
from wallet import cli, passphrase, plain
from wallet.console import Console
from wallet.labels import STATUS
from wallet.vault import Vault


def init(console: Console) -> int:
    """Make a vault, and ``wallet.toml`` when the network was named."""
    args = console.args
    path = console.home / "wallet.toml"
    if args.genesis or args.node or args.mailbox:
        if not (args.genesis and args.node and args.mailbox):
            raise VaultError("--genesis, --node and --mailbox go together", code="input.config")
        _write_config(console, path, _config_text(args))
    words = passphrase.read(args.passphrase_fd, console.lang, twice=True)
    Vault.create(console.home, words).close()
    console.out(
        {"created": True, "home": str(console.home)},
        [console.words(f"作りました: {console.home}", f"Made: {console.home}")],
    )
    return cli.EXIT_OK


def _write_config(console: Console, path: Path, text: str) -> None:
    """Write ``wallet.toml`` whole; the same one again, before there is a vault, is no error."""
    if path.exists():
        if Vault.exists(console.home) or path.read_text("utf-8") != text:
            raise VaultError("wallet.toml exists already", code="input.config_exists")
        return
    console.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)


def _config_text(args: argparse.Namespace) -> str:
    """Return ``wallet.toml``; JSON strings are TOML basic strings."""
    lines = [
        f"genesis = {json.dumps(str(Path(args.genesis).absolute()))}",
        f"nodes = {json.dumps(args.node)}",
        f"mailbox = {json.dumps(args.mailbox)}",
        f"loopback = {'true' if args.loopback else 'false'}",
    ]
    if args.undo_seconds is not None:
        lines.append(f"undo_seconds = {args.undo_seconds}")
    return "\n".join(lines) + "\n"


def status(console: Console) -> int:
    """Tell whether there is a wallet and, when it can be opened, what waits in it."""
    if not Vault.exists(console.home):
        console.out({"state": "none"}, [console.words("ウォレットがありません", "no wallet")])
        return cli.EXIT_LOCKED
    if not passphrase.has_source(console.args.passphrase_fd):
        console.out({"state": "locked"}, [console.words("施錠されています", "locked")])
        return cli.EXIT_LOCKED
    with console.holder() as holder:
        now = holder.status()
    counts: JSONObject = {
        "credentials": now.credentials,
        "unused": now.unused,
        "firms": now.firms,
        "live_consents": now.live_consents,
        "unsent": now.unsent,
        "unanswered": now.unanswered,
    }
    lines = [f"{STATUS[name].text(console.lang)}: {number}" for name, number in counts.items()]
    console.out({"state": "unlocked", **counts}, lines)
    return cli.EXIT_OK


def history(console: Console) -> int:
    """Tell what happened, or delete the log."""
    with console.holder() as holder:
        if console.args.forget:
            holder.forget_history()
        entries = holder.history(limit=console.args.limit)
    console.out(plain.history_json(entries), plain.history_lines(entries, console.lang))
    return cli.EXIT_OK
