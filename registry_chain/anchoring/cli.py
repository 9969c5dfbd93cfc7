"""``warifu chain anchor`` and ``warifu chain anchors verify``."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from registry_chain.anchoring.folder import AnchorFolder
from registry_chain.anchoring.job import AnchorJob, Step
from registry_chain.anchoring.kept import EpochVerdict, judge_folder
from registry_chain.anchoring.proofs import Method, VerifiedAnchor
from registry_chain.anchoring.settings import AnchorSettings, EvmPlace, hex_bytes
from registry_chain.anchoring.verify import AnchorReport, missing_extra
from registry_chain.client import Genesis, HeadMemory, RegistryClient, Submitter
from registry_chain.keyfile import read_key
from registry_chain.trust_root import trust_from_genesis
from ssi.errors import Malformed
from ssi.fetch import Fetch, FetchPolicy, http_fetch

if TYPE_CHECKING:
    from registry_chain.anchoring.evm_job import AnchorContract

    # argparse has no public name for what add_subparsers returns.
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

ACTIONS = ("anchor", "anchors")
SECONDS = 30.0
_OK, _FAILED = 0, 1
_DID = {
    "stamped": ("stamped", "刻印を取得"),
    "submitted": ("handed in, waits for a final block", "提出済み、ブロックの確定待ち"),
    "upgraded": ("is in a Bitcoin block now", "ビットコインのブロックに入りました"),
    "kept": ("kept already", "取得済み"),
    "recorded": ("recorded on the chain", "台帳に記録"),
    "no-block": ("no finished block to anchor", "対象のブロックなし"),
    "failed": ("failed; the next run tries again", "失敗、次回に再試行"),
}


def add_commands(actions: "Actions") -> None:
    """Add ``anchor`` and ``anchors`` to ``warifu chain``."""
    anchor = actions.add_parser(
        "anchor",
        help="have finished hours or days stamped outside; run it from a timer"
        " / 終わった時間帯の外部時刻証明を取得します(定期実行用)",
        epilog="warifu chain anchor --genesis genesis.json --node https://node1.example"
        " --settings anchoring.toml --anchors anchors",
    )
    anchor.add_argument(
        "--genesis", type=Path, required=True, help="the chain's genesis file / 台帳の創世ファイル"
    )
    anchor.add_argument(
        "--node",
        action="append",
        required=True,
        metavar="URL",
        help="a node (repeatable) / ノードの URL（繰り返せます）",
    )
    anchor.add_argument(
        "--settings", type=Path, required=True, help="anchoring.toml / 設定ファイル anchoring.toml"
    )
    anchor.add_argument(
        "--anchors",
        type=Path,
        required=True,
        help="folder where proofs are kept / 時刻証明を保管するフォルダー",
    )
    anchor.add_argument(
        "--epochs", type=int, default=24, help="how many epochs to look back / さかのぼる時間帯の数"
    )
    anchor.add_argument(
        "--account", help="record proofs on the chain as this auditor / この監査人として台帳に記録"
    )
    anchor.add_argument("--key", type=Path, help="the account's key file / アカウントの鍵ファイル")
    anchor.add_argument(
        "--lane", type=int, default=0, help="the account's lane / アカウントのレーン番号"
    )
    anchor.add_argument(
        "--json", action="store_true", help="one JSON object a line / 一行に一つの JSON で出力"
    )
    anchor.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )
    anchors = actions.add_parser(
        "anchors",
        help="judge kept proofs / 保管した時刻証明を検証します",
        epilog="warifu chain anchors verify anchors --genesis genesis.json"
        " --settings anchoring.toml",
    )
    words = anchors.add_subparsers(dest="word", required=True)
    verify = words.add_parser(
        "verify",
        help="without any network / ネットワークを使わずに検証します",
        epilog="warifu chain anchors verify anchors --genesis genesis.json"
        " --settings anchoring.toml",
    )
    verify.add_argument(
        "anchors", type=Path, help="the folder of kept proofs / 時刻証明を保管したフォルダー"
    )
    verify.add_argument(
        "--genesis", type=Path, required=True, help="the chain's genesis file / 台帳の創世ファイル"
    )
    verify.add_argument(
        "--settings", type=Path, required=True, help="anchoring.toml / 設定ファイル anchoring.toml"
    )
    verify.add_argument(
        "--json", action="store_true", help="one JSON object a line / 一行に一つの JSON で出力"
    )
    final = words.add_parser(
        "final",
        help="pin the EVM blocks that proofs rest on, as your own node has them"
        " / 証明が依拠する EVM ブロックを自分のノードで確かめて固定します",
        epilog="warifu chain anchors final anchors --settings anchoring.toml",
    )
    final.add_argument(
        "anchors", type=Path, help="the folder of kept proofs / 時刻証明を保管したフォルダー"
    )
    final.add_argument(
        "--settings", type=Path, required=True, help="anchoring.toml / 設定ファイル anchoring.toml"
    )
    final.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )
    _add_deploy(words)


def _add_deploy(words: "Actions") -> None:
    deploy = words.add_parser(
        "deploy",
        help="found the contract on an EVM chain, and print its settings"
        " / EVM チェーンにコントラクトを設置し、設定を表示します",
        epilog="warifu chain anchors deploy --url https://rpc.example --chain-id 1"
        " --key owner.key --attester 0x…",
    )
    deploy.add_argument(
        "--url", required=True, help="your node's JSON-RPC / 自分のノードの JSON-RPC のアドレス"
    )
    deploy.add_argument(
        "--chain-id", type=int, required=True, help="the chain's id / チェーンの番号"
    )
    deploy.add_argument(
        "--key",
        type=Path,
        required=True,
        help="of the account that pays and owns / 支払い、所有者となる口座の鍵ファイル",
    )
    deploy.add_argument(
        "--attester", metavar="0x…", help="who may add; the owner if absent / 書き込める口座"
    )
    deploy.add_argument(
        "--name", default="evm", help="your own name for the chain / チェーンの呼び名"
    )
    deploy.add_argument(
        "--wait",
        type=int,
        default=180,
        metavar="SECONDS",
        help="for its block / 待つ秒数",
    )
    deploy.add_argument(
        "--sent",
        metavar="0x…",
        help="wait for this transaction, send none / 送信済みの取引を待ち、新しく送りません",
    )
    deploy.add_argument(
        "--loopback",
        action="store_true",
        help="allow http on 127.0.0.1 / 127.0.0.1 への http を許します",
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    if args.action == "anchor":
        return _anchor(args)
    return {"final": _final, "verify": _verify, "deploy": _deploy}[args.word](args)


def _anchor(args: argparse.Namespace) -> int:
    fetch = http_fetch(FetchPolicy(allow_loopback_http=args.loopback, timeout=SECONDS))
    args.anchors.mkdir(parents=True, exist_ok=True)
    genesis = Genesis.load(args.genesis)
    client = RegistryClient(
        args.node,
        genesis,
        fetch,
        HeadMemory.open(args.anchors / "heads.db"),
    )
    recorder = None
    if args.account is not None and args.key is not None:
        recorder = Submitter(client, args.account, read_key(args.key), args.lane)
    settings = AnchorSettings.load(args.settings)
    job = AnchorJob(
        chain=client,
        root=trust_from_genesis(genesis),
        folder=AnchorFolder(args.anchors),
        settings=settings,
        fetch=fetch,
        randomness=os.urandom,
        recorder=recorder,
        contract=_contract(settings, fetch),
    )
    failed = False
    for step in job.run(datetime.now(UTC), epochs=args.epochs):
        failed = failed or step.did == "failed"
        _line(_step_json(step) if args.json else _step_text(step))
    return _FAILED if failed else _OK


def _contract(settings: AnchorSettings, fetch: Fetch) -> "AnchorContract | None":
    if settings.evm is None or settings.policy.evm is None:
        return None
    try:
        from registry_chain.anchoring.evm_job import AnchorContract  # noqa: PLC0415 - an extra
    except ImportError:
        raise missing_extra() from None
    return AnchorContract.open(settings.evm, settings.policy.evm, fetch)


def _final(args: argparse.Namespace) -> int:
    """Ask our own EVM node for the hashes that proofs rest on, as lines for anchoring.toml."""
    settings = AnchorSettings.load(args.settings)
    contract = _contract(
        settings, http_fetch(FetchPolicy(allow_loopback_http=args.loopback, timeout=SECONDS))
    )
    if contract is None:
        raise Malformed("the settings name no EVM node", code="config.malformed")
    from registry_chain.anchoring.ethereum import read_header  # noqa: PLC0415 - an extra
    from registry_chain.anchoring.evm import StorageProof  # noqa: PLC0415

    folder = AnchorFolder(args.anchors)
    proofs = (proof for epoch in folder.epochs() for proof in folder.proofs(epoch))
    numbers = {
        read_header(StorageProof.parse(proof.proof).header).number
        for proof in proofs
        if proof.method is Method.EVM
    }
    for number in sorted(numbers):
        block = contract.node.final_hash(number).hex()
        _line(f'[[evm.final_block]]\nnumber = {number}\nhash = "{block}"')
    return _OK


def _deploy(args: argparse.Namespace) -> int:
    """Found the contract; what is printed goes into anchoring.toml."""
    try:
        from registry_chain.anchoring.evm_deploy import PAUSE, deploy  # noqa: PLC0415 - an extra
        from registry_chain.anchoring.evm_job import open_node  # noqa: PLC0415
    except ImportError:
        raise missing_extra() from None
    place = EvmPlace(url=args.url, key=args.key, confirmations=None)
    fetch = http_fetch(FetchPolicy(allow_loopback_http=args.loopback, timeout=SECONDS))
    founded = deploy(
        open_node(place, args.chain_id, fetch),
        None if args.attester is None else hex_bytes(args.attester, 20),
        sent=None if args.sent is None else "0x" + hex_bytes(args.sent, 32).hex(),
        looks=max(1, round(args.wait / PAUSE)),
        pause=time.sleep,
    )
    key = str(args.key) if founded.owner == founded.attester else None
    for line in founded.settings(args.name, args.chain_id, args.url, key):
        _line(line)
    return _OK


def _verify(args: argparse.Namespace) -> int:
    settings = AnchorSettings.load(args.settings)
    verdicts = judge_folder(
        AnchorFolder(args.anchors), Genesis.load(args.genesis), settings.policy, datetime.now(UTC)
    )
    good = bad = 0
    for verdict in verdicts:
        good, bad = (good + 1, bad) if verdict.error is None else (good, bad + 1)
        for line in [_verdict_json(verdict)] if args.json else _verdict_text(verdict):
            _line(line)
    if not good and not bad:
        _line(_say("no proofs are kept here", "保管された証明がありません"))
    # Nothing judged is nothing proven [ANC-VER-3].
    return _OK if good and not bad else _FAILED


def _step_json(step: Step) -> str:
    return json.dumps(
        {
            "epoch": step.epoch,
            "method": step.method,
            "authority": step.authority,
            "did": step.did,
            "code": step.code,
        }
    )


def _step_text(step: Step) -> str:
    code = f" ({step.code})" if step.code else ""
    who = f"{step.method} {step.authority}".strip()
    return f"{step.epoch}  {who:<28} {_say(*_DID[step.did])}{code}"


def _verdict_json(verdict: EpochVerdict) -> str:
    told: dict[str, object] = {"epoch": verdict.epoch, "ok": verdict.error is None}
    if verdict.report is not None:
        told |= verdict.report.to_json()
    if verdict.error is not None:
        told |= {"error": verdict.error.code, "message": str(verdict.error)}
    return json.dumps(told, ensure_ascii=False)


def _verdict_text(verdict: EpochVerdict) -> Iterator[str]:
    if verdict.report is None or verdict.error is not None:
        code = "error" if verdict.error is None else verdict.error.code
        yield f"{verdict.epoch}  {_say('NOT PROVEN', '証明されません')}: {code}"
        if verdict.error is not None:
            yield f"  {verdict.error.diagnostics(_language())}"
        return
    report: AnchorReport = verdict.report
    height = _say("height", "高さ")
    yield f"{verdict.epoch}  {height} {report.height}  {report.block_hash.hex()}"
    yield f"  {_say('block time', 'ブロックの時刻')} {_moment(report.block_time)}"
    for one in report.anchors:
        yield f"  {one.method.value:<14} {one.authority:<16} {_moment(one.time)} {_grounds(one)}"
    within = int(report.spread.total_seconds())
    agreed = _say(f"authorities agree within {within} s", f"機関の時刻差 {within} 秒以内")
    existed = _say("existed by", "この時刻までに存在")
    yield f"  {existed} {_moment(report.existed_by)}; {agreed}"


def _grounds(one: VerifiedAnchor) -> str:
    parts = [f"±{one.accuracy.total_seconds():g} s"]
    parts += [f"{name}={value}" for name, value in one.shown.items()]
    return " ".join(parts)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _language() -> Literal["ja", "en"]:
    env = os.environ
    named = env.get("WARIFU_LANG") or env.get("LC_ALL") or env.get("LANG", "")
    return "ja" if named.startswith("ja") else "en"


def _say(en: str, ja: str) -> str:
    return ja if _language() == "ja" else en


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
