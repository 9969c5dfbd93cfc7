"""The state as rules see it: a view to read from, and an overlay that gathers changes.

A key is printable ASCII, a value is the canonical JSON of a record. Nothing is ever deleted: an end
is a new value [REG-MAP-1]. This file knows no storage.
"""

from typing import Final, Protocol, TypeAlias

Key: TypeAlias = str
Changes: TypeAlias = dict[str, bytes]

MAX_KEY: Final = 128
MAX_VALUE: Final = 65_536


class View(Protocol):
    """Reads one state."""

    def get(self, key: str) -> bytes | None:
        """Return the value at ``key``, or ``None``."""
        ...


class Overlay:
    """A view of another view with changes on top; overlays nest, one for each transaction.

    >>> block = Overlay({"issuer/minna": b"1"})
    >>> transaction = Overlay(block)
    >>> transaction.put("issuer/minna", b"2")
    >>> block.get("issuer/minna"), transaction.get("issuer/minna"), transaction.changes()
    (b'1', b'2', {'issuer/minna': b'2'})

    Args:
        base: The view underneath, never changed.
    """

    def __init__(self, base: View) -> None:
        self._base = base
        self._changes: Changes = {}

    def get(self, key: str) -> bytes | None:
        """Return the value at ``key``, changed or not."""
        changed = self._changes.get(key)
        return self._base.get(key) if changed is None else changed

    def put(self, key: str, value: bytes) -> None:
        """Change ``key`` in this overlay alone."""
        self._changes[key] = value

    def update(self, changes: Changes) -> None:
        """Change several keys."""
        self._changes.update(changes)

    def changes(self) -> Changes:
        """Return the changes of this overlay in the order of their keys."""
        return dict(sorted(self._changes.items()))


def is_key(key: str) -> bool:
    """Tell whether a text can be the key of a record [REG-MAP-1]."""
    return 0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable() and " " not in key


def check_changes(changes: Changes) -> None:
    """Refuse keys and values the map does not take [REG-MAP-1].

    Raises:
        ValueError: Our own rules made them, so this is our fault, not a peer's.
    """
    for key, value in changes.items():
        if not is_key(key):
            raise ValueError("a key is 1 to 128 printable ASCII characters without space")
        if len(value) > MAX_VALUE:
            raise ValueError("a value is at most 65536 bytes")
