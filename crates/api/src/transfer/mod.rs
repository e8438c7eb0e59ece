//! Import and export of a plant's history.
