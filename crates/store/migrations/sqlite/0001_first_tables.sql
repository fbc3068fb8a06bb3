-- STRICT: SQLite would otherwise store any type in any column. INTEGER is its 64-bit BIGINT.
-- Times are microseconds since the epoch, money is millionths of the currency unit, ids are UUID version 7.

CREATE TABLE tenants (
    tenant     TEXT    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The secret is never stored, only its SHA-256. Keys are revoked, not deleted: usage refers to them.
CREATE TABLE api_keys (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant       TEXT    REFERENCES tenants (tenant),
    role         TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    fingerprint  BLOB    NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
    models       TEXT    NOT NULL CHECK (json_valid(models)),
    lawful_basis TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    -- An operator's key belongs to no tenant, every other key to one.
    CHECK ((tenant IS NULL) = (role = 'operator'))
) STRICT;

CREATE UNIQUE INDEX api_keys_of_tenant ON api_keys (tenant, id);

CREATE TABLE policy_versions (
    hash      TEXT    NOT NULL PRIMARY KEY,
    loaded_at INTEGER NOT NULL,
    document  TEXT    NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;

-- No foreign keys: a bill outlives what it counts. The day stands before the key because every question
-- about usage names a range of days.
CREATE TABLE usage_daily (
    tenant        TEXT    NOT NULL,
    day           INTEGER NOT NULL,
    key_id        BLOB    NOT NULL CHECK (length(key_id) = 16),
    model         TEXT    NOT NULL,
    provider      TEXT    NOT NULL,
    operation     TEXT    NOT NULL,
    exchanges     INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_micros   INTEGER NOT NULL,
    blocked       INTEGER NOT NULL,
    failed        INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, key_id, model, provider, operation)
) STRICT, WITHOUT ROWID;
