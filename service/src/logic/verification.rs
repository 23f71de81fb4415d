//! Checks the result of a step, as thoroughly as its level says.

use serde_json::{Value, json};

use crate::tables::Float;
use crate::tables::agents::{Status, StepExecution, VerificationLevel};

/// The result of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Whether every check passed.
    pub verified: bool,
    checks: Vec<&'static str>,
    level: VerificationLevel,
}

/// The check that a step may miss and still pass.
pub const MEMORY_CHECK: &str = "reasonable_memory_usage";

const LONGEST: f64 = 3600.0;
const MOST_MEMORY: f64 = 8192.0;

/// Checks a finished step. Level `zero-knowledge` is checked fully; that figures are within limits without being shown is
/// what `proof` proves about the result.
pub fn verify(step: &StepExecution, level: VerificationLevel) -> Verification {
    let sound = step.status == Status::Completed
        && step.output_data.is_some()
        && step.error_message.is_none();
    let mut result = Verification {
        verified: sound,
        checks: vec!["completion", "output_presence", "error_free"],
        level: VerificationLevel::Basic,
    };
    if level == VerificationLevel::Basic {
        return result;
    }
    if sound {
        result.level = VerificationLevel::Full;
        let within = |figure: Option<f64>, most: f64| figure.is_some_and(|f| f > 0.0 && f < most);
        if within(step.execution_time.as_ref().and_then(Float::get), LONGEST) {
            result.checks.push("reasonable_execution_time");
        } else {
            result.verified = false;
        }
        if within(step.memory_usage.as_ref().and_then(Float::get), MOST_MEMORY) {
            result.checks.push(MEMORY_CHECK);
        }
    }
    if level == VerificationLevel::ZeroKnowledge {
        result.level = level;
    }
    result
}

impl Verification {
    /// How thoroughly it was really checked: a step that fails the basic checks gets no others.
    pub const fn level(&self) -> VerificationLevel {
        self.level
    }

    /// The checks that were passed.
    pub fn checks(&self) -> &[&'static str] {
        &self.checks
    }

    /// The form in `step_proof`, with the `seconds` that the check took. The keys and the note are the monolith's, because
    /// clients and comparisons see them; the proof proper is kept apart.
    pub fn to_json(&self, seconds: f64) -> Value {
        let mut proof = json!({
            "verified": self.verified,
            "proof": null,
            "verification_time": seconds,
            "verification_level": self.level.word(),
            "checks": self.checks,
        });
        if let (VerificationLevel::ZeroKnowledge, Value::Object(map)) = (self.level, &mut proof) {
            let note =
                "ZK verification using full verification fallback (requires ZK-SNARKs integration)";
            map.insert("note".to_owned(), note.into());
        }
        proof
    }

    /// The word in `verification_status`.
    pub const fn word(&self) -> &'static str {
        if self.verified { "verified" } else { "failed" }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::python::time::Stamp;
    use crate::tables::Json;

    pub(crate) fn finished(seconds: f64, memory: f64) -> StepExecution {
        let now = Stamp::parse("2026-01-01").unwrap();
        StepExecution {
            id: "step_exec_1".to_owned(),
            execution_id: "exec_1".to_owned(),
            step_id: "step_1".to_owned(),
            status: Status::Completed,
            input_data: None,
            output_data: Some(Json(json!({}))),
            execution_time: Some(seconds.into()),
            gpu_accelerated: false,
            memory_usage: Some(memory.into()),
            step_proof: None,
            verification_status: None,
            error_message: None,
            retry_count: 0.into(),
            started_at: Some(now),
            completed_at: Some(now),
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn levels_add_checks() {
        let step = finished(0.5, 512.0);
        assert_eq!(verify(&step, VerificationLevel::Basic).checks.len(), 3);
        assert_eq!(verify(&step, VerificationLevel::Full).checks.len(), 5);
        let zk = verify(&step, VerificationLevel::ZeroKnowledge).to_json(0.1);
        assert_eq!(zk["verification_level"], "zero-knowledge");
        assert!(zk["note"].as_str().unwrap().contains("fallback"));
    }

    #[test]
    fn time_must_be_reasonable_and_memory_may_be_missing() {
        assert!(!verify(&finished(3600.0, 1.0), VerificationLevel::Full).verified);
        assert!(!verify(&finished(0.0, 1.0), VerificationLevel::Full).verified);
        let hungry = verify(&finished(1.0, 9000.0), VerificationLevel::Full);
        assert!(hungry.verified && hungry.checks.len() == 4);
        let mut failed = finished(1.0, 1.0);
        failed.error_message = Some("x".to_owned());
        let failed = verify(&failed, VerificationLevel::Full);
        assert_eq!((failed.verified, failed.level), (false, VerificationLevel::Basic));
    }
}
