"""What happened, without any value."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from wallet.display import show_name
from wallet.history import HistoryEntry
from wallet.labels import DID, outcome_words
from wallet.moves import JST
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain


class HistoryScreen(WalletScreen):
    """The log: when, what, with whom, how it ended."""

    TITLE_KEY: ClassVar[str] = "history_title"
    KEYS: ClassVar[str] = "keys_history"

    def body(self) -> ComposeResult:
        """Yield one line per entry."""
        entries = self.holder.history(limit=200)
        if not entries:
            yield Plain(self.words("no_history"))
        for entry in entries:
            yield Plain(self._line(entry), classes="line")

    def _line(self, entry: HistoryEntry) -> str:
        when = entry.at.astimezone(JST).strftime("%Y-%m-%d %H:%M")
        who = show_name(entry.names.in_language(self.wallet.lang), limit=40)
        code = f" ({show_name(entry.code)})" if entry.code else ""
        ended = outcome_words(entry.outcome, self.wallet.lang)
        return f"{when}  {DID[entry.kind.value].text(self.wallet.lang)}  {who}  {ended}{code}"
