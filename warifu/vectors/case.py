"""One case of a vector file: what was expected, what the product said, and why."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ssi.errors import SSIError

ACCEPT = "accept"
REJECT = "reject"
EITHER = "either"
UNSUPPORTED = "unsupported"


class Outcome(StrEnum):
    """What a case counts as."""

    PASSED = "passed"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The verdict of the product's own code on one case.

    Args:
        id: The case, as its file names it.
        expected: ``accept``, ``reject`` or ``either``.
        got: ``accept``, ``reject``, ``crash`` or ``unsupported``.
        detail: Error code and fact, or why the product has no code for the case.
        code_differs: The verdict is right but the file names another error code.
    """

    id: str
    expected: str
    got: str
    detail: str = ""
    code_differs: bool = False

    def outcome(self, *, strict_codes: bool = False) -> Outcome:
        """Tell what the case counts as; with ``strict_codes`` another code is a failure."""
        if self.got == UNSUPPORTED:
            return Outcome.UNSUPPORTED
        agreed = self.got == self.expected or (self.expected == EITHER and self.got != "crash")
        return (
            Outcome.PASSED
            if agreed and not (strict_codes and self.code_differs)
            else (Outcome.FAILED)
        )


def judge(
    case_id: str, expected: str, action: Callable[[], object], *, code: str | None = None
) -> CaseResult:
    """Run one case.

    Args:
        case_id: The case.
        expected: The verdict the file demands.
        action: Calls the product; returning is acceptance, an `SSIError` is rejection.
        code: The error code the file names, if any.

    Returns:
        The result; any other exception is a crash, which never counts as rejection.
    """
    try:
        action()
    except SSIError as error:
        differs = code is not None and error.code != code
        wanted = f" (expected {code})" if differs else ""
        return CaseResult(
            id=case_id,
            expected=expected,
            got=REJECT,
            detail=f"{error.code}: {error}{wanted}",
            code_differs=differs,
        )
    except Exception as error:  # noqa: BLE001 - the outermost loop: a crash is a verdict too
        where = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__} at {where.name}:{where.lineno}"
        return CaseResult(id=case_id, expected=expected, got="crash", detail=detail)
    return CaseResult(id=case_id, expected=expected, got=ACCEPT)


def unsupported(case_id: str, expected: str, why: str) -> CaseResult:
    """Say that the product has no code this case could run through."""
    return CaseResult(id=case_id, expected=expected, got=UNSUPPORTED, detail=why)
