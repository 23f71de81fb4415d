//! The proof of one step: a signed statement about a commitment, which anybody can check with the service's public key.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::receipt::{self, Signer};
use super::super::verification::{self, Verification};
use super::range::{self, Limit, Ranges};
use super::{Opening, Unproven};
use crate::python::{json::canonical, time::Stamp};
use crate::tables::Json;
use crate::tables::agents::{StepExecution, VerificationLevel};
use crate::tables::own::ProofRow;
use ed25519_dalek::VerifyingKey;

const FORMAT: &str = "agent-service-step-proof/1";

/// What the service says about a step. It shows nothing of inputs, outputs and timing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The form of this statement.
    pub format: String,
    /// The execution.
    pub execution_id: String,
    /// The row of the step in it.
    pub step_execution_id: String,
    /// The step of the workflow.
    pub step_id: String,
    /// What ran it; `simulated` when it was only simulated.
    pub executor: String,
    /// How thoroughly it was checked.
    pub level: String,
    /// Whether it passed.
    pub verified: bool,
    /// The checks that it passed.
    pub checks: Vec<String>,
    /// [`Opening::commitment`].
    pub commitment: String,
    /// At level `zero-knowledge`: figures within their limits.
    pub ranges: Option<Ranges>,
}

/// A statement with its signature and, for whoever may see it, what it hides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepProof {
    /// What is said.
    pub statement: Statement,
    /// Ed25519 over the statement's canonical JSON, in hexadecimal digits.
    pub signature: String,
    /// The values behind the commitment.
    pub opening: Option<Opening>,
}

/// How the check of one step's proof went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCheck {
    /// The step of the workflow.
    pub step_id: String,
    /// The level at which it was proven; none where there is no proof.
    pub level: Option<VerificationLevel>,
    /// The bytes of the proof: statement and signature.
    pub size: usize,
    /// Whether the proof holds, and the step passed the checks it speaks of.
    pub outcome: Result<bool, Unproven>,
}

impl StepCheck {
    /// Whether the step is proven to have passed its checks.
    pub fn verified(&self) -> bool {
        self.outcome == Ok(true)
    }
}

impl Statement {
    /// The text that is signed.
    pub fn text(&self) -> String {
        // Texts, numbers and lists of them always have a JSON form.
        canonical(&serde_json::to_value(self).unwrap_or_default())
    }

    /// What the range proof is about: everything else that is said.
    fn context(&self) -> String {
        Self { ranges: None, ..self.clone() }.text()
    }

    fn level(&self) -> Option<VerificationLevel> {
        let levels =
            [VerificationLevel::Basic, VerificationLevel::Full, VerificationLevel::ZeroKnowledge];
        levels.into_iter().find(|level| level.word() == self.level)
    }

    /// The figures that must be proven to be within limits.
    fn limits(&self) -> Vec<Limit> {
        if self.level() != Some(VerificationLevel::ZeroKnowledge) || !self.verified {
            return Vec::new();
        }
        // A step passes without this check, and then nothing is said of its memory.
        let memory = self.checks.iter().any(|check| check == verification::MEMORY_CHECK);
        if memory { vec![range::TIME, range::MEMORY] } else { vec![range::TIME] }
    }
}

impl StepProof {
    /// The row that keeps it.
    pub fn row(&self, now: Stamp) -> ProofRow {
        ProofRow {
            step_execution_id: self.statement.step_execution_id.clone(),
            execution_id: self.statement.execution_id.clone(),
            statement: Json(serde_json::to_value(&self.statement).unwrap_or_default()),
            signature: self.signature.clone(),
            opening: Json(serde_json::to_value(&self.opening).unwrap_or_default()),
            created_at: now,
        }
    }

    /// The proof that a row keeps.
    pub fn read(row: &ProofRow) -> Result<Self, Unproven> {
        let malformed = |_why| Unproven::Malformed("proof");
        Ok(Self {
            statement: Statement::deserialize(&row.statement.0).map_err(malformed)?,
            signature: row.signature.clone(),
            opening: Option::deserialize(&row.opening.0).map_err(malformed)?,
        })
    }

    /// The proof as others may see it: at level `zero-knowledge` without what it hides.
    #[must_use]
    pub fn shown(mut self) -> Self {
        if self.statement.level() == Some(VerificationLevel::ZeroKnowledge) {
            self.opening = None;
        }
        self
    }
}

/// Proves a finished step that was verified with this result. `secret` are 64 random hexadecimal digits of its own.
///
/// Takes some milliseconds at level `zero-knowledge`.
pub fn prove(
    step: &StepExecution,
    verification: &Verification,
    executor: &str,
    secret: String,
    signer: &Signer,
) -> Result<StepProof, Unproven> {
    let opening = Opening::of(step, secret);
    let mut statement = Statement {
        format: FORMAT.to_owned(),
        execution_id: step.execution_id.clone(),
        step_execution_id: step.id.clone(),
        step_id: step.step_id.clone(),
        executor: executor.to_owned(),
        level: verification.level().word().to_owned(),
        verified: verification.verified,
        checks: verification.checks().iter().map(|&check| check.to_owned()).collect(),
        commitment: opening.commitment(),
        ranges: None,
    };
    let limits = statement.limits();
    if !limits.is_empty() {
        let values: Vec<(Limit, u64)> = limits
            .into_iter()
            .map(|limit| (limit, value(&opening, limit.name).unwrap_or_default()))
            .collect();
        let context = statement.context();
        statement.ranges = Some(range::prove(&values, &opening.secret, &context)?);
    }
    let signature = signer.sign(&statement.text());
    Ok(StepProof { statement, signature, opening: Some(opening) })
}

/// Checks a proof with the service's public key alone: signature, range proof, and the values where they are shown.
pub fn verify(proof: &StepProof, key: &VerifyingKey) -> Result<(), Unproven> {
    let StepProof { statement, signature, opening } = proof;
    if statement.format != FORMAT || statement.level().is_none() {
        return Err(Unproven::Malformed("statement"));
    }
    receipt::check(key, Some(signature), &statement.text(), "statement")
        .map_err(|_why| Unproven::Signature("statement"))?;
    let wanted = statement.limits();
    let figures = statement.ranges.as_ref().map_or(&[][..], |ranges| &ranges.figures);
    for limit in &wanted {
        if !figures.iter().any(|figure| figure.name == limit.name) {
            return Err(Unproven::Range(limit.name));
        }
    }
    if let Some(ranges) = &statement.ranges {
        range::verify(ranges, &statement.context())?;
    }
    let Some(opening) = opening else { return Ok(()) };
    let opens = opening.commitment() == statement.commitment
        && figures.iter().all(|figure| {
            value(opening, &figure.name)
                .is_some_and(|value| range::opens(figure, value, &opening.secret))
        });
    if opens { Ok(()) } else { Err(Unproven::Opening) }
}

/// Checks a proof that the service keeps, and that the step's row still holds what was committed to. Says whether the
/// step passed the checks that the proof speaks of.
pub fn check(
    step: &StepExecution,
    proof: &StepProof,
    key: &VerifyingKey,
) -> Result<bool, Unproven> {
    verify(proof, key)?;
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
    let of = |step: &StepExecution| {
        let row = proofs.iter().find(|row| row.step_execution_id == step.id);
        row.ok_or(Unproven::Missing).and_then(StepProof::read)
    };
    steps
        .iter()
        .map(|step| match of(step) {
            Ok(proof) => StepCheck {
                step_id: step.step_id.clone(),
                level: proof.statement.level(),
                size: proof.statement.text().len() + proof.signature.len(),
                outcome: check(step, &proof, key),
            },
            Err(why) => {
                StepCheck { step_id: step.step_id.clone(), level: None, size: 0, outcome: Err(why) }
            }
        })
        .collect()
}

fn value(opening: &Opening, name: &str) -> Option<u64> {
    match name {
        _ if name == range::TIME.name => opening.execution_time_ms,
        _ if name == range::MEMORY.name => opening.memory_kb,
        _ => None,
    }
}

/// A proof as JSON, as documents show it.
pub fn to_json(proof: &StepProof) -> Value {
    serde_json::to_value(proof).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::slice::from_ref;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::logic::verification::tests::finished;

    pub(crate) fn signer() -> Signer {
        Signer::new(&[7; 32])
    }

    pub(crate) fn proven(step: &StepExecution, level: VerificationLevel) -> StepProof {
        let verification = verification::verify(step, level);
        prove(step, &verification, "simulated", "5e".repeat(32), &signer()).unwrap()
    }

    const ALL: [VerificationLevel; 3] =
        [VerificationLevel::Basic, VerificationLevel::Full, VerificationLevel::ZeroKnowledge];

    #[test]
    fn every_level_is_proven_and_kept() {
        let step = finished(0.051, 128.5);
        let key = signer().public_key();
        for level in ALL {
            let proof = proven(&step, level);
            assert_eq!(check(&step, &proof, &key), Ok(true));
            let row = proof.row(step.updated_at);
            assert_eq!(StepProof::read(&row), Ok(proof.clone()));
            let checks = check_steps(from_ref(&step), &[row], &key);
            assert!(checks[0].verified() && checks[0].level == Some(level), "{checks:?}");
            assert_eq!(check_steps(from_ref(&step), &[], &key)[0].outcome, Err(Unproven::Missing));
            assert_eq!(
                verify(&proof, &Signer::new(&[8; 32]).public_key()),
                Err(Unproven::Signature("statement"))
            );
        }
    }

    #[test]
    fn zero_knowledge_shows_no_value_and_verifies_nevertheless() {
        let step = finished(1234.567, 321.0);
        let shown = proven(&step, VerificationLevel::ZeroKnowledge).shown();
        let text = to_json(&shown).to_string();
        for hidden in ["1234", "328704", "2026-01-01", &"5e".repeat(32)] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        assert_eq!(verify(&shown, &signer().public_key()), Ok(()));
        let ranges = shown.statement.ranges.unwrap();
        assert_eq!(ranges.figures.len(), 2);
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
        for level in ALL {
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

    #[test]
    fn a_range_proof_cannot_be_left_out_by_whoever_has_the_key() {
        let step = finished(0.5, 64.0);
        let mut proof = proven(&step, VerificationLevel::ZeroKnowledge);
        proof.statement.ranges = None;
        proof.signature = signer().sign(&proof.statement.text());
        let refused = verify(&proof, &signer().public_key());
        assert_eq!(refused, Err(Unproven::Range("execution_time_ms")));
        // Nor taken from another step.
        let mut proof = proven(&step, VerificationLevel::ZeroKnowledge);
        proof.statement.step_id.push('x');
        proof.signature = signer().sign(&proof.statement.text());
        let refused = verify(&proof, &signer().public_key());
        assert_eq!(refused, Err(Unproven::Range("every figure")));
    }

    #[test]
    fn other_values_than_those_committed_to_are_refused() {
        let step = finished(0.5, 64.0);
        let key = signer().public_key();
        for level in ALL {
            let good = proven(&step, level);
            let forge = |change: fn(&mut Opening)| {
                let mut proof = good.clone();
                change(proof.opening.as_mut().unwrap());
                verify(&proof, &key)
            };
            assert_eq!(forge(|o| o.execution_time_ms = Some(400)), Err(Unproven::Opening));
            assert_eq!(forge(|o| o.memory_kb = None), Err(Unproven::Opening));
            assert_eq!(forge(|o| o.output_sha256 = Some("00".repeat(32))), Err(Unproven::Opening));
            assert_eq!(forge(|o| o.secret = "00".repeat(32)), Err(Unproven::Opening));
        }
    }

    static PROVEN: LazyLock<String> = LazyLock::new(|| {
        let proof = proven(&finished(0.051, 128.5), VerificationLevel::ZeroKnowledge);
        to_json(&proof).to_string()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_character_of_a_proof_can_be_changed(at in 0_usize..8192, other in "[0-9a-f]") {
            let mut text = PROVEN.clone();
            let at = at % text.len();
            text.replace_range(at..=at, &other);
            // What still reads as the same proof has not been changed: hexadecimal digits have two cases.
            let changed = serde_json::from_str::<StepProof>(&text);
            let same = text == *PROVEN;
            let holds = changed.is_ok_and(|proof| verify(&proof, &signer().public_key()).is_ok());
            prop_assert_eq!(holds, same);
        }
    }
}
