//! What a step's commitment hides: inputs, outputs and timing, and the secret without which nobody can guess them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::signing::{hash, hash_json};
use crate::python::json::canonical;
use crate::tables::agents::StepExecution;
use crate::tables::{Float, Json};

/// The values behind a commitment. Whoever has them can check them against it; without them it tells nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// 64 random hexadecimal digits.
    pub secret: String,
    /// SHA-256 of the inputs' canonical JSON.
    pub input_sha256: Option<String>,
    /// SHA-256 of the output's canonical JSON.
    pub output_sha256: Option<String>,
    /// Whole milliseconds; anything above 0 counts as 1 at least.
    pub execution_time_ms: Option<u64>,
    /// Whole units of 1024 bytes; anything above 0 counts as 1 at least.
    pub memory_kb: Option<u64>,
    /// When the step began, as rows show it.
    pub started_at: Option<String>,
    /// When it ended.
    pub completed_at: Option<String>,
}

/// Without the secret: this ends up in logs.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").finish_non_exhaustive()
    }
}

impl Opening {
    /// What is to be committed to for a finished step.
    pub fn of(step: &StepExecution, secret: String) -> Self {
        let hashed = |value: &Option<Json>| value.as_ref().map(|json| hash_json(&json.0));
        let figure = |value: &Option<Float>| value.as_ref().and_then(Float::get);
        Self {
            secret,
            input_sha256: hashed(&step.input_data),
            output_sha256: hashed(&step.output_data),
            execution_time_ms: figure(&step.execution_time).and_then(|s| whole(s * 1000.0)),
            memory_kb: figure(&step.memory_usage).and_then(|mb| whole(mb * 1024.0)),
            started_at: step.started_at.map(|at| at.aware()),
            completed_at: step.completed_at.map(|at| at.aware()),
        }
    }

    /// The commitment: SHA-256 of the canonical JSON of these values. The secret makes it hide them, the hash makes it
    /// bind to them.
    pub fn commitment(&self) -> String {
        let text = canonical(&json!({
            "secret": self.secret,
            "input_sha256": self.input_sha256,
            "output_sha256": self.output_sha256,
            "execution_time_ms": self.execution_time_ms,
            "memory_kb": self.memory_kb,
            "started_at": self.started_at,
            "completed_at": self.completed_at,
        }));
        hash(text.as_bytes())
    }
}

/// Cuts a figure to a whole number, but never a small one to 0: so it is within `1..limit` exactly when the figure itself
/// is above 0 and below the limit. Nothing for what is no such number.
fn whole(figure: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !(0.0..EXACT).contains(&figure) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above: not negative, and below 2^53"
    )]
    let number = figure as u64;
    Some(if figure > 0.0 { number.max(1) } else { 0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_whole_figure_is_within_limits_when_the_figure_is(milli in -10_i32..7_200_000, rest in 0.0..1.0_f64) {
            let seconds = (f64::from(milli) + rest) / 1000.0;
            let within = whole(seconds * 1000.0).is_some_and(|ms| (1..3_600_000).contains(&ms));
            prop_assert_eq!(within, seconds * 1000.0 > 0.0 && seconds * 1000.0 < 3_600_000.0);
        }
    }

    #[test]
    fn odd_figures() {
        assert_eq!(whole(0.0), Some(0));
        assert_eq!(whole(0.2), Some(1));
        assert_eq!(whole(3_599_999.9), Some(3_599_999));
        for odd in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(whole(odd), None);
        }
    }
}
