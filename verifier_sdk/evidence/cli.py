"""``warifu evidence``: what a firm kept, made into packs; and packs verified by anybody.

``verify`` needs the base install only: no settings, no server, no network [EVI-VER-6].
"""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from registry_chain.client import Genesis
from ssi.errors import Malformed, SSIError
from ssi.files import read_file
from verifier_sdk.config import VerifierConfig
from verifier_sdk.evidence.container import MAX_PACK
from verifier_sdk.evidence.findings import LIMITS, EvidenceStep, Findings, VerifiedEvidence
from verifier_sdk.evidence.outside import AnchorReader
from verifier_sdk.evidence.verify import verify_evidence
from verifier_sdk.results import Language

EXIT_VERIFIED, EXIT_REJECTED, EXIT_BAD_INPUT, EXIT_UNPINNED = 0, 1, 3, 5

_SUBJECT = "the id of a request or an envelope (see: list) / 依頼か封筒の ID（list を参照）"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the words of ``warifu evidence``."""
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser(
        "list",
        help="what was kept / 保存しているものの一覧",
        epilog="warifu evidence list --config verifier.toml --reference booking-42",
    )
    listing.add_argument(
        "--reference", help="one customer's or booking's / 一人の顧客や一件の予約のもの"
    )
    export = actions.add_parser(
        "export",
        help="make a pack / 証拠ファイルを作ります",
        epilog="warifu evidence export request-7 --out pack.zip\n"
        "warifu evidence export request-7 --out pack.zip --only name --anchors anchors",
    )
    export.add_argument("subject", help=_SUBJECT)
    export.add_argument(
        "--out", type=Path, required=True, metavar="PACK.zip", help="a new file / 新しいファイル"
    )
    export.add_argument(
        "--only",
        action="append",
        metavar="CLAIM",
        help="leave all other claims out (repeatable) / この項目だけを含めます（繰り返せます）",
    )
    export.add_argument(
        "--anchors",
        type=Path,
        metavar="DIR",
        help="put in kept proofs of time from outside / 保管した外部の時刻証明を含めます",
    )
    forget = actions.add_parser(
        "forget",
        help="delete what was kept / 保存したものを消します",
        epilog="warifu evidence forget request-7 --config verifier.toml",
    )
    forget.add_argument("subject", help=_SUBJECT)
    for words in (listing, export, forget):
        words.add_argument(
            "--config",
            type=Path,
            help="verifier.toml; else WARIFU_VERIFIER_CONFIG"
            " / 設定ファイル（なければ WARIFU_VERIFIER_CONFIG）",
        )
    verify = actions.add_parser(
        "verify",
        help="verify a pack, offline / 証拠ファイルを検証します（通信なし）",
        epilog="warifu evidence verify pack.zip --genesis genesis.json",
    )
    verify.add_argument("pack", type=Path, help="the pack / 証拠ファイル")
    trust = verify.add_mutually_exclusive_group()
    trust.add_argument(
        "--genesis",
        type=Path,
        help="the ledger's genesis file, from elsewhere / 別の経路で得た創世ファイル",
    )
    trust.add_argument(
        "--genesis-digest", metavar="SHA256", help="or its digest in hex / またはその SHA-256"
    )
    verify.add_argument(
        "--anchor-policy",
        type=Path,
        metavar="anchoring.toml",
        help="judge proofs of time from outside by the authorities you trust"
        " / 信頼する機関の設定で外部の時刻証明を判定します",
    )
    verify.add_argument(
        "--json",
        action="store_true",
        help="the verdict as one line of JSON / 判定を一行の JSON で出力",
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked.

    Returns:
        0 done or verified; 1 rejected; 3 bad input; 5 consistent, but the genesis was not compared.
    """
    if args.action == "verify":
        pinned = args.genesis_digest
        if args.genesis is not None:
            pinned = Genesis.load(args.genesis).digest()
        reader = None if args.anchor_policy is None else _reader(args.anchor_policy)
        return verify_file(args.pack, pinned, reader=reader, as_json=args.json)
    config = VerifierConfig.load(args.config) if args.config else VerifierConfig.from_env()
    if args.action == "export":
        only = None if args.only is None else frozenset(args.only)
        return _export(config, args.subject, args.out, only, args.anchors)
    return _list(config, args.reference) if args.action == "list" else _forget(config, args.subject)


# --- what a firm does ---


def _list(config: VerifierConfig, reference: str | None) -> int:
    from verifier_sdk.session import Verifier  # noqa: PLC0415 - verifying pays for none of it

    for kept in Verifier.open(config).evidence(reference):
        line = {
            "subject": kept.subject,
            "kind": kept.kind,
            "reference": kept.reference,
            "kept_at": kept.kept_at.isoformat(),
            "retain_until": kept.retain_until.isoformat(),
        }
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    return EXIT_VERIFIED


def _export(
    config: VerifierConfig,
    subject: str,
    out: Path,
    only: frozenset[str] | None,
    anchors: Path | None,
) -> int:
    from verifier_sdk.evidence.desk import export_kept  # noqa: PLC0415 - as above

    if out.exists():
        raise Malformed("the file is there already", code="config.exists")
    pack, shown = export_kept(config, subject, now=datetime.now(UTC), only=only, anchors=anchors)
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pack)
    told = {"pack": str(out), "bytes": len(pack)} | shown.to_json()
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    return EXIT_VERIFIED


def _forget(config: VerifierConfig, subject: str) -> int:
    from verifier_sdk.session import Verifier  # noqa: PLC0415 - as above

    gone = Verifier.open(config).forget_evidence(subject)
    sys.stdout.write(json.dumps({"forgotten": gone}) + "\n")
    return EXIT_VERIFIED


# --- what anybody does ---


def verify_file(
    path: Path | str,
    genesis: str | None,
    *,
    reader: AnchorReader | None = None,
    as_json: bool = False,
) -> int:
    """Verify a pack and print the verdict of every step in both languages.

    Args:
        path: The pack.
        genesis: SHA-256 of the genesis, in hex, from a source that is not the pack.
        reader: Whom the examiner believes about time outside; without, that is not judged.
        as_json: Print one line of JSON instead.

    Returns:
        As `run`.
    """
    findings = Findings()
    try:
        shown = verify_evidence(
            read_file(Path(path), most=MAX_PACK),
            genesis=genesis,
            findings=findings,
            reader=reader,
        )
    except SSIError as error:
        if as_json:
            sys.stdout.write(json.dumps(_rejected(findings, error)) + "\n")
        else:
            _print_steps(findings)
            sys.stdout.write(f"\n不合格 REJECTED: {error.code}: {error}\n")
        return EXIT_REJECTED
    if as_json:
        sys.stdout.write(json.dumps(shown.to_json(), ensure_ascii=False) + "\n")
    else:
        _print_steps(findings)
        _print_verdict(shown)
    return EXIT_VERIFIED if shown.pinned else EXIT_UNPINNED


def _reader(path: Path) -> AnchorReader:
    """Read whom the examiner believes; the file is the one of ``warifu chain anchors verify``."""
    from registry_chain.anchoring.settings import AnchorSettings  # noqa: PLC0415 - X.509 if asked

    return AnchorReader(policy=AnchorSettings.load(path).policy, now=datetime.now(UTC))


def _rejected(findings: Findings, error: SSIError) -> dict[str, object]:
    steps = [
        {"step": int(one.step), "name": one.name(), "passed": one.passed} for one in findings.all
    ]
    return {"verdict": "rejected", "code": error.code, "steps": steps}


def _print_steps(findings: Findings) -> None:
    seen = {one.step: one for one in findings.all}
    for step in EvidenceStep:
        one = seen.get(step)
        if one is None:
            spared = step is EvidenceStep.OUTSIDE and all(one.passed for one in findings.all)
            told = "未判定 NOT JUDGED" if spared else "未検査 NOT REACHED"
            sys.stdout.write(f"({int(step)}) {told}\n")
            continue
        mark = "合格 PASSED" if one.passed else f"不合格 FAILED {one.code}"
        sys.stdout.write(f"({int(step)}) {mark}: {one.name('ja')} / {one.name('en')}\n")
        for ja, en in one.notes:
            sys.stdout.write(f"    {ja} / {en}\n")


def _print_verdict(shown: VerifiedEvidence) -> None:
    if shown.pinned:
        sys.stdout.write("\n合格 VERIFIED\n")
    else:
        sys.stdout.write("\n保留 CONSISTENT, NOT VERIFIED\n")
    sys.stdout.write(f"  genesis {shown.manifest.genesis}\n")
    languages: tuple[Language, Language] = ("ja", "en")
    for limit in shown.limits:
        for index, _ in enumerate(languages):
            sys.stdout.write(f"  {LIMITS[limit][index]}\n")
