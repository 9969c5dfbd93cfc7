"""The commands of ``warifu wallet``, one function each."""

from __future__ import annotations

from collections.abc import Callable

from wallet.commands import credentials, moving, own, sharing
from wallet.console import Console

COMMANDS: dict[str, Callable[[Console], int]] = {
    "init": own.init,
    "status": own.status,
    "offer": credentials.offer,
    "credentials": credentials.credentials,
    "delete": credentials.delete,
    "review": sharing.review,
    "present": sharing.present,
    "decline": sharing.decline,
    "consents": sharing.consents,
    "withdraw": sharing.withdraw,
    "move": moving.move,
    "undo": moving.undo,
    "attest": moving.attest,
    "sync": moving.sync,
    "address": moving.address,
    "history": own.history,
    "rights": sharing.rights,
}
