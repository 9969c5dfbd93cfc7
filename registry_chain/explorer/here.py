"""Where the reader stands: language, links that keep it, moments in words."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Literal, TypeAlias
from urllib.parse import quote, urlencode

from registry_chain.explorer.words import WORDS

Language: TypeAlias = Literal["ja", "en"]
LANGUAGES: Final[tuple[Language, Language]] = ("ja", "en")
_JAPAN: Final = timezone(timedelta(hours=9))
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_UNITS: Final = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The page being drawn.

    ``chosen`` says that the reader named the language, so that every link keeps it.
    """

    lang: Language
    chosen: bool
    path: str
    query: tuple[tuple[str, str], ...]
    now: datetime

    def word(self, name: str) -> str:
        """A word of the pages in the reader's language."""
        word = WORDS[name]
        return word.ja if self.lang == "ja" else word.en

    def known(self, name: str, otherwise: str | None = None) -> str:
        """A word that there may not be, such as the name of a record's member."""
        return self.word(name) if name in WORDS else (name if otherwise is None else otherwise)

    def to(self, path: str, **query: str | int | None) -> str:
        """A link to a page, in the reader's language."""
        asked = [(name, str(value)) for name, value in query.items() if value is not None]
        if self.chosen:
            asked.append(("lang", self.lang))
        return quote(path, safe="/") + (f"?{urlencode(asked)}" if asked else "")

    def record(self, key: str) -> str:
        """A link to a record."""
        return self.to(f"/record/{key}")

    @property
    def other(self) -> Language:
        """The language the page is not in."""
        return "en" if self.lang == "ja" else "ja"

    @property
    def other_href(self) -> str:
        """This page in the other language."""
        kept = [(name, value) for name, value in self.query if name != "lang"]
        return f"{quote(self.path, safe='/')}?{urlencode([*kept, ('lang', self.other)])}"

    def moment(self, at: datetime) -> str:
        """A time in words: in Japan's time for readers of Japanese, else in UTC."""
        if self.lang == "ja":
            return at.astimezone(_JAPAN).strftime("%Y年%m月%d日 %H:%M:%S（日本時間）")
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    def seconds(self, at: int) -> datetime | None:
        """Unix seconds as a moment; ``None`` for what is no time."""
        try:
            moment = datetime.fromtimestamp(at, UTC)
        except (OverflowError, OSError, ValueError):
            return None
        return moment if _FIRST <= moment <= _LAST else None

    def age(self, at: datetime) -> str:
        """How long ago a time is, in its largest unit."""
        passed = int((self.now - at).total_seconds())
        for unit, size in _UNITS:
            if passed >= 2 * size:
                return self.word(f"age_{unit}").format(passed // size)
        return self.word("age_seconds").format(max(passed, 0))
