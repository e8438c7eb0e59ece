-- What the embedded key store must not forget with its process: one SQLite file, `keys.sqlite`.
--
-- Sessions and token buckets are in memory alone. The file is in WAL mode and is written with `synchronous = FULL`.

CREATE TABLE IF NOT EXISTS revocation (
    tenant_id    BLOB NOT NULL,
    -- 'tenant', 'actor:' with a hash of the actor, 'session:' with its id.
    subject      TEXT NOT NULL,
    -- Tokens are void that were issued then or before; microseconds since 1970.
    issued_until INTEGER NOT NULL,
    -- When none of these tokens can be valid any more; microseconds since 1970.
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, subject)
) STRICT, WITHOUT ROWID;
