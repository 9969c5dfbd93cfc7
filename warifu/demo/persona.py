"""Whose journey it is: invented people whose names and addresses are hard on software.

髙 and 﨑 are not 高 and 崎, 𠮷 lies outside the basic plane, and 葛󠄀 is two code
points: the character and the variation selector that picks its legal shape. A
system that "cleans" any of them has changed somebody's name.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date

from PIL import Image, ImageDraw

LICENCE_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
ELEVEN = 11
TEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address in the parts that the forms ask for; ``formatted`` is verbatim."""

    postal_code: str = field(repr=False)
    region: str = field(repr=False)
    locality: str = field(repr=False)
    street_address: str = field(repr=False)

    @property
    def formatted(self) -> str:
        """Return the address in one line, as the resident writes it."""
        return f"{self.region}{self.locality}{self.street_address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A resident of the demo."""

    family_name: str = field(repr=False)
    given_name: str = field(repr=False)
    kana: str = field(repr=False)
    birthdate: date = field(repr=False)
    address: Address = field(repr=False)
    new_address: Address = field(repr=False)
    licence_number: str = field(repr=False)
    licence_classes: tuple[str, ...] = field(repr=False)
    licence_conditions: tuple[str, ...] = field(repr=False)
    licence_expiry: date = field(repr=False)

    @property
    def name(self) -> str:
        """Return family and given name with one half-width space (GIF DS-431)."""
        return f"{self.family_name} {self.given_name}"


def licence_check_digit(first_ten: str) -> int:
    """Return the check digit of a driver's licence number.

    >>> licence_check_digit("3090123456")
    2
    """
    total = sum(int(d) * w for d, w in zip(first_ten, LICENCE_WEIGHTS, strict=True))
    return (ELEVEN - total % ELEVEN) % TEN


def resident(today: date) -> Persona:
    """Return the resident of the demo: nineteen years old, with a new licence."""
    first_ten = f"30{(today.year - 1) % 100:02d}482915"
    return Persona(
        family_name="髙﨑",
        given_name="𠮷乃",
        kana="タカサキ ヨシノ",
        birthdate=date(today.year - 20, 12, 28)
        if (today.month, today.day) < (12, 28)
        else date(today.year - 19, 6, 1),
        address=Address(
            postal_code="1250042",
            region="東京都",
            locality="葛\U000e0100飾区",
            street_address="金町二丁目１０番地３　𠮷田荘２０３号室",
        ),
        new_address=Address(
            postal_code="6392155",
            region="奈良県",
            locality="葛\U000e0100城市",
            street_address="竹内四丁目七番地の２　﨑山ハイツ５０１",
        ),
        licence_number=f"{first_ten}{licence_check_digit(first_ten)}0",
        licence_classes=("futsu", "gentsuki"),
        licence_conditions=("at_only", "glasses"),
        licence_expiry=date(today.year + 2, 1, 28),
    )


def licence_photo(seed: int, width: int = 640, height: int = 400) -> bytes:
    """Return a PNG to upload: a card-like picture with no one's face in it."""
    card = Image.new("RGB", (width, height), (226, 232, 250))
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle(
        (8, 8, width - 9, height - 9), radius=18, outline=(90, 110, 160), width=3
    )
    draw.rectangle((width - 190, 110, width - 40, 310), fill=(150, 170, 190))
    for line in range(6):
        length = 120 + (line * 53 + seed * 29) % 240
        draw.rectangle((40, 70 + line * 44, 40 + length, 84 + line * 44), fill=(120, 130, 150))
    stream = io.BytesIO()
    card.save(stream, "PNG")
    return stream.getvalue()
