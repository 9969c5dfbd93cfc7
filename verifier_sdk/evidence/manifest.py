"""What a pack says of itself, and the exporter's seal under it [EVI-PACK-2], [EVI-PACK-3]."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

from ssi.encoding import (
    JSON,
    Fields,
    JsonLimits,
    JSONObject,
    b64url_encode,
    canonical_json,
    parse_json_object,
    sha256,
)
from ssi.errors import BindingMismatch, Malformed
from ssi.jose import parse_jws, sign_jws, verify_jws
from ssi.keys import PublicKey, Signer
from ssi.relationship import firm_key, firm_kid

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
SEAL: Final = "seal.jws"
SEAL_TYP: Final = "warifu-evidence+jwt"
_LIMITS: Final = JsonLimits(max_bytes=1_000_000, max_members=5_000)
_CODE: Final = "evidence.manifest"


class Kind(StrEnum):
    """What a pack is evidence of."""

    PRESENTATION = "presentation"
    ADDRESS_UPDATE = "address_update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The list of a pack's files, and what it is about.

    Attributes:
        kind: What it is evidence of.
        verifier: The exporting firm's id on the ledger.
        chain_id: The ledger.
        genesis: SHA-256 of the genesis' canonical JSON, in hex.
        subject: The request's or envelope's id.
        as_of: When the firm took it: the time that everything is judged by.
        exported_at: When the pack was made.
        withheld: How many disclosures the exporter left out of each presentation.
        files: Each other file's SHA-256, in base64url.
    """

    kind: Kind
    verifier: str
    chain_id: str
    genesis: str
    subject: str
    as_of: datetime
    exported_at: datetime
    withheld: int
    files: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """The manifest's file: canonical JSON."""
        files: JSONObject = dict(sorted(self.files.items()))
        return canonical_json(
            {
                "v": VERSION,
                "kind": self.kind.value,
                "verifier": self.verifier,
                "chain_id": self.chain_id,
                "genesis": self.genesis,
                "subject": self.subject,
                "as_of": int(self.as_of.timestamp()),
                "exported_at": int(self.exported_at.timestamp()),
                "withheld": self.withheld,
                "files": files,
            }
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read a manifest that someone brought.

        Raises:
            Malformed: ``evidence.manifest`` or ``json.*``.
        """
        obj = parse_json_object(raw, limits=_LIMITS)
        if canonical_json(obj) != raw:
            raise Malformed("the manifest is not canonical", code=_CODE)
        fields = Fields(obj, where="manifest", code=_CODE)
        if fields.take_int("v") != VERSION:
            raise Malformed("the pack is of another version", code=_CODE)
        kind = fields.take_str("kind")
        if kind not in set(Kind):
            raise Malformed("the pack is of an unknown kind", code=_CODE)
        files = fields.take_object("files")
        manifest = cls(
            kind=Kind(kind),
            verifier=fields.take_str("verifier"),
            chain_id=fields.take_str("chain_id"),
            genesis=fields.take_str("genesis"),
            subject=fields.take_str("subject"),
            as_of=_moment(fields.take_int("as_of")),
            exported_at=_moment(fields.take_int("exported_at")),
            withheld=fields.take_int("withheld"),
            files={name: _digest(digest) for name, digest in files.items()},
        )
        fields.done()
        return manifest


def check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Compare every file with the manifest; one too many, or too few, is wrong too.

    Raises:
        BindingMismatch: ``evidence.file``.
    """
    others = {name: raw for name, raw in files.items() if name not in {MANIFEST, SEAL}}
    if others.keys() != manifest.files.keys():
        raise BindingMismatch("a file is missing or too many", code="evidence.file")
    for name, raw in others.items():
        if digest_of(raw) != manifest.files[name]:
            raise BindingMismatch("a file is not the one in the manifest", code="evidence.file")


def seal(manifest: Manifest, signer: Signer, *, kid: str) -> bytes:
    """Sign a manifest with a registered receipt key of the exporting firm."""
    payload: JSONObject = {
        "iss": manifest.verifier,
        "iat": int(manifest.exported_at.timestamp()),
        "manifest": digest_of(manifest.to_bytes()),
    }
    header: JSONObject = {"kid": firm_kid(manifest.verifier, kid)}
    return sign_jws(payload, signer, typ=SEAL_TYP, header=header).encode()


def check_seal(raw: bytes, manifest: Manifest, keys: Mapping[str, PublicKey]) -> None:
    """Check that the exporter signed this manifest.

    Args:
        raw: The seal.
        manifest: The manifest.
        keys: The exporter's receipt keys by kid, as the ledger has them.

    Raises:
        Rejected: ``evidence.seal``, ``jose.*``.
    """
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("the seal is no token", code="evidence.seal") from None
    jws = parse_jws(text)
    key = firm_key(jws, manifest.verifier, keys, code="evidence.seal")
    claims = verify_jws(jws, key, typ=SEAL_TYP)
    expected = {
        "iss": manifest.verifier,
        "iat": int(manifest.exported_at.timestamp()),
        "manifest": digest_of(manifest.to_bytes()),
    }
    if claims != expected:
        raise BindingMismatch("the seal is of another manifest", code="evidence.seal")


def digest_of(raw: bytes) -> str:
    """SHA-256 in base64url."""
    return b64url_encode(sha256(raw))


def _digest(value: JSON) -> str:
    if not isinstance(value, str):
        raise Malformed("a digest is no text", code=_CODE)
    return value


def _moment(at: int) -> datetime:
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, OSError, ValueError):
        raise Malformed("a time of the manifest is none", code=_CODE) from None
