"""``python -m tests.support.mortal_firm``: the ``warifu`` command, whose firm dies at a point.

Its points lie before and after each commit that changes something, after the firm's own handler
has written its own file, and before and after each answer that is sent. What a dead life had
claimed is free after two seconds rather than twenty, so that many lives fit into a test.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from tests.support.countdown import countdown
from verifier_sdk import relationships, store
from verifier_sdk.mail import Mail
from verifier_sdk.store import Store
from warifu.__main__ import main
from warifu.demo.firms import Customers

POINT = "WARIFU_DIES_AT"
CLAIM_SECONDS = 2


def make_mortal(reach: Callable[[], None]) -> None:
    """Have the SDK's store and mail, and the firm's customer file, tell their points."""
    write, push = Store.write, Mail._push

    @contextmanager
    def counted_write(self: Store) -> Iterator[sqlite3.Connection]:
        with write(self) as db:
            before = db.total_changes
            yield db
            changed = db.total_changes != before
            if changed:
                reach()
        if changed:
            reach()

    def counted_push(self: Mail, *letter: str) -> int:
        reach()
        status = push(self, *letter)
        reach()
        return status

    def counted(act: Callable[..., None]) -> Callable[..., None]:
        def acting(*given: Any) -> None:
            act(*given)
            reach()

        return acting

    Store.write, Mail._push = counted_write, counted_push  # type: ignore[method-assign]
    Customers.keep = counted(Customers.keep)  # type: ignore[method-assign]
    Customers.move = counted(Customers.move)  # type: ignore[method-assign]


if __name__ == "__main__":
    store.CLAIM_LEASE = timedelta(seconds=CLAIM_SECONDS)  # type: ignore[misc]
    relationships.LEASE_SECONDS = float(CLAIM_SECONDS)  # type: ignore[misc]
    make_mortal(countdown(int(os.environ[POINT])))
    sys.exit(main())
