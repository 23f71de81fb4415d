//! What runs a single step.

use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::tables::agents::Step;

/// What a step brought.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutcome {
    /// The output, merged into the inputs of the steps after it.
    pub output: Map<String, Value>,
    /// Whether a GPU was used.
    pub gpu_accelerated: bool,
    /// Memory used, in megabytes.
    pub memory_usage: f64,
}

/// Why a step failed. The text ends up in the rows of step and execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StepFailure(pub String);

/// Runs steps. An executor keeps nothing between steps: it may be asked again for a step that was cut off.
#[async_trait]
pub trait Executor: Debug + Send + Sync {
    /// The name in rows and receipts.
    fn name(&self) -> &'static str;

    /// Runs one step on its inputs.
    async fn run(
        &self,
        step: &Step,
        inputs: &Map<String, Value>,
    ) -> Result<StepOutcome, StepFailure>;
}
