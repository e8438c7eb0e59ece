//! The `foodflow` program from outside.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod operator;
mod overload;
mod transfer;
