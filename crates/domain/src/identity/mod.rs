//! Identity: people, what they may do, and by which sessions and keys they do it.
//!
//! - [`user`]: a person's account, from invitation to erasure;
//! - [`session`]: one login and the refresh tokens that follow from it;
//! - [`role`], [`permission`]: what may be done, and who may do it;
//! - [`service_account`]: programs and their keys;
//! - [`administrators`]: that a tenant always has one;
//! - [`reservation`]: one holder of each e-mail address, role name and foreign identity;
//! - [`access`]: what was refused.
//!
//! What is about a person is [`Personal`], everywhere. Secrets are never here: a password is a hash, a token the hash
//! of it, an e-mail address that must be found again a keyed hash.
//!
//! What must never happen: a session that goes on after its user was deactivated, a refresh token that is good twice, a
//! tenant without an administrator.
//!
//! [`Personal`]: crate::personal::Personal

pub mod access;
pub mod administrators;
pub mod error;
pub mod origin;
pub mod permission;
pub mod reservation;
pub mod role;
pub mod service_account;
pub mod session;
pub mod user;

pub use error::IdentityError;
pub use origin::Origin;
