//! The scope of a recall over recorded time: which lots it held before and after every recorded event.
//!
//! An addition extends the reach from where it joins; a retirement takes back only what hung on it. The whole
//! genealogy is never walked again for one event.

mod members;
mod reach;
mod steps;

pub(super) use members::{Cause, Move, replay};
