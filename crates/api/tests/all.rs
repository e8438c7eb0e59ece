//! The `foodflow` program from outside.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod admission;
mod operator;
mod overload;
mod retention;
mod service;
mod transfer;
