"""Settings: the language, and what this wallet trusts and talks to."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from wallet.display import show_name
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain


class SettingsScreen(WalletScreen):
    """Shows the configuration; changes only the language."""

    TITLE_KEY: ClassVar[str] = "settings_title"
    KEYS: ClassVar[str] = "keys_settings"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f2", "app.language", show=False)]

    def body(self) -> ComposeResult:
        """Yield the settings."""
        config = self.wallet.config
        yield Plain(self.words("language"), id="language", classes="head")
        yield Plain(f"{self.words('chain')}: {show_name(str(config.genesis), limit=200)}")
        for node in config.nodes:
            yield Plain(f"{self.words('nodes')}: {show_name(node, limit=200)}")
        yield Plain(f"{self.words('mailbox')}: {show_name(config.mailbox, limit=200)}")
        yield Plain(self.words("autolock"))
        if config.loopback:
            yield Plain(self.words("loopback"), classes="warning line")
