"""Kept proofs: one folder, in it one folder for each epoch; files are whole or absent."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from registry_chain.anchoring.proofs import (
    MAX_ANCHOR_BYTES,
    AnchorProof,
    anchor_to_bytes,
    parse_anchor,
)
from registry_chain.light import UntrustedLightBlock, light_block_to_json, parse_light_block
from ssi.encoding import JsonLimits, canonical_json, parse_json_object
from ssi.errors import Malformed

_BLOCK = "block.json"
_STEPS = "steps.jsonl"
_MAX_STEPS = 64 << 20
_MAX_BLOCK = 400_000
_LIMITS = JsonLimits(max_bytes=_MAX_BLOCK, max_members=20_000)


class AnchorFolder:
    """The proofs one member keeps."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def epochs(self) -> list[str]:
        """The epochs of which something is kept, in order of time."""
        if not self._path.is_dir():
            return []
        return sorted(one.name for one in self._path.iterdir() if (one / _BLOCK).is_file())

    def block(self, epoch: str) -> UntrustedLightBlock | None:
        """The light block kept for an epoch, not verified."""
        path = self._path / epoch / _BLOCK
        if not path.is_file():
            return None
        return parse_light_block(parse_json_object(_read(path, _MAX_BLOCK), limits=_LIMITS))

    def steps(self, epoch: str) -> Iterator[UntrustedLightBlock]:
        """The light blocks kept for the way to the epoch's, not verified."""
        path = self._path / epoch / _STEPS
        if path.is_file():
            for line in _read(path, _MAX_STEPS).splitlines():
                yield parse_light_block(parse_json_object(line, limits=_LIMITS))

    def keep_block(
        self, epoch: str, block: UntrustedLightBlock, steps: Sequence[UntrustedLightBlock]
    ) -> None:
        """Keep an epoch's light block, and those on the way to it."""
        if steps:
            lines = [canonical_json(light_block_to_json(one)) + b"\n" for one in steps]
            self._write(self._path / epoch / _STEPS, b"".join(lines))
        self._write(self._path / epoch / _BLOCK, canonical_json(light_block_to_json(block)))

    def proof(self, epoch: str, method: str, authority: str) -> AnchorProof | None:
        """The proof by an authority, not verified."""
        path = self._file(epoch, method, authority)
        return parse_anchor(_read(path, MAX_ANCHOR_BYTES)) if path.is_file() else None

    def proofs(self, epoch: str) -> Iterator[AnchorProof]:
        """All proofs of an epoch, not verified."""
        for path in sorted((self._path / epoch).glob("*.json")):
            if path.name != _BLOCK:
                yield parse_anchor(_read(path, MAX_ANCHOR_BYTES))

    def keep(self, anchor: AnchorProof, authority: str) -> None:
        """Keep a proof, in place of an earlier one by the same authority."""
        self._write(
            self._file(anchor.epoch, anchor.method.value, authority), anchor_to_bytes(anchor)
        )

    def _file(self, epoch: str, method: str, authority: str) -> Path:
        return self._path / epoch / f"{method}-{authority}.json"

    def _write(self, path: Path, content: bytes) -> None:
        """Write beside, make durable, then rename: a reader never sees half a file [ANC-JOB-2]."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise Malformed("a kept file is too big", code="anchor.container")
    return raw
