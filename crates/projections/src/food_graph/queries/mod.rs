//! The questions of traceability: what was made of a lot, what it was made of, and what a recall would touch.
//!
//! Each query loads nodes and edges by a few calls to the store, never one per lot, and decides in memory; the
//! same code answers from every store. Edges are never deleted, only retired, so that an answer "as known at a
//! position" stays the same for ever.
//!
//! Several calls of one query are not one transaction of the store. A caller that needs all of them to reflect
//! one position asks as known at the position that the projection has applied ([`Known::Position`]), which no
//! later change can alter; names and numbers of nodes are always today's.
//!
//! - [`view`]: which edges count, by event time and as known when;
//! - [`lot_graph`], [`shares`], [`fraction`], `divisor`: genealogy in memory: depth, and exact shares;
//! - [`trace()`]: forward and backward; [`suppliers`]: the chain behind a lot;
//! - [`impact()`] and [`impact_changes()`]: the scope of a recall, and what changed it; both read it from one
//!   `scope`, and `replay` finds the causes;
//! - [`mass_balance()`]: what came in against what went out; [`stock`]: the book of one lot;
//! - [`nodes`]: lots, products, ingredients, suppliers, SKUs, locations, one by one and in pages.
//!
//! What must never happen here: a lot visited twice, a float in an amount, a statement without its tenant, an
//! answer that silently leaves out a lot.

pub mod amounts;
mod divisor;
pub mod fraction;
pub mod impact;
pub mod impact_changes;
mod load;
pub mod lot_graph;
pub mod mass_balance;
pub mod nodes;
mod replay;
mod scope;
pub mod shares;
pub mod stock;
pub mod suppliers;
pub mod trace;
pub mod view;

pub use impact::{Impact, impact};
pub use impact_changes::{ImpactChanges, impact_changes};
pub use mass_balance::{MassBalance, mass_balance};
pub use trace::{Trace, trace};
pub use view::{Known, View};
