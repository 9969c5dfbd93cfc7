"""``warifu vectors KIND PATH``: run vectors and say what passed."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ssi.errors import Malformed
from warifu.vectors import RUNNERS, CaseResult, Outcome, run_file


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "kind", choices=sorted(RUNNERS), help="the format of the vectors / ベクトルの形式"
    )
    parser.add_argument(
        "path", type=Path, nargs="+", help="a file, or a folder of files / ファイルかフォルダー"
    )
    parser.add_argument(
        "--strict-codes",
        action="store_true",
        help="another error code counts as a failure / 誤りのコードの違いも不合格とします",
    )
    parser.add_argument(
        "--all", action="store_true", help="print every case, not only failures / 全件を表示"
    )


def run(args: argparse.Namespace) -> int:
    """Run the files.

    Returns:
        0 when nothing failed, 1 when something did, 3 when a file is not there or holds no case.
    """
    counts: Counter[Outcome] = Counter()
    reasons: Counter[str] = Counter()
    empty = False
    for path in args.path:
        if not path.exists():
            sys.stderr.write("warifu vectors: no such file or folder\n")
            return 3
        before = counts.total()
        for case in _cases(args.kind, path):
            outcome = case.outcome(strict_codes=args.strict_codes)
            counts[outcome] += 1
            if outcome is Outcome.UNSUPPORTED:
                reasons[case.detail] += 1
            elif args.all or outcome is Outcome.FAILED:
                sys.stdout.write(
                    f"{outcome}: {case.id}: expected {case.expected}, got {case.got}"
                    f"{f' ({case.detail})' if case.detail else ''}\n"
                )
        if counts.total() == before:
            sys.stderr.write(f"warifu vectors: no case of the kind {args.kind} in {path}\n")
            empty = True
    for reason, count in reasons.items():
        sys.stdout.write(f"unsupported: {reason}: {count} cases not run\n")
    sys.stdout.write(f"{counts[Outcome.PASSED]} passed, {counts[Outcome.FAILED]} failed\n")
    if counts[Outcome.FAILED]:
        return 1
    return 3 if empty else 0


def _cases(kind: str, path: Path) -> Iterator[CaseResult]:
    """Run a file; one that is not of its kind is a mistake with a name, not a failed case.

    Raises:
        Malformed: ``config.malformed`` or ``config.unreadable``.
    """
    try:
        yield from run_file(kind, path)
    except OSError as error:
        raise Malformed(f"{path.name} cannot be read", code="config.unreadable") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        fact = f"{path.name} holds no cases of this kind"
        raise Malformed(fact, code="config.malformed") from error
