"""Work repeated in a thread until it is stopped."""

import logging
import threading
from collections.abc import Callable, Sequence

from ssi.errors import SSIError

_LOG = logging.getLogger("verifier_sdk")
_JOIN_SECONDS = 10


def repeat(
    jobs: Sequence[Callable[[], object]], *, pause: float, at_end: Callable[[], None]
) -> Callable[[], None]:
    """Do some jobs every ``pause`` seconds in a thread of their own.

    Args:
        jobs: One round, in this order; a job that fails holds up no other and is tried again.
        pause: Seconds between rounds.
        at_end: Called in the thread after the last round.

    Returns:
        What stops it.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(pause):
            for job in jobs:
                try:
                    job()
                except SSIError as error:
                    # The next round tries again; the code is all that is told.
                    _LOG.warning("the mailbox was not reached: %s", error.code)
        at_end()

    thread = threading.Thread(target=run, name="warifu-mail", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=_JOIN_SECONDS)

    return end
