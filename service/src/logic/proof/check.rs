//! Checks the proofs that the service keeps against the rows of the steps as they are now.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;

use super::step::{self, StepProof};
use super::{Opening, Unproven};
use crate::tables::agents::{StepExecution, VerificationLevel};
use crate::tables::own::ProofRow;

/// How the check of one step's proof went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCheck {
    /// The step of the workflow.
    pub step_id: String,
    /// The level at which it was proven; none where there is no proof.
    pub level: Option<VerificationLevel>,
    /// [`StepProof::size`]; 0 where there is no proof.
    pub size: usize,
    /// Whether the proof holds, and the step passed the checks it speaks of.
    pub outcome: Result<bool, Unproven>,
    /// Whether the row says that the step was checked when it ended.
    claims: bool,
}

impl StepCheck {
    /// Whether the step is proven to have passed its checks.
    pub fn verified(&self) -> bool {
        self.outcome == Ok(true)
    }

    /// Whether nothing speaks against the step: it is proven to have passed its checks, or none were made. The service
    /// proves what it checks, so where it ran the step (`ran_here`), checks without a proof are a proof that is gone.
    pub fn stands(&self, ran_here: bool) -> bool {
        match self.outcome {
            Err(Unproven::Missing) => !(ran_here && self.claims),
            _ => self.verified(),
        }
    }
}

/// Checks a proof that the service keeps, and that the step's row still holds what was committed to. Says whether the
/// step passed the checks that the proof speaks of.
pub fn check(
    step: &StepExecution,
    proof: &StepProof,
    key: &VerifyingKey,
) -> Result<bool, Unproven> {
    step::verify(proof, key)?;
    let said = &proof.statement;
    let opening = proof.opening.as_ref().ok_or(Unproven::Opening)?;
    let same = said.step_execution_id == step.id
        && said.step_id == step.step_id
        && said.execution_id == step.execution_id
        && *opening == Opening::of(step, opening.secret.clone());
    if same { Ok(said.verified) } else { Err(Unproven::Row) }
}

/// Which of these steps verify: each is checked with its row of `proofs`, in the order of `steps`.
pub fn check_steps(
    steps: &[StepExecution],
    proofs: &[ProofRow],
    key: &VerifyingKey,
) -> Vec<StepCheck> {
    let rows: BTreeMap<&str, &ProofRow> =
        proofs.iter().map(|row| (row.step_execution_id.as_str(), row)).collect();
    steps.iter().map(|step| check_step(step, rows.get(step.id.as_str()).copied(), key)).collect()
}

/// Whether a step verifies with the row of its proof, if there is one.
///
/// Takes about a millisecond at level `zero-knowledge`.
pub fn check_step(step: &StepExecution, row: Option<&ProofRow>, key: &VerifyingKey) -> StepCheck {
    let proof = row.ok_or(Unproven::Missing).and_then(StepProof::read);
    StepCheck {
        step_id: step.step_id.clone(),
        level: proof.as_ref().ok().and_then(|proof| proof.statement.level()),
        size: proof.as_ref().map_or(0, StepProof::size),
        outcome: proof.and_then(|proof| check(step, &proof, key)),
        claims: step.step_proof.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use serde_json::json;

    use super::*;
    use crate::logic::proof::step::tests::{proven, signer};
    use crate::logic::verification::tests::finished;
    use crate::tables::Json;

    #[test]
    fn a_step_is_checked_with_its_own_proof() {
        let key = signer().public_key();
        let step = finished(0.051, 128.5);
        for &level in VerificationLevel::ALL {
            let row = proven(&step, level).row(step.updated_at);
            let checks = check_steps(from_ref(&step), from_ref(&row), &key);
            assert!(checks[0].verified() && checks[0].level == Some(level), "{checks:?}");
            assert!(checks[0].size > 100);
            let stranger = ProofRow { step_execution_id: "another".to_owned(), ..row.clone() };
            let checks = check_steps(from_ref(&step), &[stranger], &key);
            assert_eq!(checks[0].outcome, Err(Unproven::Missing));
            let damaged = ProofRow { statement: Json(json!({})), ..row };
            let checks = check_steps(from_ref(&step), &[damaged], &key);
            assert_eq!(checks[0].outcome, Err(Unproven::Malformed("proof")));
        }
    }

    #[test]
    fn a_proof_may_be_missing_where_none_was_made() {
        let mut step = finished(0.051, 128.5);
        let missing = |step: &StepExecution| {
            check_steps(from_ref(step), &[], &signer().public_key()).remove(0)
        };
        assert!(missing(&step).stands(true) && !missing(&step).verified());
        step.step_proof = Some(Json(json!({"verified": true})));
        assert!(missing(&step).stands(false), "the monolith checked it");
        assert!(!missing(&step).stands(true), "the service would have proven it");
    }

    #[test]
    fn a_step_that_fails_its_checks_is_proven_to_have_failed_them() {
        let key = signer().public_key();
        let slow = finished(3600.0, 1.0);
        assert_eq!(check(&slow, &proven(&slow, VerificationLevel::ZeroKnowledge), &key), Ok(false));
        let hungry = finished(1.0, 8192.0);
        let proof = proven(&hungry, VerificationLevel::ZeroKnowledge);
        assert_eq!(check(&hungry, &proof, &key), Ok(true));
        assert_eq!(proof.statement.ranges.unwrap().figures.len(), 1);
    }

    #[test]
    fn a_changed_row_no_longer_fits_its_proof() {
        let step = finished(0.5, 64.0);
        let key = signer().public_key();
        for &level in VerificationLevel::ALL {
            let proof = proven(&step, level);
            let mut other = step.clone();
            other.output_data = Some(Json(json!({"prediction": "forged"})));
            assert_eq!(check(&other, &proof, &key), Err(Unproven::Row));
            let mut other = step.clone();
            other.execution_time = Some(0.4.into());
            assert_eq!(check(&other, &proof, &key), Err(Unproven::Row));
            let mut other = step.clone();
            other.id.push('x');
            assert_eq!(check(&other, &proof, &key), Err(Unproven::Row));
        }
    }
}
