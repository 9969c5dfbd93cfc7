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

    ``decided`` words make a proposal; the others are sent as they are. ``example`` has the
    arguments of its own, as a person would type them.
    """

    name: str
    ja: str
    en: str
    kind: type[Body]
    arguments: tuple[Argument, ...]
    build: Build
    example: str
    decided: bool = True


def read_file(path: Path) -> JSON:
    """Strict JSON from a file, or from standard input for ``-``."""
    return parse_json(read_input(path, most=_LIMITS.max_bytes), limits=_LIMITS)


def _given(args: argparse.Namespace) -> JSONObject:
    body = read_file(args.body)
    if not isinstance(body, dict):
        raise Malformed("the body is not an object", code="tx.body")
    return body


_MEMBER = _argument("member", metavar="MEMBER", help="the member's id / 会員の ID")
_REASON = _argument(
    "--code",
    called="reason",
    default="decided",
    help="a reason as one code word / 理由を表す一語のコード",
)
_TARGET = _argument(
    "target",
    metavar="TARGET",
    help="issuer/ID, key/ID/THUMBPRINT, member/ID ... / 対象（issuer/ID、member/ID など）",
)
_BODY = _argument(
    "--body",
    type=Path,
    required=True,
    help="a JSON file; - for standard input / JSON ファイル（- は標準入力）",
)
_ADDRESS = _argument(
    "address",
    metavar="ADDRESS",
    help="CometBFT's address, upper-case hex / CometBFT のアドレス（16 進の大文字）",
)
_VERSION = _argument(
    "rules_version", type=int, metavar="VERSION", help="of the rules / 規則の版の番号"
)
_DISPUTE = _argument("dispute", help="its id (see: disputes) / 異議の ID（disputes を参照）")
_SOME_ADDRESS = "0123456789ABCDEF0123456789ABCDEF01234567"


def _word(  # noqa: PLR0913 - one line of the table
    name: str,
    ja: str,
    en: str,
    kind: type[Body],
    *arguments: Argument,
    example: str,
    decided: bool = True,
) -> Word:
    def build(args: argparse.Namespace) -> JSONObject:
        return {argument.member: getattr(args, argument.name) for argument in arguments}

    return Word(
        name=name,
        ja=ja,
        en=en,
        kind=kind,
        arguments=arguments,
        build=build,
        example=example,
        decided=decided,
    )


def _filed(name: str, ja: str, en: str, kind: type[Body], *, decided: bool = True) -> Word:
    return Word(
        name=name,
        ja=ja,
        en=en,
        kind=kind,
        arguments=(_BODY,),
        build=_given,
        example=f"--body {name}.json",
        decided=decided,
    )


def _pause(args: argparse.Namespace) -> JSONObject:
    until = int(time.time()) + int(args.hours * HOUR)
    return {"families": list(args.families), "until": until, "reason": args.code}


def _seat(args: argparse.Namespace) -> JSONObject:
    """The seat of `validator-seat`, or what `validator-key` printed around one."""
    given = _given(args)
    return {"validator": given.get("seat", given)}


def _replaced(args: argparse.Namespace) -> JSONObject:
    return {"address": args.address, **_seat(args)}


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
        example="city-bank --code left",
    ),
    _word(
        "roles",
        "会員の役割の変更を提案します",
        "propose a member's roles",
        SetRoles,
        _MEMBER,
        _argument("roles", nargs="+", choices=ROLES, help="all of them / 役割のすべて"),
        example="city-bank voter auditor",
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
        example="issuer/city-kyc",
    ),
    _word(
        "lift",
        "停止の解除を提案します",
        "propose to end a suspension or pause",
        LiftSuspension,
        _TARGET,
        example="issuer/city-kyc",
    ),
    Word(
        name="pause",
        ja="取引の一時停止を提案します",
        en="propose to pause kinds of transactions",
        kind=PauseFamilies,
        arguments=(
            _argument(
                "families", nargs="+", metavar="FAMILY", help="such as anchor / 種類（anchor など）"
            ),
            _argument("--hours", type=float, default=24.0, help="at most 72 / 72 時間まで"),
            _REASON,
        ),
        build=_pause,
        example="anchor --hours 12",
    ),
    Word(
        name="validator-add",
        ja="検証者の追加を提案します",
        en="propose a validator (what `validator-key` or `validator-seat` prints)",
        kind=AddValidator,
        arguments=(_BODY,),
        build=_seat,
        example="--body seat.json",
    ),
    _word(
        "validator-remove",
        "検証者の除外を提案します",
        "propose to take a validator out",
        RemoveValidator,
        _ADDRESS,
        example=_SOME_ADDRESS,
    ),
    _word(
        "validator-weigh",
        "検証者の重みの変更を提案します",
        "propose a validator's power",
        ReweighValidator,
        _ADDRESS,
        _argument("power", type=int, help="its voting power / 票の重み"),
        example=f"{_SOME_ADDRESS} 2",
    ),
    Word(
        name="validator-replace",
        ja="自分の検証者の鍵を取り替えます",
        en="put a new key in the place of your own validator's",
        kind=ReplaceValidator,
        arguments=(_ADDRESS, _BODY),
        build=_replaced,
        example=f"{_SOME_ADDRESS} --body seat.json",
        decided=False,
    ),
    _word(
        "validator-rejoin",
        "停止が終わった自分の検証者を復帰させます",
        "bring your own validator back after a suspension",
        RejoinValidator,
        _ADDRESS,
        example=_SOME_ADDRESS,
        decided=False,
    ),
    _filed("network", "ネットワークへの移行を提案します", "propose the move to a network", Migrate),
    _word(
        "upgrade",
        "規則の新しい版を提案します",
        "propose a version of the rules from a height on",
        PlanUpgrade,
        _VERSION,
        _argument("height", type=int, help="from this height on / この高さから"),
        _argument(
            "package", help="SHA-256 of the package, base64url / パッケージの SHA-256（base64url）"
        ),
        example="2 100000 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
    ),
    _word(
        "upgrade-cancel",
        "規則の新しい版の中止を提案します",
        "propose to cancel it",
        CancelUpgrade,
        _VERSION,
        example="2",
    ),
    Word(
        name="params",
        ja="決め方の変更を提案します",
        en="propose how decisions are taken",
        kind=SetParams,
        arguments=(
            _argument(
                "--timelock",
                type=int,
                metavar="SECONDS",
                help="between a decision and its execution / 可決から実行までの秒数",
            ),
            _argument(
                "--emergency",
                type=int,
                metavar="SECONDS",
                help="how long an emergency stop lasts / 緊急停止が続く秒数",
            ),
            _argument(
                "--majority-a",
                type=_fraction,
                metavar="N/M",
                help="for the constitution / 基本の規則に要る割合",
            ),
            _argument(
                "--majority-b",
                type=_fraction,
                metavar="N/M",
                help="for members and validators / 会員と検証者に要る割合",
            ),
            _argument(
                "--majority-c",
                type=_fraction,
                metavar="N/M",
                help="for accreditations / 認定に要る割合",
            ),
        ),
        build=_params,
        example="--timelock 604800 --majority-b 2/3",
    ),
    Word(
        name="dispute-open",
        ja="記録に異議を申し立てます",
        en="open a dispute about a record",
        kind=OpenDispute,
        arguments=(
            _argument("record", help="the record's key / 記録のキー"),
            _argument("--id", required=True, help="an id for the dispute / 異議に付ける ID"),
            _REASON,
        ),
        build=_dispute,
        example="issuer/city-kyc --id d-1",
        decided=False,
    ),
    _word(
        "dispute-assign",
        "裁定者を提案します",
        "propose the arbiters of a dispute",
        AssignArbiters,
        _DISPUTE,
        _argument(
            "arbiters", nargs="+", help="one, three or five members / 一名、三名か五名の会員"
        ),
        example="d-1 city-kyc",
    ),
    _word(
        "dispute-resolve",
        "裁定者として判断を述べます",
        "give your finding as an arbiter",
        ResolveDispute,
        _DISPUTE,
        _argument("outcome", choices=("upheld", "dismissed"), help="your finding / 認めるか否か"),
        _argument("--finding", required=True, help="your reason / 判断の理由"),
        example="d-1 upheld --finding 'The address is another'",
        decided=False,
    ),
)
