//! Lots and their genealogy.
