//! The `foodflow` program: HTTP, access, configuration, command line.
//!
//! - [`bodies`]: the words of the contract, checked;
//! - [`http`]: the interface for clients;
//! - [`cli`]: the interface for people and scripts;
//! - [`config`]: settings, each with its source and default;
//! - [`key_store`]: the key store that the settings name;
//! - [`plans`]: plans in the settings;
//! - [`bill`], [`meter`]: what a tenant used;
//! - `listed`: settings that are lists;
//! - [`log_address`]: where a log is, in the words of the settings;
//! - [`master_key`]: the file of the master keys, and the keys of persons under them;
//! - [`networks`]: networks in the settings;
//! - [`process`]: who this process is to the others that project;
//! - [`production`]: what is too weak to be relied on;
//! - [`read_models`]: the stores of the read models, and the projections that fill them;
//! - [`runtime`]: opens the log and the stores that the settings name;
//! - [`serving`]: connections, with or without TLS;
//! - [`signing_key`]: private keys in files;
//! - [`tokens`]: access tokens, and the keys that sign and check them;
//! - [`demo`]: the golden scenario, told through the ordinary write path;
//! - [`transfer`]: import and export of a plant's history.

pub mod bill;
pub mod bodies;
pub mod cli;
pub mod config;
pub mod demo;
pub mod erasure;
pub mod http;
pub mod key_store;
mod listed;
pub mod log_address;
pub mod master_key;
pub mod meter;
pub mod networks;
pub mod oidc;
pub mod plans;
pub mod process;
pub mod production;
pub mod read_models;
pub mod runtime;
pub mod serving;
pub mod signing_key;
pub mod tokens;
pub mod transfer;
