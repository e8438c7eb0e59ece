//! Tests of the write path that need a log of every kind.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod loading;
mod standing;
