"""``warifu audit``: compute a chain again from its genesis and say whether it is the same."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from registry_chain.audit import LINE_LIMITS, fetch_blocks, read_export, replay
from registry_chain.genesis import Genesis
from ssi.encoding import JSONObject
from ssi.fetch import FetchPolicy, http_fetch
from ssi.files import read_lines

MAX_PAGE_BYTES = 32 * 1024 * 1024
PAGE_SECONDS = 60.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the words of ``warifu audit``."""
    actions = parser.add_subparsers(dest="action", required=True)
    again = actions.add_parser(
        "replay",
        help="recompute every block / すべてのブロックを再計算します",
        epilog="warifu audit replay --genesis genesis.json --node https://node1.example\n"
        "warifu audit replay --genesis genesis.json --export blocks.jsonl",
    )
    again.add_argument(
        "--genesis", type=Path, required=True, help="the chain's genesis file / 台帳の創世ファイル"
    )
    source = again.add_mutually_exclusive_group(required=True)
    source.add_argument("--node", metavar="URL", help="a node / ノードの URL")
    source.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="a saved /v1/blocks export / 保存した /v1/blocks の内容",
    )
    again.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )


def run(args: argparse.Namespace) -> int:
    """Replay, print the report as one line of JSON, and return 0 only if all is equal."""
    genesis = Genesis.load(args.genesis)
    if args.export is not None:
        report = replay(_lines(args.export), genesis)
    else:
        policy = FetchPolicy(
            allow_loopback_http=args.loopback, max_bytes=MAX_PAGE_BYTES, timeout=PAGE_SECONDS
        )
        report = replay(fetch_blocks(args.node, http_fetch(policy)), genesis)
    sys.stdout.write(json.dumps(report.to_json()) + "\n")
    return 0 if report.ok else 1


def _lines(path: Path) -> Iterator[JSONObject]:
    return read_export(read_lines(path, most=LINE_LIMITS.max_bytes))
