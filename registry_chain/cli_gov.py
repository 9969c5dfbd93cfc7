"""``warifu chain propose`` and all the words by which members govern.

A word that the voters decide makes a proposal of one action; ``propose`` takes a file with many.
"""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from registry_chain.blocktime import utc
from registry_chain.cli_proposals import Session
from registry_chain.cli_words import WORDS, Word, read_file
from registry_chain.keyfile import read_key
from registry_chain.records import (
    CALLED,
    DisputeRecord,
    EmergencyRecord,
    dispute_key,
    emergency_key,
)
from registry_chain.transactions import Action, EmergencySuspend, Execute, Propose, Vote
from registry_chain.transactions.fields import plain_object
from registry_chain.transactions.validators import DEFAULT_POWER, seat_for
from ssi.encoding import JSON, JSONObject
from ssi.errors import Malformed

DAY = 86_400

Parser = argparse.ArgumentParser

_PROPOSAL = "its id (see: proposals) / 提案の ID（proposals を参照）"

_BY_NAME = {word.name: word for word in WORDS}


def add_commands(actions: "argparse._SubParsersAction[Parser]") -> None:
    """Add every word of governance to ``warifu chain``."""
    reading, acting, proposing = _reading(), _acting(), _proposing()
    propose = actions.add_parser(
        "propose",
        help="propose actions from a file / ファイルの内容を提案します",
        epilog="warifu chain propose --home node-1 --as council --actions founding.json"
        " --reason 'decided on 1 April'",
        parents=[reading, acting, proposing],
    )
    propose.add_argument(
        "--actions",
        type=Path,
        required=True,
        help='JSON: [{"type", "body"}, ...] / JSON の配列 [{"type", "body"}, ...]',
    )
    vote = actions.add_parser(
        "vote",
        help="vote on a proposal / 提案に投票します",
        epilog="warifu chain vote p-7 yes --home node-1 --as council",
        parents=[reading, acting],
    )
    vote.add_argument("proposal", help=_PROPOSAL)
    vote.add_argument("ballot", choices=("yes", "no"), help="your vote / 賛成か反対か")
    vote.add_argument(
        "--digest",
        help="what you were told you vote on; the chain's when absent"
        " / 投票すると聞いた内容の要約値（なければ台帳のもの）",
    )
    execute = actions.add_parser(
        "execute",
        help="execute after the timelock / 待機後に実行します",
        epilog="warifu chain execute p-7 --home node-1 --as council",
        parents=[reading, acting],
    )
    execute.add_argument("proposal", help=_PROPOSAL)
    actions.add_parser(
        "proposals",
        help="list proposals / 提案の一覧",
        epilog="warifu chain proposals --genesis genesis.json --node https://node1.example",
        parents=[reading],
    )
    show = actions.add_parser(
        "proposal",
        help="show a proposal / 提案を見ます",
        epilog="warifu chain proposal p-7 --home node-1",
        parents=[reading],
    )
    show.add_argument("proposal", help=_PROPOSAL)
    actions.add_parser(
        "disputes",
        help="list disputes / 異議の一覧",
        epilog="warifu chain disputes --home node-1",
        parents=[reading],
    )
    seat = actions.add_parser(
        "validator-seat",
        help="describe a new validator key with its proof / 検証者の鍵の証明を作ります",
        epilog="warifu chain validator-seat --home node-1 --as city-bank"
        " --validator-key node-2/validator.key",
        parents=[reading, acting],
    )
    seat.add_argument(
        "--validator-key", type=Path, required=True, help="the new key's file / 新しい鍵のファイル"
    )
    seat.add_argument(
        "--power", type=int, default=DEFAULT_POWER, help="its voting power / 票の重み"
    )
    suspend = actions.add_parser(
        "suspend",
        help="stop at once: two voters, or the subject / 緊急に停止します（会員二名か本人）",
        epilog="warifu chain suspend issuer/city-kyc --home node-1 --as council",
        parents=[reading, acting],
    )
    suspend.add_argument(
        "target",
        help="issuer/ID, key/ID/THUMBPRINT, member/ID, family/NAME ..."
        " / 対象（issuer/ID、key/ID/THUMBPRINT、member/ID、family/NAME など）",
    )
    suspend.add_argument(
        "--code", default="emergency", help="a reason as one code word / 理由を表す一語のコード"
    )
    for word in WORDS:
        parents = [reading, acting, *([proposing] if word.decided else [])]
        parser = actions.add_parser(
            word.name,
            help=f"{word.en} / {word.ja}",
            epilog=_example(word),
            parents=parents,
        )
        for argument in word.arguments:
            parser.add_argument(argument.flag, **argument.options)


def _example(word: Word) -> str:
    """Return a line that uses a word."""
    reason = " --reason 'decided on 1 April'" if word.decided else ""
    return f"warifu chain {word.name} {word.example} --home node-1 --as council{reason}"


def _reading() -> Parser:
    parser = Parser(add_help=False)
    parser.add_argument(
        "--home",
        type=Path,
        help="a folder that `warifu chain init` made / warifu chain init のフォルダー",
    )
    parser.add_argument(
        "--genesis", type=Path, help="genesis or trust file / 創世ファイルか信頼ファイル"
    )
    parser.add_argument(
        "--node",
        action="append",
        metavar="URL",
        help="a node (repeatable) / ノードの URL（繰り返せます）",
    )
    parser.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )
    parser.add_argument("--json", action="store_true", help="one JSON line / 一行の JSON で出力")
    parser.add_argument(
        "--lang", choices=("ja", "en"), help="the language of the output / 出力の言語"
    )
    return parser


def _acting() -> Parser:
    parser = Parser(add_help=False)
    parser.add_argument(
        "--as", dest="account", required=True, metavar="MEMBER", help="who acts / 行う会員の ID"
    )
    parser.add_argument(
        "--key",
        type=Path,
        help="its key; HOME/keys/MEMBER.key when absent / その鍵（なければ HOME/keys/MEMBER.key）",
    )
    parser.add_argument(
        "--lane", type=int, default=0, help="the account's lane / アカウントのレーン番号"
    )
    return parser


def _proposing() -> Parser:
    parser = Parser(add_help=False)
    parser.add_argument("--reason", required=True, help="what the voters read / 投票者が読む理由")
    parser.add_argument(
        "--days", type=float, default=14.0, help="how long ballots are taken / 投票を受け付ける日数"
    )
    parser.add_argument(
        "--proposal-id", help="an id; one is made when absent / 提案の ID（なければ作ります）"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    session = Session.open(args)
    return _OWN[args.action](session, args) if args.action in _OWN else _send(session, args)


def _send(session: Session, args: argparse.Namespace) -> int:
    """Propose a word's body, or send it when the member acts by itself."""
    word = _BY_NAME[args.action]
    body = word.kind.from_json(word.build(args))
    if word.decided:
        return _propose(session, args, (Action.of(body),))
    height = session.submit(body)
    done = session.say(f"記録しました（高さ {height}）", f"recorded at height {height}")
    session.tell(done, {"height": height, "type": body.TYPE})
    return 0


def _propose_file(session: Session, args: argparse.Namespace) -> int:
    return _propose(session, args, _actions(read_file(args.actions)))


def _suspend(session: Session, args: argparse.Namespace) -> int:
    """Call for a stop, and say whether it is one already or waits for a second voter."""
    session.submit(EmergencySuspend.from_json({"target": args.target, "reason": args.code}))
    record = session.record(EmergencyRecord, emergency_key(args.target))
    until = utc(record.until).strftime("%Y-%m-%d %H:%M UTC")
    if record.state == CALLED:
        names = ", ".join(session.others())
        text = session.say(
            f"{until} までに、もう一名の会員の要請が必要です: {names}",
            f"another voter must call for the same by {until}: {names}",
        )
    else:
        text = session.say(
            f"停止しました。承認されなければ {until} に解けます",
            f"stopped; it ends at {until} unless the voters ratify it",
        )
    session.tell(text, {"target": args.target, "state": record.state, "until": record.until})
    return 0


def _execute(session: Session, args: argparse.Namespace) -> int:
    session.submit(Execute(proposal=args.proposal))
    return _show(session, args.proposal)


def _show_whole(session: Session, args: argparse.Namespace) -> int:
    return _show(session, args.proposal, whole=True)


def _actions(value: JSON) -> tuple[Action, ...]:
    if not isinstance(value, list):
        raise Malformed("the file is not a list of actions", code="tx.body")
    return tuple(Action.from_json(item) for item in value)


def _propose(session: Session, args: argparse.Namespace, actions: tuple[Action, ...]) -> int:
    body = Propose(
        id=args.proposal_id or f"p-{secrets.token_hex(6)}",
        actions=actions,
        expires_at=int(time.time()) + int(args.days * DAY),
        reason=args.reason,
    )
    session.submit(Propose.from_json(plain_object(body)))
    return _show(session, str(body.id))


def _vote(session: Session, args: argparse.Namespace) -> int:
    digest = args.digest or session.proposal(args.proposal).record.digest
    session.submit(Vote(proposal=args.proposal, digest=digest, yes=args.ballot == "yes"))
    return _show(session, args.proposal)


def _show(session: Session, name: str, *, whole: bool = False) -> int:
    shown = session.proposal(name)
    lines, result = shown.lines(session.lang), shown.to_json()
    if whole:
        actions: list[JSON] = [plain_object(action) for action in shown.record.actions]
        lines[1:1] = [f"  {shown.record.why} ({shown.record.proposer})"]
        lines += [f"  - {json.dumps(action, ensure_ascii=False)}" for action in actions]
        lines.append(f"  digest {shown.record.digest}")
        result |= {
            "actions": actions,
            "reason": shown.record.why,
            "proposer": shown.record.proposer,
        }
    session.tell("\n".join(lines), result)
    return 0


def _proposals(session: Session, _args: argparse.Namespace) -> int:
    names = [key.partition("/")[2] for key in session.listed("proposal")]
    shown = [session.proposal(name) for name in names]
    lines = [line for one in shown for line in one.lines(session.lang)]
    found: list[JSON] = [one.to_json() for one in shown]
    none = session.say("提案はありません", "there are no proposals")
    session.tell("\n".join(lines) or none, {"proposals": found})
    return 0


def _disputes(session: Session, _args: argparse.Namespace) -> int:
    names = [key.partition("/")[2] for key in session.listed("dispute")]
    found: JSONObject = {
        name: session.record(DisputeRecord, dispute_key(name)).to_json() for name in names
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in found.items()]
    none = session.say("異議はありません", "there are no disputes")
    session.tell("\n".join(lines) or none, {"disputes": found})
    return 0


def _print_seat(session: Session, args: argparse.Namespace) -> int:
    seat = seat_for(
        read_key(args.validator_key),
        chain_id=session.client.chain_id,
        member=args.account,
        power=args.power,
    )
    sys.stdout.write(json.dumps(plain_object(seat)) + "\n")
    return 0


_OWN: Mapping[str, Callable[[Session, argparse.Namespace], int]] = MappingProxyType(
    {
        "propose": _propose_file,
        "vote": _vote,
        "execute": _execute,
        "proposals": _proposals,
        "proposal": _show_whole,
        "disputes": _disputes,
        "suspend": _suspend,
        "validator-seat": _print_seat,
    }
)
WORDS_OF_GOVERNANCE = (*_OWN, *_BY_NAME)
