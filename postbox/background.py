"""The work nobody waits for: committing to the chain, pushing to firms, forgetting."""

import logging
import os
import secrets
import threading
from collections.abc import Callable

from flask import Flask

from postbox import boxes, messages, quotas
from postbox.api import EXTENSION
from postbox.committer import commit_due
from postbox.messages import milliseconds
from postbox.pusher import push_due
from postbox.services import Services
from ssi.errors import SSIError

TIDY_SECONDS = 60.0
MAX_WAIT_SECONDS = 30.0
STOP_SECONDS = 10.0
_LOG = logging.getLogger("warifu.mailbox")


def start_background(app: Flask) -> Callable[[], None]:
    """Start the loops of this process; leases in the database keep processes apart.

    Args:
        app: What `postbox.app.create_app` made in this process.

    Returns:
        A function that stops the loops and closes the database.
    """
    here: Services = app.extensions[EXTENSION]
    holder = f"{os.getpid()}-{secrets.token_hex(8)}"
    config = here.config
    stopping = threading.Event()
    jobs = (
        ("committer", config.commit_interval_ms / 1000, lambda: commit_due(here, holder=holder)),
        ("pusher", config.push_interval_ms / 1000, lambda: push_due(here)),
        ("tidy", TIDY_SECONDS, lambda: tidy(here)),
    )
    threads = [
        threading.Thread(target=_loop, args=(stopping, *job), name=job[0], daemon=True)
        for job in jobs
    ]
    for thread in threads:
        thread.start()

    def stop() -> None:
        stopping.set()
        for thread in threads:
            thread.join(STOP_SECONDS)
        here.db.close()

    return stop


def tidy(services: Services) -> int:
    """Forget what is over: unread envelopes, counters, used proofs [SHA-BOX-8]."""
    now_ms = milliseconds(services.clock())
    with services.db.write() as session:
        messages.expire(session, now_ms=now_ms)
        quotas.forget_counters(session, now_ms=now_ms)
        boxes.forget_proofs(session, now_ms=now_ms)
    return 0


def _loop(stopping: threading.Event, name: str, interval: float, job: Callable[[], int]) -> None:
    failures = 0
    while not stopping.wait(min(interval * 2 ** min(failures, 8), MAX_WAIT_SECONDS)):
        try:
            job()
            failures = 0
        except SSIError as error:
            failures += 1
            _LOG.warning("%s: %s", name, error.code)
        except Exception as error:  # noqa: BLE001 - the outermost loop: a fault must not end it
            failures += 1
            _LOG.error("%s: %s", name, type(error).__name__)
