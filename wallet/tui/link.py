"""Where a link is pasted: a request or an offer, looked at before anything is done."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input

from wallet.consents import ConsentPlan
from wallet.issuance import OfferReview
from wallet.presenting import Outcome
from wallet.tui.base import WalletScreen
from wallet.tui.consent import ConsentScreen, ended_lines
from wallet.tui.offer import OfferScreen
from wallet.tui.widgets import MAX_LINK, LinkInput, Plain, clean_link

_OFFER_SCHEMES = ("openid-credential-offer:", "haip-vci:")


class LinkScreen(WalletScreen):
    """Takes a link; Enter looks at it. Nothing happens by pasting alone."""

    TITLE_KEY: ClassVar[str] = "link_title"
    KEYS: ClassVar[str] = "keys_link"
    AUTO_FOCUS = "#link"

    def __init__(self, link: str = "") -> None:
        super().__init__()
        self._link = link

    def body(self) -> ComposeResult:
        """Yield the input."""
        yield Plain(self.words("link_prompt"), classes="head")
        yield LinkInput(self._link, id="link", max_length=MAX_LINK)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look at the link in a thread."""
        link = clean_link(event.value)
        holder = self.holder
        if is_offer(link):
            self.in_thread(lambda: holder.review_offer(link), self._offer)
        elif link:
            self.in_thread(lambda: holder.resume(link) or holder.review(link), self._request)
        else:
            self.tell(self.words("link_bad"))

    def _offer(self, review: OfferReview) -> None:
        self.app.switch_screen(OfferScreen(review))

    def _request(self, found: Outcome | ConsentPlan) -> None:
        if isinstance(found, Outcome):
            self.tell(*ended_lines(found, self.wallet.lang))
        else:
            self.app.switch_screen(ConsentScreen(found))


def is_offer(link: str) -> bool:
    """Return whether a link is a credential offer rather than a request."""
    return link.lower().startswith(_OFFER_SCHEMES) or "credential_offer" in link.partition("?")[2]
