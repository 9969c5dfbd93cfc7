"""The home screen: credentials, what waits, and the way to everything else."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wallet.context import utc_now
from wallet.display import show_name
from wallet.labels import credential_label
from wallet.plain import stock_state
from wallet.returns import Synced
from wallet.tui.base import WalletScreen
from wallet.tui.consents import ConsentsScreen
from wallet.tui.credentials import CredentialsScreen
from wallet.tui.firms import FirmsScreen
from wallet.tui.history import HistoryScreen
from wallet.tui.link import LinkScreen
from wallet.tui.move import MoveScreen
from wallet.tui.settings import SettingsScreen
from wallet.tui.widgets import Plain, clean_link

_MENU = (
    "request",
    "offer",
    "move",
    "firms",
    "consents",
    "history",
    "sync",
    "settings",
    "credentials",
)


class HomeScreen(WalletScreen):
    """What the person has and what can be done; a pasted link is looked at, never acted on."""

    KEYS: ClassVar[str] = "keys_home"
    AUTO_FOCUS = "#menu"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(f"f{number}", f"go('{name}')", show=False)
        for number, name in enumerate(_MENU, start=2)
    ]

    def body(self) -> ComposeResult:
        """Yield the summary and the menu."""
        yield Plain(self.words("credentials"), classes="head")
        yield Plain(self._credentials(), id="credentials")
        yield Plain(self._pending(), id="pending", classes="quiet")
        menu = OptionList(
            *(Option(self.words(f"menu_{name}"), id=name) for name in _MENU),
            id="menu",
            markup=False,
        )
        yield menu

    def _credentials(self) -> str:
        lines = []
        for item in self.holder.credentials():
            label = credential_label(item.vct, self.wallet.lang)
            issuer = show_name(item.issuer_names.in_language(self.wallet.lang))
            lines.append(f"{show_name(label, limit=40)}  {issuer}")
            lines.append(f"  {stock_state(item, utc_now(), self.wallet.lang)}")
        return "\n".join(lines) or self.words("no_credentials")

    def _pending(self) -> str:
        status = self.holder.status()
        return self.words("pending", unsent=status.unsent, unanswered=status.unanswered)

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        if self.wallet.is_open and self.query("#credentials"):
            self.query_one("#credentials", Plain).update(self._credentials())
            self.query_one("#pending", Plain).update(self._pending())

    def action_leave(self) -> None:
        """Stay: this is the ground floor."""

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what was chosen."""
        self.action_go(str(event.option.id))

    def on_paste(self, event: events.Paste) -> None:
        """Take a pasted link to the screen that looks at it."""
        self._look(clean_link(event.text))

    def _look(self, link: str) -> None:
        self.app.push_screen(LinkScreen(link))

    def action_go(self, name: str) -> None:
        """Open a screen, or send and fetch."""
        match name:
            case "request" | "offer":
                self._look("")
            case "move":
                self.app.push_screen(MoveScreen())
            case "firms":
                self.app.push_screen(FirmsScreen())
            case "consents":
                self.app.push_screen(ConsentsScreen())
            case "history":
                self.app.push_screen(HistoryScreen())
            case "credentials":
                self.app.push_screen(CredentialsScreen())
            case "settings":
                self.app.push_screen(SettingsScreen())
            case _:
                self.in_thread(self.holder.sync, self._synced)

    def _synced(self, synced: Synced) -> None:
        self.on_screen_resume()
        self.tell_synced(synced)
