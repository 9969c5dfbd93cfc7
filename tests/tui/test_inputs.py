import asyncio

import pytest
from textual.app import App
from textual.events import Paste

from wallet.tui.link import is_offer
from wallet.tui.widgets import LinkInput, NameInput, Plain, clean_link


class Bench(App[None]):
    def compose(self):
        yield NameInput(id="name")
        yield LinkInput(id="link")
        yield Plain("[bold]x[/nope] [@click=app.bell]y[/]", id="plain")


def drive(story):
    async def run():
        app = Bench()
        async with app.run_test() as pilot:
            await story(app, pilot)

    asyncio.run(run())


def test_backspace_takes_a_whole_character_with_its_selector():
    async def story(app, pilot):
        field = app.query_one(NameInput)
        field.value = "葛\U000e0100城"
        field.cursor_position = 2
        await pilot.press("backspace")
        assert field.value == "城"

    drive(story)


def test_delete_and_arrows_move_by_whole_characters():
    async def story(app, pilot):
        field = app.query_one(NameInput)
        field.value = "が葛\U000e0100"
        field.cursor_position = 0
        await pilot.press("right", "right")
        assert field.cursor_position == len(field.value)
        await pilot.press("left")
        assert field.cursor_position == 1
        await pilot.press("delete")
        assert field.value == "が"

    drive(story)


def test_a_pasted_name_brings_no_control_character():
    async def story(app, pilot):
        field = app.query_one(NameInput)
        field.focus()
        field.post_message(Paste("葛\U000e0100\x1b[2J\n城\u202e"))
        await pilot.pause()
        assert field.value == "葛\U000e0100[2J 城"

    drive(story)


@pytest.mark.parametrize(
    "pasted",
    [
        "openid4vp://?a=1&b=2",
        "\nopenid4vp://?a=\n1&b=2\n",
        "  openid4vp://?a=1\r\n  &b=2",
        "openid4vp://?a=1&b=2\x1b",
    ],
)
def test_a_wrapped_link_is_pasted_whole(pasted):
    async def story(app, pilot):
        field = app.query_one(LinkInput)
        field.focus()
        field.post_message(Paste(pasted))
        await pilot.pause()
        assert field.value == "openid4vp://?a=1&b=2"

    drive(story)


def test_a_megabyte_is_cut_at_once():
    assert len(clean_link("a" * 1_000_000)) == 16384


def test_markup_in_a_text_is_just_text():
    async def story(app, pilot):
        await pilot.pause()
        assert "[@click=app.bell]" in str(app.query_one(Plain).render())

    drive(story)


@pytest.mark.parametrize(
    ("link", "offer"),
    [
        ("openid-credential-offer://?credential_offer=%7B%7D", True),
        ("haip-vci://?credential_offer_uri=https%3A%2F%2Fa.example", True),
        ("https://a.example/?credential_offer=%7B%7D", True),
        ("openid4vp://?client_id=x", False),
        ("https://a.example/R/ABCDEFGHIJ", False),
    ],
)
def test_offers_and_requests_are_told_apart(link, offer):
    assert is_offer(link) is offer
