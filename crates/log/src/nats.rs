//! Adapter (nats).
