-- What every database of tables holds besides them. Every statement is safe to repeat.
--
-- The live tables are where the connection looks first, `public` unless it says otherwise. While a rebuild fills another
-- generation, and until that is given up, it stands in a schema of its own, `foodflow_<projection>_other`, with tables
-- of the same names.
--
-- What is here is the owner's alone. The tables of the projections are read as the role `foodflow_reader`, to which a policy of
-- row-level security shows one tenant's rows; for a table `t` whose tenant is in `tenant_id` a migration makes it so:
--
--   ALTER TABLE t ENABLE ROW LEVEL SECURITY;
--   CREATE POLICY foodflow_tenant ON t FOR SELECT TO foodflow_reader USING (tenant_id = (SELECT coalesce(
--       substring(session_user::text FROM '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
--       nullif(current_setting('foodflow.tenant', true), ''))::uuid));
--   GRANT SELECT ON t TO foodflow_reader;

-- Up to where each projection has applied each partition of the log, and how often the partition was claimed: only the
-- worker of the last claim writes. What waits in quarantine is a JSON array, one object an entity: tenant, stream, first
-- and last position, messages, recorded_at, reason.
CREATE TABLE IF NOT EXISTS projection_checkpoints (
    projection TEXT NOT NULL,
    partition INTEGER NOT NULL,
    epoch BIGINT NOT NULL,
    position BIGINT NOT NULL,
    recorded_at TIMESTAMPTZ,
    quarantine TEXT,
    PRIMARY KEY (projection, partition)
);

-- Which partitions a rebuild keeps everybody else from claiming while it switches, and until when.
CREATE TABLE IF NOT EXISTS projection_holds (
    projection TEXT NOT NULL,
    partition INTEGER NOT NULL,
    holder UUID NOT NULL,
    held_until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (projection, partition)
);

-- A tenant lives in one partition of the log, and with it all its rows.
CREATE TABLE IF NOT EXISTS projection_tenants (
    projection TEXT NOT NULL,
    tenant_id UUID NOT NULL,
    partition INTEGER NOT NULL,
    PRIMARY KEY (projection, tenant_id)
);

-- Which layout of a projection's tables the database holds.
CREATE TABLE IF NOT EXISTS projection_layouts (
    projection TEXT PRIMARY KEY,
    layout INTEGER NOT NULL
);

-- The generation that is not live, where there is one: `beside`, `reopened` or `previous`; of all tenants where none is
-- named.
CREATE TABLE IF NOT EXISTS projection_generations (
    projection TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    tenant_id UUID,
    filled_by TEXT NOT NULL
);

-- Which store this is to the processes that share it: one row, made with the schema and never changed.
CREATE TABLE IF NOT EXISTS projection_store (
    one BOOLEAN PRIMARY KEY CHECK (one),
    identity UUID NOT NULL
);
