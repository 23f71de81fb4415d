//! The proof of one step: a signed statement about a commitment, which anybody can check with the service's public key.

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::signing::{Signer, is_signed};
use super::super::verification::{self, Verification};
use super::range::{self, Limit, Ranges};
use super::{Opening, Unproven};
use crate::python::{json::canonical, time::Stamp};
use crate::tables::Json;
use crate::tables::agents::{StepExecution, VerificationLevel};
use crate::tables::own::ProofRow;

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

    /// The level, where it is one that this program knows.
    pub fn level(&self) -> Option<VerificationLevel> {
        VerificationLevel::from_word(&self.level)
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
    /// Its size in bytes: statement and signature.
    pub fn size(&self) -> usize {
        self.statement.text().len() + self.signature.len()
    }

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
    if !is_signed(key, &statement.text(), signature) {
        return Err(Unproven::Signature("statement"));
    }
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
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::logic::verification::tests::finished;

    pub(crate) fn signer() -> Signer {
        Signer::new(&[7; 32])
    }

    pub(crate) fn proven(step: &StepExecution, level: VerificationLevel) -> StepProof {
        let verification = verification::verify(step, level);
        prove(step, &verification, "simulated", "5e".repeat(32), &signer()).unwrap()
    }

    #[test]
    fn every_level_is_proven_and_kept() {
        let step = finished(0.051, 128.5);
        let key = signer().public_key();
        for &level in VerificationLevel::ALL {
            let proof = proven(&step, level);
            assert_eq!(verify(&proof, &key), Ok(()));
            assert_eq!(StepProof::read(&proof.row(step.updated_at)), Ok(proof.clone()));
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
        for &level in VerificationLevel::ALL {
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
