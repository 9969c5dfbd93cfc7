"""The canary must sing: a search that cannot find what is there proves nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import sqlite3
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.demo.canary import CHUNK, Needle, encodings, search

VALUE = "東京都葛\U000e0100飾区金町二丁目１０番地３"


def hits(path: Path, value: str = VALUE) -> set[str]:
    return {hit.encoding for hit in search([path], [Needle("address", value)])}


@pytest.mark.parametrize(
    "written",
    [
        VALUE.encode(),
        VALUE.encode("utf-16-le"),
        VALUE.encode().hex().encode(),
        urllib.parse.quote(VALUE).encode(),
        base64.b64encode(VALUE.encode()),
        base64.urlsafe_b64encode(b"x" + VALUE.encode() + b"yy"),
        hashlib.sha256(VALUE.encode()).hexdigest().encode(),
        hashlib.sha256(VALUE.encode()).digest(),
        ('{"a":"' + "".join(f"\\u{ord(c):04x}" for c in "東京都") + '"}').encode(),
    ],
)
def test_finds_the_datum_in_every_form_it_hides_in(tmp_path: Path, written: bytes) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"before " + written + b" after")
    value = "東京都" if b"\\u6771" in written else VALUE
    assert hits(file, value)


@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_finds_base64_at_every_alignment(before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + VALUE.encode() + after)
    assert any(form in encoded for name, form in encodings(VALUE).items() if "base64+" in name)


def test_finds_a_datum_that_straddles_two_chunks(tmp_path: Path) -> None:
    file = tmp_path / "big"
    file.write_bytes(b"." * (CHUNK - 5) + VALUE.encode() + b".")
    assert hits(file)


def test_finds_a_datum_in_a_database(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (a TEXT)")
        database.execute("INSERT INTO t VALUES (?)", (VALUE,))
    database.close()
    assert hits(tmp_path)


def test_finds_a_datum_in_a_compressed_log(tmp_path: Path) -> None:
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(VALUE.encode()))
    assert hits(tmp_path)


def test_is_silent_where_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"nothing of the kind " * 100)
    assert not hits(tmp_path)


def test_never_shows_the_datum_itself() -> None:
    assert VALUE not in repr(Needle("address", VALUE))
