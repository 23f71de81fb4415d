//! The proof document of an execution: receipt and step proofs in one signed file, to be handed to others.

use ed25519_dalek::VerifyingKey;
use serde::Deserialize as _;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::Denied;
use super::super::receipt::{self, Evidence};
use super::super::signing::{self, Signer, is_signed};
use super::Unproven;
use super::step::{self, StepProof};
use crate::python::{json::canonical, time::Stamp};

/// What the field `format` of a document says.
pub const FORMAT: &str = "agent-service-proof/1";

/// The most step proofs in one document; each takes a millisecond or two to check.
pub const MOST_STEPS: usize = 1000;

/// What a document that holds says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The execution.
    pub execution_id: String,
    /// How it ended.
    pub status: String,
    /// Whether, when the document was issued, no step had failed its checks and every step was still as it was proven.
    pub verified: bool,
    /// Who attests it.
    pub coordinator_id: String,
    /// Its proven steps.
    pub steps: Vec<StepVerdict>,
}

/// What the proof of one step says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepVerdict {
    /// The step.
    pub step_id: String,
    /// What ran it.
    pub executor: String,
    /// How thoroughly it was checked.
    pub level: String,
    /// Whether it passed.
    pub verified: bool,
    /// Whether inputs, outputs and timing are shown (as hashes and figures).
    pub shown: bool,
    /// The figures proven to be within their limits without being shown.
    pub proven: Vec<String>,
}

/// The document of a finished execution, attested `now`.
pub fn issue(evidence: Evidence<'_>, signer: &Signer, now: Stamp) -> Result<Value, Denied> {
    let proofs = evidence.proofs;
    if proofs.len() > MOST_STEPS {
        return Err(Denied::Conflict("Execution has too many proven steps for one document"));
    }
    let receipt = receipt::issue(evidence, signer, now)?;
    let steps: Result<Vec<Value>, Unproven> =
        proofs.iter().map(|row| Ok(step::to_json(&StepProof::read(row)?.shown()))).collect();
    let steps = steps.map_err(|_why| Denied::Conflict("A stored proof is damaged"))?;
    let mut document = json!({
        "format": FORMAT,
        "execution_id": evidence.execution.id,
        "workflow_id": evidence.execution.workflow_id,
        "status": evidence.execution.status.word(),
        "public_key_hex": hex::encode(signer.public_key().as_bytes()),
        "receipt": receipt,
        "steps": steps,
    });
    let signature = signer.sign(&canonical(&document));
    if let Value::Object(map) = &mut document {
        map.insert("signature".to_owned(), signature.into());
    }
    Ok(document)
}

/// Checks a document with the service's public key: its signature, its receipt, and the proof of each step.
pub fn verify(document: &Value, key: &VerifyingKey) -> Result<Verdict, Unproven> {
    let fields = document.as_object().ok_or(Unproven::Malformed("document"))?;
    let told = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let steps = fields.get("steps").and_then(Value::as_array);
    let steps = steps.filter(|steps| steps.len() <= MOST_STEPS && told("format") == FORMAT);
    let steps = steps.ok_or(Unproven::Malformed("document"))?;
    let unsigned: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| *name != "signature")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !is_signed(key, &canonical(&Value::Object(unsigned)), told("signature")) {
        return Err(Unproven::Signature("document"));
    }
    let receipt = fields.get("receipt").unwrap_or(&Value::Null);
    receipt::verify_attestation(receipt, key)?;
    for name in ["execution_id", "workflow_id", "status"] {
        if receipt.get(name) != fields.get(name) {
            return Err(Unproven::Stranger("receipt"));
        }
    }
    let verdicts = steps.iter().map(|step| verify_step(step, told("execution_id"), key));
    Ok(Verdict {
        execution_id: told("execution_id").to_owned(),
        status: told("status").to_owned(),
        // Not attested by itself, but the signature of the document covers it.
        verified: receipt.get("verified") == Some(&Value::Bool(true)),
        coordinator_id: signing::coordinator_id(key),
        steps: verdicts.collect::<Result<_, _>>()?,
    })
}

fn verify_step(step: &Value, execution: &str, key: &VerifyingKey) -> Result<StepVerdict, Unproven> {
    let proof = StepProof::deserialize(step).map_err(|_why| Unproven::Malformed("step proof"))?;
    if proof.statement.execution_id != execution {
        return Err(Unproven::Stranger("step proof"));
    }
    step::verify(&proof, key)?;
    let StepProof { statement, opening, .. } = proof;
    let figures = statement.ranges.map(|ranges| ranges.figures).unwrap_or_default();
    Ok(StepVerdict {
        step_id: statement.step_id,
        executor: statement.executor,
        level: statement.level,
        verified: statement.verified,
        shown: opening.is_some(),
        proven: figures.into_iter().map(|figure| figure.name).collect(),
    })
}

/// The key that a document names. Whoever wrote the document chose it: compare it with the service's own.
pub fn named_key(document: &Value) -> Result<VerifyingKey, Unproven> {
    let digits = document.get("public_key_hex").and_then(Value::as_str).unwrap_or_default();
    signing::key_from_hex(digits).ok_or(Unproven::Malformed("public key"))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::proof::step::tests::{proven, signer};
    use crate::logic::receipt::tests::{at, execution, own_run};
    use crate::logic::verification::tests::finished;
    use crate::tables::agents::{Status, StepExecution, VerificationLevel};
    use crate::tables::own::ProofRow;

    fn steps() -> Vec<StepExecution> {
        ["a", "b"]
            .map(|name| {
                let mut step = finished(0.051, 128.5);
                step.execution_id = execution(Status::Completed).id;
                step.id = format!("step_exec_{name}");
                step.step_id = format!("step_{name}");
                step
            })
            .to_vec()
    }

    fn document() -> Value {
        document_of(&steps(), &steps())
    }

    /// The document of an execution whose rows are `steps`, and were `proven_steps` when they were proven.
    fn document_of(steps: &[StepExecution], proven_steps: &[StepExecution]) -> Value {
        let levels = [VerificationLevel::Full, VerificationLevel::ZeroKnowledge];
        let pairs = proven_steps.iter().zip(levels);
        let rows: Vec<ProofRow> =
            pairs.map(|(step, level)| proven(step, level).row(at(2))).collect();
        let (execution, run) = (execution(Status::Completed), own_run());
        let evidence = Evidence { execution: &execution, steps, proofs: &rows, run: Some(&run) };
        issue(evidence, &signer(), at(9)).unwrap()
    }

    /// Signed again by whoever has the key.
    fn signed(mut document: Value) -> Value {
        document.as_object_mut().unwrap().shift_remove("signature");
        let signature = signer().sign(&canonical(&document));
        document["signature"] = signature.into();
        document
    }

    #[test]
    fn a_document_verifies_with_the_public_key_alone() {
        let document = document();
        let verdict = verify(&document, &signer().public_key()).unwrap();
        insta::assert_json_snapshot!(verdict, @r#"
        {
          "execution_id": "exec_0123456789",
          "status": "completed",
          "verified": true,
          "coordinator_id": "agent-service:fe812c12f3ab4ce6",
          "steps": [
            {
              "step_id": "step_a",
              "executor": "simulated",
              "level": "full",
              "verified": true,
              "shown": true,
              "proven": []
            },
            {
              "step_id": "step_b",
              "executor": "simulated",
              "level": "zero-knowledge",
              "verified": true,
              "shown": false,
              "proven": [
                "execution_time_ms",
                "memory_kb"
              ]
            }
          ]
        }
        "#);
        assert_eq!(named_key(&document), Ok(signer().public_key()));
        let stranger = Signer::new(&[8; 32]).public_key();
        assert_eq!(verify(&document, &stranger), Err(Unproven::Signature("document")));
    }

    #[test]
    fn a_document_about_rows_that_were_changed_says_so() {
        let mut changed = steps();
        changed[1].output_data = Some(crate::tables::Json(json!({"prediction": "forged"})));
        let verdict = verify(&document_of(&changed, &steps()), &signer().public_key()).unwrap();
        assert!(!verdict.verified);
        assert!(verdict.steps.iter().all(|step| step.verified), "as they were when they ended");
    }

    #[test]
    fn parts_of_different_executions_do_not_make_a_document() {
        let key = signer().public_key();
        let mut mixed = document();
        mixed["receipt"]["execution_id"] = "exec_9".into();
        assert_eq!(verify(&signed(mixed), &key), Err(Unproven::Stranger("receipt")));
        let mut mixed = document();
        mixed["execution_id"] = "exec_9".into();
        mixed["receipt"]["execution_id"] = "exec_9".into();
        assert_eq!(verify(&signed(mixed), &key), Err(Unproven::Stranger("step proof")));
        let mut forged = document();
        forged["receipt"]["transaction_hash"] = "00".repeat(32).into();
        assert!(matches!(verify(&signed(forged), &key), Err(Unproven::Receipt(_))));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let key = signer().public_key();
        let mut many = document();
        many["steps"] = vec![json!({}); MOST_STEPS + 1].into();
        for document in [json!(null), json!([]), json!({}), json!({"format": FORMAT}), many] {
            assert_eq!(verify(&document, &key), Err(Unproven::Malformed("document")));
        }
        assert!(named_key(&json!({"public_key_hex": "zz"})).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_character_of_a_document_can_be_changed(at in 0_usize..16_384, other in "[0-9a-z]") {
            let original = document().to_string();
            let mut text = original.clone();
            let at = at % text.len();
            text.replace_range(at..=at, &other);
            let holds = serde_json::from_str(&text)
                .is_ok_and(|changed: Value| verify(&changed, &signer().public_key()).is_ok());
            prop_assert_eq!(holds, text == original);
        }
    }
}
