"""``warifu chain backup`` and ``restore`` [OPS-BAK-1] to [OPS-BAK-5]."""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from registry_chain.keyfile import read_key
from ssi.encoding import b64url_encode
from ssi.keys import Alg, generate_signer

ACTIONS = ("backup", "restore")


def add_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the words."""
    backup = actions.add_parser(
        "backup",
        help="copy a node's ledger, without its keys / 台帳を鍵なしで控えます",
        epilog="warifu chain backup --home node-1 --out node-1.backup",
    )
    backup.add_argument(
        "--home",
        type=Path,
        required=True,
        help="the folder with node.toml / node.toml のあるフォルダー",
    )
    backup.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="a new file / 新しいファイル"
    )
    restore = actions.add_parser(
        "restore",
        help="check a backup and put it back / 控えを検査して戻します",
        epilog="warifu chain restore node-1.backup --home node-new --key validator.key",
    )
    restore.add_argument("backup", type=Path, metavar="FILE", help="the backup / 控えのファイル")
    restore.add_argument(
        "--home",
        type=Path,
        required=True,
        help="a new folder for the node / ノードの新しいフォルダー",
    )
    restore.add_argument(
        "--key",
        type=Path,
        help="the chain's own key, kept apart; a network's node makes a new one"
        " / 別に保管した台帳の鍵（ネットワークのノードは新しく作ります）",
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    from registry_chain import backup  # noqa: PLC0415 - a node's extra

    if args.action == "backup":
        _print({**asdict(backup.back_up(args.home, args.out)), "file": str(args.out)})
        return 0
    key = generate_signer(Alg.EDDSA, os.urandom) if args.key is None else read_key(args.key)
    found = backup.restore(args.backup, args.home, key)
    signs_with = b64url_encode(key.public_key.raw)
    _print({**asdict(found), "home": str(args.home), "validator_key": signs_with})
    return 0


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
