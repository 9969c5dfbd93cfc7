"""Consents given, and taking them back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wallet.display import show_name
from wallet.labels import CONSENT, claim_label
from wallet.moves import JST
from wallet.plain import japan_date
from wallet.relationships import StoredConsent
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain


class ConsentsScreen(WalletScreen):
    """Every consent with its firm, claims and end; F6 twice withdraws the chosen one."""

    TITLE_KEY: ClassVar[str] = "consents_title"
    KEYS: ClassVar[str] = "keys_consents"
    AUTO_FOCUS = "#consents"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f6", "withdraw", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._sure: str | None = None

    def body(self) -> ComposeResult:
        """Yield the list."""
        found = self.holder.consents()
        if not found:
            yield Plain(self.words("no_consents"))
            return
        yield OptionList(
            *(Option(self._line(item), id=item.record_id) for item in found),
            id="consents",
            markup=False,
        )

    def _line(self, item: StoredConsent) -> str:
        lang = self.wallet.lang
        claims = ", ".join(show_name(claim_label(path, lang), limit=24) for path in item.paths)
        day = japan_date(item.until.astimezone(JST).date().isoformat(), lang)
        state, until = CONSENT[item.state].text(lang), self.words("until")
        name = show_name(item.names.in_language(lang))
        return f"{name}\n  [{state}] {claims}\n  {until}: {day}"

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        """Ask again after another one was chosen."""
        self._sure = None

    def action_withdraw(self) -> None:
        """Withdraw the chosen consent, asked twice."""
        lists = list(self.query("#consents").results(OptionList))
        if not lists or lists[0].highlighted is None:
            return
        record_id = str(lists[0].get_option_at_index(lists[0].highlighted).id)
        if self._sure != record_id:
            self._sure = record_id
            self.tell(self.words("withdraw_sure"))
            return
        holder = self.holder
        self.in_thread(lambda: holder.withdraw(record_id), self._withdrawn)

    async def _recomposed(self) -> None:
        await self.recompose()
        self.tell(self.words("withdrawn"))

    def _withdrawn(self, _consent: StoredConsent) -> None:
        self.call_next(self._recomposed)
