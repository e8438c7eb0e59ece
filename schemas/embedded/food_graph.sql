-- The embedded traceability graph: the labels, properties and relationships of the Neo4j schema in one SQLite file.
--
-- Each generation of the read model is a file of its own: `food_graph.sqlite` at first, `food_graph.<number>.sqlite`
-- after a rebuild switched. Which one is live stands in `food_graph.sqlite.generations`, where that exists.
--
-- Ids are the 16 bytes of a UUID (read them with `lower(hex(id))`), times are RFC 3339 text in UTC, quantities are
-- decimal text with their unit. Everything here follows from the event log and can be rebuilt from it.

-- A tenant lives in one partition of the log; nodes and edges refer to it by the short key, and with it to its
-- partition.
CREATE TABLE IF NOT EXISTS graph_tenants (
    tenant_key INTEGER PRIMARY KEY,
    tenant_id BLOB NOT NULL UNIQUE CHECK (length(tenant_id) = 16),
    partition INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS graph_tenants_partition ON graph_tenants (partition);

-- Nodes and edges keep the order in which they came: what belongs together in time is found, and changed, on the
-- same pages. Only the indexes are in order of ids.
--
-- Properties are one JSON object. Text, whole numbers and booleans stand as such; other types as an array that
-- begins with the type: ["float","12.5"], ["date","2026-03-05"], ["instant","2026-03-05T10:00:00Z"],
-- ["point","51.5","-0.1"], ["texts","a","b"]. A member that is null is absent. Texts that lists are filtered by stand
-- in a column of their own besides, each written only when it changes.
CREATE TABLE IF NOT EXISTS graph_nodes (
    node_key INTEGER PRIMARY KEY,
    tenant_key INTEGER NOT NULL,
    label TEXT NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    properties TEXT NOT NULL,
    batch_number TEXT,
    ingredient_id TEXT,
    location_id TEXT,
    name TEXT,
    product_id TEXT,
    sku_code TEXT,
    status TEXT,
    supplier_id TEXT,
    UNIQUE (tenant_key, label, id)
) STRICT;

-- Each ends with the id, so that a page of a filtered list is read in order, without sorting.
CREATE INDEX IF NOT EXISTS graph_nodes_batch_number ON graph_nodes (tenant_key, label, batch_number, id)
    WHERE batch_number IS NOT NULL;
CREATE INDEX IF NOT EXISTS graph_nodes_ingredient_id ON graph_nodes (tenant_key, label, ingredient_id, id)
    WHERE ingredient_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS graph_nodes_location_id ON graph_nodes (tenant_key, label, location_id, id)
    WHERE location_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS graph_nodes_name ON graph_nodes (tenant_key, label, name, id)
    WHERE name IS NOT NULL;
CREATE INDEX IF NOT EXISTS graph_nodes_product_id ON graph_nodes (tenant_key, label, product_id, id)
    WHERE product_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS graph_nodes_sku_code ON graph_nodes (tenant_key, label, sku_code, id)
    WHERE sku_code IS NOT NULL;
CREATE INDEX IF NOT EXISTS graph_nodes_status ON graph_nodes (tenant_key, label, status, id)
    WHERE status IS NOT NULL;
CREATE INDEX IF NOT EXISTS graph_nodes_supplier_id ON graph_nodes (tenant_key, label, supplier_id, id)
    WHERE supplier_id IS NOT NULL;

-- Edges are never deleted, only retired. An edge's own id follows from the event, so that a redelivered edge meets
-- itself among the few that start at the same node.
CREATE TABLE IF NOT EXISTS graph_edges (
    edge_key INTEGER PRIMARY KEY,
    tenant_key INTEGER NOT NULL,
    edge_type TEXT NOT NULL,
    from_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER NOT NULL,
    id BLOB NOT NULL,
    from_label TEXT NOT NULL,
    to_label TEXT NOT NULL,
    to_id BLOB NOT NULL,
    quantity TEXT,
    unit TEXT,
    percent TEXT,
    kind TEXT,
    document_id BLOB,
    occurred_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    event_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    retired_position INTEGER,
    retired_at TEXT,
    retired_event_id BLOB,
    retired_event_type TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS graph_edges_from ON graph_edges (tenant_key, from_id, edge_type);
CREATE INDEX IF NOT EXISTS graph_edges_to ON graph_edges (tenant_key, to_id, edge_type);
CREATE INDEX IF NOT EXISTS graph_edges_document ON graph_edges (tenant_key, document_id, edge_type)
    WHERE document_id IS NOT NULL;

-- Up to where each projection of this file has applied each partition of the log, and how often the partition was
-- claimed: only the worker of the last claim writes.
CREATE TABLE IF NOT EXISTS checkpoints (
    projection TEXT NOT NULL,
    partition INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    recorded_at TEXT,
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

-- Which store this is to the processes that share it: one row; every generation's file has the same.
CREATE TABLE IF NOT EXISTS store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    identity BLOB NOT NULL CHECK (length(identity) = 16)
) STRICT;
