"""What the vault remembers: keys, credentials, own addresses, and what was shared with whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ssi.encoding import JSON, JSONObject, b64url_encode, canonical_json, parse_json, sha256
from ssi.errors import VaultError
from ssi.keys import AgreementKey, Alg, SoftwareSigner
from wallet.places import same_address
from wallet.vault import Row, Vault


class KeyKind(StrEnum):
    """What a stored key is for; it fixes the algorithm."""

    CREDENTIAL = "credential"  # ES256, one per credential
    RELATIONSHIP = "relationship"  # Ed25519, one per firm
    RETURN = "return"  # P-256 key agreement, one per firm


class Standing(StrEnum):
    """How a copy stands, as the wallet last learned it [WAL-STAT-2]."""

    VALID = "valid"
    UNCHECKED = "unchecked"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """One copy of a credential with everything the issuer said about it."""

    id: str
    batch: str
    issuer_id: str
    vct: str
    sdjwt: str = field(repr=False)
    thumbprint: str
    status_uri: str
    status_index: int
    issuer_jwk: JSONObject
    authorities: tuple[str, ...]  # authority key identifiers of its certificates
    issued_at: int
    expires_at: int
    anchor: JSONObject | None
    received_at: int
    used_at: int | None = None
    used_by: str | None = None
    standing: Standing = Standing.UNCHECKED  # by the status list; the dates are apart
    checked_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """A party's registered name in both languages, as the ledger holds it."""

    ja: str
    en: str

    def in_language(self, lang: str) -> str:
        """Return the name for a reader of ``lang``."""
        return self.ja if lang == "ja" else self.en

    def to_text(self) -> str:
        """Return the stored form."""
        return dump({"ja": self.ja, "en": self.en})

    @classmethod
    def from_text(cls, text: str) -> Names:
        """Read the stored form."""
        value = load(text)
        return cls(ja=str(value.get("ja", "")), en=str(value.get("en", "")))


def dump(value: JSON) -> str:
    """Return the stored form of a JSON value."""
    return canonical_json(value).decode()


def load(text: str) -> JSONObject:
    """Read an object from its stored form."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise VaultError("a record of the wallet is damaged", code="keystore.tampered")
    return value


def load_list(text: str) -> list[JSON]:
    """Read a list from its stored form."""
    value = json.loads(text)
    if not isinstance(value, list):
        raise VaultError("a record of the wallet is damaged", code="keystore.tampered")
    return value


# --- settings ---------------------------------------------------------------


def setting(vault: Vault, name: str, default: str = "") -> str:
    """Return a setting of this wallet."""
    rows = vault.read("SELECT value FROM meta WHERE name = ?", (name,))
    return str(rows[0][0]) if rows else default


def set_setting(vault: Vault, name: str, value: str) -> None:
    """Store a setting of this wallet."""
    vault.write(
        "INSERT INTO meta(name, value) VALUES (?, ?)"
        " ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


# --- keys -------------------------------------------------------------------


def keep_signer(vault: Vault, kind: KeyKind, signer: SoftwareSigner, *, at: int) -> str:
    """Store a signing key and return its thumbprint."""
    thumbprint = signer.public_key.thumbprint()
    _keep_key(vault, kind, thumbprint, signer.secret, at)
    return thumbprint


def keep_agreement_key(vault: Vault, key: AgreementKey, *, at: int) -> str:
    """Store a return key and return its name."""
    name = agreement_name(key)
    _keep_key(vault, KeyKind.RETURN, name, key.secret, at)
    return name


def agreement_name(key: AgreementKey) -> str:
    """Return the kid of a return key: a digest of its public half."""
    jwk = key.public_jwk()
    return b64url_encode(sha256(canonical_json({"x": jwk["x"], "y": jwk["y"]})))


def _keep_key(vault: Vault, kind: KeyKind, thumbprint: str, secret: bytes, at: int) -> None:
    vault.write(
        "INSERT INTO keys(thumbprint, kind, secret, created_at) VALUES (?, ?, ?, ?)",
        (thumbprint, kind.value, secret, at),
    )


def signer_of(vault: Vault, thumbprint: str) -> SoftwareSigner:
    """Return a stored signing key.

    Raises:
        VaultError: ``keystore.no_key``.
    """
    kind, secret = _key(vault, thumbprint)
    alg = Alg.ES256 if kind is KeyKind.CREDENTIAL else Alg.EDDSA
    return SoftwareSigner.from_secret(alg, secret)


def agreement_key_of(vault: Vault, name: str) -> AgreementKey:
    """Return a stored return key."""
    return AgreementKey.from_secret(_key(vault, name)[1])


def _key(vault: Vault, thumbprint: str) -> tuple[KeyKind, bytes]:
    rows = vault.read("SELECT kind, secret FROM keys WHERE thumbprint = ?", (thumbprint,))
    if not rows:
        raise VaultError("the wallet lacks a key it should hold", code="keystore.no_key")
    return KeyKind(rows[0][0]), bytes(rows[0][1])


def forget_unused_keys(vault: Vault, thumbprints: list[str]) -> None:
    """Delete credential keys that no credential came back for."""
    for thumbprint in thumbprints:
        vault.write(
            "DELETE FROM keys WHERE thumbprint = ? AND kind = ? AND thumbprint NOT IN"
            " (SELECT thumbprint FROM credentials)",
            (thumbprint, KeyKind.CREDENTIAL.value),
        )


# --- credentials ------------------------------------------------------------

_CREDENTIAL = (
    "id, batch, issuer_id, vct, sdjwt, thumbprint, status_uri, status_index,"
    " issuer_jwk, authorities, issued_at, expires_at, anchor, received_at, used_at, used_by,"
    " standing, checked_at"
)


def keep_credential(vault: Vault, credential: StoredCredential) -> None:
    """Store one copy."""
    vault.write(
        f"INSERT INTO credentials({_CREDENTIAL}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 - constant column list
        (
            credential.id,
            credential.batch,
            credential.issuer_id,
            credential.vct,
            credential.sdjwt,
            credential.thumbprint,
            credential.status_uri,
            credential.status_index,
            dump(credential.issuer_jwk),
            dump(list(credential.authorities)),
            credential.issued_at,
            credential.expires_at,
            None if credential.anchor is None else dump(credential.anchor),
            credential.received_at,
            credential.used_at,
            credential.used_by,
            credential.standing.value,
            credential.checked_at,
        ),
    )


def credentials(vault: Vault) -> tuple[StoredCredential, ...]:
    """Return every copy, the newest batch first."""
    rows = vault.read(
        f"SELECT {_CREDENTIAL} FROM credentials ORDER BY received_at DESC, batch, id"  # noqa: S608 - constant column list
    )
    return tuple(map(_credential, rows))


def _credential(row: Row) -> StoredCredential:
    return StoredCredential(
        id=row[0],
        batch=row[1],
        issuer_id=row[2],
        vct=row[3],
        sdjwt=row[4],
        thumbprint=row[5],
        status_uri=row[6],
        status_index=row[7],
        issuer_jwk=load(row[8]),
        authorities=tuple(str(one) for one in load_list(row[9])),
        issued_at=row[10],
        expires_at=row[11],
        anchor=None if row[12] is None else load(row[12]),
        received_at=row[13],
        used_at=row[14],
        used_by=row[15],
        standing=Standing(row[16]),
        checked_at=row[17],
    )


def mark_used(vault: Vault, credential_id: str, *, by: str, at: int) -> None:
    """Remember that a copy was shown, and to whom: it is never shown to another [WAL-ONCE-1].

    Raises:
        VaultError: ``credential.used_up`` when it was shown to somebody else meanwhile.
    """
    changed = vault.write(
        "UPDATE credentials SET used_at = ?, used_by = ? WHERE id = ?"
        " AND (used_by IS NULL OR used_by = ?)",
        (at, by, credential_id, by),
    )
    if not changed:
        raise VaultError("this copy was shown to another firm", code="credential.used_up")


def note_standings(vault: Vault, standings: Mapping[str, Standing], *, at: int) -> None:
    """Remember what a status list says of copies, by id; a revocation is final [WAL-STAT-2]."""
    with vault.transaction():
        for credential_id, standing in standings.items():
            vault.write(
                "UPDATE credentials SET standing = ?, checked_at = ?"
                " WHERE id = ? AND standing <> ?",
                (standing.value, at, credential_id, Standing.REVOKED.value),
            )


def delete_batch(vault: Vault, batch: str) -> int:
    """Delete every copy of a batch and their keys; return how many copies."""
    with vault.transaction():
        rows = vault.read("SELECT thumbprint FROM credentials WHERE batch = ?", (batch,))
        deleted = vault.write("DELETE FROM credentials WHERE batch = ?", (batch,))
        forget_unused_keys(vault, [row[0] for row in rows])
    return deleted


# --- own addresses ----------------------------------------------------------

CURRENT_ADDRESS = "address.current"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAddress:
    """One of the holder's addresses; versions grow."""

    version: int
    address: JSONObject = field(repr=False)
    source: str
    since: str | None


def keep_address(
    vault: Vault, address: JSONObject, *, source: str, since: str | None, at: int
) -> int:
    """Return the version of an address, storing it when it is a new place.

    The same place in another spelling is the same version: what an issuer attests is
    what the holder had typed.
    """
    text = dump(address)
    with vault.transaction():
        for version, known in vault.read("SELECT version, address FROM addresses"):
            if known == text or same_address(load(known), address):
                return int(version)
        vault.write(
            "INSERT INTO addresses(address, source, since, recorded_at) VALUES (?, ?, ?, ?)",
            (text, source, since, at),
        )
        return int(vault.read("SELECT max(version) FROM addresses")[0][0])


def address(vault: Vault, version: int) -> OwnAddress:
    """Return one version."""
    rows = vault.read(
        "SELECT version, address, source, since FROM addresses WHERE version = ?", (version,)
    )
    if not rows:
        raise VaultError("no such address", code="keystore.no_address")
    return OwnAddress(
        version=rows[0][0], address=load(rows[0][1]), source=rows[0][2], since=rows[0][3]
    )


def remember_shared(  # noqa: PLR0913 - one column each
    vault: Vault,
    *,
    party: str,
    names: Names,
    at: int,
    address_version: int | None,
    record_id: str | None,
) -> None:
    """Remember that a party got something, and which address it got."""
    vault.write(
        "INSERT INTO shared(party, names, at, address_version, record_id) VALUES (?, ?, ?, ?, ?)",
        (party, names.to_text(), at, address_version, record_id),
    )
