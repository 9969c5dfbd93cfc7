"""The programs' own log: one JSON object a line on standard error [OPS-LOG-1] to [OPS-LOG-3].

A line says when, how bad, who speaks and what; nothing else is put into it, so that no local
variable or request can slip in. Of an exception it has the class and where it was raised, because
the text of a foreign exception may hold anything.
"""

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

from gunicorn.glogging import Logger as GunicornLogger

from ssi.errors import SSIError

LEVELS: Final = ("debug", "info", "warning", "error")
_FORMS: Final = ("json", "text")
_FRAMES: Final = 6


class JSONLines(logging.Formatter):
    """Formats a record as a line of JSON.

    >>> record = logging.LogRecord("warifu.chain", 30, "", 1, "took %d s", (3,), None)
    >>> record.created = 0.0
    >>> JSONLines().format(record)
    '{"time": "1970-01-01T00:00:00.000Z", "level": "warning", "from": "warifu.chain", \
"message": "took 3 s"}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= _failure(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


class _Text(logging.Formatter):
    """The same for a person's eyes."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and under it where an exception came from."""
        text = f"{record.levelname.lower()} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            found = _failure(record.exc_info[1])
            text += f" ({found['error']} at {found['at']})"
        return text


class ServerLogger(GunicornLogger):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's logger, which speaks through ours."""

    def setup(self, _cfg: object) -> None:
        """Leave handlers and levels to `start_logging`."""
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.access_log.disabled = True

    def exception(self, _message: str, *_path: object, **_more: object) -> None:
        """Tell that a request failed, and not which: a path may be a capability [OPS-LOG-3]."""
        self.error_log.error("a request failed", exc_info=True)


def start_logging(environ: "os._Environ[str] | dict[str, str]" = os.environ) -> None:
    """Send every logger's records to standard error.

    Args:
        environ: ``WARIFU_LOG`` is ``json`` (the default) or ``text``; ``WARIFU_LOG_LEVEL`` is one
            of `LEVELS`, ``info`` when absent.

    Raises:
        ValueError: One of them is something else.
    """
    form, level = environ.get("WARIFU_LOG", "json"), environ.get("WARIFU_LOG_LEVEL", "info")
    if form not in _FORMS or level not in LEVELS:
        raise ValueError(
            f"WARIFU_LOG is one of {', '.join(_FORMS)}, WARIFU_LOG_LEVEL one of {', '.join(LEVELS)}"
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLines() if form == "json" else _Text())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # Foreign libraries tell addresses and paths below this level.
    for name in ("urllib3", "werkzeug", "sqlalchemy", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _failure(error: BaseException) -> dict[str, str]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    at = " < ".join(f"{os.path.basename(one.filename)}:{one.lineno}" for one in reversed(frames))  # noqa: PTH119 - a name in a text
    code = error.code if isinstance(error, SSIError) else type(error).__name__
    return {"error": code, "at": at}
