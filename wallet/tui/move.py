"""Moving house: one form for all firms."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input

from ssi.errors import SSIError
from wallet.context import utc_now
from wallet.moves import JST
from wallet.places import address_from_form
from wallet.tui.base import WalletScreen
from wallet.tui.firms import FirmsScreen
from wallet.tui.widgets import NameInput, Plain

_FIELDS = ("postal_code", "region", "locality", "street_address")


class MoveScreen(WalletScreen):
    """The new address, kept code point by code point, and the day of the move."""

    TITLE_KEY: ClassVar[str] = "move_title"
    KEYS: ClassVar[str] = "keys_move"
    AUTO_FOCUS = "#postal_code"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f10", "save", show=False)]

    def body(self) -> ComposeResult:
        """Yield the form."""
        minutes = int(self.wallet.config.undo_window.total_seconds() // 60)
        hint = "move_hint" if minutes else "move_hint_at_once"
        yield Plain(self.words(hint, minutes=minutes), classes="line quiet")
        for name in _FIELDS:
            yield Plain(self.words(name))
            yield NameInput(id=name, max_length=200, compact=True)
        yield Plain(self.words("moved_on"))
        today = utc_now().astimezone(JST).date().isoformat()
        yield Input(today, id="moved_on", max_length=10, compact=True)

    def actions(self) -> ComposeResult:
        """Yield the buttons."""
        with Horizontal(id="buttons"):
            yield Button(self.words("cancel"), id="cancel")
            yield Button(self.words("save"), id="save", variant="primary")

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Go on to the next field."""
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Save or go back."""
        if event.button.id == "save":
            self.action_save()
        else:
            self.action_leave()

    def action_save(self) -> None:
        """Note the move; nothing is sent before the undo window is over."""
        values = {name: self.query_one(f"#{name}", NameInput).value for name in _FIELDS}
        try:
            moved_on = date.fromisoformat(self.query_one("#moved_on", Input).value.strip())
        except ValueError:
            self.tell(self.words("bad_date"))
            return
        try:
            address = address_from_form(
                postal_code=values["postal_code"],
                region=values["region"],
                locality=values["locality"],
                street_address=values["street_address"],
            )
            self.holder.move(address, moved_on)
        except SSIError as error:
            self.tell_error(error)
            wrong = error.code.removeprefix("input.")
            self.query_one(f"#{wrong if wrong in _FIELDS else 'moved_on'}").focus()
            return
        self.app.switch_screen(FirmsScreen(self.words("saved")))
