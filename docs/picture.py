"""Draw README's picture: the wallet's own screen after a move, from a demo network it runs itself.

The picture is what the program shows, not a drawing of it: the script plays the demo's story,
opens the wallet of that resident and exports its screen.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from rich.cells import cell_len

from wallet.config import WalletConfig
from wallet.tui.app import WalletApp
from warifu.demo import cast
from warifu.demo.actors import Wallet
from warifu.demo.narrator import Narrator
from warifu.demo.network import running
from warifu.demo.persona import resident
from warifu.demo.story import Story

COLUMNS, LINES = 80, 24


async def draw(home: Path, passphrase: str) -> str:
    """Open the wallet, go to the firms and return the screen as SVG."""
    app = WalletApp(WalletConfig.load(home), lang="ja")
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        await pilot.pause()
        for char in passphrase:
            await pilot.press(char)
        await pilot.press("enter")
        await _settle(pilot)
        await pilot.press("f5")
        await _settle(pilot)
        return app.export_screenshot(title="割符ウォレット")


async def _settle(pilot: object) -> None:
    for _ in range(30):
        await pilot.pause(0.1)  # type: ignore[attr-defined]


def main() -> None:
    """Write the picture to the path given."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        secret = root / "passphrase"
        handle = os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write("a1b2c3d4e5f6a1b2c3d4e5f6\n")
        with running(root / "network") as network:
            today = datetime.now().astimezone(cast.JST).date()
            story = Story(
                network=network,
                persona=resident(today),
                wallet=Wallet(root / "wallet", secret),
                narrator=Narrator("en"),
                today=today,
            )
            story.act_issue()
            story.act_present()
            story.act_move_first()
            svg = asyncio.run(draw(root / "wallet", secret.read_text().strip()))
    target.write_text(tidy(svg), "utf-8")


def tidy(svg: str) -> str:
    """Give wide characters their two cells, and take the web fonts out: no connection is opened."""
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    return re.sub(r'(<text [^>]*textLength=")([0-9.]+)("[^>]*>)([^<]*)(</text>)', _spread, svg)


def _spread(found: re.Match[str]) -> str:
    head, length, rest, text, tail = found.groups()
    shown = html.unescape(text)
    width = float(length) / max(len(shown), 1) * cell_len(shown)
    return f"{head}{width:g}{rest}{text}{tail}"


if __name__ == "__main__":
    main()
