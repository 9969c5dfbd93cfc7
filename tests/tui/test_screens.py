import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from ssi.status_list import INVALID
from tests.support.wallet_cast import FIRM
from tests.support.wallet_world import PASSPHRASE
from wallet import history
from wallet.context import utc_now
from wallet.history import Did
from wallet.keyfile import CHEAPEST
from wallet.tui.app import WalletApp
from wallet.tui.consent import ConsentScreen
from wallet.tui.credentials import CredentialsScreen
from wallet.tui.firms import FirmsScreen
from wallet.tui.home import HomeScreen
from wallet.tui.offer import OfferScreen
from wallet.tui.unlock import UnlockScreen
from wallet.vault import Vault

SIZES = [(80, 24), (40, 20)]


def drive(app, story, size=(80, 24)):
    async def run():
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await story(pilot)

    asyncio.run(run())


async def settle(pilot):
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


async def unlock(pilot, words=PASSPHRASE):
    pilot.app.screen.query_one("#passphrase").value = words
    await pilot.press("enter")
    await settle(pilot)


def shown(app):
    """Every text on the screen, visible or scrolled away."""
    from textual.widgets import Button, Checkbox, Input, Static

    texts = []
    for widget in app.screen.query("*"):
        if isinstance(widget, Static):
            texts.append(str(widget.render()))
        elif isinstance(widget, Button | Checkbox):
            texts.append(str(widget.label))
        elif isinstance(widget, Input) and not widget.password:
            texts.append(widget.value)
    return "\n".join(texts)


async def open_request(pilot, link):
    await pilot.press("f2")
    await pilot.pause()
    pilot.app.screen.query_one("#link").value = link
    await pilot.press("enter")
    await settle(pilot)


def test_a_new_wallet_is_made_and_opened(app):
    async def story(pilot):
        assert isinstance(app.screen, UnlockScreen)
        app.screen.query_one("#passphrase").value = PASSPHRASE
        await pilot.press("enter")
        app.screen.query_one("#again").value = PASSPHRASE
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)

    drive(app, story)
    assert Vault.exists(app.config.home)


def test_a_wrong_passphrase_is_told_and_nothing_opens(filled):
    async def story(pilot):
        await unlock(pilot, "wrong wrong wrong")
        assert isinstance(filled.screen, UnlockScreen)
        assert "The passphrase is wrong" in shown(filled)

    drive(filled, story)


@pytest.mark.parametrize("size", SIZES)
def test_an_offer_is_shown_with_its_proven_issuer_and_accepted(app, world, size):
    """[WAL-ISS-1]"""
    Vault.create(app.config.home, PASSPHRASE, profile=CHEAPEST).close()

    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.issuer.offer())
        assert isinstance(app.screen, OfferScreen)
        text = shown(app)
        assert "City KYC" in text
        assert "7000012050002" in text
        assert "/token" not in world.issuer.seen
        assert app.focused.id == "tx_code"
        assert app.focused.value == ""
        app.focused.value = "123456"
        await pilot.press("enter")
        await settle(pilot)
        assert "Received 5" in shown(app)
        assert "told you" not in shown(app)  # nothing asks for the code any more
        assert str(app.focused.label) == "Close"
        await pilot.press("escape")
        await pilot.pause()
        assert "5/5" in shown(app)

    drive(app, story, size)


def test_a_wrong_code_is_told_as_such_and_its_field_stays_in_sight(app, world):
    Vault.create(app.config.home, PASSPHRASE, profile=CHEAPEST).close()

    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.issuer.offer())
        for code, told in (("12", "The code has another form."), ("000000", "The code is wrong")):
            app.focused.value = code
            await pilot.press("enter")
            await settle(pilot)
            assert told in shown(app)
            field, body = app.screen.query_one("#tx_code"), app.screen.query_one("#body")
            assert app.focused is field
            assert body.region.contains_region(field.region)

    drive(app, story, (40, 20))


@pytest.mark.parametrize("size", SIZES)
def test_consent_shows_everything_and_starts_on_deny(filled, world, size):
    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.minpaku.ask("name", "address"))
        assert isinstance(filled.screen, ConsentScreen)
        text = shown(filled)
        for part in ("minpaku-one", "7000012050002", "To keep the guest register", "3 years"):
            assert part in text
        assert "葛\U000e0100城 太郎" in text
        assert "東京都千代田区霞が関二丁目1-2" in text
        assert filled.focused.id == "deny"
        assert filled.screen.query_one("#updates").value is False
        for name in ("deny", "share"):
            region = filled.screen.query_one(f"#{name}").region
            assert region.bottom <= size[1]
            assert region.right <= size[0]
        assert world.minpaku.presented == []

    drive(filled, story, size)


@pytest.mark.parametrize("keys", [["enter", "enter", "enter"], ["escape"]])
def test_a_held_enter_or_escape_shares_nothing(filled, world, keys):
    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.minpaku.ask("name"))
        await pilot.press(*keys)
        await settle(pilot)
        assert world.minpaku.presented == []

    drive(filled, story)
    assert world.minpaku.refusals == ["access_denied"]


def test_sharing_sends_what_was_shown_and_says_so(filled, world):
    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.minpaku.ask("name", "age_over_18"))
        await pilot.click("#updates")
        await pilot.click("#share")
        await settle(pilot)
        assert "Only the items shown were shared" in shown(filled)

    drive(filled, story)
    (got,) = world.minpaku.presented
    assert set(got.claims) == {"name", "age_over_18"}
    assert "consent" in got.extra


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_offer_of_updates_is_read_whole_and_the_end_can_only_be_closed(
    filled, world, size, lang
):
    """At 40 columns too, no word of what is agreed to is cut off [WAL-SHOW-6]."""
    filled.lang = lang

    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.minpaku.ask("name"))
        tick = filled.screen.query_one("#updates")
        needed = cell_len(str(tick.label)) + 4
        assert tick.size.width >= needed
        world.down.add(FIRM)
        filled.screen.query_one("#share").focus()
        await pilot.press("enter")
        await settle(pilot)
        text = shown(filled)
        assert ("もう一度送ります" if lang == "ja" else "sends the same again") in text
        assert filled.focused.id == "deny"
        assert str(filled.focused.label) == ("閉じる" if lang == "ja" else "Close")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(filled.screen, HomeScreen)
        assert world.minpaku.refusals == []

    drive(filled, story, size)


def test_a_wrong_field_of_the_move_is_named_and_has_the_focus(filled):
    """[WAL-ERR-1]"""

    async def story(pilot):
        await unlock(pilot)
        await pilot.press("f4")
        await pilot.pause()
        for name, value in (("postal_code", "5300001"), ("region", "大阪府"), ("locality", " ")):
            filled.screen.query_one(f"#{name}").value = value
        await pilot.press("f10")
        await pilot.pause()
        assert "The city is empty or too long." in shown(filled)
        assert filled.focused.id == "locality"

    drive(filled, story)


def test_over_asking_is_told_in_words_and_cannot_be_shared(filled, world):
    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.minpaku.ask("name", "birthdate"))
        text = shown(filled)
        assert "asked beyond the purpose" in text
        assert "Sharing is not possible" in text
        assert filled.screen.query_one("#share").disabled
        await pilot.click("#share")
        await settle(pilot)

    drive(filled, story)
    assert world.minpaku.presented == []


async def note_a_move(pilot, firm):
    """Share the address with a firm, let it have updates, and move."""
    await unlock(pilot)
    await open_request(pilot, firm.ask("address"))
    await pilot.click("#updates")
    await pilot.click("#share")
    await settle(pilot)
    await pilot.press("escape")
    await pilot.press("f4")
    await pilot.pause()
    values = ("530-0001", "大阪府", "大阪市北区", "梅田三丁目1-3")
    names = ("postal_code", "region", "locality", "street_address")
    for name, value in zip(names, values, strict=True):
        pilot.app.screen.query_one(f"#{name}").value = value
    await pilot.press("f10")
    await pilot.pause()
    assert isinstance(pilot.app.screen, FirmsScreen)


def test_a_move_reaches_the_firm_and_the_list_says_so(filled, world):
    filled.config = replace(filled.config, undo_window=timedelta(0))

    async def story(pilot):
        await note_a_move(pilot, world.minpaku)
        assert "waiting to be sent" in shown(filled)
        await pilot.press("f8")
        await settle(pilot)
        world.minpaku.read_mail()
        await pilot.press("f8")
        await settle(pilot)
        assert "has your present address" in shown(filled)

    drive(filled, story)
    assert len(world.minpaku.updates) == 1


def test_an_open_wallet_sends_and_fetches_by_itself(filled, world):
    """[WAL-OUT-4]: the person notes the new address and watches."""
    filled.config = replace(filled.config, undo_window=timedelta(0))
    filled.tend_seconds = 0.1

    async def story(pilot):
        await note_a_move(pilot, world.minpaku)
        while "has your present address" not in shown(filled):
            world.minpaku.read_mail()
            await asyncio.sleep(0.1)
            await pilot.pause()

    drive(filled, story)
    assert len(world.minpaku.updates) == 1


def test_the_language_changes_on_every_screen_at_once(filled):
    async def story(pilot):
        await unlock(pilot)
        await pilot.press("f9")
        await pilot.pause()
        await pilot.press("f2")
        await pilot.pause()
        assert "設定" in shown(filled)
        await pilot.press("escape")
        await pilot.pause()
        assert "証明" in shown(filled)
        assert "Credentials" not in shown(filled)

    drive(filled, story)


def test_locking_closes_the_vault_and_every_screen(filled, world):
    async def story(pilot):
        await unlock(pilot)
        await open_request(pilot, world.minpaku.ask("name"))
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert isinstance(filled.screen, UnlockScreen)
        assert "葛" not in shown(filled)
        Vault.open(filled.config.home, PASSPHRASE, floor=CHEAPEST).close()

    drive(filled, story)


@pytest.mark.parametrize("size", SIZES)
def test_a_revoked_credential_is_marked_in_words_and_deleted_after_asking_twice(
    filled, world, size
):
    """[WAL-STAT-3] [WAL-DEL-1]"""
    world.issuer.publish(dict.fromkeys(range(1, 6), INVALID))

    async def story(pilot):
        await unlock(pilot)
        assert "[unchecked]" in shown(filled)
        await pilot.press("f8")
        await settle(pilot)
        assert "[revoked] by its issuer, checked just now" in shown(filled)
        await open_request(pilot, world.minpaku.ask("name"))
        assert "The issuer has revoked this credential." in shown(filled)
        assert filled.screen.query_one("#share").disabled
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("escape", "f10")
        await pilot.pause()
        assert isinstance(filled.screen, CredentialsScreen)
        option = filled.screen.query_one("#batches").get_option_at_index(0)
        assert "[revoked]" in str(option.prompt)
        await pilot.press("f6")
        await pilot.pause()
        assert "once more to delete 5 copies" in shown(filled)
        assert len(filled.opened().credentials()) == 1
        await pilot.press("f6")
        await settle(pilot)
        assert "Deleted 5 copies." in shown(filled)
        assert filled.opened().credentials() == ()

    drive(filled, story, size)


def test_palette_and_screenshot_are_off(filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def story(pilot):
        await unlock(pilot)
        before = filled.screen
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert filled.screen is before
        filled.action_screenshot()
        filled.action_command_palette()
        await pilot.pause()
        assert filled.screen is before

    drive(filled, story)
    assert list(tmp_path.glob("*.svg")) == []


@pytest.mark.parametrize("size", SIZES)
def test_every_screen_keeps_its_keys_on_the_screen(filled, size):
    async def story(pilot):
        await unlock(pilot)
        for key in ("f2", "f4", "f5", "f6", "f7", "f9", "f10"):
            await pilot.press(key)
            await pilot.pause()
            assert not isinstance(filled.screen, HomeScreen), key
            assert filled.screen.query_one("#keys").region.bottom == size[1], key
            await pilot.press("escape")
            await pilot.pause()
            assert isinstance(filled.screen, HomeScreen), key

    drive(filled, story, size)


def test_a_passphrase_handed_over_opens_the_wallet_once(filled, world):
    """As ``WARIFU_PASSPHRASE_FILE`` does for the commands; after a lock it must be typed."""
    app = WalletApp(filled.config, lang="en", opener=world.reopen, passphrase=PASSPHRASE)

    async def story(pilot):
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert not app.is_open
        assert isinstance(app.screen, UnlockScreen)

    drive(app, story)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_long_history_is_read_by_the_keyboard_and_no_key_is_cut_off(filled, lang):
    """At 40 columns too: the body has no focus, so the screen itself takes the arrows."""
    filled.lang = lang

    async def story(pilot):
        await unlock(pilot)
        keys = pilot.app.screen.query_one("#keys")
        assert cell_len(str(keys.render())) <= keys.size.height * (keys.size.width)
        for _ in range(30):
            history.record(pilot.app.opened()._ctx.vault, Did.DECLINED, at=utc_now())
        await pilot.press("f7")
        await pilot.pause()
        body = pilot.app.screen.query_one("#body")
        assert body.scroll_y == 0
        await pilot.press("down", "pagedown")
        await pilot.pause()
        assert body.scroll_y > 1
        await pilot.press("end")
        await pilot.pause()
        assert body.scroll_y == body.max_scroll_y
        await pilot.press("home")
        await pilot.pause()
        assert body.scroll_y == 0

    drive(filled, story, (40, 20))
