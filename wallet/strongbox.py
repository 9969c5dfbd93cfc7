"""The folder that holds a vault: permissions, the lock, atomic replacement.

[WAL-VAULT-6] [WAL-VAULT-7]
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from ssi.errors import VaultError

MAX_KEY_FILE = 4096


def check_folder(folder: Path) -> None:
    """Refuse a folder that another user could read or write.

    Raises:
        VaultError: ``keystore.permissions`` or ``keystore.missing``.
    """
    try:
        status = folder.lstat()
    except OSError as error:
        raise VaultError("there is no wallet here", code="keystore.missing") from error
    if not stat.S_ISDIR(status.st_mode):
        raise VaultError("the wallet's folder is no plain folder", code="keystore.permissions")
    _check_owner_only(status)


def check_file(path: Path) -> None:
    """Refuse a file that is a link, has a second name or is open to other users."""
    try:
        status = path.lstat()
    except OSError as error:
        raise VaultError("a file of the wallet is missing", code="keystore.tampered") from error
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise VaultError("a file of the wallet is a link", code="keystore.permissions")
    _check_owner_only(status)


def _check_owner_only(status: os.stat_result) -> None:
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise VaultError("others may read or write the wallet", code="keystore.permissions")


def read_small(path: Path) -> bytes:
    """Return a small file's bytes, never following a link."""
    check_file(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            return stream.read(MAX_KEY_FILE)
    except OSError as error:
        raise VaultError("a file of the wallet cannot be read", code="keystore.io") from error


def write_new(path: Path, data: bytes) -> None:
    """Write a file readable by its owner only and bring it to the disk."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise VaultError("the wallet cannot be written", code="keystore.io") from error


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """One process per wallet; the kernel frees it when the process dies, so none goes stale."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock and write our process number into it.

        Raises:
            VaultError: ``keystore.locked`` with the other process's number.
        """
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise VaultError("the lock cannot be opened", code="keystore.io") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            number = owner if owner.isdecimal() else "?"
            raise VaultError(
                f"another process (pid {number}) has this wallet open", code="keystore.locked"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Free the lock; doing it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
