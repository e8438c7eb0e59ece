//! A bundle: messages of one partition with what proves them, to be checked with no server and no log.
//!
//! One JSON object a line, each with its `format`: a header that says what the bundle holds; the key records; the
//! checkpoint that covers it, and an earlier one with the proof that the partition only grew in between, where that
//! was asked for; the messages, each with the proof that the checkpoint's tree has it at its position; and a seal,
//! signed over the SHA-256 of every line before it, so that nothing can be left out at the end either.
//!
//! The proofs hold hashes alone: a bundle shows of other tenants that there are messages, and how many.
//!
//! - [`lines`]: what the lines hold;
//! - [`writer`]: writes them;
//! - [`verifier`]: checks them, one at a time;
//! - [`broken_bundle`]: the first thing that is wrong.
//!
//! What must never happen here: a byte of a bundle that may change unseen.

pub mod broken_bundle;
pub mod lines;
#[cfg(test)]
mod tests;
pub mod verifier;
pub mod writer;

pub use broken_bundle::{BrokenBundle, BundleRule};
pub use lines::{BundleHeader, BundleScope};
pub use verifier::{BundleVerified, BundleVerifier};
pub use writer::BundleWriter;
