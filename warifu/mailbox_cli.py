"""``warifu mailbox``: the mailbox's own commands, and serving it."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from postbox import cli
from postbox.app import create_app
from postbox.background import start_background
from postbox.config import Config
from warifu.serving import serve


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands."""
    commands = parser.add_subparsers(dest="action", required=True)
    cli.add_commands(commands)
    serving = commands.add_parser("serve", help="serve the mailbox")
    serving.add_argument("--config", type=Path, default=Path("mailbox.toml"))


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    if args.action != "serve":
        return cli.run(args)
    try:
        config = Config.load(args.config)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{args.config}: {error}\n")
        return cli.BAD_INPUT

    def build() -> tuple[Callable[..., Any], Callable[[], None]]:
        app = create_app(config)
        return app, start_background(app)

    serve(build, host=config.host, port=config.port, workers=config.workers)
    return cli.OK
