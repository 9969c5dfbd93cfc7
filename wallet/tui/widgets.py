"""Inputs that do not damage what is typed, and text that no remote party can style."""

from __future__ import annotations

from textual import events
from textual.widgets import Checkbox, Input, Static
from wcwidth import iter_graphemes

from wallet.codepoints import fault, is_variation_selector

MAX_LINK = 16384


class Plain(Static):
    """A text shown as it is: no markup, no links, no actions."""

    def __init__(self, content: str = "", *, id: str | None = None, classes: str = "") -> None:  # noqa: A002 - Textual's name
        super().__init__(content, markup=False, id=id, classes=classes)


class Tick(Checkbox):
    """A checkbox whose state is a sign, not only a colour [WAL-SHOW-3]."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Draw the sign for the new state."""
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()
        self.refresh(layout=True)


class NameInput(Input):
    """An input that moves and deletes by what a person sees as one character.

    Deleting half of 葛+selector would turn it into another character of the same
    look: for a legal name that is data corruption.
    """

    def action_delete_left(self) -> None:
        """Delete the whole grapheme before the cursor."""
        if not self.selection.is_empty:
            self.delete_selection()
            return
        self.delete(self._before(self.cursor_position), self.cursor_position)

    def action_delete_right(self) -> None:
        """Delete the whole grapheme after the cursor."""
        if not self.selection.is_empty:
            self.delete_selection()
            return
        self.delete(self.cursor_position, self._after(self.cursor_position))

    def action_cursor_left(self, select: bool = False) -> None:  # noqa: FBT001, FBT002 - Textual's signature
        """Move over a whole grapheme."""
        if select or not self.selection.is_empty:
            super().action_cursor_left(select)
        else:
            self.cursor_position = self._before(self.cursor_position)

    def action_cursor_right(self, select: bool = False) -> None:  # noqa: FBT001, FBT002 - Textual's signature
        """Move over a whole grapheme."""
        if select or not self.selection.is_empty:
            super().action_cursor_right(select)
        else:
            self.cursor_position = self._after(self.cursor_position)

    def _edges(self) -> list[int]:
        edges = [0]
        for grapheme in iter_graphemes(self.value):
            edges.append(edges[-1] + len(grapheme))
        return edges

    def _before(self, position: int) -> int:
        return max((edge for edge in self._edges() if edge < position), default=0)

    def _after(self, position: int) -> int:
        return min((edge for edge in self._edges() if edge > position), default=len(self.value))

    def _on_paste(self, event: events.Paste) -> None:
        line = " ".join(event.text.split())
        self.insert_text_at_cursor("".join(filter(_may_be_typed, line)))
        event.prevent_default()
        event.stop()


def _may_be_typed(char: str) -> bool:
    return is_variation_selector(char) or not fault(char)


class LinkInput(Input):
    """Takes a link of several pasted lines; drops everything a link cannot hold."""

    def _on_paste(self, event: events.Paste) -> None:
        self.value = clean_link(event.text)
        self.cursor_position = len(self.value)
        event.prevent_default()
        event.stop()


def clean_link(text: str) -> str:
    """Return pasted text as one line of printable ASCII, as a wrapped link was before."""
    return "".join(char for char in text[: 2 * MAX_LINK] if "!" <= char <= "~")[:MAX_LINK]
