"""The file of an evidence pack: a ZIP, and only one for given contents [EVI-PACK-1].

Nothing in it is left to chance: names in order, no compression, no times, no extra fields. So the
same evidence gives the same bytes, and a reader who writes what he read again and compares finds
every byte that was changed, also where ZIP readers do not look.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Final

from ssi.errors import Malformed

MAX_PACK: Final = 64 * 1024 * 1024
MAX_FILES: Final = 200
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644 << 16
_UNIX: Final = 3
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")


def write_pack(files: Mapping[str, bytes]) -> bytes:
    """Return the pack with these files.

    Raises:
        ValueError: A name is not plain, or there is too much.
    """
    if not all(_plain(name) for name in files) or len(files) > MAX_FILES:
        raise ValueError("a pack has a few files with plain names")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            archive.writestr(entry, files[name])
    return out.getvalue()


def read_pack(raw: bytes) -> dict[str, bytes]:
    """Return the files of a pack that someone brought.

    Raises:
        Malformed: ``evidence.container``: it is no pack, or not byte for byte as packs are written.
    """
    if len(raw) > MAX_PACK:
        raise _bad("the pack is too big")
    try:
        files = _files(raw)
        if write_pack(files) != raw:
            raise _bad("the pack is not written as packs are")
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise _bad("this is no evidence pack") from error
    return files


def _files(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        sizes = sum(entry.file_size for entry in entries)
        stored = all(
            entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits for entry in entries
        )
        if len(names) > MAX_FILES or len(set(names)) != len(names) or sizes > len(raw):
            raise _bad("the pack's directory is wrong")
        if not stored:  # nothing to inflate, nothing to decrypt
            raise _bad("the pack is compressed or encrypted")
        return {entry.filename: archive.read(entry) for entry in entries}


def _plain(name: str) -> bool:
    parts = name.split("/")
    return _NAME.issuperset(name) and all(part and not part.startswith(".") for part in parts)


def _bad(fact: str) -> Malformed:
    return Malformed(fact, code="evidence.container")
