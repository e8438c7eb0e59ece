//! Black-box tests of the `foodflow` program: HTTP to read model, per context. They are in `all.rs`.
