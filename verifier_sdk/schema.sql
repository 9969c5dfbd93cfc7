-- The firm's state. Times are Unix seconds. Address history is append-only by trigger.
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, key_id TEXT NOT NULL UNIQUE, state_value TEXT NOT NULL UNIQUE,
    profile TEXT NOT NULL, reference TEXT NOT NULL, client_id TEXT NOT NULL, nonce TEXT NOT NULL,
    terms TEXT NOT NULL, updates INTEGER NOT NULL, secret BLOB,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    state TEXT NOT NULL, code TEXT, claimed_at INTEGER, browser TEXT, response_code TEXT
) STRICT;
-- A verified answer that comes again, because its reply was lost, is told the same receipt.
CREATE TABLE IF NOT EXISTS answers (
    digest TEXT PRIMARY KEY, request_id TEXT NOT NULL, record_id TEXT
) STRICT;
-- Requests for the device they were begun on, and their sealed answers until the browser is back.
CREATE TABLE IF NOT EXISTS same_device (
    request_id TEXT PRIMARY KEY, form BLOB, extra TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS relationships (
    id TEXT PRIMARY KEY, reference TEXT NOT NULL, nonce TEXT NOT NULL,
    sequence INTEGER NOT NULL DEFAULT 0, event TEXT, lease_until REAL NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS nonces (
    number INTEGER PRIMARY KEY AUTOINCREMENT, nonce TEXT NOT NULL UNIQUE,
    relationship TEXT NOT NULL REFERENCES relationships (id)
) STRICT;
CREATE TABLE IF NOT EXISTS consents (
    record_id TEXT PRIMARY KEY, relationship TEXT NOT NULL REFERENCES relationships (id),
    reference TEXT NOT NULL, commitment TEXT NOT NULL, receipt TEXT NOT NULL,
    countersignature TEXT NOT NULL, client_id TEXT NOT NULL, profile TEXT NOT NULL,
    updates INTEGER NOT NULL, return_box TEXT,
    given_at INTEGER NOT NULL, until INTEGER NOT NULL, withdrawn_at INTEGER, withdrawal TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS inbox (
    jti TEXT PRIMARY KEY, digest TEXT NOT NULL, relationship TEXT NOT NULL,
    event_id TEXT NOT NULL, record_id TEXT NOT NULL, sealed TEXT, outcome TEXT NOT NULL,
    receipt TEXT NOT NULL, apply_on TEXT, received_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
    jti TEXT PRIMARY KEY, mailbox TEXT NOT NULL, token TEXT NOT NULL,
    deadline INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', code TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS addresses (
    number INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL, relationship TEXT NOT NULL,
    event_id TEXT NOT NULL, address TEXT NOT NULL, moved_on TEXT NOT NULL,
    assurance TEXT NOT NULL, issuer TEXT, recorded_at INTEGER NOT NULL, apply_on TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS addresses_stay BEFORE UPDATE ON addresses
BEGIN SELECT RAISE(ABORT, 'the address history is append-only'); END;
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL, record TEXT NOT NULL,
    recorded_at INTEGER NOT NULL, retain_until TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS records_stay BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
CREATE TABLE IF NOT EXISTS rights (
    request_id TEXT PRIMARY KEY, relationship TEXT NOT NULL, reference TEXT NOT NULL,
    kind TEXT NOT NULL, request TEXT NOT NULL, received_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS status_seen (
    issuer TEXT NOT NULL, list TEXT NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (issuer, list)
) STRICT;
CREATE TABLE IF NOT EXISTS status_tokens (
    digest TEXT PRIMARY KEY, token TEXT NOT NULL, kept_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS evidence (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL, content TEXT NOT NULL, kept_at INTEGER NOT NULL,
    retain_until TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS evidence_stays BEFORE UPDATE ON evidence
BEGIN SELECT RAISE(ABORT, 'evidence is never rewritten'); END;
CREATE TABLE IF NOT EXISTS evidence_lists (
    subject TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (subject, digest)
) STRICT;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS requests_by_state ON requests (state, expires_at);
CREATE INDEX IF NOT EXISTS nonces_of ON nonces (relationship, number);
CREATE INDEX IF NOT EXISTS inbox_due ON inbox (outcome, apply_on);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, next_at);
CREATE INDEX IF NOT EXISTS evidence_of ON evidence (reference, number);
CREATE INDEX IF NOT EXISTS evidence_list ON evidence_lists (digest);
CREATE INDEX IF NOT EXISTS addresses_of ON addresses (reference, number);
