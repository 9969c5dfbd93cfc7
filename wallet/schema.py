"""The vault's tables, one tuple of statements per version [WAL-VAULT-8].

A released version never changes; a change is a new tuple at the end.
"""

from __future__ import annotations

_FIRST = (
    """CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT""",
    """CREATE TABLE keys (
        thumbprint TEXT PRIMARY KEY, kind TEXT NOT NULL, secret BLOB NOT NULL,
        created_at INTEGER NOT NULL) STRICT""",
    """CREATE TABLE credentials (
        id TEXT PRIMARY KEY, batch TEXT NOT NULL, issuer_id TEXT NOT NULL, vct TEXT NOT NULL,
        sdjwt TEXT NOT NULL, thumbprint TEXT NOT NULL REFERENCES keys(thumbprint),
        status_uri TEXT NOT NULL, status_index INTEGER NOT NULL,
        issuer_jwk TEXT NOT NULL,
        authorities TEXT NOT NULL, issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
        anchor TEXT, received_at INTEGER NOT NULL, used_at INTEGER, used_by TEXT) STRICT""",
    """CREATE TABLE relationships (
        verifier_id TEXT PRIMARY KEY, client_id TEXT NOT NULL, names TEXT NOT NULL,
        thumbprint TEXT NOT NULL REFERENCES keys(thumbprint),
        return_thumbprint TEXT NOT NULL REFERENCES keys(thumbprint),
        mailbox TEXT NOT NULL, box TEXT NOT NULL, token TEXT NOT NULL,
        nonce TEXT, sequence INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL) STRICT""",
    """CREATE TABLE consents (
        record_id TEXT PRIMARY KEY,
        verifier_id TEXT NOT NULL REFERENCES relationships(verifier_id),
        state TEXT NOT NULL, ledger TEXT NOT NULL, receipt TEXT NOT NULL, countersigned TEXT,
        commitment TEXT NOT NULL, salt BLOB NOT NULL, purpose_code TEXT NOT NULL,
        terms TEXT NOT NULL, paths TEXT NOT NULL, updates INTEGER NOT NULL,
        given_at INTEGER NOT NULL, until INTEGER NOT NULL, withdrawn_at INTEGER,
        withdrawal TEXT) STRICT""",
    """CREATE TABLE addresses (
        version INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, source TEXT NOT NULL,
        since TEXT, recorded_at INTEGER NOT NULL) STRICT""",
    """CREATE TABLE shared (
        id INTEGER PRIMARY KEY, party TEXT NOT NULL, names TEXT NOT NULL,
        at INTEGER NOT NULL, address_version INTEGER, record_id TEXT) STRICT""",
    """CREATE TABLE moves (
        event_id TEXT PRIMARY KEY, version INTEGER NOT NULL REFERENCES addresses(version),
        moved_on TEXT NOT NULL, reason TEXT NOT NULL, supersedes TEXT, state TEXT NOT NULL,
        previous INTEGER, created_at INTEGER NOT NULL, send_after INTEGER NOT NULL) STRICT""",
    """CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
        move_id TEXT REFERENCES moves(event_id), verifier_id TEXT NOT NULL, record_id TEXT NOT NULL,
        content TEXT NOT NULL, state TEXT NOT NULL, code TEXT, assurance TEXT,
        jti TEXT UNIQUE, envelope TEXT, sealed_sha256 TEXT, sequence INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0, not_before INTEGER NOT NULL,
        deadline INTEGER NOT NULL, applied_on TEXT, statement TEXT,
        updated_at INTEGER NOT NULL) STRICT""",
    """CREATE TABLE inbox (jti TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT""",
    """CREATE TABLE history (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, party TEXT NOT NULL,
        names TEXT NOT NULL, outcome TEXT NOT NULL, code TEXT, details TEXT NOT NULL) STRICT""",
    """CREATE INDEX outbox_by_state ON outbox(state, not_before)""",
    """CREATE INDEX credentials_by_vct ON credentials(vct, used_at)""",
)

# What is under way with another party [WAL-SEND-1].
_SECOND = (
    """CREATE TABLE answers (
        id INTEGER PRIMARY KEY, link TEXT NOT NULL, party TEXT NOT NULL, client_id TEXT NOT NULL,
        names TEXT NOT NULL, response_uri TEXT NOT NULL, body BLOB NOT NULL, record_id TEXT,
        line INTEGER NOT NULL, at INTEGER NOT NULL) STRICT""",
    """CREATE TABLE grants (
        code TEXT PRIMARY KEY, token TEXT NOT NULL, at INTEGER NOT NULL) STRICT""",
    """CREATE TABLE notices (
        id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, token TEXT NOT NULL, name TEXT NOT NULL,
        at INTEGER NOT NULL) STRICT""",
)

# What the issuer's status list said of a copy, and when [WAL-STAT-2].
_THIRD = (
    """ALTER TABLE credentials ADD COLUMN standing TEXT NOT NULL DEFAULT 'unchecked'""",
    """ALTER TABLE credentials ADD COLUMN checked_at INTEGER""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD)
