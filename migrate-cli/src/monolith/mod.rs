//! The monolith's source on disk: which files there are, and on which side of the border each is.

pub(crate) mod config;
pub(crate) mod files;
pub(crate) mod read;
pub(crate) mod git;
pub(crate) mod revision;
pub(crate) mod commit;
