//! The executor that only pretends, as the monolith does: fixed outputs after fixed waits, no model, no GPU.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::executor::{Call, Executor, StepFailure, StepOutcome};
use crate::logic::cost::Cost;
use crate::tables::agents::StepType;

/// Simulates every step. Rows and receipts of its executions name it `simulated`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Simulated;

#[async_trait]
impl Executor for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn run(&self, call: Call<'_>) -> Result<StepOutcome, StepFailure> {
        let (millis, gpu_accelerated, memory_usage, output) = match call.step.step_type {
            StepType::Inference => {
                (100, false, 128.5, json!({"prediction": "simulated_result", "confidence": 0.95}))
            }
            StepType::Training => {
                (500, true, 512.0, json!({"model_updated": true, "training_loss": 0.123}))
            }
            StepType::DataProcessing => {
                (50, false, 64.0, json!({"processed_records": 1000, "data_validated": true}))
            }
            StepType::Verification | StepType::Custom => {
                (200, false, 256.0, json!({"custom_result": "completed", "metadata": call.inputs}))
            }
        };
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let output = output.as_object().cloned().unwrap_or_default();
        Ok(StepOutcome {
            output,
            gpu_accelerated,
            memory_usage: Some(memory_usage),
            cost: Cost::default(),
        })
    }
}
