"""An offer of a credential: who the register says the issuer is, and the code."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input

from wallet.display import show_name
from wallet.issuance import OfferReview, Received
from wallet.labels import credential_label
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain


class OfferScreen(WalletScreen):
    """Shows a proven issuer and takes the transaction code, which is never pre-filled."""

    TITLE_KEY: ClassVar[str] = "offer_title"
    KEYS: ClassVar[str] = "keys_offer"
    AUTO_FOCUS = "#tx_code, #cancel"

    def __init__(self, review: OfferReview) -> None:
        super().__init__()
        self._review = review

    def body(self) -> ComposeResult:
        """Yield what the register proves, and the code's field."""
        issuer = self._review.issuer
        yield Plain(self.words("offer_from"), classes="head")
        yield Plain(show_name(issuer.names.in_language(self.wallet.lang)), id="issuer")
        yield Plain(f"{self.words('number')}: {show_name(issuer.corporate_number)}")
        yield Plain(f"{self.words('address_web')}: {show_name(issuer.url, limit=120)}")
        yield Plain(self.words("offer_types"), classes="head")
        for vct in self._review.vcts:
            yield Plain(show_name(credential_label(vct, self.wallet.lang)))
        if self._review.tx_code is not None:
            yield Plain(self.words("tx_code"), classes="head", id="tx_code_head")
            yield Input(id="tx_code", max_length=64, password=True)

    def actions(self) -> ComposeResult:
        """Yield the two buttons."""
        with Horizontal(id="buttons"):
            yield Button(self.words("cancel"), id="cancel")
            yield Button(self.words("accept"), id="accept", variant="primary")

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Accept with the code typed."""
        self._accept()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Accept or go back."""
        if event.button.id == "accept":
            self._accept()
        else:
            self.action_leave()

    def _accept(self) -> None:
        fields = self.query("#tx_code").results(Input)
        code = next((field.value.strip() for field in fields), None)
        holder, review = self.holder, self._review
        self.in_thread(lambda: holder.accept_review(review, code), self._received)

    def _received(self, received: Received) -> None:
        self.query("#tx_code, #tx_code_head, #accept").remove()
        close = self.query_one("#cancel", Button)
        close.label = self.words("close")
        close.focus()
        self.query_one("#keys", Plain).update(self.words("keys_back"))
        self.tell(self.words("received", copies=received.copies))
