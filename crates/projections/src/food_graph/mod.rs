//! The food graph.
