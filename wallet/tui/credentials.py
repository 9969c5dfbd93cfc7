"""The credentials one by one: how each stands, and deleting it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wallet.context import utc_now
from wallet.copies import Stock
from wallet.display import show_name
from wallet.labels import credential_label
from wallet.moves import JST
from wallet.plain import japan_date, stock_state
from wallet.returns import Synced
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain


class CredentialsScreen(WalletScreen):
    """Every batch with its state in words [WAL-STAT-3]; F6 twice deletes the chosen one."""

    TITLE_KEY: ClassVar[str] = "credentials_title"
    KEYS: ClassVar[str] = "keys_credentials"
    AUTO_FOCUS = "#batches"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "delete", show=False),
        Binding("f8", "sync", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sure: str | None = None

    def body(self) -> ComposeResult:
        """Yield the list."""
        found = self.holder.credentials()
        if not found:
            yield Plain(self.words("no_credentials"))
            return
        yield OptionList(
            *(Option(self._lines(item), id=item.batch) for item in found),
            id="batches",
            markup=False,
        )

    def _lines(self, item: Stock) -> str:
        lang = self.wallet.lang
        label = show_name(credential_label(item.vct, lang), limit=40)
        issued, until = (
            japan_date(datetime.fromtimestamp(at, UTC).astimezone(JST).date().isoformat(), lang)
            for at in (item.issued_at, item.expires_at)
        )
        return (
            f"{label}  {show_name(item.issuer_names.in_language(lang))}\n"
            f"  {stock_state(item, utc_now(), lang)}\n"
            f"  {self.words('received_on')}: {issued}\n"
            f"  {self.words('until')}: {until}"
        )

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        """Ask again after another one was chosen."""
        self._sure = None

    def action_delete(self) -> None:
        """Delete the chosen batch, asked twice [WAL-DEL-1]."""
        lists = list(self.query("#batches").results(OptionList))
        if not lists or lists[0].highlighted is None:
            return
        batch = str(lists[0].get_option_at_index(lists[0].highlighted).id)
        if self._sure != batch:
            self._sure = batch
            copies = next(item.copies for item in self.holder.credentials() if item.batch == batch)
            self.tell(self.words("delete_sure", copies=copies))
            return
        deleted = self.holder.delete_credentials(batch)
        self._again(self.words("deleted", copies=deleted))

    def action_sync(self) -> None:
        """Send, fetch, and look up how the credentials stand."""
        self.in_thread(self.holder.sync, self._synced)

    def _synced(self, synced: Synced) -> None:
        self._again()
        self.call_next(self.tell_synced, synced)

    def _again(self, message: str = "") -> None:
        async def redraw() -> None:
            self._sure = None
            await self.recompose()
            if message:
                self.tell(message)

        self.call_next(redraw)
