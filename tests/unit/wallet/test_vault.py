import os
import random
import shutil
import struct
import subprocess
import sys
import threading

import pytest

from ssi.errors import VaultError, WalletError, WrongPassphrase
from wallet.keyfile import CHEAPEST, STANDARD, KdfProfile, new_key_file, parse_key_file
from wallet.vault import Vault

WORDS = "correct horse battery"


@pytest.fixture
def home(tmp_path):
    with Vault.create(tmp_path, WORDS, profile=CHEAPEST) as vault:
        vault.write("INSERT INTO meta VALUES ('a', 'kept')")
    return tmp_path


def reopen(home, words=WORDS):
    return Vault.open(home, words, floor=CHEAPEST)


def test_what_was_stored_is_there_again(home):
    with reopen(home) as vault:
        assert vault.read("SELECT value FROM meta") == [("kept",)]


def test_nothing_readable_is_on_the_disk(home):
    """[WAL-VAULT-1]"""
    for path in (home / "vault").iterdir():
        assert b"kept" not in path.read_bytes()
        assert b"SQLite format" not in path.read_bytes()


def test_a_wrong_passphrase_opens_nothing(home):
    with pytest.raises(WrongPassphrase):
        reopen(home, "wrong horse battery")
    reopen(home).close()


def test_the_folder_is_ours_alone(home):  # [WAL-VAULT-6] [WAL-VAULT-1]
    assert (home / "vault").stat().st_mode & 0o777 == 0o700
    for name in ("vault.key", "vault.db", "vault.lock"):
        assert (home / "vault" / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["vault.key", "vault.db", ""])
def test_others_may_not_read(home, name):
    (home / "vault" / name).chmod(0o755 if not name else 0o644)
    with pytest.raises(VaultError) as caught:
        reopen(home)
    assert caught.value.code == "keystore.permissions"


@pytest.mark.parametrize("name", ["vault.key", "vault.db"])
def test_links_are_refused(home, name):
    path = home / "vault" / name
    path.rename(home / "elsewhere")
    path.symlink_to(home / "elsewhere")
    with pytest.raises(VaultError, match="link"):
        reopen(home)
    path.unlink()
    os.link(home / "elsewhere", path)
    with pytest.raises(VaultError, match="link"):
        reopen(home)


def test_every_flipped_byte_of_the_key_file_is_found(home):  # [WAL-VAULT-4]
    path = home / "vault" / "vault.key"
    good = path.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << (place % 8)
        path.write_bytes(bad)
        with pytest.raises(WalletError) as caught:
            reopen(home)
        assert caught.value.code == "keystore.tampered"


def flip_database(home, places):
    path = home / "vault" / "vault.db"
    good = path.read_bytes()
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << (place % 8)
        path.write_bytes(bad)
        with pytest.raises(WalletError) as caught:
            reopen(home)
        assert caught.value.code == "keystore.tampered", place
    path.write_bytes(good)
    reopen(home).close()


def test_a_flipped_byte_of_the_database_is_found(home):  # [WAL-VAULT-4]
    size = (home / "vault" / "vault.db").stat().st_size
    chosen = random.Random(7).sample(range(size), 150)
    flip_database(home, [*range(40), *chosen, size - 1])


@pytest.mark.slow
@pytest.mark.parametrize("eighth", range(8))
def test_every_flipped_byte_of_the_database_is_found(home, eighth):
    flip_database(home, range(eighth, (home / "vault" / "vault.db").stat().st_size, 8))


@pytest.mark.parametrize("size", [0, 100, 4096])
def test_a_cut_database_is_never_an_empty_wallet(home, size):  # [WAL-VAULT-5]
    path = home / "vault" / "vault.db"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(VaultError) as caught:
        reopen(home)
    assert caught.value.code == "keystore.tampered"


@pytest.mark.parametrize("name", ["vault.key", "vault.db"])
def test_a_missing_file_is_never_an_empty_wallet(home, name):
    (home / "vault" / name).unlink()
    with pytest.raises(VaultError) as caught:
        reopen(home)
    assert caught.value.code == "keystore.tampered"
    with pytest.raises(VaultError) as caught:
        Vault.create(home, WORDS, profile=CHEAPEST)
    assert caught.value.code == "keystore.exists"


def test_files_of_two_wallets_do_not_mix(home, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    Vault.create(other, WORDS, profile=CHEAPEST).close()
    shutil.copy(other / "vault" / "vault.key", home / "vault" / "vault.key")
    with pytest.raises(VaultError) as caught:
        reopen(home)
    assert caught.value.code == "keystore.tampered"


def key_file(profile):
    made = new_key_file(WORDS, bytes(32), profile=CHEAPEST, random=os.urandom)
    return type(made)(profile=profile, salt=made.salt, nonce=made.nonce, sealed=made.sealed)


def test_a_weak_cost_is_refused():  # [WAL-VAULT-3]
    weak = key_file(KdfProfile(iterations=1, memory_kib=8, lanes=1)).to_bytes()
    with pytest.raises(VaultError) as caught:
        parse_key_file(weak, floor=STANDARD)
    assert caught.value.code == "keystore.weak_kdf"


@pytest.mark.parametrize(
    "profile",
    [
        KdfProfile(iterations=2**31, memory_kib=65536, lanes=4),
        KdfProfile(iterations=3, memory_kib=64 * 1024 * 1024, lanes=4),
        KdfProfile(iterations=3, memory_kib=65536, lanes=2**24),
        KdfProfile(iterations=3, memory_kib=65536, lanes=0),
        KdfProfile(iterations=3, memory_kib=16, lanes=4),
    ],
)
def test_an_impossible_cost_is_refused_before_it_is_paid(profile):
    with pytest.raises(VaultError) as caught:
        parse_key_file(key_file(profile).to_bytes(), floor=CHEAPEST)
    assert caught.value.code == "keystore.kdf_limits"


def test_a_header_with_a_mended_checksum_still_gives_no_key(home):
    path = home / "vault" / "vault.key"
    parsed = parse_key_file(path.read_bytes(), floor=CHEAPEST)
    forged = type(parsed)(
        profile=KdfProfile(iterations=2, memory_kib=8, lanes=1),
        salt=parsed.salt, nonce=parsed.nonce, sealed=parsed.sealed,
    )  # fmt: skip
    path.write_bytes(forged.to_bytes())
    with pytest.raises(WrongPassphrase):
        reopen(home)


def test_the_layout_of_the_key_file_does_not_change():
    data = key_file(CHEAPEST).to_bytes()
    assert data[:8] == b"WARIFUK\x01"
    assert struct.unpack(">BBIII", data[8:22]) == (1, 1, 1, 8, 1)
    assert len(data) == 130


def test_a_second_opener_is_told_who_has_it(home):  # [WAL-VAULT-7]
    with reopen(home), pytest.raises(VaultError) as caught:
        reopen(home)
    assert caught.value.code == "keystore.locked"
    assert str(os.getpid()) in str(caught.value)


def test_the_lock_of_a_killed_process_is_recovered(home):
    program = "\n".join(  # noqa: FLY002 - one statement a line
        (
            "import os, sys",
            "from pathlib import Path",
            "from wallet.vault import Vault",
            "from wallet.keyfile import CHEAPEST",
            "vault = Vault.open(Path(sys.argv[1]), sys.argv[2], floor=CHEAPEST)",
            "vault.write(\"INSERT INTO meta VALUES ('b', 'acknowledged')\")",
            "os.kill(os.getpid(), 9)",
        )
    )
    done = subprocess.run([sys.executable, "-c", program, str(home), WORDS], check=False)
    assert done.returncode == -9
    with reopen(home) as vault:
        assert vault.read("SELECT value FROM meta WHERE name = 'b'") == [("acknowledged",)]


def test_a_failed_transaction_leaves_nothing(home):
    with reopen(home) as vault:

        def half():
            with vault.transaction():
                vault.write("INSERT INTO meta VALUES ('c', 'half')")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half()
        assert vault.read("SELECT 1 FROM meta WHERE name = 'c'") == []


def test_threads_take_turns(home):
    with reopen(home) as vault:
        vault.write("INSERT INTO meta VALUES ('n', '0')")

        def add():
            for _ in range(20):
                with vault.transaction():
                    value = int(vault.read("SELECT value FROM meta WHERE name = 'n'")[0][0])
                    vault.write("UPDATE meta SET value = ? WHERE name = 'n'", (str(value + 1),))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert vault.read("SELECT value FROM meta WHERE name = 'n'") == [("80",)]


def test_a_new_passphrase_replaces_the_old_one(home):
    with reopen(home) as vault:
        vault.change_passphrase(WORDS, "another good one", profile=CHEAPEST)
    with pytest.raises(WrongPassphrase):
        reopen(home)
    with reopen(home, "another good one") as vault:
        assert vault.read("SELECT value FROM meta") == [("kept",)]


@pytest.mark.parametrize("words", ["", "short", "x" * 2000, "nul\0inside it", "\ud800 surrogate"])
def test_useless_passphrases_are_refused(tmp_path, words):
    with pytest.raises(VaultError) as caught:
        Vault.create(tmp_path, words, profile=CHEAPEST)
    assert caught.value.code == "keystore.passphrase"
    assert not Vault.exists(tmp_path)


def test_composed_and_decomposed_passphrases_are_one(tmp_path):  # [WAL-VAULT-2]
    Vault.create(tmp_path, "がぎぐげござじず", profile=CHEAPEST).close()
    decomposed = "か\u3099き\u3099く\u3099け\u3099こ\u3099さ\u3099し\u3099す\u3099"
    reopen(tmp_path, decomposed).close()


def test_a_newer_wallet_is_not_touched(home):
    """[WAL-VAULT-8]"""
    with reopen(home) as vault:
        vault.read("PRAGMA user_version = 99")
    with pytest.raises(VaultError) as caught:
        reopen(home)
    assert caught.value.code == "keystore.newer"
