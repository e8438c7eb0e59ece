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

CREATE TABLE IF NOT EXISTS tenants (
    "id" BLOB NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "logo_url" TEXT,
    "primary_color" TEXT,
    "subscription_plan" TEXT NOT NULL,
    "subscription_status" TEXT NOT NULL,
    "stripe_customer_id" TEXT,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    UNIQUE ("slug"),
    PRIMARY KEY ("id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_tenants_slug ON tenants ("slug");
CREATE INDEX IF NOT EXISTS idx_tenants_subscription_status ON tenants ("subscription_status");

CREATE TABLE IF NOT EXISTS subscriptions (
    "id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    "plan" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "current_period_start" INTEGER NOT NULL,
    "current_period_end" INTEGER NOT NULL,
    "stripe_subscription_id" TEXT,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_subscriptions_tenant_id ON subscriptions ("tenant_id");

CREATE TABLE IF NOT EXISTS feature_flags (
    "id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    "feature_name" TEXT NOT NULL,
    "enabled" INTEGER NOT NULL,
    "created_at" INTEGER NOT NULL,
    "updated_at" INTEGER NOT NULL,
    "version" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    UNIQUE ("tenant_id", "feature_name"),
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_feature_flags_tenant_id ON feature_flags ("tenant_id");

CREATE TABLE IF NOT EXISTS usage_metrics (
    "id" BLOB NOT NULL,
    "tenant_id" BLOB NOT NULL,
    "metric_name" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "timestamp" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX IF NOT EXISTS idx_usage_metrics_tenant_id ON usage_metrics ("tenant_id");
CREATE INDEX IF NOT EXISTS idx_usage_metrics_timestamp ON usage_metrics ("timestamp");
