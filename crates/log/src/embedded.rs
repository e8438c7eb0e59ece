//! Adapter (embedded).
