"""The commands of ``warifu wallet``, one function each."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ssi.advice import advice_for
from ssi.encoding import JSON, JSONObject, parse_json_object
from ssi.errors import ConsentDeclined, Malformed, VaultError
from ssi.files import read_input
from ssi.rights import RightsKind
from ssi.updates import Reason
from wallet import cli, passphrase, plain
from wallet.advice import MAYBE_SHARED, NOTHING_SHARED, SHARED
from wallet.config import WalletConfig
from wallet.consents import ConsentPlan
from wallet.context import utc_now
from wallet.display import show_name
from wallet.holder import Holder
from wallet.labels import STATUS, Words
from wallet.places import address_from_form
from wallet.presenting import Outcome, Shared
from wallet.vault import Vault

_MOST_INPUT = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """One run of one command."""

    args: argparse.Namespace
    home: Path
    lang: str

    def say(self, *lines: str) -> None:
        """Tell the person something."""
        sys.stderr.write("".join(f"{line}\n" for line in lines))

    def out(self, value: JSON, lines: list[str]) -> None:
        """Give the result: JSON for a program, lines for a person."""
        if self.args.json:
            cli.emit(value)
        else:
            sys.stdout.write("".join(f"{line}\n" for line in lines))

    def words(self, ja: str, en: str) -> str:
        """Return one of two texts."""
        return Words(ja, en).text(self.lang)

    def ask(self, prompt: str) -> str:
        """Ask the person one line.

        Raises:
            VaultError: ``input.no_terminal`` when nobody is there to ask.
        """
        if not sys.stdin.isatty():
            raise VaultError("there is no terminal to ask on", code="input.no_terminal")
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return sys.stdin.readline().rstrip("\n")

    def holder(self) -> Holder:
        """Open the wallet."""
        config = WalletConfig.load(self.home)
        words = passphrase.read(self.args.passphrase_fd, self.lang)
        return Holder.open(config, words)

    def link(self) -> str:
        """Return the link, from the argument or from standard input."""
        if self.args.link != "-":
            return str(self.args.link)
        return sys.stdin.read(_MOST_INPUT).strip()


def init(console: Console) -> int:
    """Make a vault, and ``wallet.toml`` when the network was named."""
    args = console.args
    path = console.home / "wallet.toml"
    if args.genesis or args.node or args.mailbox:
        if not (args.genesis and args.node and args.mailbox):
            raise VaultError("--genesis, --node and --mailbox go together", code="input.config")
        _write_config(console, path, _config_text(args))
    words = passphrase.read(args.passphrase_fd, console.lang, twice=True)
    Vault.create(console.home, words).close()
    console.out(
        {"created": True, "home": str(console.home)},
        [console.words(f"作りました: {console.home}", f"Made: {console.home}")],
    )
    return cli.EXIT_OK


def _write_config(console: Console, path: Path, text: str) -> None:
    """Write ``wallet.toml`` whole; the same one again, before there is a vault, is no error."""
    if path.exists():
        if Vault.exists(console.home) or path.read_text("utf-8") != text:
            raise VaultError("wallet.toml exists already", code="input.config_exists")
        return
    console.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)


def _config_text(args: argparse.Namespace) -> str:
    """Return ``wallet.toml``; JSON strings are TOML basic strings."""
    lines = [
        f"genesis = {json.dumps(str(Path(args.genesis).absolute()))}",
        f"nodes = {json.dumps(args.node)}",
        f"mailbox = {json.dumps(args.mailbox)}",
        f"loopback = {'true' if args.loopback else 'false'}",
    ]
    if args.undo_seconds is not None:
        lines.append(f"undo_seconds = {args.undo_seconds}")
    return "\n".join(lines) + "\n"


def status(console: Console) -> int:
    """Tell whether there is a wallet and, when it can be opened, what waits in it."""
    if not Vault.exists(console.home):
        console.out({"state": "none"}, [console.words("ウォレットがありません", "no wallet")])
        return cli.EXIT_LOCKED
    if not passphrase.has_source(console.args.passphrase_fd):
        console.out({"state": "locked"}, [console.words("施錠されています", "locked")])
        return cli.EXIT_LOCKED
    with console.holder() as holder:
        now = holder.status()
    counts: JSONObject = {
        "credentials": now.credentials,
        "unused": now.unused,
        "firms": now.firms,
        "live_consents": now.live_consents,
        "unsent": now.unsent,
        "unanswered": now.unanswered,
    }
    lines = [f"{STATUS[name].text(console.lang)}: {number}" for name, number in counts.items()]
    console.out({"state": "unlocked", **counts}, lines)
    return cli.EXIT_OK


def offer(console: Console) -> int:
    """Accept a credential offer, asking for its code when one is needed."""
    args = console.args
    with console.holder() as holder:
        review = holder.review_offer(console.link())
        code = args.tx_code
        if args.tx_code_fd is not None:
            code = passphrase.read_descriptor(args.tx_code_fd)
        if review.tx_code is not None and not code:
            issuer = show_name(review.issuer.names.in_language(console.lang))
            console.say(f"{issuer} <{show_name(review.issuer.url)}>")
            code = console.ask(console.words("確認コード: ", "Code: "))
        received = holder.accept_review(review, code or None)
    console.out(
        plain.received_json(received),
        [
            console.words(
                f"{received.copies} 枚の証明を受け取りました。",
                f"Received {received.copies} copies.",
            )
        ],
    )
    return cli.EXIT_OK


def credentials(console: Console) -> int:
    """List credentials and how they stand, without values."""
    with console.holder() as holder:
        found = holder.credentials()
    console.out(plain.stock_json(found), plain.stock_lines(found, utc_now(), console.lang))
    return cli.EXIT_OK


def delete(console: Console) -> int:
    """Delete a batch of credentials and their keys, once the person is sure [WAL-DEL-1]."""
    args = console.args
    with console.holder() as holder:
        found = [item for item in holder.credentials() if item.batch == args.batch]
        if not found:
            raise VaultError("there is no such batch", code="input.unknown_batch")
        if not args.yes:
            console.say(*plain.stock_lines(found, utc_now(), console.lang))
            prompt = console.words(
                "この証明と鍵を削除しますか。元に戻せません。削除するなら yes と入力: ",
                "Delete these credentials and their keys? It cannot be undone."
                " Type yes to delete: ",
            )
            if console.ask(prompt).strip().lower() != "yes":
                kept = console.words("何も削除していません。", "Nothing was deleted.")
                console.out({"deleted": 0, "batch": args.batch}, [kept])
                return cli.EXIT_DECLINED
        deleted = holder.delete_credentials(args.batch)
    console.out(
        {"deleted": deleted, "batch": args.batch},
        [console.words(f"{deleted} 枚を削除しました。", f"Deleted {deleted} copies.")],
    )
    return cli.EXIT_OK


def review(console: Console) -> int:
    """Show what a request asks for; nothing is sent."""
    with console.holder() as holder:
        plan = holder.review(console.link())
    console.out(
        plain.plan_json(plan, console.lang),
        [*plain.plan_lines(plan, console.lang), NOTHING_SHARED.text(console.lang)],
    )
    return cli.EXIT_OK if plan.can_answer else cli.EXIT_UNTRUSTED


def present(console: Console) -> int:
    """Answer a request after the person agreed."""
    args = console.args
    link = console.link()
    with console.holder() as holder:
        before = holder.resume(link)
        if before is not None:
            return _told(console, before)
        plan = holder.review(link)
        if not plan.can_answer:
            _refuse(console, plan)
            return cli.EXIT_UNTRUSTED
        if not args.yes:
            console.say(*plain.plan_lines(plan, console.lang))
            _confirm(console, holder, plan)
        outcome = holder.answer(plan, accept_updates=args.updates)
    return _told(console, outcome)


def _refuse(console: Console, plan: ConsentPlan) -> None:
    console.out(
        {**plain.plan_json(plan, console.lang), "shared": False},
        [*plain.plan_lines(plan, console.lang), NOTHING_SHARED.text(console.lang)],
    )


def _confirm(console: Console, holder: Holder, plan: ConsentPlan) -> None:
    prompt = console.words(
        "上の項目を共有しますか。共有するなら yes と入力: ",
        "Share the items above? Type yes to share: ",
    )
    if console.ask(prompt).strip().lower() != "yes":
        holder.decline(plan)
        raise ConsentDeclined("the holder declined", code="consent.declined")


def _told(console: Console, outcome: Outcome) -> int:
    words = {
        Shared.ACCEPTED: SHARED,
        Shared.UNKNOWN: MAYBE_SHARED,
        Shared.REFUSED: Words(
            "共有しましたが、相手は受け付けませんでした。",
            "The items were shared, but the firm did not accept them.",
        ),
    }[outcome.state]
    lines = [words.text(console.lang)]
    if outcome.redirect_uri:
        lines.append(show_name(outcome.redirect_uri, limit=300))
    if outcome.code:
        advice = advice_for(outcome.code, "rejected", "ja" if console.lang == "ja" else "en")
        lines += [advice, f"({show_name(outcome.code)})"]
    console.out(plain.outcome_json(outcome), lines)
    return {
        Shared.ACCEPTED: cli.EXIT_OK,
        Shared.UNKNOWN: cli.EXIT_NETWORK,
        Shared.REFUSED: cli.EXIT_ERROR,
    }[outcome.state]


def decline(console: Console) -> int:
    """Refuse a request."""
    with console.holder() as holder:
        holder.decline(holder.review(console.link()))
    console.out({"declined": True, "shared": False}, [NOTHING_SHARED.text(console.lang)])
    return cli.EXIT_OK


def consents(console: Console) -> int:
    """List consents."""
    with console.holder() as holder:
        found = holder.consents()
    console.out(plain.consents_json(found, utc_now()), plain.consents_lines(found, console.lang))
    return cli.EXIT_OK


def withdraw(console: Console) -> int:
    """Take a consent back."""
    with console.holder() as holder:
        done = holder.withdraw(console.args.record)
    console.out(
        plain.consents_json([done], utc_now())[0],
        [console.words("取り下げました。", "Taken back.")],
    )
    return cli.EXIT_OK


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
            given = parse_json_object(read_input(Path(named), most=_MOST_INPUT))
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
    console.out(value, plain.firms_lines(firms, console.lang))
    return cli.EXIT_NETWORK if synced.unreachable else cli.EXIT_OK


def address(console: Console) -> int:
    """Tell who has which address."""
    with console.holder() as holder:
        firms = holder.who_has_my_address()
    console.out(plain.firms_json(firms, console.lang), plain.firms_lines(firms, console.lang))
    return cli.EXIT_OK


def history(console: Console) -> int:
    """Tell what happened, or delete the log."""
    with console.holder() as holder:
        if console.args.forget:
            holder.forget_history()
        entries = holder.history(limit=console.args.limit)
    console.out(plain.history_json(entries), plain.history_lines(entries, console.lang))
    return cli.EXIT_OK


def rights(console: Console) -> int:
    """Demand one's rights of a firm."""
    with console.holder() as holder:
        event_id = holder.ask_rights(console.args.record, RightsKind(console.args.right))
    console.out({"event_id": event_id}, [event_id])
    return cli.EXIT_OK


COMMANDS: dict[str, Callable[[Console], int]] = {
    "init": init,
    "status": status,
    "offer": offer,
    "credentials": credentials,
    "delete": delete,
    "review": review,
    "present": present,
    "decline": decline,
    "consents": consents,
    "withdraw": withdraw,
    "move": move,
    "undo": undo,
    "attest": attest,
    "sync": sync,
    "address": address,
    "history": history,
    "rights": rights,
}
