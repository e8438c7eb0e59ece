//! Read models: events become changes, changes become rows, nodes and edges, and queries read those.
//!
//! A projection is a pure function from a recorded event to [`changes::Change`]s; it never reads. A store takes
//! the changes of a batch of whole commits together with the checkpoint in one transaction, so that delivery at
//! least once has its effect exactly once.
//!
//! - [`store`]: what every store of a read model is to the runner;
//! - [`changes`]: what a projection may ask of a graph store;
//! - [`recorded`]: a message of the log, read;
//! - [`digest`]: by which stores that hold the same are known;
//! - [`graph`]: the property graph of traceability: its port and two stores (embedded SQLite, Neo4j);
//! - [`tables`]: tables: their description and two stores (embedded SQLite, PostgreSQL);
//! - [`food_graph`]: the projection of the food graph's events, and its queries;
//! - [`identity`]: the projection of users, roles, sessions and keys into tables, and its queries;
//! - [`audit`]: the projection of every event into the trail of who did what when, and its queries;
//! - [`tenancy`]: the projection of tenants, their subscriptions and use into tables, and its queries;
//! - [`keys`]: sessions, revoked tokens and rate limits: their port and two stores (in process, Redis);
//! - [`page`]: pages of a list;
//! - [`past`]: a read model as it stood;
//! - [`schema`]: shapes of answers, for the OpenAPI document;
//! - [`sqlite`]: what the embedded stores share;
//! - [`runner`]: from the log to the store, with lag, health and rebuild.

pub mod audit;
pub mod changes;
pub mod digest;
pub mod food_graph;
pub mod graph;
pub mod identity;
pub mod keys;
pub mod page;
pub mod past;
pub mod recorded;
pub mod runner;
pub mod schema;
pub mod sqlite;
pub mod store;
pub mod tables;
pub mod tenancy;
