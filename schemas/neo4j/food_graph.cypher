// The food graph in Neo4j: constraints and indexes. Safe to run again; run by `foodflow migrate`, or by hand in
// any Cypher client. Statements end with a semicolon at the end of a line.
//
// Nodes:         (:Product) (:Ingredient) (:SKU) (:Supplier) (:Batch) (:Location)
//                each with id, tenant_id and partition, and the properties that docs/API.md lists;
// relationships: CONTAINS HAS_SKU PRODUCED_AT SOURCED_FROM OF_PRODUCT USES_INGREDIENT SHIPPED_TO SUPPLIES_TO
//                LOCATED_AT, and those that traceability adds: OF_INGREDIENT SUPPLIED_BY OF_SKU RECEIVED_AT
//                ADJUSTED_AT
//                each with id, tenant_id, partition, line, occurred_at, recorded_at, position, event_id and
//                event_type; where they apply: quantity (float, for charts) with quantity_exact (decimal as
//                text) and unit, percent with percent_exact, kind, document_id; once a correction retired it:
//                retired_position, retired_at, retired_event_id, retired_event_type;
// (:FoodflowCheckpoint) up to which position of the log a partition is applied;
// (:FoodflowStore) which database this is to the processes that share it.
//
// While a rebuild fills another generation of the graph, and as long as the one before a switch is kept, that one stands
// beside the live one under names of its own: labels and types that begin with Beside and BESIDE_,
// (:FoodflowBesideCheckpoint), and (:FoodflowGeneration), which says what it is.
//
// Only what has no retired_position counts today. A node with expected = true is named by an edge, and its own
// event is not applied yet. Only the program writes
// here: what another client changes is lost with the next rebuild.

// Ids are unique within a tenant: partners of a supply chain may record one lot under one id (docs/adr/0006). The
// constraints carry pages of a tenant's nodes in order of id as well.

// Product hierarchy
CREATE CONSTRAINT product_id IF NOT EXISTS FOR (p:Product) REQUIRE (p.tenant_id, p.id) IS UNIQUE;
CREATE CONSTRAINT ingredient_id IF NOT EXISTS FOR (i:Ingredient) REQUIRE (i.tenant_id, i.id) IS UNIQUE;
CREATE CONSTRAINT sku_id IF NOT EXISTS FOR (s:SKU) REQUIRE (s.tenant_id, s.id) IS UNIQUE;

// Supply chain entities
CREATE CONSTRAINT supplier_id IF NOT EXISTS FOR (s:Supplier) REQUIRE (s.tenant_id, s.id) IS UNIQUE;
CREATE CONSTRAINT batch_id IF NOT EXISTS FOR (b:Batch) REQUIRE (b.tenant_id, b.id) IS UNIQUE;
CREATE CONSTRAINT location_id IF NOT EXISTS FOR (l:Location) REQUIRE (l.tenant_id, l.id) IS UNIQUE;

// Indexes for performance
CREATE INDEX product_tenant_id IF NOT EXISTS FOR (p:Product) ON (p.tenant_id);
CREATE INDEX ingredient_tenant_id IF NOT EXISTS FOR (i:Ingredient) ON (i.tenant_id);
CREATE INDEX supplier_tenant_id IF NOT EXISTS FOR (s:Supplier) ON (s.tenant_id);
CREATE INDEX batch_tenant_id IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id);

// Added: the two labels that had no index of the tenant
CREATE INDEX sku_tenant_id IF NOT EXISTS FOR (s:SKU) ON (s.tenant_id);
CREATE INDEX location_tenant_id IF NOT EXISTS FOR (l:Location) ON (l.tenant_id);

// Added: a node by its id alone, for people who do not know the tenant
CREATE INDEX product_lookup IF NOT EXISTS FOR (p:Product) ON (p.id);
CREATE INDEX ingredient_lookup IF NOT EXISTS FOR (i:Ingredient) ON (i.id);
CREATE INDEX sku_lookup IF NOT EXISTS FOR (s:SKU) ON (s.id);
CREATE INDEX supplier_lookup IF NOT EXISTS FOR (s:Supplier) ON (s.id);
CREATE INDEX batch_lookup IF NOT EXISTS FOR (b:Batch) ON (b.id);
CREATE INDEX location_lookup IF NOT EXISTS FOR (l:Location) ON (l.id);

// Added: pages of a tenant's nodes by what lists are filtered by, in order of id, without sorting all of them
CREATE INDEX batch_number_page IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id, b.batch_number, b.id);
CREATE INDEX batch_status_page IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id, b.status, b.id);
CREATE INDEX batch_product_page IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id, b.product_id, b.id);
CREATE INDEX batch_ingredient_page IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id, b.ingredient_id, b.id);
CREATE INDEX batch_supplier_page IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id, b.supplier_id, b.id);
CREATE INDEX batch_location_page IF NOT EXISTS FOR (b:Batch) ON (b.tenant_id, b.location_id, b.id);
CREATE INDEX sku_code_page IF NOT EXISTS FOR (s:SKU) ON (s.tenant_id, s.sku_code, s.id);
CREATE INDEX sku_product_page IF NOT EXISTS FOR (s:SKU) ON (s.tenant_id, s.product_id, s.id);
CREATE INDEX product_name_page IF NOT EXISTS FOR (p:Product) ON (p.tenant_id, p.name, p.id);
CREATE INDEX ingredient_name_page IF NOT EXISTS FOR (i:Ingredient) ON (i.tenant_id, i.name, i.id);
CREATE INDEX supplier_name_page IF NOT EXISTS FOR (s:Supplier) ON (s.tenant_id, s.name, s.id);
CREATE INDEX location_name_page IF NOT EXISTS FOR (l:Location) ON (l.tenant_id, l.name, l.id);

// Added: what a correction of a document retires
CREATE INDEX uses_ingredient_document IF NOT EXISTS FOR ()-[e:USES_INGREDIENT]-() ON (e.document_id);
CREATE INDEX shipped_to_document IF NOT EXISTS FOR ()-[e:SHIPPED_TO]-() ON (e.document_id);
CREATE INDEX received_at_document IF NOT EXISTS FOR ()-[e:RECEIVED_AT]-() ON (e.document_id);
CREATE INDEX produced_at_document IF NOT EXISTS FOR ()-[e:PRODUCED_AT]-() ON (e.document_id);

// Added: one checkpoint per projection and partition
CREATE CONSTRAINT foodflow_checkpoint_id IF NOT EXISTS FOR (c:FoodflowCheckpoint) REQUIRE c.id IS UNIQUE;

// Added: the generation beside the live one
CREATE CONSTRAINT beside_product_id IF NOT EXISTS FOR (p:BesideProduct) REQUIRE (p.tenant_id, p.id) IS UNIQUE;
CREATE CONSTRAINT beside_ingredient_id IF NOT EXISTS FOR (i:BesideIngredient) REQUIRE (i.tenant_id, i.id) IS UNIQUE;
CREATE CONSTRAINT beside_sku_id IF NOT EXISTS FOR (s:BesideSKU) REQUIRE (s.tenant_id, s.id) IS UNIQUE;
CREATE CONSTRAINT beside_supplier_id IF NOT EXISTS FOR (s:BesideSupplier) REQUIRE (s.tenant_id, s.id) IS UNIQUE;
CREATE CONSTRAINT beside_batch_id IF NOT EXISTS FOR (b:BesideBatch) REQUIRE (b.tenant_id, b.id) IS UNIQUE;
CREATE CONSTRAINT beside_location_id IF NOT EXISTS FOR (l:BesideLocation) REQUIRE (l.tenant_id, l.id) IS UNIQUE;
CREATE INDEX beside_uses_ingredient_document IF NOT EXISTS FOR ()-[e:BESIDE_USES_INGREDIENT]-() ON (e.document_id);
CREATE INDEX beside_shipped_to_document IF NOT EXISTS FOR ()-[e:BESIDE_SHIPPED_TO]-() ON (e.document_id);
CREATE INDEX beside_received_at_document IF NOT EXISTS FOR ()-[e:BESIDE_RECEIVED_AT]-() ON (e.document_id);
CREATE INDEX beside_produced_at_document IF NOT EXISTS FOR ()-[e:BESIDE_PRODUCED_AT]-() ON (e.document_id);
CREATE CONSTRAINT foodflow_beside_checkpoint_id IF NOT EXISTS FOR (c:FoodflowBesideCheckpoint) REQUIRE c.id IS UNIQUE;
CREATE CONSTRAINT foodflow_generation_id IF NOT EXISTS FOR (g:FoodflowGeneration) REQUIRE g.id IS UNIQUE;
// Added: one identity per database
CREATE CONSTRAINT foodflow_store_id IF NOT EXISTS FOR (s:FoodflowStore) REQUIRE s.id IS UNIQUE;
