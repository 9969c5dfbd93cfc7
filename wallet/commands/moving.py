"""Moving house: note it, take it back, send it, see who knows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ssi.encoding import JSON, JSONObject, parse_json_object
from ssi.errors import Malformed
from ssi.files import read_input
from ssi.updates import Reason
from wallet import cli, plain
from wallet.console import MOST_INPUT, Console
from wallet.context import utc_now
from wallet.display import show_name
from wallet.places import address_from_form


def move(console: Console) -> int:
    """Note a change of address and, once the undo window is over, send it."""
    args = console.args
    try:
        moved_on = date.fromisoformat(args.moved_on)
    except ValueError as error:
        raise Malformed("--moved-on is no date", code="input.date") from error
    address = _typed_address(console)
    with console.holder() as holder:
        event = holder.move(address, moved_on, reason=Reason(args.reason))
        holder.send_due()
        deliveries = holder.deliveries(event.event_id)
    console.out(
        plain.move_json(event, deliveries, utc_now()),
        [
            event.event_id,
            console.words(
                f"{len(deliveries)} 社に知らせます。", f"{len(deliveries)} firms will hear of it."
            ),
        ],
    )
    return cli.EXIT_OK


def _typed_address(console: Console) -> JSONObject:
    """Read the address from a file or ask for it; it never travels in an argument."""
    named = console.args.address_file
    if named:
        try:
            given = parse_json_object(read_input(Path(named), most=MOST_INPUT))
        except Malformed as error:
            raise Malformed("the address file cannot be read", code="input.address") from error
    else:
        labels = (
            ("postal_code", "郵便番号", "Postal code"),
            ("region", "都道府県", "Prefecture"),
            ("locality", "市区町村", "City"),
            ("street_address", "町名・番地・建物", "Street and building"),
        )
        given = {name: console.ask(f"{console.words(ja, en)}: ") for name, ja, en in labels}
    fields = {
        name: given.get(name) for name in ("postal_code", "region", "locality", "street_address")
    }
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    if len(texts) != len(fields):
        raise Malformed("the address lacks a field", code="input.address")
    return address_from_form(
        postal_code=texts["postal_code"],
        region=texts["region"],
        locality=texts["locality"],
        street_address=texts["street_address"],
    )


def undo(console: Console) -> int:
    """Take a change of address back."""
    with console.holder() as holder:
        event = holder.undo(console.args.event)
        deliveries = holder.deliveries(event.event_id)
    console.out(
        plain.move_json(event, deliveries, utc_now()),
        [console.words("取り消しました。何も送っていません。", "Undone. Nothing was sent.")],
    )
    return cli.EXIT_OK


def attest(console: Console) -> int:
    """Send a change of address again, vouched for by the issuer."""
    with console.holder() as holder:
        count = holder.attest(console.args.event)
        holder.send_due()
    console.out({"queued": count}, [str(count)])
    return cli.EXIT_OK


def sync(console: Console) -> int:
    """Send what is due and fetch the firms' answers."""
    with console.holder() as holder:
        synced = holder.sync()
        firms = holder.who_has_my_address()
        deliveries = holder.deliveries()
    value: JSONObject = {
        "answers": [
            {"firm": item.verifier_id, "state": item.state, "code": item.code}
            for item in synced.answers
        ],
        "unreachable": list[JSON](synced.unreachable),
        "rejected": list[JSON](synced.rejected),
        "unchecked": list[JSON](synced.unchecked),
        "deliveries": plain.deliveries_json(deliveries),
    }
    for issuer in synced.unchecked:
        told = console.words("証明の状態を確かめられません", "its status list could not be read")
        console.say(f"{show_name(issuer)}: {told}")
    for firm in synced.unreachable:
        console.say(f"{show_name(firm)}: {console.words('つながりません', 'not reached')}")
    console.out(value, plain.firms_lines(firms, console.lang))
    return cli.EXIT_NETWORK if synced.unreachable else cli.EXIT_OK


def address(console: Console) -> int:
    """Tell who has which address."""
    with console.holder() as holder:
        firms = holder.who_has_my_address()
    console.out(plain.firms_json(firms, console.lang), plain.firms_lines(firms, console.lang))
    return cli.EXIT_OK
