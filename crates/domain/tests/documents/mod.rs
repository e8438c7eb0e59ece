//! Receipts, shipments and transformations: the critical tracking events.

mod receipt;
mod shipment;
mod transformation;
