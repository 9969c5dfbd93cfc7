"""``warifu chain trust`` and ``evidence``: whom a person believes, and who lied."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from registry_chain.client import HeadMemory, RegistryClient, TrustRoot
from registry_chain.memory import Contradiction
from registry_chain.transport import LIMITS
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import Malformed
from ssi.fetch import FetchPolicy, http_fetch

ACTIONS = ("trust", "evidence")


def add_commands(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the two words to ``warifu chain``."""
    trust = actions.add_parser(
        "trust",
        help="make a trust file with a checkpoint / 信頼ファイルを作ります",
        epilog="warifu chain trust --genesis genesis.json --node https://node1.example"
        " --node https://node2.example --out trust.json",
    )
    trust.add_argument(
        "--genesis",
        type=Path,
        required=True,
        help="genesis or older trust file / 創世ファイルか前の信頼ファイル",
    )
    trust.add_argument(
        "--node",
        action="append",
        required=True,
        metavar="URL",
        help="a node (repeatable) / ノードの URL（繰り返せます）",
    )
    trust.add_argument("--out", type=Path, required=True, help="where to write it / 書き出す先")
    trust.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )
    evidence = actions.add_parser(
        "evidence",
        help="show contradicting blocks that were kept / 矛盾の証拠を取り出します",
        epilog="warifu chain evidence --memory firm.heads --out contradiction.json",
    )
    evidence.add_argument(
        "--memory",
        type=Path,
        required=True,
        help="a program's .heads file / プログラムの .heads ファイル",
    )
    evidence.add_argument(
        "--out", type=Path, help="write them with both light blocks / 両方のブロックを書き出す先"
    )
    evidence.add_argument(
        "--settle",
        metavar="CHAIN",
        help="believe the chain again, from the trust file / 信頼ファイルから信じ直します",
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    return _trust(args) if args.action == "trust" else _evidence(args)


def _trust(args: argparse.Namespace) -> int:
    """Write the newest header of the nodes as a checkpoint; a person compares its hash."""
    old = TrustRoot.load(args.genesis)
    fetch = http_fetch(FetchPolicy(allow_loopback_http=args.loopback))
    client = RegistryClient(args.node, old, fetch, HeadMemory.volatile())
    head, nodes = client.compare(datetime.now(UTC))
    root = TrustRoot(genesis=old.genesis, checkpoint=head.block)
    args.out.write_text(json.dumps(root.to_json()) + "\n", "utf-8")
    _print(
        {
            "chain_id": head.chain_id,
            "genesis": old.genesis.digest(),
            "height": head.height,
            "hash": head.header_hash.hex().upper(),
            "time": head.time.isoformat(timespec="seconds"),
            "signed": head.signed,
            "validators": head.validators,
            "nodes_agreed": nodes.agreed,
            "nodes_asked": nodes.asked,
            "lying": list(nodes.lying),
        }
    )
    sys.stderr.write(
        "高さとハッシュを、台帳を追っている会員と電話などで照合してください。\n"
        "Compare height and hash with a member who follows the chain, by another way.\n"
    )
    return 0


def _evidence(args: argparse.Namespace) -> int:
    """List what was kept; 1 when something is not settled."""
    if not args.memory.is_file():
        raise Malformed("there is no such memory file", code="config.memory")
    memory = HeadMemory.open(args.memory)
    if args.settle is not None:
        memory.settle(args.settle)
    kept = memory.contradictions()
    memory.close()
    if args.out is not None:
        blocks = [_shown(one, whole=True) for one in kept]
        args.out.write_text(json.dumps({"contradictions": blocks}) + "\n", "utf-8")
    _print({"contradictions": [_shown(one, whole=False) for one in kept]})
    return 1 if any(not one.settled for one in kept) else 0


def _shown(one: Contradiction, *, whole: bool) -> JSONObject:
    pair = [parse_json_object(raw, limits=LIMITS) for raw in (one.first, one.second)]
    shown: JSONObject = {"chain_id": one.chain, "settled": one.settled}
    for name, block in zip(("first", "second"), pair, strict=True):
        signed = block["signed_header"]
        header = signed["header"] if isinstance(signed, dict) else None
        shown[name] = block if whole or not isinstance(header, dict) else header["height"]
    return shown


def _print(value: JSONObject) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
