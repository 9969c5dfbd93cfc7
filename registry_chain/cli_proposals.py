"""What the governance commands say: how a proposal stands, by proven records, in two languages."""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self, TypeVar

from registry_chain.blocktime import utc
from registry_chain.client import MAX_KEYS, HeadMemory, RegistryClient, Submitter, TrustRoot
from registry_chain.keyfile import read_key
from registry_chain.records import (
    OPEN,
    PARAMS_KEY,
    PASSED,
    ROLL_KEY,
    BallotRecord,
    ParamsRecord,
    ProposalRecord,
    Record,
    Roll,
    ballot_key,
    proposal_key,
)
from registry_chain.transactions import Body
from registry_chain.transactions.governance import Class
from ssi.encoding import JSONObject, parse_json_object
from ssi.errors import Malformed, Refused, Unreachable, Untrusted
from ssi.fetch import FetchPolicy, Request, http_fetch

Language = Literal["ja", "en"]
SomeRecord = TypeVar("SomeRecord", bound=Record)
PAGE = 200
_OK = 200
_VOTERS_DECIDE = (
    "chain.emergency_repeated",
    "chain.needs_decision",
    "chain.not_voter",
    "chain.paused",
    "chain.second_voter",
)
_STATES = {
    "open": ("投票中", "open"),
    "passed": ("可決、待機中", "carried, waiting"),
    "executed": ("可決、実行済み", "carried and done"),
    "failed": ("可決したが実行できず", "carried, but refused"),
    "rejected": ("否決", "rejected"),
    "expired": ("期限切れ", "expired"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A verifying client, and the account that acts, if one was named."""

    client: RegistryClient
    nodes: tuple[str, ...]
    account: str | None
    submitter: Submitter | None
    lang: Language
    as_json: bool
    loopback: bool

    @classmethod
    def open(cls, args: argparse.Namespace) -> Self:
        """Open what the common options name; ``--home`` stands for a folder that `init` made."""
        home: Path | None = args.home
        genesis = args.genesis or _in(home, "genesis.json")
        nodes = tuple(args.node or _nodes(home))
        account: str | None = getattr(args, "account", None)
        fetch = http_fetch(FetchPolicy(allow_loopback_http=args.loopback or home is not None))
        client = RegistryClient(nodes, TrustRoot.load(genesis), fetch, HeadMemory.volatile())
        submitter = None
        if account is not None:
            key = args.key or _in(home, f"keys/{account}.key")
            submitter = Submitter(client, account, read_key(key), args.lane)
        return cls(
            client=client,
            nodes=nodes,
            account=account,
            submitter=submitter,
            lang=args.lang or _language(),
            as_json=args.json,
            loopback=args.loopback or home is not None,
        )

    def submit(self, body: Body) -> int:
        """Have it committed; returns the height.

        Raises:
            Refused: With the clause, what to do, and who could.
        """
        if self.submitter is None:
            raise ValueError("no account acts")
        try:
            return self.submitter.submit(body, _now()).height
        except Refused as error:
            fact = self.say(
                "台帳の規則により受け付けられません", "a rule of the ledger refuses this"
            )
            raise Refused(
                f"[{error.rule}] {fact}{self._who(error)}", code=error.code, rule=error.rule
            ) from error

    def _who(self, error: Refused) -> str:
        """Who could lift the refusal, when that is the voters."""
        if error.code not in _VOTERS_DECIDE:
            return ""
        names = ", ".join(self.others())
        return self.say(f"。決められる会員: {names}", f"; who can decide: {names}") if names else ""

    def others(self) -> tuple[str, ...]:
        """The voters other than the account."""
        return tuple(name for name in self.voters() if name != self.account)

    def say(self, ja: str, en: str) -> str:
        """The text in the reader's language."""
        return ja if self.lang == "ja" else en

    def tell(self, text: str, result: JSONObject) -> None:
        """Print for people, or one JSON line for programs."""
        out = json.dumps(result, ensure_ascii=False) if self.as_json else text
        sys.stdout.write(out + "\n")

    def voters(self) -> tuple[str, ...]:
        """The members with a vote, as the chain proves."""
        record = self.client.read_many((ROLL_KEY,), now=_now()).record(Roll, ROLL_KEY)
        return () if record is None else record.voters

    def proposal(self, name: str) -> "Shown":
        """A proposal with its ballots, all proven.

        Raises:
            Untrusted: ``chain.proposal_unknown``.
        """
        many = self.client.read_many((proposal_key(name), ROLL_KEY, PARAMS_KEY), now=_now())
        record = many.record(ProposalRecord, proposal_key(name))
        roll, params = many.record(Roll, ROLL_KEY), many.record(ParamsRecord, PARAMS_KEY)
        if record is None or roll is None or params is None:
            raise Untrusted("the chain has no such proposal", code="chain.proposal_unknown")
        ballots: dict[str, bool] = {}
        for start in range(0, len(roll.voters), MAX_KEYS):
            some = roll.voters[start : start + MAX_KEYS]
            cast = self.client.read_many([ballot_key(name, one) for one in some], now=_now())
            for one in some:
                ballot = cast.record(BallotRecord, ballot_key(name, one))
                if ballot is not None:
                    ballots[one] = ballot.yes
        silent = tuple(one for one in roll.voters if one not in ballots)
        seen_at = int(many.time.timestamp())
        return Shown(
            name=name,
            record=record,
            params=params,
            ballots=ballots,
            silent=silent,
            seen_at=seen_at,
        )

    def listed(self, prefix: str) -> list[str]:
        """Keys that a node lists: a hint, to be proven one by one."""
        fetch = http_fetch(FetchPolicy(allow_loopback_http=self.loopback))
        answer = fetch(Request(url=f"{self.nodes[0]}/v1/list?prefix={prefix}/&limit={PAGE}"))
        if answer.status != _OK:
            raise Unreachable("the node does not list its records", code="chain.list")
        items = parse_json_object(answer.body).get("items")
        found = items if isinstance(items, list) else []
        keys = [one.get("key") for one in found if isinstance(one, dict)]
        return [key for key in keys if isinstance(key, str) and key.startswith(f"{prefix}/")]

    def record(self, kind: type[SomeRecord], key: str) -> SomeRecord:
        """The record at a key, proven.

        Raises:
            Untrusted: ``chain.record_unknown``.
        """
        found = self.client.read_many((key,), now=_now()).record(kind, key)
        if found is None:
            raise Untrusted("the chain has no such record", code="chain.record_unknown")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A proposal as a person wants to see it."""

    name: str
    record: ProposalRecord
    params: ParamsRecord
    ballots: dict[str, bool]
    silent: tuple[str, ...]
    seen_at: int

    @property
    def state(self) -> str:
        """Its state, with the end of its time seen."""
        over = self.record.state == OPEN and self.seen_at >= self.record.expires_at
        return "expired" if over else self.record.state

    def needed(self, lang: Language) -> str:
        """The majority of its class, in words."""
        grade = self.record.of_class
        over, under = {
            Class.A: self.params.majority_a,
            Class.B: self.params.majority_b,
            Class.C: self.params.majority_c,
        }[grade]
        if grade is Class.A or over == under:
            return f"{over}/{under} 以上" if lang == "ja" else f"at least {over}/{under}"
        return f"{over}/{under} を超える賛成" if lang == "ja" else f"more than {over}/{under}"

    def lines(self, lang: Language) -> list[str]:
        """The proposal in a few lines."""
        record, ja = self.record, lang == "ja"
        state = _STATES.get(self.state, (self.state, self.state))[0 if ja else 1]
        needed = self.needed(lang)
        head = f"{self.name}  [{record.grade}]  {state}"
        tally = f"  yes {record.yes}, no {record.no} of {record.voters} voters (needs {needed})"
        if ja:
            tally = (
                f"  賛成 {record.yes}・反対 {record.no}・投票権 {record.voters}（必要: {needed}）"
            )
        lines = [head, tally]
        if self.state == OPEN and self.silent:
            names = ", ".join(self.silent)
            lines.append(f"  {'まだ投票していない会員' if ja else 'not yet voted'}: {names}")
        if self.state == PASSED and record.executable_at is not None:
            when = utc(record.executable_at).strftime("%Y-%m-%d %H:%M UTC")
            lines.append(f"  {when} から実行できます" if ja else f"  can be executed from {when}")
        if record.rule is not None:
            lines.append(f"  [{record.rule}] {record.error}")
        return lines

    def to_json(self) -> JSONObject:
        """The proposal for programs."""
        ballots: JSONObject = dict(self.ballots)
        return {
            "proposal": self.name,
            "state": self.state,
            "class": self.record.grade,
            "digest": self.record.digest,
            "yes": self.record.yes,
            "no": self.record.no,
            "voters": self.record.voters,
            "ballots": ballots,
            "not_voted": list(self.silent),
            "expires_at": self.record.expires_at,
            "executable_at": self.record.executable_at,
            "rule": self.record.rule,
            "error": self.record.error,
        }


def _in(home: Path | None, name: str) -> Path:
    if home is None:
        raise Malformed("name --home, or --genesis, --node and --key", code="config.missing")
    return home / name


def _nodes(home: Path | None) -> list[str]:
    from registry_chain.config import NodeConfig  # noqa: PLC0415 - only with --home

    settings = NodeConfig.load(_in(home, "node.toml"))
    return [f"http://{settings.host}:{settings.port}"]


def _language() -> Language:
    named = os.environ.get("WARIFU_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG", "")
    return "ja" if named.startswith("ja") else "en"


def _now() -> datetime:
    return datetime.now(UTC)
