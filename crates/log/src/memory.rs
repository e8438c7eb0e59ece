//! Adapter (memory).
