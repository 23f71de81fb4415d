//! The executor that asks a model: inference steps through any server that speaks the chat completions of `OpenAI`.

pub mod question;
pub mod client;
pub mod sse;
pub mod answer;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;

use self::answer::Answer;
use self::client::{CallError, Client, ClientError};
use self::question::Question;
use super::executor::{Call, Executor, StepFailure, StepOutcome};
use crate::config::openai::OpenAiSettings;
use crate::logic::cost::Cost;
use crate::tables::agents::StepType;

/// The pause before the first repetition; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause, whatever the server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Kept back from a step's time, so that a call that takes too long ends here, where it is known what it may have cost.
const MARGIN: Duration = Duration::from_millis(100);

/// Asks a model for each inference step. Steps of other types fail: nothing is made up.
#[derive(Debug)]
pub struct OpenAi {
    client: Client,
    settings: OpenAiSettings,
}

impl OpenAi {
    /// An executor for these settings, and `authorities` that are trusted besides the system's. Fails where the address or
    /// the certificates are of no use.
    pub fn new(settings: OpenAiSettings, authorities: Option<&Path>) -> Result<Self, ClientError> {
        Ok(Self { client: Client::new(&settings, authorities)?, settings })
    }

    /// Calls until there is an answer, the repetitions are used up, or the time is.
    async fn call(&self, body: &str, limit: Duration) -> Result<Answer, CallError> {
        let begun = Instant::now();
        let mut repeated = 0;
        loop {
            let left = limit.saturating_sub(begun.elapsed() + MARGIN);
            let timeout = left.min(self.settings.timeout);
            let error = match tokio::time::timeout(timeout, self.client.ask(body.to_owned())).await
            {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_elapsed) => return Err(CallError::TimedOut(timeout)),
            };
            let Some(asked_for) = error.repeatable() else { return Err(error) };
            let pause = asked_for.unwrap_or_else(|| backed_off(repeated)).min(LONGEST_PAUSE);
            let left = limit.saturating_sub(begun.elapsed() + MARGIN);
            if repeated == self.settings.retries || pause >= left {
                return Err(error);
            }
            tracing::warn!(%error, ?pause, "a model is asked again");
            tokio::time::sleep(pause).await;
            repeated += 1;
        }
    }
}

/// Between half and all of the doubled pause, so that many who were refused at once do not come back at once.
fn backed_off(repeated: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(repeated)).min(LONGEST_PAUSE);
    rand::random_range(most / 2..=most)
}

#[async_trait]
impl Executor for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    async fn run(&self, call: Call<'_>) -> Result<StepOutcome, StepFailure> {
        let kind = call.step.step_type;
        if kind != StepType::Inference {
            let reason = format!(
                "The executor openai runs inference steps only, and this one is of the type {}",
                kind.word()
            );
            return Err(StepFailure::free(reason));
        }
        let question = Question::of(call.step, call.inputs, &self.settings.model);
        let (prices, bytes) = (self.settings.prices, question.bytes());
        let wanted = self.settings.max_output_tokens;
        let Some(tokens) = prices.affordable(call.remaining, bytes, wanted) else {
            let left = call.remaining.unwrap_or_default();
            let reason = format!("max_cost_budget does not pay for this step: {left} is left");
            return Err(StepFailure::free(reason));
        };
        let worst = prices.of(bytes, tokens);
        let field = self.settings.token_limit_field;
        let body = question.body(field, tokens, self.settings.stream);
        let answer = self.call(&body, call.limit).await.map_err(|error| StepFailure {
            cost: if error.may_have_cost() { worst } else { Cost::default() },
            reason: error.to_string(),
        })?;
        let (cost, known) = match answer.usage {
            Some(usage) => (prices.of(usage.prompt_tokens, usage.completion_tokens), true),
            None => (worst, false),
        };
        if call.remaining.is_some_and(|remaining| cost > remaining) {
            let reason = format!("max_cost_budget is used up: this step alone cost {cost}");
            return Err(StepFailure { reason, cost });
        }
        let usage = answer.usage.map(|usage| {
            json!({
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
            })
        });
        let output = json!({
            "prediction": answer.content,
            "model": answer.model.unwrap_or_else(|| question.model().to_owned()),
            "finish_reason": answer.finish_reason,
            "usage": usage,
            "cost": cost.to_string(),
            "cost_is_upper_bound": !known,
        });
        Ok(StepOutcome {
            output: output.as_object().cloned().unwrap_or_default(),
            gpu_accelerated: false,
            memory_usage: None,
            cost,
        })
    }
}
