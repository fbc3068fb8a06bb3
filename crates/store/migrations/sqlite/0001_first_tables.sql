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

-- What exchanges used, summed. A bucket is a quarter of an hour, counted from 1970 in UTC: every time zone in use
-- is a whole number of them away, so that days and hours of any zone can be summed from the same rows. The tags of
-- an exchange are one list, so that an exchange is counted in one row however many it has.
-- No foreign keys: a bill outlives what it counts.
CREATE TABLE usage (
    tenant              TEXT    NOT NULL,
    bucket              INTEGER NOT NULL,
    key_id              BLOB    NOT NULL CHECK (length(key_id) = 16),
    end_user            INTEGER NOT NULL,
    model               TEXT    NOT NULL,
    provider            TEXT    NOT NULL,
    operation           TEXT    NOT NULL,
    tags                TEXT    NOT NULL CHECK (json_valid(tags)),
    counting            TEXT    NOT NULL,
    exchanges           INTEGER NOT NULL,
    answered            INTEGER NOT NULL,
    blocked             INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    abandoned           INTEGER NOT NULL,
    interrupted         INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    cost_micros         INTEGER NOT NULL,
    unpriced            INTEGER NOT NULL,
    PRIMARY KEY (tenant, bucket, key_id, end_user, model, provider, operation, tags, counting)
) STRICT, WITHOUT ROWID;

-- The tags in each list of tags.
CREATE TABLE usage_tags (
    tenant TEXT NOT NULL,
    tags   TEXT NOT NULL,
    tag    TEXT NOT NULL,
    PRIMARY KEY (tenant, tags, tag)
) STRICT, WITHOUT ROWID;

-- The names that callers choose and that were counted apart on a day, so that there is an end to them. The day
-- stands first because old days are deleted.
CREATE TABLE usage_names (
    day       INTEGER NOT NULL,
    tenant    TEXT    NOT NULL,
    dimension TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    PRIMARY KEY (day, tenant, dimension, name)
) STRICT, WITHOUT ROWID;

-- How far the journal is counted in `usage`, and where the oldest exchange begins that is still open. One row,
-- changed in the transaction that changes `usage`.
CREATE TABLE journal_cursor (
    id        INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    counted   INTEGER NOT NULL,
    scan_from INTEGER NOT NULL
) STRICT;

INSERT INTO journal_cursor (id, counted, scan_from) VALUES (1, 0, 0);
