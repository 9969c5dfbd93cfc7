"""Make the frozen evidence pack: ``python -m tests.frozen.make_evidence FOLDER``.

A pack that a firm handed out must verify for ever, with its page drawn to the byte [EVI-PAGE-1]. So
``evidence-1`` is made once and kept. Before a release it may be made again, if the change says so;
afterwards another page or format is version 2, with version 1 and this pack kept beside it.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from registry_chain.anchoring.folder import AnchorFolder
from tests.support.evidence_world import evidence_world, stamped
from tests.support.firm_world import NOW
from tests.support.moves import subscribe
from tests.support.tsa import make_tsa
from verifier_sdk.evidence.desk import export_kept

POLICY = """\
# Stamps are of the day the pack was made, its story is of the day before.
tolerance_seconds = 604800
"""
AUTHORITY = """
[[tsa]]
name = "{name}"
url = "https://tsa.example/{name}"
certificates = "{name}.pem"
"""


def write(folder: Path) -> None:
    """Play one presentation with a consent, its record and a stamp; write the pack and its keys."""
    folder.mkdir(parents=True, exist_ok=True)
    policy = POLICY
    with tempfile.TemporaryDirectory() as name, evidence_world(Path(name)) as told:
        home = Path(name)
        told.record_consent(subscribe(told.world))
        for seconds in (10, 3600):
            told.go_on(NOW + timedelta(seconds=seconds))
        later = NOW + timedelta(seconds=3600)
        client = told.chain.client()
        last = client.block_at(client.head(later).height - 1, later)
        offices = [make_tsa(home / one, one, elliptic=True) for one in ("east", "west")]
        stamped(AnchorFolder(home / "anchors"), last.block, offices)
        subject = told.verifier.evidence()[0].subject
        pack, _ = export_kept(told.verifier.config, subject, now=later, anchors=home / "anchors")
        (folder / "pack.zip").write_bytes(pack)
        (folder / "genesis.txt").write_text(told.genesis + "\n", "ascii")
        for office in offices:
            chain = (office.certificate, office.root)
            pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
            (folder / f"{office.name}.pem").write_bytes(pem)
            policy += AUTHORITY.format(name=office.name)
    (folder / "anchoring.toml").write_text(policy, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
