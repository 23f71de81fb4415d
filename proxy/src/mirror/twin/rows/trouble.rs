//! Says why rows can't be compared: once, and again only after they could.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why rows can't be compared.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowsError {
    #[error("the {which} database {place} can't be used to compare rows")]
    Unusable {
        which: &'static str,
        /// Without password.
        place: String,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error(
        "the twin's database {place} has no log of its changes; make one with `migrate db watch --clone URL`"
    )]
    NotWatched { place: String },
    #[error("the {which} database {place} did not answer in time")]
    TimeOut { which: &'static str, place: String },
}

/// Whether it was said that rows can't be compared.
#[derive(Debug, Default)]
pub(super) struct Trouble(AtomicBool);

impl Trouble {
    pub(super) fn is_over(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub(super) fn report(&self, problem: &RowsError) {
        if !self.0.swap(true, Ordering::Relaxed) {
            let why = problem.source().map(ToString::to_string);
            tracing::warn!(%problem, why, "rows are not compared for now");
        }
    }
}
