"""Points of a program's work, counted until it dies by SIGKILL, like any power cut.

Points are where a crash can matter: just before and just after what is written down or sent. A
test picks one by chance, and a failure can be played again.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count


def countdown(point: int) -> Callable[[], None]:
    """Return what is called at every point; at the chosen one the whole process group dies."""
    numbers = count(1)

    def reach() -> None:
        if next(numbers) == point:
            os.killpg(os.getpgrp(), signal.SIGKILL)

    return reach
