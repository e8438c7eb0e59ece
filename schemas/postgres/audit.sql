-- Audit: who did what when, a row for every event. Every statement is safe to repeat. Rows are written by the projection
-- `audit` alone, follow from the event log, and never change; times are TIMESTAMPTZ in UTC.
--
-- Nothing personal stands here in clear: `sealed_origin` and `sealed_reason` are what the event holds, sealed under the
-- keys of a person, and are opened by the program when a row is read. When the person is forgotten they cannot be opened.
--
-- Ids are those of events and unique within a tenant, so the tenant is part of the primary key. The table has a policy of
-- row-level security besides, which the program makes with it: see `projections.sql`.

CREATE TABLE IF NOT EXISTS audit_trail (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    position BIGINT NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    context TEXT NOT NULL,
    resource TEXT NOT NULL,
    resource_id UUID NOT NULL,
    command_id UUID NOT NULL,
    correlation_id UUID NOT NULL,
    outcome VARCHAR(10) NOT NULL,
    operation TEXT,
    code TEXT,
    permission TEXT,
    times BIGINT NOT NULL,
    reason TEXT,
    sealed_reason TEXT,
    sealed_origin TEXT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX IF NOT EXISTS idx_audit_trail_recorded_at ON audit_trail (tenant_id, recorded_at, id);
CREATE INDEX IF NOT EXISTS idx_audit_trail_actor ON audit_trail (tenant_id, actor, recorded_at);
CREATE INDEX IF NOT EXISTS idx_audit_trail_action ON audit_trail (tenant_id, action, recorded_at);
CREATE INDEX IF NOT EXISTS idx_audit_trail_resource ON audit_trail (tenant_id, resource, resource_id, recorded_at);
