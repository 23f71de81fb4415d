//! The answer about the proofs of an execution, in the monolith's shape.

use serde_json::{Value, json};

use super::verification;
use crate::python::json::canonical;
use crate::tables::agents::{Execution, Step, StepExecution, VerificationLevel};

/// What looking at one proof has shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Whether it holds.
    pub is_verified: bool,
    /// Its length in bytes.
    pub size: usize,
}

/// Checks what a step has left. No knowledge is proven here: its row is checked again as thoroughly as the level says, and has
/// to agree with what was found when it ended. The proof is the canonical text of those checks.
pub fn check(step: &StepExecution, level: VerificationLevel) -> Checked {
    let found = verification::verify(step, level);
    let agrees = step.verification_status.as_deref().is_none_or(|status| status == "verified");
    Checked { is_verified: found.verified && agrees, size: canonical(&found.to_json(0.0)).len() }
}

/// The executed steps that ask for a proof.
pub fn to_prove<'s>(executed: &'s [StepExecution], steps: &[Step]) -> Vec<&'s StepExecution> {
    let asks = |id: &str| steps.iter().any(|step| step.id == id && step.requires_proof);
    executed.iter().filter(|step| asks(&step.step_id)).collect()
}

/// A proof with the id that the answer gives it, and the seconds that checking it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Proven<'s> {
    /// The step; none: the execution as a whole.
    pub step: Option<&'s StepExecution>,
    /// The id of the proof.
    pub proof_id: String,
    /// What was found.
    pub checked: Checked,
    /// How long that took.
    pub seconds: f64,
}

/// The answer: each step's proof, and that of the whole, which holds when all of them do.
pub fn integration(
    execution: &Execution,
    level: VerificationLevel,
    steps: &[Proven<'_>],
    whole_id: &str,
) -> Value {
    let step_id = |proven: &Proven<'_>| proven.step.map(|step| step.step_id.clone());
    let proofs: Vec<Value> = steps
        .iter()
        .map(|proven| {
            json!({
                "step_id": step_id(proven),
                "proof_id": proven.proof_id,
                "verification_level": level.word(),
                "proof_size": proven.checked.size,
            })
        })
        .collect();
    let results: Vec<Value> = steps
        .iter()
        .map(|proven| {
            json!({
                "step_id": step_id(proven),
                "verification_status": proven.checked.is_verified,
                "verification_time": proven.seconds,
            })
        })
        .collect();
    json!({
        "execution_id": execution.id,
        "integration_status": "success",
        "zk_proofs_generated": proofs,
        "verification_results": results,
        "integration_errors": [],
        "workflow_proof": {
            "proof_id": whole_id,
            "verification_level": level.word(),
            "proof_size": steps.iter().map(|proven| proven.checked.size).sum::<usize>(),
        },
        "workflow_verification": {
            "verified": steps.iter().all(|proven| proven.checked.is_verified),
            "verification_time": steps.iter().map(|proven| proven.seconds).sum::<f64>(),
        },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::logic::deployments::tests::now;
    use crate::logic::plan::tests::step;
    use crate::tables::Json;
    use crate::tables::agents::{Status, StepType};

    /// A step of an execution that has ended well.
    pub(crate) fn executed(execution_id: &str, step_id: &str) -> StepExecution {
        StepExecution {
            id: format!("step_exec_{step_id}"),
            execution_id: execution_id.to_owned(),
            step_id: step_id.to_owned(),
            status: Status::Completed,
            input_data: None,
            output_data: Some(Json(json!({}))),
            execution_time: Some(0.5.into()),
            gpu_accelerated: false,
            memory_usage: Some(64.0.into()),
            step_proof: None,
            verification_status: Some("verified".to_owned()),
            error_message: None,
            retry_count: 0.into(),
            started_at: Some(now()),
            completed_at: Some(now()),
            created_at: now(),
            updated_at: now(),
        }
    }

    #[test]
    fn only_steps_that_ask_for_a_proof_are_proven() {
        let mut steps = [step("a", 1, StepType::Custom), step("b", 2, StepType::Custom)];
        steps[1].requires_proof = true;
        let rows = [executed("e", "a"), executed("e", "b"), executed("e", "gone")];
        let found: Vec<&str> =
            to_prove(&rows, &steps).iter().map(|row| row.step_id.as_str()).collect();
        assert_eq!(found, ["b"]);
    }

    #[test]
    fn what_a_row_says_must_agree_with_what_was_found_when_it_ended() {
        let good = executed("e", "a");
        assert!(check(&good, VerificationLevel::ZeroKnowledge).is_verified);
        assert!(check(&good, VerificationLevel::Basic).size > 50);
        let slow = StepExecution { execution_time: Some(3600.0.into()), ..good.clone() };
        assert!(check(&slow, VerificationLevel::Basic).is_verified);
        assert!(!check(&slow, VerificationLevel::Full).is_verified);
        let failed = StepExecution { verification_status: Some("failed".to_owned()), ..good };
        assert!(!check(&failed, VerificationLevel::Basic).is_verified);
    }
}
