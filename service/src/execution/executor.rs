//! What runs a single step.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::logic::cost::Cost;
use crate::tables::agents::Step;

/// One step that is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// The step.
    pub step: &'c Step,
    /// What it gets: the execution's inputs and the outputs of the steps before it.
    pub inputs: &'c Map<String, Value>,
    /// The time it has. What takes longer is dropped.
    pub limit: Duration,
    /// What is left of the budget; none where there is no budget.
    pub remaining: Option<Cost>,
}

/// What a step brought.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutcome {
    /// The output, merged into the inputs of the steps after it.
    pub output: Map<String, Value>,
    /// Whether a GPU was used.
    pub gpu_accelerated: bool,
    /// Memory used, in megabytes; none where nobody knows, as on another machine.
    pub memory_usage: Option<f64>,
    /// What it cost.
    pub cost: Cost,
}

/// Why a step failed. The text ends up in the rows of step and execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct StepFailure {
    /// Why.
    pub reason: String,
    /// What it cost nevertheless.
    pub cost: Cost,
}

impl StepFailure {
    /// A failure that cost nothing.
    pub fn free(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), cost: Cost::default() }
    }
}

/// Runs steps. An executor keeps nothing between steps: it may be asked again for a step that was cut off.
#[async_trait]
pub trait Executor: Debug + Send + Sync {
    /// The name in rows and receipts.
    fn name(&self) -> &'static str;

    /// Runs one step on its inputs.
    async fn run(&self, call: Call<'_>) -> Result<StepOutcome, StepFailure>;
}
