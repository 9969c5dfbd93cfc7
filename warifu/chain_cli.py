"""``warifu chain``: the chain's own commands, and running a node."""

import argparse
from pathlib import Path

from registry_chain import cli
from registry_chain.config import CONFIG_NAME, NodeConfig, check_files, open_node
from warifu.serving import serve

NODE_THREADS = 16


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    actions = parser.add_subparsers(dest="action", required=True)
    cli.add_commands(actions)
    node = actions.add_parser("node", help="run the node / ノードを動かします")
    node.add_argument("--home", type=Path, required=True)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    if args.action != "node":
        return cli.run(args)
    config = NodeConfig.load(args.home / CONFIG_NAME)
    check_files(config)
    # One worker: the embedded engine is the file's only writer.
    serve(
        lambda: open_node(config),
        host=config.host,
        port=config.port,
        workers=1,
        threads=NODE_THREADS,
    )
    return 0
