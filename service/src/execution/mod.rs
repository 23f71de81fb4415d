//! Carries executions out, durably: the database says what is done, and any worker can take up the rest.

pub mod executor;
pub mod simulated;
pub mod openai;
pub mod worker;
pub mod purse;
pub mod lease;
pub mod drive;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::Notify;

pub use executor::{Call, Executor, StepFailure, StepOutcome};
pub use openai::OpenAi;
pub use simulated::Simulated;
pub use worker::Worker;

/// Wakes a worker of this process. Ringing before anybody listens is not lost.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Says that there is something to do.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody rings.
    pub async fn heard(&self) {
        self.0.notified().await;
    }
}
