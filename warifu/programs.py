"""The programs that serve, as commands: node, issuer, mailbox.

Products know how to build themselves; the front door knows how programs are served.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ssi.errors import Malformed
from warifu.serving import WSGI, Stop, serve

if TYPE_CHECKING:
    # argparse has no public name for what add_subparsers returns.
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

BAD_INPUT = 3
NODE_THREADS = 64
_Config = TypeVar("_Config")


def _actions(parser: argparse.ArgumentParser) -> Actions:
    return parser.add_subparsers(dest="action", required=True)


# --- chain ---


def configure_chain(parser: argparse.ArgumentParser) -> None:
    """Declare ``warifu chain``."""
    from registry_chain import (  # noqa: PLC0415 - only this command pays for it
        cli,
        cli_join,
        cli_network,
    )
    from registry_chain.anchoring import cli as anchoring  # noqa: PLC0415

    actions = _actions(parser)
    cli.add_commands(actions)
    cli_network.add_commands(actions)
    cli_join.add_commands(actions)
    anchoring.add_commands(actions)
    node = actions.add_parser(
        "node",
        help="run a node / ノードを動かします",
        epilog="warifu chain node --home node-1",
    )
    node.add_argument(
        "--home",
        type=Path,
        required=True,
        help="the folder with node.toml / node.toml のあるフォルダー",
    )
    submit = actions.add_parser(
        "submit",
        help="sign and submit a transaction / 取引に署名して送ります",
        epilog="warifu chain submit --genesis genesis.json --node https://node1.example"
        " --account city-kyc --key city-kyc.key --type batch.anchor --body anchor.json",
    )
    submit.add_argument(
        "--genesis", type=Path, required=True, help="the chain's genesis file / 台帳の創世ファイル"
    )
    submit.add_argument(
        "--node",
        action="append",
        required=True,
        metavar="URL",
        help="a node (repeatable) / ノードの URL（繰り返せます）",
    )
    submit.add_argument(
        "--account", required=True, help="who signs (a member's id) / 署名する会員の ID"
    )
    submit.add_argument(
        "--key", type=Path, required=True, help="the account's key file / アカウントの鍵ファイル"
    )
    submit.add_argument(
        "--lane", type=int, default=0, help="the account's lane / アカウントのレーン番号"
    )
    submit.add_argument(
        "--type", required=True, help="such as issuer.accredit / 取引の種類（issuer.accredit など）"
    )
    submit.add_argument(
        "--body",
        type=Path,
        required=True,
        help="a JSON file; - for standard input / JSON ファイル（- は標準入力）",
    )
    submit.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )


def run_chain(args: argparse.Namespace) -> int:
    """Run ``warifu chain``."""
    if args.action == "node":
        return _node(args.home)
    if args.action == "submit":
        return _submit(args)
    if args.action in ("validator-key", "migrate"):
        from registry_chain import cli_network  # noqa: PLC0415

        return cli_network.run(args)
    if args.action == "join":
        from registry_chain import cli_join  # noqa: PLC0415

        return cli_join.run(args)
    if args.action == "testnet":
        from warifu import testnet  # noqa: PLC0415

        return testnet.run(args)
    from registry_chain import cli  # noqa: PLC0415
    from registry_chain.anchoring import cli as anchoring  # noqa: PLC0415

    return anchoring.run(args) if args.action in anchoring.ACTIONS else cli.run(args)


def _node(home: Path) -> int:
    from registry_chain.config import CONFIG_NAME, NodeConfig, check_files, open_node  # noqa: PLC0415

    config = NodeConfig.load(home / CONFIG_NAME)
    check_files(config)
    # One worker: the engine is the only writer of its chain. Many threads: each holds one client
    # who waits for a block.
    serve(lambda: open_node(config), host=config.host, port=config.port, threads=NODE_THREADS)
    return 0


def _submit(args: argparse.Namespace) -> int:
    from registry_chain.client import Genesis, HeadMemory, RegistryClient, Submitter  # noqa: PLC0415
    from registry_chain.keyfile import read_key  # noqa: PLC0415
    from registry_chain.transactions import TX_TYPES  # noqa: PLC0415
    from ssi.encoding import JsonLimits, parse_json_object  # noqa: PLC0415
    from ssi.fetch import FetchPolicy, http_fetch  # noqa: PLC0415
    from ssi.files import read_input  # noqa: PLC0415

    kind = TX_TYPES.get(args.type)
    if kind is None:
        sys.stderr.write("known types: " + ", ".join(sorted(TX_TYPES)) + "\n")
        return BAD_INPUT
    limits = JsonLimits(max_bytes=262_144, max_members=20_000, max_string=200_000)
    raw = read_input(args.body, most=limits.max_bytes)
    body = kind.from_json(parse_json_object(raw, limits=limits))
    fetch = http_fetch(FetchPolicy(allow_loopback_http=args.loopback))
    client = RegistryClient(args.node, Genesis.load(args.genesis), fetch, HeadMemory.volatile())
    submitter = Submitter(client, args.account, read_key(args.key), args.lane)
    done = submitter.submit(body, datetime.now(UTC))
    sys.stdout.write(json.dumps({"tx_id": done.tx_id, "height": done.height}) + "\n")
    return 0


# --- issuer and mailbox ---


def configure_issuer(parser: argparse.ArgumentParser) -> None:
    """Declare ``warifu issuer``."""
    from issuer import cli  # noqa: PLC0415

    actions = _actions(parser)
    cli.add_commands(actions)
    _serve_command(actions, "issuer.toml", "warifu issuer serve --config issuer/issuer.toml")


def run_issuer(args: argparse.Namespace) -> int:
    """Run ``warifu issuer``."""
    if args.action != "serve":
        from issuer import cli  # noqa: PLC0415

        return cli.run(args)
    from issuer.config import Config  # noqa: PLC0415
    from issuer.context import check_files  # noqa: PLC0415

    config = _load(Config.load, args.config)
    _load(lambda _: check_files(config), args.config)

    def build() -> tuple[WSGI, Stop]:
        from issuer.app import create_app, open_issuer, start_background  # noqa: PLC0415

        issuer = open_issuer(config)
        return create_app(issuer), start_background(issuer)

    serve(build, host=config.host, port=config.port, workers=config.workers)
    return 0


def configure_mailbox(parser: argparse.ArgumentParser) -> None:
    """Declare ``warifu mailbox``."""
    from postbox import cli  # noqa: PLC0415

    actions = _actions(parser)
    cli.add_commands(actions)
    _serve_command(actions, "mailbox.toml", "warifu mailbox serve --config box/mailbox.toml")


def run_mailbox(args: argparse.Namespace) -> int:
    """Run ``warifu mailbox``."""
    if args.action != "serve":
        from postbox import cli  # noqa: PLC0415

        return cli.run(args)
    from postbox.config import Config  # noqa: PLC0415
    from postbox.wiring import check_files  # noqa: PLC0415

    config = _load(Config.load, args.config)
    _load(lambda _: check_files(config), args.config)

    def build() -> tuple[WSGI, Stop]:
        from postbox.app import create_app  # noqa: PLC0415
        from postbox.background import start_background  # noqa: PLC0415

        app = create_app(config)
        return app, start_background(app)

    serve(build, host=config.host, port=config.port, workers=config.workers)
    return 0


def _serve_command(actions: Actions, default: str, example: str) -> None:
    command = actions.add_parser(
        "serve", help="serve over HTTP / HTTP で動かします", epilog=example
    )
    command.add_argument(
        "--config",
        type=Path,
        default=Path(default),
        help=f"the settings; {default} when absent / 設定ファイル（なければ {default}）",
    )


def _load(load: Callable[[Path], _Config], path: Path) -> _Config:
    """Read what a program needs before it is served, so that a mistake is told once and plainly.

    Raises:
        Malformed: ``config.malformed`` for a senseless setting, ``config.unreadable``.
    """
    try:
        return load(path)
    except ValueError as error:
        raise Malformed(f"{path.name}: {error}", code="config.malformed") from error
    except OSError as error:
        raise Malformed(f"{path.name} cannot be read", code="config.unreadable") from error
