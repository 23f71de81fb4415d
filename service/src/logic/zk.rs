//! The answer about the proofs of an execution, in the monolith's shape.

use serde_json::{Value, json};

use super::proof::{self, StepCheck};
use super::signing::Signer;
use super::verification;
use crate::tables::agents::{Execution, Step, StepExecution, VerificationLevel};
use crate::tables::own::{ProofRow, Run};

/// Checks the proofs of an execution's steps, and proves what has not been proven.
#[derive(Debug, Clone)]
pub struct Prover {
    level: VerificationLevel,
    run: Option<Run>,
    signer: Signer,
}

/// What a proof has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Whether it holds, and the step passed the checks that it speaks of.
    pub is_verified: bool,
    /// Its size in bytes; 0 where there is none.
    pub size: usize,
}

impl Prover {
    /// Asks for proofs of this level. `run` is the mark of an execution that this service ran.
    pub fn new(level: VerificationLevel, run: Option<Run>, signer: Signer) -> Self {
        Self { level, run, signer }
    }

    /// Checks what was proven of a step when it ended, with the row of that proof. Where that is nothing, or less than the
    /// level asks for, what the step's row says is proven now, with this secret, and checked.
    pub fn prove(
        &self,
        step: &StepExecution,
        stored: Option<&ProofRow>,
        secret: String,
    ) -> Checked {
        let stored = proof::check_step(step, stored, &self.signer.public_key());
        if !stored.stands(self.run.is_some()) || self.suffices(&stored) {
            return Checked { is_verified: stored.verified(), size: stored.size };
        }
        self.prove_now(step, secret)
    }

    fn suffices(&self, stored: &StepCheck) -> bool {
        // Levels are listed from the least thorough to the most.
        stored.level.is_some_and(|level| level as u8 >= self.level as u8)
    }

    fn prove_now(&self, step: &StepExecution, secret: String) -> Checked {
        let found = verification::verify(step, self.level);
        let executor = self.run.as_ref().map_or("monolith", |run| &run.executor);
        let Ok(made) = proof::prove(step, &found, executor, secret, &self.signer) else {
            return Checked { is_verified: false, size: 0 };
        };
        let holds = proof::check(step, &made, &self.signer.public_key()) == Ok(true);
        // What the monolith found when the step ended counts as well.
        let agrees = step.verification_status.as_deref().is_none_or(|status| status == "verified");
        Checked { is_verified: holds && agrees, size: made.size() }
    }
}

/// The executed steps that ask for a proof.
pub fn to_prove(executed: Vec<StepExecution>, steps: &[Step]) -> Vec<StepExecution> {
    let asks = |id: &str| steps.iter().any(|step| step.id == id && step.requires_proof);
    executed.into_iter().filter(|step| asks(&step.step_id)).collect()
}

/// A proof with the id that the answer gives it, and the seconds that it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Proven {
    /// The step of the workflow.
    pub step_id: String,
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
    steps: &[Proven],
    whole_id: &str,
) -> Value {
    let proofs: Vec<Value> = steps
        .iter()
        .map(|proven| {
            json!({
                "step_id": proven.step_id,
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
                "step_id": proven.step_id,
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
    use crate::logic::proof::step::tests::{proven, signer};
    use crate::logic::receipt::tests::own_run;
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
        let found: Vec<String> =
            to_prove(rows.to_vec(), &steps).into_iter().map(|row| row.step_id).collect();
        assert_eq!(found, ["b"]);
    }

    fn prover(level: VerificationLevel, run: Option<Run>) -> Prover {
        Prover::new(level, run, signer())
    }

    fn secret() -> String {
        "5e".repeat(32)
    }

    #[test]
    fn what_was_proven_when_a_step_ended_is_checked() {
        let mut step = executed("e", "a");
        step.step_proof = Some(Json(json!({"verified": true})));
        let made = proven(&step, VerificationLevel::ZeroKnowledge);
        let row = made.row(now());
        for &level in VerificationLevel::ALL {
            let checked = prover(level, Some(own_run())).prove(&step, Some(&row), secret());
            assert_eq!(checked, Checked { is_verified: true, size: made.size() });
        }
        let ask = prover(VerificationLevel::Basic, Some(own_run()));
        assert_eq!(ask.prove(&step, None, secret()), Checked { is_verified: false, size: 0 });
        step.output_data = Some(Json(json!({"forged": true})));
        assert!(!ask.prove(&step, Some(&row), secret()).is_verified);
    }

    #[test]
    fn what_was_proven_less_thoroughly_is_proven_now() {
        let step = executed("e", "a");
        let stored = proven(&step, VerificationLevel::Basic).row(now());
        let ask = prover(VerificationLevel::ZeroKnowledge, Some(own_run()));
        for stored in [None, Some(&stored)] {
            let checked = ask.prove(&step, stored, secret());
            // Range proofs are larger than any statement without them.
            assert!(checked.is_verified && checked.size > 1500, "{checked:?}");
        }
    }

    #[test]
    fn what_the_monolith_ran_is_proven_from_its_rows() {
        let mut step = executed("e", "a");
        step.step_proof = Some(Json(json!({"verified": true})));
        let is_verified = |step: &StepExecution, level| {
            prover(level, None).prove(step, None, secret()).is_verified
        };
        assert!(is_verified(&step, VerificationLevel::ZeroKnowledge));
        let slow = StepExecution { execution_time: Some(3600.0.into()), ..step.clone() };
        assert!(is_verified(&slow, VerificationLevel::Basic));
        assert!(!is_verified(&slow, VerificationLevel::Full));
        assert!(!is_verified(&slow, VerificationLevel::ZeroKnowledge));
        let failed = StepExecution { verification_status: Some("failed".to_owned()), ..step };
        assert!(!is_verified(&failed, VerificationLevel::Basic));
    }
}
