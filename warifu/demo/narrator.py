"""Tell what happens while it happens: talk to standard error, results to standard output."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TextIO

from rich.cells import cell_len

Language = Literal["ja", "en"]

RESET, BOLD, DIM, GREEN, YELLOW, RED = (
    "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m",
)  # fmt: skip


@dataclass(slots=True)
class Narrator:
    """Prints acts and steps. Marks are words as well as colours."""

    language: Language
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    started: float = field(default_factory=time.monotonic)
    _acts: int = 0

    @property
    def _live(self) -> bool:
        return self.stream.isatty()

    def say(self, ja: str, en: str) -> str:
        """Return the sentence in the narrator's language."""
        return ja if self.language == "ja" else en

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{RESET}" if self._live else text

    def _line(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def act(self, ja: str, en: str) -> None:
        """Open a new act."""
        self._acts += 1
        self._line("\n" + self._paint(BOLD, f"{self._acts}. {self.say(ja, en)}"))

    @contextmanager
    def step(self, ja: str, en: str) -> Iterator[None]:
        """Show a step while it runs, then how long it took."""
        text = self.say(ja, en)
        begun = time.monotonic()
        try:
            with self._ticking(text, begun):
                yield
        except BaseException:
            self._done(self._paint(RED, self.say("[否]", "[no]")), text, begun)
            raise
        self._done(self._paint(GREEN, self.say("[済]", "[ok]")), text, begun)

    @contextmanager
    def _ticking(self, text: str, begun: float) -> Iterator[None]:
        """On a terminal, count the seconds: who waits sees that it goes on."""
        if not self._live:
            yield
            return
        over = threading.Event()

        def tick() -> None:
            while True:
                spent = self._paint(DIM, f"{time.monotonic() - begun:4.0f}s")
                self.stream.write(f"\r\x1b[2K   {self._paint(DIM, '…')}  {text} {spent}")
                self.stream.flush()
                if over.wait(1):
                    return

        clock = threading.Thread(target=tick, daemon=True)
        clock.start()
        try:
            yield
        finally:
            over.set()
            clock.join()

    def _done(self, mark: str, text: str, begun: float) -> None:
        erase = "\r\x1b[2K" if self._live else ""
        spent = self._paint(DIM, f"{time.monotonic() - begun:5.1f}s")
        self._line(f"{erase}  {mark} {text} {spent}")

    def note(self, ja: str, en: str) -> None:
        """Add a remark below a step."""
        self._line(self._paint(DIM, f"       {self.say(ja, en)}"))

    def warn(self, ja: str, en: str) -> None:
        """Add a remark a reader must not miss."""
        self._line(self._paint(YELLOW, f"   !   {self.say(ja, en)}"))

    def row(self, label: str, value: str) -> None:
        """Add a line of a table, padded by what a terminal shows."""
        gap = " " * max(1, 34 - cell_len(label))
        self._line(f"   {label}{gap}{value}")
