"""Applications that show hostile texts, or crash with a secret in a local variable."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from textual.app import App

from tests.support.wallet_cast import BOX, NODE
from tests.support.wallet_world import World
from wallet.config import WalletConfig
from wallet.tui.app import WalletApp
from wallet.tui.consent import ConsentScreen
from wallet.tui.unlock import UnlockScreen


def _app() -> tuple[WalletApp, World]:
    folder = Path(tempfile.mkdtemp())
    config = WalletConfig(
        home=folder / "w", genesis=folder / "g", nodes=(NODE,), mailbox=BOX, loopback=True
    )
    return WalletApp(config, lang="en"), World(folder)


def consent_app(texts: list[str]) -> App[None]:
    """Show a consent screen for each text in every remote field, then end."""
    app, world = _app()
    folder = Path(tempfile.mkdtemp())
    holder = world.holder(folder / "w2")
    holder.accept_offer(world.issuer.offer(), "123456")
    plan = holder.review(world.minpaku.ask("name", "address"))

    def poisoned(text: str) -> object:
        names = replace(plan.firm.names, ja=text, en=text)
        firm = replace(plan.firm, names=names, contact=text, corporate_number=text)
        words = replace(plan.terms.purpose, ja=text, en=text)
        kept = replace(plan.terms.retention, text=words)
        terms = replace(plan.terms, purpose=words, legal_basis=text, retention=kept)
        items = tuple(
            replace(item, value=text, path=(*item.path[:-1], text)) for item in plan.items
        )
        return replace(plan, firm=firm, terms=terms, items=items, over_asked=((text,),))

    async def play() -> None:
        for text in texts:
            await app.push_screen(ConsentScreen(poisoned(text)))
            app.screen.tell(_told(text))
            await _drawn(app)
            app.pop_screen()
        app.exit(message="DONE")

    app.call_later(play)
    return app


def _told(text: str) -> str:
    from wallet.display import show_text

    return show_text(text)


async def _drawn(app: App[None]) -> None:
    import asyncio

    await asyncio.sleep(0.05)
    app.refresh()
    await asyncio.sleep(0.02)


class _Crashing(UnlockScreen):
    def on_mount(self) -> None:
        passphrase = "CANARY-PASSPHRASE"
        raise RuntimeError(f"boom {len(passphrase)}")


def crashing_app() -> App[None]:
    """End by an unexpected error while a secret is in a local variable."""
    app, _ = _app()
    app.call_later(lambda: app.push_screen(_Crashing()))
    return app
