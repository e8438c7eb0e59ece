-- What every SQLite file of tables holds besides them. The tables themselves, with the documented names and columns,
-- are made from their description (`crates/projections`): ids are the 16 bytes of a UUID (read them with
-- `lower(hex(id))`), instants are microseconds since 1970 (`datetime(created_at / 1000000, 'unixepoch')`), decimals,
-- dates and JSON are text. Everything follows from the event log and can be rebuilt from it.

-- Up to where the projection has applied each partition of the log, and how often the partition was claimed: only the
-- worker of the last claim writes. What waits in quarantine is a JSON array, one object an entity: tenant, stream, first
-- and last position, messages, recorded_at, reason.
CREATE TABLE IF NOT EXISTS checkpoints (
    projection TEXT NOT NULL,
    partition INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    recorded_at TEXT,
    quarantine TEXT,
    PRIMARY KEY (projection, partition)
) STRICT, WITHOUT ROWID;

-- Which partitions of this file a rebuild keeps everybody else from claiming while it switches, and until when.
CREATE TABLE IF NOT EXISTS holds (
    projection TEXT NOT NULL,
    partition INTEGER NOT NULL,
    holder BLOB NOT NULL CHECK (length(holder) = 16),
    held_until TEXT NOT NULL,
    PRIMARY KEY (projection, partition)
) STRICT, WITHOUT ROWID;

-- A tenant lives in one partition of the log, and with it all its rows.
CREATE TABLE IF NOT EXISTS projected_tenants (
    tenant_id BLOB PRIMARY KEY CHECK (length(tenant_id) = 16),
    partition INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which store this is to the processes that share it: one row; every generation's file has the same.
CREATE TABLE IF NOT EXISTS store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    identity BLOB NOT NULL CHECK (length(identity) = 16)
) STRICT;

CREATE TABLE IF NOT EXISTS audit_trail (
    "id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    "recorded_at" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "actor" TEXT,
    "action" TEXT NOT NULL,
    "context" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "resource_id" BLOB NOT NULL,
    "command_id" BLOB NOT NULL,
    "correlation_id" BLOB NOT NULL,
    "outcome" TEXT NOT NULL,
    "operation" TEXT,
    "code" TEXT,
    "permission" TEXT,
    "times" INTEGER NOT NULL,
    "reason" TEXT,
    "sealed_reason" TEXT,
    "sealed_origin" TEXT,
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_audit_trail_recorded_at ON audit_trail ("tenant_id", "recorded_at", "id");
CREATE INDEX IF NOT EXISTS idx_audit_trail_actor ON audit_trail ("tenant_id", "actor", "recorded_at");
CREATE INDEX IF NOT EXISTS idx_audit_trail_action ON audit_trail ("tenant_id", "action", "recorded_at");
CREATE INDEX IF NOT EXISTS idx_audit_trail_resource ON audit_trail ("tenant_id", "resource", "resource_id", "recorded_at");
