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

CREATE TABLE IF NOT EXISTS users (
    "id" BLOB NOT NULL,
    "email" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "first_name" TEXT,
    "last_name" TEXT,
    "tenant_id" BLOB NOT NULL,
    "is_active" INTEGER NOT NULL,
    "last_login_at" INTEGER,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "has_second_factor" INTEGER NOT NULL,
    "locked_until" INTEGER,
    "version" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    UNIQUE ("tenant_id", "email"),
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_users_tenant_id ON users ("tenant_id");
CREATE INDEX IF NOT EXISTS idx_users_email ON users ("email");

CREATE TABLE IF NOT EXISTS roles (
    "id" BLOB NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "tenant_id" BLOB NOT NULL,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "built_in" TEXT,
    "version" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    UNIQUE ("name", "tenant_id"),
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_roles_tenant_id ON roles ("tenant_id");

CREATE TABLE IF NOT EXISTS permissions (
    "id" BLOB NOT NULL,
    "resource" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "description" TEXT,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "tenant_id" BLOB NOT NULL,
    UNIQUE ("tenant_id", "resource", "action"),
    PRIMARY KEY ("tenant_id", "id")
) STRICT;

CREATE TABLE IF NOT EXISTS user_roles (
    "user_id" BLOB NOT NULL,
    "role_id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    PRIMARY KEY ("tenant_id", "user_id", "role_id")
) STRICT;

CREATE TABLE IF NOT EXISTS role_permissions (
    "role_id" BLOB NOT NULL,
    "permission_id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    PRIMARY KEY ("tenant_id", "role_id", "permission_id")
) STRICT;

CREATE TABLE IF NOT EXISTS sessions (
    "id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    "user_id" BLOB NOT NULL,
    "method" TEXT NOT NULL,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "expires_at" INTEGER NOT NULL,
    "ended_at" INTEGER,
    "end_reason" TEXT,
    "version" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_sessions_user_id ON sessions ("user_id");

CREATE TABLE IF NOT EXISTS refresh_tokens (
    "id" BLOB NOT NULL,
    "user_id" BLOB NOT NULL,
    "token" TEXT NOT NULL,
    "expires_at" INTEGER NOT NULL,
    "created_at" INTEGER NOT NULL,
    "tenant_id" BLOB NOT NULL,
    UNIQUE ("token"),
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_refresh_tokens_user_id ON refresh_tokens ("user_id");
CREATE INDEX IF NOT EXISTS idx_refresh_tokens_token ON refresh_tokens ("token");

CREATE TABLE IF NOT EXISTS service_accounts (
    "id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "role_ids" TEXT NOT NULL,
    "is_active" INTEGER NOT NULL,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    UNIQUE ("tenant_id", "name"),
    PRIMARY KEY ("tenant_id", "id")
) STRICT;

CREATE TABLE IF NOT EXISTS api_keys (
    "id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    "service_account_id" BLOB NOT NULL,
    "name" TEXT NOT NULL,
    "key_hash" TEXT NOT NULL,
    "scopes" TEXT NOT NULL,
    "expires_at" INTEGER,
    "last_used_at" INTEGER,
    "revoked_at" INTEGER,
    "created_at" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_api_keys_service_account_id ON api_keys ("service_account_id");
