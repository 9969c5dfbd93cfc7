"""The full-screen wallet. Screens call the holder and nothing below it.

Off, with a test each: the command palette, screenshots (they would write personal
data to a file), links and actions in remote text, and tracebacks with local
variables (they would print a passphrase).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import ClassVar

from rich.segment import Segment, Segments
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType

from ssi.errors import Locked, SSIError
from wallet.config import WalletConfig
from wallet.holder import Holder
from wallet.tui.home import HomeScreen
from wallet.tui.unlock import UnlockScreen
from wallet.tui.words import text
from wallet.vault import Vault

IDLE_SECONDS = 300.0
TEND_SECONDS = 15.0

Opener = Callable[[WalletConfig, str], Holder]
Creator = Callable[[Path, str], None]


def _create(home: Path, passphrase: str) -> None:
    Vault.create(home, passphrase).close()


def _tend(holder: Holder) -> None:
    # Trouble waits for the next time; locking the wallet meanwhile is no trouble.
    with suppress(SSIError):
        holder.tend()


class WalletApp(App[None]):
    """The application: a language, an open wallet or none, and a stack of screens."""

    CSS_PATH = "wallet.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]  # noqa: RUF012 - Textual declares it an instance variable
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False, priority=True),
        Binding("ctrl+l", "lock", show=False, priority=True),
    ]

    def __init__(
        self,
        config: WalletConfig,
        *,
        lang: str,
        opener: Opener = Holder.open,
        creator: Creator = _create,
        passphrase: str | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.tend_seconds = TEND_SECONDS
        self.lang = lang
        self.opener = opener
        self.creator = creator
        self._passphrase = passphrase
        self._holder: Holder | None = None
        self._touched = monotonic()

    def on_mount(self) -> None:
        """Start locked; a passphrase that was handed over opens the wallet, once."""
        self.set_interval(5.0, self._lock_when_idle)
        self.set_interval(self.tend_seconds, self._tend)
        given, self._passphrase = self._passphrase, None
        self.push_screen(UnlockScreen(given))

    def opened(self) -> Holder:
        """Return the open wallet.

        Raises:
            Locked: ``wallet.locked``.
        """
        if self._holder is None:
            raise Locked("the wallet is locked", code="wallet.locked")
        return self._holder

    @property
    def is_open(self) -> bool:
        """Whether a wallet is open."""
        return self._holder is not None

    def enter(self, holder: Holder) -> None:
        """Show the wallet that was just opened."""
        self._holder = holder
        self._touched = monotonic()
        self.lang = holder.setting("lang", self.lang)
        self.switch_screen(HomeScreen())

    def action_lock(self) -> None:
        """Close the wallet and clear every screen."""
        if self._holder is None:
            return
        self._holder.close()
        self._holder = None
        self.workers.cancel_all()
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self._show_unlock()

    async def action_language(self) -> None:
        """Switch between Japanese and English on every screen at once."""
        self.lang = "en" if self.lang == "ja" else "ja"
        if self._holder is not None:
            self._holder.set_setting("lang", self.lang)
        for screen in self.screen_stack[1:]:
            await screen.recompose()

    def _show_unlock(self) -> None:
        self.push_screen(UnlockScreen())

    def _lock_when_idle(self) -> None:
        if self._holder is not None and monotonic() - self._touched > IDLE_SECONDS:
            self.action_lock()

    def _tend(self) -> None:
        """While the wallet is open, see to what is under way; what the person does goes first."""
        if self._holder is not None and all(worker.is_finished for worker in self.workers):
            self.run_worker(partial(_tend, self._holder), thread=True, group="tend")

    async def on_event(self, event: events.Event) -> None:
        """Note every sign of the person, for the automatic lock."""
        if isinstance(event, events.Key | events.MouseDown | events.Paste):
            self._touched = monotonic()
        await super().on_event(event)

    def on_unmount(self) -> None:
        """Lock on the way out."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Do nothing: a screenshot is a file with the person's data in clear."""

    def action_command_palette(self) -> None:
        """Do nothing: its commands are not for a wallet."""

    def _fatal_error(self) -> None:
        """End without showing the traceback's local variables, which may hold secrets."""
        self.bell()
        line = f"{text('crashed', self.lang)}\n"
        self._exit_renderables.append(Segments([Segment(line)]))
        self._close_messages_no_wait()


def run_app(home: Path, *, lang: str, passphrase: str | None = None) -> int:
    """Run the full-screen wallet and return the exit code.

    Args:
        home: the wallet's folder.
        lang: the reader's language.
        passphrase: from a descriptor or a private file; typed on the screen when ``None``.

    Raises:
        VaultError: ``config.*``.
    """
    app = WalletApp(WalletConfig.load(home), lang=lang, passphrase=passphrase)
    app.run()
    return app.return_code or 0
