"""Who has which address: one line per firm with its state and what to do next."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from ssi.errors import SSIError
from wallet.context import utc_now
from wallet.display import show_name
from wallet.labels import DELIVERY
from wallet.moves import JST, FirmAddress, MoveEvent
from wallet.plain import japan_date
from wallet.returns import Synced
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain

_REFRESH_SECONDS = 2.0


class FirmsScreen(WalletScreen):
    """A live list; F8 sends and fetches, F4 takes a move back while that is possible."""

    TITLE_KEY: ClassVar[str] = "firms_title"
    KEYS: ClassVar[str] = "keys_firms"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "sync", show=False),
        Binding("f4", "undo", show=False),
    ]

    def __init__(self, message: str = "") -> None:
        super().__init__()
        self._message = message

    def body(self) -> ComposeResult:
        """Yield the undo line and the list."""
        yield Plain(self._undo_line(), id="undo", classes="head")
        yield Plain(self._lines(), id="firms")

    def on_mount(self) -> None:
        """Refresh while the screen is open."""
        if self._message:
            self.tell(self._message)
        self.set_interval(_REFRESH_SECONDS, self.refresh_list)

    def refresh_list(self) -> None:
        """Read the vault again."""
        if self.wallet.is_open and self.query("#firms"):
            self.query_one("#undo", Plain).update(self._undo_line())
            self.query_one("#firms", Plain).update(self._lines())

    def _undoable(self) -> MoveEvent | None:
        now = utc_now()
        return next((event for event in self.holder.moves() if event.can_undo(now)), None)

    def _undo_line(self) -> str:
        event = self._undoable()
        if event is None:
            return ""
        left = int((event.send_after - utc_now()).total_seconds())
        return self.words("undo_left", seconds=left)

    def _lines(self) -> str:
        firms = self.holder.who_has_my_address()
        return "\n".join(line for firm in firms for line in self._firm(firm)) or self.words(
            "no_firms"
        )

    def _firm(self, firm: FirmAddress) -> list[str]:
        lang = self.wallet.lang
        when = firm.since.astimezone(JST).date().isoformat()
        lines = [
            show_name(firm.names.in_language(lang)),
            f"  {DELIVERY[firm.state].text(lang)}"
            + (f" ({show_name(firm.code)})" if firm.code else ""),
            f"  {self.words('since')}: {japan_date(when, lang)}",
        ]
        if firm.applied_on is not None:
            day = japan_date(firm.applied_on.isoformat(), lang)
            lines.append(f"  {self.words('applied')}: {day}")
        lines.append(f"  {self.words('next')}: {firm.next_step(lang)}")
        return lines

    def action_sync(self) -> None:
        """Send what is due and fetch the answers."""
        self.in_thread(self.holder.sync, self._synced)

    def _synced(self, synced: Synced) -> None:
        self.refresh_list()
        self.tell_synced(synced)

    def action_undo(self) -> None:
        """Take the newest move back."""
        event = self._undoable()
        if event is None:
            self.tell(self.words("nothing_to_undo"))
            return
        try:
            self.holder.undo(event.event_id)
        except SSIError as error:
            self.tell_error(error)
            return
        self.refresh_list()
        self.tell(self.words("undone"))
