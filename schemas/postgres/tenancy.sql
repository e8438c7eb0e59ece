-- Tenancy (chapter 1.2 of the database document): tenants, their subscriptions and features, and what they use.
-- Every statement is safe to repeat. Rows are written by the projection `tenancy` alone and follow from the event log;
-- names, columns and types are the documented ones, times are TIMESTAMPTZ in UTC. Added are `version` (the ETag) and
-- `position` (of the last change in the log).
--
-- Ids are unique within a tenant, so the tenant is part of every primary key. Each table has a policy of row-level security
-- besides, which the program makes with it: see `projections.sql`.
--
-- The documented references to `tenants` are left out. Rows of one stream do not wait for those of another: an event of
-- the tenant itself may be in quarantine while its subscriptions and flags are written, and a reference would stop the
-- whole partition there. Use is metered from the first message on, also of a tenant that is not registered.

CREATE TABLE IF NOT EXISTS tenants (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name VARCHAR(255) NOT NULL,
    slug VARCHAR(100) UNIQUE NOT NULL,
    logo_url VARCHAR(500),
    primary_color VARCHAR(7),
    subscription_plan VARCHAR(50) NOT NULL DEFAULT 'free',
    subscription_status VARCHAR(50) NOT NULL DEFAULT 'active',
    stripe_customer_id VARCHAR(255),
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_tenants_slug ON tenants (slug);
CREATE INDEX IF NOT EXISTS idx_tenants_subscription_status ON tenants (subscription_status);

CREATE TABLE IF NOT EXISTS subscriptions (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    tenant_id UUID NOT NULL,
    plan VARCHAR(50) NOT NULL,
    status VARCHAR(50) NOT NULL,
    current_period_start TIMESTAMPTZ NOT NULL,
    current_period_end TIMESTAMPTZ NOT NULL,
    stripe_subscription_id VARCHAR(255),
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX IF NOT EXISTS idx_subscriptions_tenant_id ON subscriptions (tenant_id);

CREATE TABLE IF NOT EXISTS usage_metrics (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    tenant_id UUID NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    value NUMERIC NOT NULL,
    timestamp TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX IF NOT EXISTS idx_usage_metrics_tenant_id ON usage_metrics (tenant_id);
CREATE INDEX IF NOT EXISTS idx_usage_metrics_timestamp ON usage_metrics (timestamp);

CREATE TABLE IF NOT EXISTS feature_flags (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    tenant_id UUID NOT NULL,
    feature_name VARCHAR(100) NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, feature_name)
);
CREATE INDEX IF NOT EXISTS idx_feature_flags_tenant_id ON feature_flags (tenant_id);
