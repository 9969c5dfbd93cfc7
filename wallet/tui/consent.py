"""The consent screen: who asks, what for, and every value that would be sent [WAL-SHOW-4].

The items come from the plan, which read them back from the SD-JWTs it would present.
Deny has the focus first, so a held Enter key shares nothing; no box is ticked
beforehand; a warning is always words, its colour only repeats it.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button

from ssi.errors import SSIError
from wallet.advice import MAYBE_SHARED, SHARED, explain
from wallet.consents import ConsentPlan
from wallet.display import show_name, show_text
from wallet.labels import Words, claim_label, item_text
from wallet.plain import NAME_WARNINGS, PROBLEMS
from wallet.presenting import Outcome, Shared
from wallet.tui.base import WalletScreen
from wallet.tui.widgets import Plain, Tick
from wallet.tui.words import text

_LONG = 200
_ENDED = {
    Shared.ACCEPTED: SHARED,
    Shared.UNKNOWN: MAYBE_SHARED,
    Shared.REFUSED: Words(
        "共有しましたが、相手は受け付けませんでした。",
        "The items were shared, but the firm did not accept them.",
    ),
}


def ended_lines(outcome: Outcome, lang: str) -> list[str]:
    """Return how an answer ended, for a person."""
    lines = [_ENDED[outcome.state].text(lang)]
    if outcome.state is Shared.UNKNOWN:
        lines.append(text("resend", lang))
    if outcome.redirect_uri:
        lines.append(show_name(outcome.redirect_uri, limit=_LONG))
    if outcome.code:
        lines.append(f"({show_name(outcome.code)})")
    return lines


class ConsentScreen(WalletScreen):
    """A decision about one plan; leaving the screen in any way is a refusal."""

    TITLE_KEY: ClassVar[str] = "consent_title"
    KEYS: ClassVar[str] = "keys_consent"
    AUTO_FOCUS = "#deny"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "scroll_body(1)", show=False),
        Binding("up", "scroll_body(-1)", show=False),
    ]

    def __init__(self, plan: ConsentPlan) -> None:
        super().__init__()
        self._plan = plan
        self._decided = False

    def body(self) -> ComposeResult:
        """Yield the warnings, the firm, the terms, the items and the offer of updates."""
        for problem in self._plan.problems:
            yield Plain(PROBLEMS[problem.value].text(self.wallet.lang), classes="warning line")
        yield from self._firm()
        yield from self._terms()
        yield from self._items()
        if self._plan.offers_updates and self._plan.can_answer:
            # Never ticked beforehand: agreeing to later moves is the person's own act.
            yield Plain(self.words("updates_why"), classes="line head")
            yield Tick(self.words("updates"), value=False, id="updates", compact=True)

    def actions(self) -> ComposeResult:
        """Yield Deny and Share; Share cannot be pressed while anything is wrong."""
        with Horizontal(id="buttons"):
            yield Button(self.words("deny"), id="deny", variant="default")
            yield Button(
                self.words("share"), id="share", variant="primary", disabled=not self._can_share
            )

    @property
    def _can_share(self) -> bool:
        return self._plan.can_answer and not self._decided

    def _firm(self) -> ComposeResult:
        firm = self._plan.firm
        yield Plain(self.words("who"), classes="head")
        if firm is None:
            yield Plain(f"[{self.words('not_registered')}]", classes="warning")
            yield Plain(show_name(self._plan.request.client_id.text))
            return
        yield Plain(show_name(firm.names.in_language(self.wallet.lang)), id="firm")
        yield Plain(f"{self.words('number')}: {show_name(firm.corporate_number)}", id="number")
        for word in firm.name_warnings:
            yield Plain(f"! {NAME_WARNINGS[word].text(self.wallet.lang)}", classes="warning line")
        yield Plain(f"{self.words('contact')}: {show_name(firm.contact)}", classes="quiet")

    def _terms(self) -> ComposeResult:
        terms = self._plan.terms
        if terms is None:
            return
        japanese = self.wallet.lang == "ja"
        purpose = terms.purpose.ja if japanese else terms.purpose.en
        kept = terms.retention.text.ja if japanese else terms.retention.text.en
        yield self._line("purpose", purpose)
        yield self._line("kept", kept)
        yield self._line("ground", terms.legal_basis)

    def _line(self, key: str, value: str) -> Plain:
        return Plain(f"{self.words(key)}: {show_name(value, limit=_LONG)}", classes="line")

    def _items(self) -> ComposeResult:
        lang = self.wallet.lang
        yield Plain(self.words("items"), classes="head")
        for item in self._plan.items:
            label = show_name(claim_label(item.path, lang))
            value = show_text(item_text(item.path, item.value, lang))
            yield Plain(f"- {label}: {value}", classes="item line")
        for path in self._plan.over_asked:
            label = show_name(claim_label(path, lang))
            yield Plain(f"- {label}  <{self.words('over')}>", classes="over warning line")
        for path in self._plan.missing:
            label = show_name(claim_label(path, lang))
            yield Plain(f"- {label}  ({self.words('missing')})", classes="line")
        if self._plan.items:
            yield Plain(self.words("also"), classes="quiet line")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Share only by the Share button; everything else refuses [WAL-SHOW-6]."""
        if event.button.id == "share":
            self._share()
        else:
            self.action_leave()

    def action_scroll_body(self, step: int) -> None:
        """Scroll the text while a button keeps the focus."""
        self.query_one("#body", VerticalScroll).scroll_relative(y=step, animate=False)

    def action_leave(self) -> None:
        """Refuse, unless the answer was sent already."""
        if self._decided:
            self.app.pop_screen()
            return
        self._decided = True
        holder, plan = self.holder, self._plan
        self.query_one("#share", Button).disabled = True
        self.in_thread(lambda: holder.decline(plan), self._denied)

    def _denied(self, _nothing: None) -> None:
        self._end(self.words("denied"))

    def _end(self, *lines: str) -> None:
        """Tell how it ended; what is left to do is to close."""
        self.tell(*lines)
        self.query_one("#keys", Plain).update(self.words("keys_back"))
        close = self.query_one("#deny", Button)
        close.label = self.words("close")
        close.focus()

    def _share(self) -> None:
        if not self._can_share:
            return
        self._decided = True
        boxes = self.query("#updates").results(Tick)
        updates = any(box.value for box in boxes)
        holder, plan = self.holder, self._plan
        self.query_one("#share", Button).disabled = True
        self.in_thread(
            lambda: holder.answer(plan, accept_updates=updates), self._answered, self._failed
        )

    def _answered(self, outcome: Outcome) -> None:
        self._end(*ended_lines(outcome, self.wallet.lang))

    def _failed(self, error: SSIError) -> None:
        """Whatever raises here raised before anything was sent."""
        self._end(*explain(error, self.wallet.lang).lines())
