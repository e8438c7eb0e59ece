//! Starts and stops real servers; plain blocking code below the asynchronous handles.
//!
//! These files are compiled into two crates: this one, and `xtask`, which includes them by path because it must
//! not depend on any crate of the workspace. So they use the standard library, `anyhow`, `tempfile` and `rustix`,
//! and nothing else.
//!
//! What must never happen here: a process or a folder that outlives the process that asked for it, a wait without
//! a limit, or output on the terminal.

pub mod guard;
pub mod nats;
pub mod neo4j;
pub mod oidc;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod tools;
