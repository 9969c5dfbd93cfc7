"""The vault: one SQLCipher database and its key file in a private folder [WAL-VAULT-1].

Every page of the database carries a MAC, and opening checks them all, so a
flipped byte anywhere is ``keystore.tampered``. A missing or truncated file is an
error as well: there is no path on which a damaged wallet looks like an empty one.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import sqlcipher3.dbapi2 as sqlcipher

from ssi.errors import VaultError
from wallet import strongbox
from wallet.keyfile import (
    KEY_SIZE,
    STANDARD,
    KdfProfile,
    check_new_passphrase,
    new_key_file,
    parse_key_file,
    unwrap,
)
from wallet.schema import MIGRATIONS

_KEY_FILE = "vault.key"
_DATABASE = "vault.db"
_LOCK = "vault.lock"
_FOLDER = "vault"
_MIN_DATABASE = 4096  # one page: anything shorter was cut

Row = tuple[Any, ...]


class Vault:
    """An open wallet store. Make one with ``Vault.create`` or ``Vault.open``.

    All access goes through ``read`` and the ``transaction`` context; both may be
    used from several threads, one at a time.
    """

    def __init__(self, folder: Path, connection: Any, lock: strongbox.FolderLock) -> None:
        self._folder = folder
        self._connection = connection
        self._lock = lock
        self._mutex = threading.RLock()
        self._depth = 0

    @classmethod
    def exists(cls, home: Path) -> bool:
        """Return whether the home folder holds a wallet."""
        return (home / _FOLDER).exists()

    @classmethod
    def create(
        cls,
        home: Path,
        passphrase: str,
        *,
        random: Callable[[int], bytes] = os.urandom,
        profile: KdfProfile = STANDARD,
    ) -> Self:
        """Make a new, empty vault; it appears whole or not at all.

        Args:
            home: the wallet's folder; the vault becomes a folder inside it.
            passphrase: at least eight characters.
            random: the source of keys.
            profile: the cost of guessing the passphrase.

        Raises:
            VaultError: ``keystore.exists``, ``keystore.passphrase``, ``keystore.io``.
        """
        check_new_passphrase(passphrase)
        if cls.exists(home):
            raise VaultError("there is a wallet here already", code="keystore.exists")
        fresh = home / f"{_FOLDER}.new.{os.getpid()}"
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What a crash left behind was never acknowledged to anyone.
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(mode=0o700)
        except OSError as error:
            raise VaultError("the wallet's folder cannot be made", code="keystore.io") from error
        vault_key = random(KEY_SIZE)
        sealed = new_key_file(passphrase, vault_key, profile=profile, random=random)
        strongbox.write_new(fresh / _KEY_FILE, sealed.to_bytes())
        strongbox.write_new(fresh / _DATABASE, b"")
        connection = _connect(fresh / _DATABASE, vault_key)
        try:
            _migrate(connection)
        finally:
            connection.close()
        try:
            strongbox.sync_folder(fresh)
            fresh.rename(home / _FOLDER)
            strongbox.sync_folder(home)
        except OSError as error:
            raise VaultError("the wallet cannot be put in place", code="keystore.io") from error
        return cls.open(home, passphrase, floor=profile)

    @classmethod
    def open(cls, home: Path, passphrase: str, *, floor: KdfProfile = STANDARD) -> Self:
        """Open a vault, every page checked [WAL-VAULT-5].

        Args:
            home: the wallet's folder.
            passphrase: the person's.
            floor: the cheapest key derivation accepted; tests alone lower it.

        Raises:
            VaultError: ``keystore.missing``, ``.locked``, ``.permissions``, ``.tampered``,
                ``.weak_kdf``, ``.kdf_limits``, ``.io``, ``.newer``.
            WrongPassphrase: the passphrase does not open it.
        """
        folder = home / _FOLDER
        strongbox.check_folder(folder)
        key_file = parse_key_file(strongbox.read_small(folder / _KEY_FILE), floor=floor)
        strongbox.check_file(folder / _DATABASE)
        lock = strongbox.FolderLock(folder / _LOCK)
        lock.acquire()
        try:
            vault_key = unwrap(key_file, passphrase)
            connection = _open_checked(folder / _DATABASE, vault_key)
        except BaseException:
            lock.release()
            raise
        return cls(folder, connection, lock)

    def close(self) -> None:
        """Close the database and free the lock; doing it twice is harmless."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._lock.release()

    def __enter__(self) -> Self:
        """Return the vault itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the vault."""
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run statements all or nothing; a nested use joins the outer one."""
        with self._mutex:
            if self._depth:
                yield
                return
            self._run("BEGIN IMMEDIATE", ())
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                self._run("ROLLBACK", ())
                raise
            self._depth -= 1
            self._run("COMMIT", ())

    def read(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query."""
        with self._mutex:
            return self._run(statement, values)

    def write(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run one changing statement and return how many rows it changed."""
        with self._mutex, self.transaction():
            self._run(statement, values)
            return int(self._run("SELECT changes()", ())[0][0])

    def change_passphrase(
        self,
        old: str,
        new: str,
        *,
        random: Callable[[int], bytes] = os.urandom,
        profile: KdfProfile = STANDARD,
    ) -> None:
        """Seal the same vault key under another passphrase, replacing the key file at once.

        Raises:
            WrongPassphrase: the old one does not open it.
        """
        check_new_passphrase(new)
        path = self._folder / _KEY_FILE
        key = unwrap(parse_key_file(strongbox.read_small(path), floor=profile), old)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        sealed = new_key_file(new, key, profile=profile, random=random)
        strongbox.write_new(fresh, sealed.to_bytes())
        try:
            fresh.replace(path)
            strongbox.sync_folder(self._folder)
        except OSError as error:
            raise VaultError("the key file cannot be replaced", code="keystore.io") from error

    def _run(self, statement: str, values: Sequence[object]) -> list[Row]:
        if self._connection is None:
            raise VaultError("the wallet is closed", code="keystore.closed")
        try:
            rows: list[Row] = self._connection.execute(statement, tuple(values)).fetchall()
        except sqlcipher.DatabaseError as error:
            raise _translate(error) from error
        return rows


def _connect(path: Path, vault_key: bytes) -> Any:
    """Return a keyed connection; SQLCipher checks nothing yet."""
    try:
        connection = sqlcipher.connect(
            f"file:{path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
        )
        # SQLCipher would otherwise tell standard error about every damaged page.
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{vault_key.hex()}'\"")
        connection.execute("PRAGMA cipher_memory_security = ON")
    except sqlcipher.DatabaseError as error:
        raise _translate(error) from error
    return connection


def _open_checked(path: Path, vault_key: bytes) -> Any:
    if path.stat().st_size < _MIN_DATABASE:
        raise VaultError("the wallet's file was cut", code="keystore.tampered")
    connection = _connect(path, vault_key)
    try:
        _check_pages(connection)
        _migrate(connection)
    except sqlcipher.DatabaseError as error:
        connection.close()
        raise _translate(error) from error
    except VaultError:
        connection.close()
        raise
    return connection


def _check_pages(connection: Any) -> None:
    """Read every page: each one's MAC, then the tree they make [WAL-VAULT-4]."""
    if connection.execute("PRAGMA cipher_integrity_check").fetchall():
        raise VaultError("a page of the wallet is damaged", code="keystore.tampered")
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise VaultError("the wallet is damaged", code="keystore.tampered")


def _migrate(connection: Any) -> None:
    """Bring the schema to the newest version, one transaction per step."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise VaultError("a newer program wrote this wallet", code="keystore.newer")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA secure_delete = ON")
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in script:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")


def _translate(error: Exception) -> VaultError:
    """Return ours for SQLCipher's error, which may quote values and is not shown."""
    text = str(error)
    if ("disk" in text and "malformed" not in text) or "readonly" in text or "full" in text:
        return VaultError("the wallet cannot be written", code="keystore.io")
    if isinstance(error, sqlcipher.IntegrityError):
        return VaultError(
            "the wallet refuses a record that contradicts another", code="keystore.conflict"
        )
    if "locked" in text or "busy" in text:
        return VaultError("the wallet is busy", code="keystore.locked")
    return VaultError("the wallet is damaged", code="keystore.tampered")
