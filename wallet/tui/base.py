"""What every screen shares: its language, its key line, work in threads, and plain errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Input

from ssi.errors import SSIError
from wallet.advice import NOTHING_SHARED, explain
from wallet.labels import Words
from wallet.tui.widgets import Plain
from wallet.tui.words import text

if TYPE_CHECKING:
    from wallet.holder import Holder
    from wallet.returns import Synced
    from wallet.tui.app import WalletApp

Result = TypeVar("Result")


class WalletScreen(Screen[None]):
    """A screen with a title, a scrolling body, a message line and its keys."""

    TITLE_KEY: ClassVar[str] = "title"
    KEYS: ClassVar[str] = "keys_back"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        # What has the focus and wants these keys takes them first.
        *(
            Binding(key, f"read('{way}')", show=False)
            for key, way in (
                ("up", "up"),
                ("down", "down"),
                ("pageup", "page_up"),
                ("pagedown", "page_down"),
                ("home", "home"),
                ("end", "end"),
            )
        ),
    ]

    @property
    def wallet(self) -> WalletApp:
        """The application."""
        return cast("WalletApp", self.app)

    @property
    def holder(self) -> Holder:
        """The open wallet."""
        return self.wallet.opened()

    def words(self, key: str, **values: object) -> str:
        """Return a text in the reader's language."""
        return text(key, self.wallet.lang, **values)

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Plain(self.words(self.TITLE_KEY), id="title")
        with VerticalScroll(id="body", can_focus=False):
            yield from self.body()
        yield from self.actions()
        yield Plain("", id="message")
        yield Plain(self.words(self.KEYS), id="keys")

    def body(self) -> ComposeResult:
        """Yield the widgets of the scrolling part."""
        yield from ()

    def actions(self) -> ComposeResult:
        """Yield the widgets that always stay on the screen."""
        yield from ()

    def action_leave(self) -> None:
        """Go back."""
        self.app.pop_screen()

    def action_read(self, way: str) -> None:
        """Scroll the body; it has no focus of its own."""
        getattr(self.query_one("#body"), f"scroll_{way}")(animate=False)

    def tell(self, *lines: str) -> None:
        """Show a message; every line is plain text. A field that has the focus stays in sight."""
        self.query_one("#message", Plain).update("\n".join(lines))
        self.call_after_refresh(self._show_field)

    def _show_field(self) -> None:
        if isinstance(self.focused, Input):
            self.focused.scroll_visible(animate=False)

    def tell_error(self, error: SSIError, *, shared: Words = NOTHING_SHARED) -> None:
        """Say what happened, whether anything was shared, and what to do next."""
        self.tell(*explain(error, self.wallet.lang, shared=shared).lines())

    def tell_synced(self, synced: Synced) -> None:
        """Say what sending and fetching brought, and what could not be reached."""
        lines = [self.words("synced", answers=len(synced.answers))]
        if synced.unreachable:
            lines.append(self.words("unreachable", count=len(synced.unreachable)))
        if synced.unchecked:
            lines.append(self.words("unread_lists", count=len(synced.unchecked)))
        self.tell(*lines)

    def in_thread(
        self,
        work: Callable[[], Result],
        done: Callable[[Result], None],
        failed: Callable[[SSIError], None] | None = None,
    ) -> None:
        """Run work that may wait for the network, then continue on the screen's own thread."""
        self.tell(self.words("working"))

        def run() -> None:
            try:
                result = work()
            except SSIError as error:
                self.app.call_from_thread(self._ended, failed or self.tell_error, error)
                return
            self.app.call_from_thread(self._ended, done, result)

        self.run_worker(run, thread=True, exclusive=True, group="network", exit_on_error=True)

    def _ended(self, then: Callable[[Result], None], value: Result) -> None:
        """Continue, unless the person left the screen or locked the wallet meanwhile."""
        if self.is_mounted and self in self.app.screen_stack:
            self.tell("")
            then(value)
