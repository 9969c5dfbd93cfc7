"""The words by which members govern: each one's arguments, and the transaction body they make."""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry_chain.transactions import (
    AccreditIssuer,
    AdmitMember,
    AssignArbiters,
    Body,
    CancelUpgrade,
    ExpelMember,
    LiftSuspension,
    OpenDispute,
    PauseFamilies,
    PlanUpgrade,
    RatifySuspension,
    RegisterOperator,
    RegisterVerifier,
    ResolveDispute,
    SetParams,
    SetRoles,
)
from registry_chain.transactions.bodies import ROLES
from registry_chain.transactions.validators import (
    AddValidator,
    Migrate,
    RejoinValidator,
    RemoveValidator,
    ReplaceValidator,
    ReweighValidator,
)
from ssi.encoding import JSON, JsonLimits, JSONObject, parse_json
from ssi.errors import Malformed
from ssi.files import read_input

HOUR = 3600
_LIMITS = JsonLimits(max_bytes=262_144, max_members=20_000, max_string=200_000)

Build = Callable[[argparse.Namespace], JSONObject]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a command; ``member`` is what it is called in the body."""

    flag: str
    options: Mapping[str, Any] = field(default_factory=dict)
    called: str = ""

    @property
    def name(self) -> str:
        """Its name among the parsed arguments."""
        return self.flag.lstrip("-").replace("-", "_")

    @property
    def member(self) -> str:
        """Its name in the body."""
        return self.called or self.name


def _argument(flag: str, *, called: str = "", **options: Any) -> Argument:
    return Argument(flag, options, called)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One command: its arguments, and the body they make.

    ``decided`` words make a proposal; the others are sent as they are.
    """

    name: str
    ja: str
    en: str
    kind: type[Body]
    arguments: tuple[Argument, ...]
    build: Build
    decided: bool = True


def read_file(path: Path) -> JSON:
    """Strict JSON from a file, or from standard input for ``-``."""
    return parse_json(read_input(path, most=_LIMITS.max_bytes), limits=_LIMITS)


def _given(args: argparse.Namespace) -> JSONObject:
    body = read_file(args.body)
    if not isinstance(body, dict):
        raise Malformed("the body is not an object", code="tx.body")
    return body


_MEMBER = _argument("member", metavar="MEMBER")
_REASON = _argument("--code", called="reason", default="decided", help="a reason as one code word")
_TARGET = _argument("target", metavar="TARGET", help="issuer/ID, key/ID/THUMBPRINT, member/ID ...")
_BODY = _argument("--body", type=Path, required=True, help="a JSON file; - for standard input")
_ADDRESS = _argument("address", metavar="ADDRESS", help="CometBFT's address, upper-case hex")
_VERSION = _argument("rules_version", type=int, metavar="VERSION")


def _word(
    name: str, ja: str, en: str, kind: type[Body], *arguments: Argument, decided: bool = True
) -> Word:
    def build(args: argparse.Namespace) -> JSONObject:
        return {argument.member: getattr(args, argument.name) for argument in arguments}

    return Word(
        name=name, ja=ja, en=en, kind=kind, arguments=arguments, build=build, decided=decided
    )


def _filed(name: str, ja: str, en: str, kind: type[Body], *, decided: bool = True) -> Word:
    return Word(
        name=name, ja=ja, en=en, kind=kind, arguments=(_BODY,), build=_given, decided=decided
    )


def _pause(args: argparse.Namespace) -> JSONObject:
    until = int(time.time()) + int(args.hours * HOUR)
    return {"families": list(args.families), "until": until, "reason": args.code}


def _seat(args: argparse.Namespace) -> JSONObject:
    return {"validator": _given(args)}


def _replaced(args: argparse.Namespace) -> JSONObject:
    return {"address": args.address, "validator": _given(args)}


def _params(args: argparse.Namespace) -> JSONObject:
    names = ("timelock", "emergency", "majority_a", "majority_b", "majority_c")
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _fraction(text: str) -> list[int]:
    over, _, under = text.partition("/")
    return [int(over), int(under)]


def _dispute(args: argparse.Namespace) -> JSONObject:
    return {"dispute": args.id, "record": args.record, "reason": args.code}


WORDS: tuple[Word, ...] = (
    _filed("admit", "会員の入会を提案します", "propose to admit a member", AdmitMember),
    _word(
        "expel",
        "会員の除名を提案します",
        "propose to expel a member",
        ExpelMember,
        _MEMBER,
        _REASON,
    ),
    _word(
        "roles",
        "会員の役割の変更を提案します",
        "propose a member's roles",
        SetRoles,
        _MEMBER,
        _argument("roles", nargs="+", choices=ROLES),
    ),
    _filed(
        "accredit",
        "発行者の認定を提案します",
        "propose to accredit an issuer",
        AccreditIssuer,
    ),
    _filed(
        "register-firm",
        "事業者の登録を提案します",
        "propose to register a firm",
        RegisterVerifier,
    ),
    _filed(
        "register-operator",
        "私書箱運営者の登録を提案します",
        "propose to register a PO box operator",
        RegisterOperator,
    ),
    _word(
        "ratify",
        "緊急停止の承認を提案します",
        "propose to make a suspension last",
        RatifySuspension,
        _TARGET,
    ),
    _word(
        "lift",
        "停止の解除を提案します",
        "propose to end a suspension or pause",
        LiftSuspension,
        _TARGET,
    ),
    Word(
        name="pause",
        ja="取引の一時停止を提案します",
        en="propose to pause kinds of transactions",
        kind=PauseFamilies,
        arguments=(
            _argument("families", nargs="+", metavar="FAMILY"),
            _argument("--hours", type=float, default=24.0, help="at most 72"),
            _REASON,
        ),
        build=_pause,
    ),
    Word(
        name="validator-add",
        ja="検証者の追加を提案します",
        en="propose a validator (the JSON that `validator-seat` prints)",
        kind=AddValidator,
        arguments=(_BODY,),
        build=_seat,
    ),
    _word(
        "validator-remove",
        "検証者の除外を提案します",
        "propose to take a validator out",
        RemoveValidator,
        _ADDRESS,
    ),
    _word(
        "validator-weigh",
        "検証者の重みの変更を提案します",
        "propose a validator's power",
        ReweighValidator,
        _ADDRESS,
        _argument("power", type=int),
    ),
    Word(
        name="validator-replace",
        ja="自分の検証者の鍵を取り替えます",
        en="put a new key in the place of your own validator's",
        kind=ReplaceValidator,
        arguments=(_ADDRESS, _BODY),
        build=_replaced,
        decided=False,
    ),
    _word(
        "validator-rejoin",
        "停止が終わった自分の検証者を復帰させます",
        "bring your own validator back after a suspension",
        RejoinValidator,
        _ADDRESS,
        decided=False,
    ),
    _filed("network", "ネットワークへの移行を提案します", "propose the move to a network", Migrate),
    _word(
        "upgrade",
        "規則の新しい版を提案します",
        "propose a version of the rules from a height on",
        PlanUpgrade,
        _VERSION,
        _argument("height", type=int),
        _argument("package", help="SHA-256 of the package, base64url"),
    ),
    _word(
        "upgrade-cancel",
        "規則の新しい版の中止を提案します",
        "propose to cancel it",
        CancelUpgrade,
        _VERSION,
    ),
    Word(
        name="params",
        ja="決め方の変更を提案します",
        en="propose how decisions are taken",
        kind=SetParams,
        arguments=(
            _argument("--timelock", type=int, metavar="SECONDS"),
            _argument("--emergency", type=int, metavar="SECONDS"),
            _argument("--majority-a", type=_fraction, metavar="N/M"),
            _argument("--majority-b", type=_fraction, metavar="N/M"),
            _argument("--majority-c", type=_fraction, metavar="N/M"),
        ),
        build=_params,
    ),
    Word(
        name="dispute-open",
        ja="記録に異議を申し立てます",
        en="open a dispute about a record",
        kind=OpenDispute,
        arguments=(_argument("record"), _argument("--id", required=True), _REASON),
        build=_dispute,
        decided=False,
    ),
    _word(
        "dispute-assign",
        "裁定者を提案します",
        "propose the arbiters of a dispute",
        AssignArbiters,
        _argument("dispute"),
        _argument("arbiters", nargs="+"),
    ),
    _word(
        "dispute-resolve",
        "裁定者として判断を述べます",
        "give your finding as an arbiter",
        ResolveDispute,
        _argument("dispute"),
        _argument("outcome", choices=("upheld", "dismissed")),
        _argument("--finding", required=True),
        decided=False,
    ),
)
