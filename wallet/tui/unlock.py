"""The first screen: open the wallet, or make one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input

from wallet.holder import Holder
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain
from wallet.vault import Vault


class UnlockScreen(WalletScreen):
    """Asks for the passphrase; twice when there is no wallet yet."""

    KEYS: ClassVar[str] = "keys_unlock"
    AUTO_FOCUS = "#passphrase"

    def __init__(self, given: str | None = None) -> None:
        super().__init__()
        self._given = given

    def on_mount(self) -> None:
        """Open at once with a passphrase that was handed over."""
        given, self._given = self._given, None
        if given is not None and not self.is_new:
            self._open(given, is_new=False)

    @property
    def is_new(self) -> bool:
        """Whether a wallet is to be made."""
        return not Vault.exists(self.wallet.config.home)

    def body(self) -> ComposeResult:
        """Yield one or two password fields."""
        yield Plain(self.words("create" if self.is_new else "unlock"), classes="head")
        yield Input(password=True, id="passphrase", placeholder=self.words("passphrase"))
        if self.is_new:
            yield Input(password=True, id="again", placeholder=self.words("again"))

    def action_leave(self) -> None:
        """Stay: there is nothing behind this screen."""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the second field, or open."""
        if self.is_new and event.input.id == "passphrase":
            self.query_one("#again", Input).focus()
            return
        passphrase = self.query_one("#passphrase", Input).value
        if self.is_new and self.query_one("#again", Input).value != passphrase:
            self.tell(self.words("differ"))
            return
        is_new = self.is_new
        for field in self.query(Input):
            field.value = ""
        self._open(passphrase, is_new=is_new)

    def _open(self, passphrase: str, *, is_new: bool) -> None:
        app = self.wallet

        def work() -> Holder:
            if is_new:
                app.creator(app.config.home, passphrase)
            return app.opener(app.config, passphrase)

        self.in_thread(work, app.enter)
