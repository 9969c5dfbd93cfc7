"""``warifu chain``: found a chain, ask a node how it is."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from registry_chain import cli_backup, cli_gov, cli_trust
from registry_chain.genesis import GenesisMember, new_genesis
from registry_chain.keyfile import write_key
from registry_chain.transactions.bodies import ROLES
from registry_chain.transactions.fields import Name, bare_jwk
from ssi.encoding import parse_json_object
from ssi.errors import Malformed, Unreachable
from ssi.fetch import FetchPolicy, Request, http_fetch
from ssi.keys import Alg, generate_signer

NODE_TOML = """\
# The node of chain {chain}. Paths are relative to this folder.
genesis = "genesis.json"
key = "validator.key"
db = "chain.db"
host = "127.0.0.1"
port = {port}
"""
_OK = 200


def add_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add every word of ``warifu chain`` but ``node``, which the front door serves."""
    init = actions.add_parser(
        "init",
        help="make a genesis and its keys / 創世ファイルと鍵を作ります",
        epilog="warifu chain init --home node-1 --chain-id town-chain"
        " --member council=voter:協議会:Council --member city-kyc=issuer",
    )
    init.add_argument(
        "--home",
        type=Path,
        required=True,
        help="new folder for the node / ノードの新しいフォルダー",
    )
    init.add_argument("--chain-id", required=True, help="the chain's name / 台帳の名前")
    init.add_argument(
        "--member",
        action="append",
        required=True,
        metavar="ID=ROLE[,ROLE][:JA:EN]",
        help="a founding member; one needs the role voter"
        " / 発足時の会員（一名は voter の役割が必要）",
    )
    init.add_argument("--port", type=int, default=26680, help="where it listens / 待ち受けるポート")
    init.add_argument(
        "--loopback", action="store_true", help="a demonstration on one machine / 一台での実演用"
    )
    status = actions.add_parser(
        "status",
        help="ask a node how it is / ノードの状態を見ます",
        epilog="warifu chain status --node https://node1.example",
    )
    status.add_argument("--node", required=True, metavar="URL", help="the node / ノードの URL")
    status.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )
    prune = actions.add_parser(
        "prune",
        help="forget old states of a stopped node / 停止中のノードの古い状態を消します",
        epilog="warifu chain prune --home node-1 --keep 1000",
    )
    prune.add_argument(
        "--home",
        type=Path,
        required=True,
        help="the folder with node.toml / node.toml のあるフォルダー",
    )
    prune.add_argument(
        "--keep",
        type=int,
        default=1000,
        help="how many states stay provable / 証明できるまま残す状態の数",
    )
    cli_backup.add_commands(actions)
    cli_trust.add_commands(actions)
    cli_gov.add_commands(actions)


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    if args.action == "init":
        return _init(args)
    if args.action == "prune":
        return _prune(args.home, args.keep)
    if args.action in cli_backup.ACTIONS:
        return cli_backup.run(args)
    if args.action in cli_trust.ACTIONS:
        return cli_trust.run(args)
    if args.action in cli_gov.WORDS_OF_GOVERNANCE:
        return cli_gov.run(args)
    return _status(args.node, loopback=args.loopback)


def _init(args: argparse.Namespace) -> int:
    home: Path = args.home
    if (home / "genesis.json").exists():
        raise Malformed("this folder holds a chain already", code="config.exists")
    keys = home / "keys"
    keys.mkdir(parents=True, mode=0o700, exist_ok=True)
    validator = generate_signer(Alg.EDDSA, os.urandom)
    members = []
    for text in args.member:
        account, name, roles = _member(text)
        signer = generate_signer(Alg.EDDSA, os.urandom)
        write_key(keys / f"{account}.key", signer)
        own = (bare_jwk(signer.public_key),)
        members.append(GenesisMember(id=account, name=name, account_keys=own, roles=roles))
    genesis = new_genesis(
        chain_id=args.chain_id,
        genesis_time=int(time.time()),
        validators=[validator.public_key],
        members=members,
        loopback=args.loopback,
    )
    write_key(home / "validator.key", validator)
    (home / "genesis.json").write_bytes(genesis.to_bytes())
    (home / "node.toml").write_text(NODE_TOML.format(chain=args.chain_id, port=args.port))
    _print({"home": str(home), "chain_id": genesis.chain_id, "genesis": genesis.digest()})
    return 0


def _member(text: str) -> tuple[str, Name, tuple[str, ...]]:
    head, *names = text.split(":")
    account, sign, listed = head.partition("=")
    roles = tuple(listed.split(","))
    if not sign or any(role not in ROLES for role in roles) or len(names) not in (0, 2):
        raise Malformed("a member is ID=ROLE[,ROLE][:JA:EN]", code="config.member")
    ja, en = names or (account, account)
    return account, Name.from_json({"ja": ja, "en": en}), roles


def _status(url: str, *, loopback: bool) -> int:
    fetch = http_fetch(FetchPolicy(allow_loopback_http=loopback))
    answer = fetch(Request(url=f"{url.rstrip('/')}/v1/status"))
    if answer.status != _OK:
        raise Unreachable("the node does not answer as one", code="chain.unreachable")
    _print(parse_json_object(answer.body))
    return 0


def _prune(home: Path, keep: int) -> int:
    """Forget states of a node that is not running [REG-MAP-8]."""
    from registry_chain.config import CONFIG_NAME, NodeConfig  # noqa: PLC0415 - a node's extra
    from registry_chain.store import Store  # noqa: PLC0415

    config = NodeConfig.load(home / CONFIG_NAME)
    if not config.db.exists() or keep < 1:
        raise Malformed(
            "there is no chain here, or nothing would be kept", code="config.unreadable"
        )
    store = Store(config.db)
    try:
        _print({"oldest_height": store.prune(keep), "newest_height": store.version})
    finally:
        store.close()
    return 0


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
