//! Programs that live no longer than the test that started them, for tests of every crate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a failed step is a failed test, and a failed test explains itself"
)]

pub mod wait;
pub mod command;
pub mod process;
pub mod postgres;
pub mod shared;

use std::time::Duration;

/// How long a test waits for something that should come soon, on a machine that may be slow.
pub const LIMIT: Duration = Duration::from_secs(20);
