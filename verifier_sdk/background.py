"""Work repeated in a thread until it is stopped."""

import logging
import threading
from collections.abc import Callable

from ssi.errors import SSIError

_LOG = logging.getLogger("verifier_sdk")
_JOIN_SECONDS = 10


def repeat(
    work: Callable[[], None], *, pause: float, at_end: Callable[[], None]
) -> Callable[[], None]:
    """Do the work every ``pause`` seconds in a thread of its own.

    Args:
        work: One round; a round that fails is followed by the next.
        pause: Seconds between rounds.
        at_end: Called in the thread after the last round.

    Returns:
        What stops it.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(pause):
            try:
                work()
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
