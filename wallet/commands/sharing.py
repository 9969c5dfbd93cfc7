"""Requests and consents: look, answer, refuse, take back, claim rights."""

from __future__ import annotations

from ssi.advice import advice_for
from ssi.errors import ConsentDeclined
from ssi.rights import RightsKind
from wallet import cli, plain
from wallet.advice import MAYBE_SHARED, NOTHING_SHARED, SHARED
from wallet.consents import ConsentPlan
from wallet.console import Console
from wallet.context import utc_now
from wallet.display import show_name
from wallet.holder import Holder
from wallet.labels import Words
from wallet.presenting import Outcome, Shared


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


def rights(console: Console) -> int:
    """Demand one's rights of a firm."""
    with console.holder() as holder:
        event_id = holder.ask_rights(console.args.record, RightsKind(console.args.right))
    console.out({"event_id": event_id}, [event_id])
    return cli.EXIT_OK
