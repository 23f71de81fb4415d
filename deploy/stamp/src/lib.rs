//! Which commit a program was built from, and when: what `--version` says.

/// Such as `0.1.0 (commit 1a2b3c4d5e, built 2026-11-23)`; `-changed` behind a commit means that the checkout had changes. The day is
/// that of `SOURCE_DATE_EPOCH` where it is set, in UTC. A debug build names neither.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("STAMP"), ")");
