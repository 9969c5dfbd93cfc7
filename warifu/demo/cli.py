"""``warifu demo``: the whole journey from one command."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from registry_chain.engines.cometbft.binary import find_binary
from warifu.demo import cast
from warifu.demo.actors import Wallet
from warifu.demo.canary import Hit, search
from warifu.demo.narrator import Narrator
from warifu.demo.network import Network, running
from warifu.demo.persona import resident
from warifu.demo.report import needles, places, print_table, summary
from warifu.demo.story import Story
from warifu.lang import language


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running / 終わっても動かしておく"
    )
    parser.add_argument(
        "--validators", type=int, default=1, metavar="N",
        help="run the chain by N validators with CometBFT / 台帳を N 台の検証者で動かす",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="end with one JSON line / 最後に一行の JSON を出力"
    )
    parser.add_argument(
        "--lang", choices=("ja", "en"), help="the language of the output / 出力の言語"
    )
    parser.add_argument(
        "--home",
        type=Path,
        help="a new folder for the network / ネットワークを置く新しいフォルダー",
    )


def run(args: argparse.Namespace) -> int:
    """Play the story; 0 when all of it is true."""
    tell = Narrator(args.lang or language())
    if args.validators > 1:
        find_binary()
    begun = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="warifu-demo-")) if args.home is None else args.home
    home = root / "network"
    kept = False
    # A polite end also when a script stops us: every program of the network ends with us.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        tell.act("仲間を集める", "Start the network")
        with tell.step(
            "台帳・発行者・電子私書箱・五つの事業者を起動する",
            "Chain, issuer, PO box and five firms start, each its own process",
        ):
            context = running(home, args.validators)
            network = context.__enter__()
        try:
            _tell_founding(network, tell)
            story, hits = _play(network, root, tell)
            seconds = time.monotonic() - begun
            result = summary(story, seconds, hits)
            print_table(story, tell, seconds, hits)
            if args.json:
                sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
                sys.stdout.flush()
            if args.keep:
                kept = True
                _stay(network, story, tell)
            else:
                tell.note(
                    "make demo ARGS=--keep なら、台帳のページと証拠ファイルを残して見られます",
                    "make demo ARGS=--keep leaves the chain's pages and the pack to look at",
                )
        finally:
            context.__exit__(None, None, None)
        return 0 if result["ok"] else 1
    finally:
        if args.home is None and not kept and sys.exc_info()[0] is None:
            shutil.rmtree(root, ignore_errors=True)
        elif args.home is not None or sys.exc_info()[0] is not None:
            tell.note(f"記録は {home} にあります", f"everything it wrote is in {home}")


def _tell_founding(network: Network, tell: Narrator) -> None:
    """Say who decided that these may issue and ask."""
    made = network.founding
    if made is not None:
        tell.note(
            f"創設会員 {made.voters} 者中 {made.yes} 者の賛成で、発行者・私書箱・事業者の"
            f"登録 {made.actions} 件を決定",
            f"{made.yes} of {made.voters} founding voters carried {made.actions} decisions: "
            "who may issue, hold boxes and ask",
        )


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _play(network: Network, root: Path, tell: Narrator) -> tuple[Story, list[Hit]]:
    passphrase = root / "passphrase"
    handle = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(os.urandom(24).hex() + "\n")
    today = datetime.now().astimezone(cast.JST).date()
    story = Story(
        network=network,
        persona=resident(today),
        wallet=Wallet(root / "wallet", passphrase),
        narrator=tell,
        today=today,
    )
    story.play()
    with tell.step(
        "すべての記録から本人の情報を探す（あってはならない場所）",
        "Every log, database and block is searched for the resident's data where it must not be",
    ):
        hits = list(search(places(network, story.wallet), needles(story.persona)))
    return story, hits


def _quoted(path: Path) -> str:
    """A path that can be pasted into a shell of any folder."""
    return shlex.quote(str(path.absolute()))


def _stay(network: Network, story: Story, tell: Narrator) -> None:
    """Say where everything is and wait for Ctrl-C."""
    wallet = story.wallet
    tell.act("そのまま使えます", "Everything is still running")
    explorer = network.url("chain")
    tell.note(f"台帳を見る（証明付き） {explorer}/", f"the chain, with its proofs: {explorer}/")
    tell.note(f"証拠ファイル {story.count.evidence}", f"evidence pack {story.count.evidence}")
    portal = network.url("issuer")
    tell.note(f"住民の申請 {portal}/", f"the portal for residents: {portal}/")
    tell.note(f"担当者の画面 {portal}/operator/login", f"for operators: {portal}/operator/login")
    roles = {"maker": "確認・承認", "checker": "発行"}
    for name, role in cast.OPERATORS:
        password = network.passwords[name]
        tell.note(
            f"  {name}（{roles[role]}） パスワード {password}",
            f"  {name} ({role}), password {password}",
        )
    for firm in cast.FIRMS:
        url = network.url(firm.id)
        tell.note(
            f"{firm.sector_ja}: {firm.name_ja} {url}/ お客様一覧 {url}/customers",
            f"{firm.sector_en}: {firm.name_en} {url}/ its customers: {url}/customers",
        )
    program, home = _quoted(Path(sys.executable).parent / "warifu"), _quoted(wallet.home)
    secret = _quoted(wallet.passphrase_file)
    line = f"WARIFU_PASSPHRASE_FILE={secret} {program} wallet --home {home}"
    tell.note(f"ウォレット: {line}", f"wallet: {line}")
    doctor = f"{program} doctor --network {_quoted(network.home)}"
    tell.note(f"点検: {doctor}", f"doctor: {doctor}")
    tell.note("Ctrl-C で終わります", "Ctrl-C ends it")
    try:
        signal.pause()
    except KeyboardInterrupt:
        return
