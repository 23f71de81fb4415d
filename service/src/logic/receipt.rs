//! Receipts: what an execution's rows say, hashed and signed so that anybody can check it later.

use ed25519_dalek::VerifyingKey;
use serde_json::{Value, json};

use super::Denied;
use super::proof;
use super::signing::{Signer, hash, hash_json, is_signed};
use crate::python::{json::canonical, read, time::Stamp};
use crate::tables::agents::{Execution, StepExecution};
use crate::tables::column::ColumnValue;
use crate::tables::own::{ProofRow, Run};

/// The rows that a receipt is about.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'r> {
    /// The execution.
    pub execution: &'r Execution,
    /// Its steps in the order in which they began.
    pub steps: &'r [StepExecution],
    /// What the service has proven of them.
    pub proofs: &'r [ProofRow],
    /// The mark of an execution that this service ran; `None` when the monolith did.
    pub run: Option<&'r Run>,
}

/// The text that is hashed and signed: every fact about the finished execution, large values by their hash.
pub fn document(evidence: Evidence<'_>) -> Result<String, Denied> {
    let Evidence { execution, run, .. } = evidence;
    if !execution.status.is_final() {
        return Err(Denied::Conflict("Execution has not finished"));
    }
    Ok(canonical(&json!({
        "format": "agent-service-receipt/1",
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "client_id": execution.client_id,
        "status": execution.status.word(),
        "executor": run.map(|run| run.executor.as_str()),
        "inputs_sha256": run.map(|run| hash_json(&run.inputs.0)),
        "final_result_sha256": execution.final_result.as_ref().map(|result| hash_json(&result.0)),
        "error_message": execution.error_message,
        "started_at": execution.started_at.to_json(),
        "completed_at": execution.completed_at.to_json(),
        "total_steps": execution.total_steps.to_json(),
        "completed_steps": execution.completed_steps.to_json(),
        "total_cost": execution.total_cost.to_json(),
        "steps": steps(evidence.steps),
    })))
}

fn steps(rows: &[StepExecution]) -> Vec<Value> {
    let hashed =
        |value: &Option<_>| value.as_ref().map(|json: &crate::tables::Json| hash_json(&json.0));
    rows.iter()
        .map(|step| {
            json!({
                "id": step.id,
                "step_id": step.step_id,
                "status": step.status.word(),
                "input_sha256": hashed(&step.input_data),
                "output_sha256": hashed(&step.output_data),
                "proof_sha256": hashed(&step.step_proof),
                "verification_status": step.verification_status,
                "error_message": step.error_message,
                "started_at": step.started_at.to_json(),
                "completed_at": step.completed_at.to_json(),
            })
        })
        .collect()
}

/// The receipt of a finished execution, attested `now`.
///
/// `verified` is true only if the finished receipt passes [`verify`], no step failed its own verification, and each proof of a
/// step holds for the row as it is now.
pub fn issue(evidence: Evidence<'_>, signer: &Signer, now: Stamp) -> Result<Value, Denied> {
    let document = document(evidence)?;
    let execution = evidence.execution;
    let document_hash = hash(document.as_bytes());
    let coordinator = signer.coordinator_id();
    let timestamp = now.aware();
    let attestation = signer.sign(&attested(&coordinator, &document_hash, &timestamp));
    let recorded_at = execution.completed_at.unwrap_or(execution.updated_at).aware();
    let mut receipt = json!({
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "status": execution.status.word(),
        "receipt_id": format!("receipt_{}", execution.id),
        // Only who ran the steps signs for them; the monolith signs nothing.
        "miner_signature": evidence.run.map(|_| signer.sign(&document)),
        "coordinator_attestations": [
            {"coordinator_id": coordinator, "signature": attestation, "timestamp": timestamp},
        ],
        "minted_amount": 0,
        "recorded_at": recorded_at,
        "verified": false,
        "block_hash": hash_json(&Value::Array(steps(evidence.steps))),
        "transaction_hash": document_hash,
    });
    let key = signer.public_key();
    let passed = evidence.steps.iter().all(|s| s.verification_status.as_deref() != Some("failed"));
    let proven = proof::check_steps(evidence.steps, evidence.proofs, &key)
        .iter()
        .all(|check| check.stands(evidence.run.is_some()));
    let verified = passed && proven && verify(&receipt, &document, &key).is_ok();
    if let Value::Object(map) = &mut receipt {
        map.insert("verified".to_owned(), verified.into());
    }
    Ok(receipt)
}

/// Why a receipt does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The document does not have the receipt's hashes, or speaks of something else.
    #[error("the document is not the one that the receipt was issued for")]
    Document,
    /// A signature is missing, malformed, or not of this key.
    #[error("the {0} does not verify with this key")]
    Signature(&'static str),
}

/// Checks a receipt against its document and the service's public key.
pub fn verify(receipt: &Value, document: &str, key: &VerifyingKey) -> Result<(), Unverified> {
    let claims: Value = read::read(document).map_err(|_why| Unverified::Document)?;
    let told = |name: &str| receipt.get(name).and_then(Value::as_str);
    let document_hash = hash(document.as_bytes());
    let steps_hash = claims.get("steps").map(hash_json);
    let agrees = ["execution_id", "workflow_id", "status"]
        .iter()
        .all(|name| receipt.get(name).is_some() && receipt.get(name) == claims.get(name));
    let hashes = told("transaction_hash") == Some(&document_hash)
        && told("block_hash") == steps_hash.as_deref();
    if !agrees || !hashes {
        return Err(Unverified::Document);
    }
    // Who ran the steps is in the document; without a runner there is nothing to sign for.
    let ran_here = claims.get("executor").is_some_and(|executor| !executor.is_null());
    if ran_here || told("miner_signature").is_some() {
        check(key, document, told("miner_signature"), "miner_signature")?;
    }
    verify_attestation(receipt, key)
}

/// Checks who attests a receipt, without the document that it is about.
pub fn verify_attestation(receipt: &Value, key: &VerifyingKey) -> Result<(), Unverified> {
    let document_hash = receipt.get("transaction_hash").and_then(Value::as_str).unwrap_or_default();
    let attestations = receipt.get("coordinator_attestations").and_then(Value::as_array);
    let attestations = attestations.filter(|list| !list.is_empty());
    for attestation in attestations.ok_or(Unverified::Signature("attestation"))? {
        let part = |name: &str| attestation.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = attested(part("coordinator_id"), document_hash, part("timestamp"));
        check(key, &message, Some(part("signature")), "attestation")?;
    }
    Ok(())
}

/// The text that an attestation signs.
fn attested(coordinator: &str, document_hash: &str, timestamp: &str) -> String {
    canonical(&json!({
        "coordinator_id": coordinator,
        "timestamp": timestamp,
        "transaction_hash": document_hash,
    }))
}

fn check(
    key: &VerifyingKey,
    message: &str,
    signature: Option<&str>,
    what: &'static str,
) -> Result<(), Unverified> {
    let holds = signature.is_some_and(|signature| is_signed(key, message, signature));
    if holds { Ok(()) } else { Err(Unverified::Signature(what)) }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::logic::proof::step::tests::proven;
    use crate::tables::Json;
    use crate::tables::agents::{Status, VerificationLevel};

    pub(crate) fn at(second: u32) -> Stamp {
        Stamp::parse(&format!("2026-11-22 10:00:{second:02}.5")).unwrap()
    }

    pub(crate) fn execution(status: Status) -> Execution {
        Execution {
            id: "exec_0123456789".to_owned(),
            workflow_id: "agent_01234567".to_owned(),
            client_id: "alice".to_owned(),
            status,
            current_step: 1.into(),
            step_states: Json(json!({})),
            final_result: Some(Json(json!({"step_results": {}}))),
            execution_receipt: None,
            verification_proof: None,
            error_message: None,
            failed_step: None,
            started_at: Some(at(1)),
            completed_at: status.is_final().then(|| at(3)),
            total_execution_time: Some(2.0.into()),
            total_cost: 0.0.into(),
            total_steps: 1.into(),
            completed_steps: 1.into(),
            created_at: at(1),
            updated_at: at(3),
        }
    }

    fn finished_step(verification: Option<&str>) -> StepExecution {
        StepExecution {
            id: "step_exec_0123456789".to_owned(),
            execution_id: "exec_0123456789".to_owned(),
            step_id: "step_a".to_owned(),
            status: Status::Completed,
            input_data: Some(Json(json!({"seed": 7}))),
            output_data: Some(Json(json!({"x": 1.5}))),
            execution_time: Some(0.5.into()),
            gpu_accelerated: false,
            memory_usage: Some(64.0.into()),
            step_proof: None,
            verification_status: verification.map(str::to_owned),
            error_message: None,
            retry_count: 0.into(),
            started_at: Some(at(1)),
            completed_at: Some(at(2)),
            created_at: at(1),
            updated_at: at(2),
        }
    }

    pub(crate) fn own_run() -> Run {
        Run {
            execution_id: "exec_0123456789".to_owned(),
            inputs: Json(json!({"seed": 7})),
            executor: "simulated".to_owned(),
            lease_owner: None,
            lease_token: None,
            lease_until: None,
            attempts: 0.into(),
            recorded_at: at(1),
            finished_at: Some(at(3)),
        }
    }

    fn receipt_of(steps: &[StepExecution], run: Option<&Run>) -> (Value, String) {
        let execution = execution(Status::Completed);
        let evidence = Evidence { execution: &execution, steps, proofs: &[], run };
        let signer = Signer::new(&[7; 32]);
        (issue(evidence, &signer, at(9)).unwrap(), document(evidence).unwrap())
    }

    #[test]
    fn a_receipt_verifies_with_the_public_key_alone() {
        let (receipt, document) = receipt_of(&[finished_step(Some("verified"))], Some(&own_run()));
        let key = Signer::new(&[7; 32]).public_key();
        assert_eq!(verify(&receipt, &document, &key), Ok(()));
        assert_eq!(receipt["verified"], true);
        assert_eq!(receipt["recorded_at"], "2026-11-22T10:00:03.500000+00:00");
        let names: Vec<&String> = receipt.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "execution_id",
                "workflow_id",
                "status",
                "receipt_id",
                "miner_signature",
                "coordinator_attestations",
                "minted_amount",
                "recorded_at",
                "verified",
                "block_hash",
                "transaction_hash",
            ]
        );
        let stranger = Signer::new(&[8; 32]).public_key();
        let refused = verify(&receipt, &document, &stranger);
        assert_eq!(refused, Err(Unverified::Signature("miner_signature")));
    }

    #[test]
    fn nothing_in_a_receipt_can_be_changed() {
        let (receipt, document) = receipt_of(&[finished_step(None)], Some(&own_run()));
        let key = Signer::new(&[7; 32]).public_key();
        for name in ["execution_id", "workflow_id", "status", "block_hash", "transaction_hash"] {
            let mut forged = receipt.clone();
            forged[name] = "failed".into();
            assert_eq!(verify(&forged, &document, &key), Err(Unverified::Document), "{name}");
        }
        for part in ["coordinator_id", "signature", "timestamp"] {
            let mut forged = receipt.clone();
            forged["coordinator_attestations"][0][part] = "00".into();
            assert_eq!(
                verify(&forged, &document, &key),
                Err(Unverified::Signature("attestation")),
                "{part}"
            );
        }
        for name in ["miner_signature", "coordinator_attestations"] {
            let mut forged = receipt.clone();
            forged[name] = Value::Null;
            assert!(verify(&forged, &document, &key).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_not_so_is_not_claimed() {
        let running = execution(Status::Running);
        let evidence = Evidence { execution: &running, steps: &[], proofs: &[], run: None };
        let refused = issue(evidence, &Signer::new(&[7; 32]), at(9));
        assert_eq!(refused, Err(Denied::Conflict("Execution has not finished")));

        let (by_monolith, document) = receipt_of(&[], None);
        assert_eq!(
            (&by_monolith["miner_signature"], &by_monolith["verified"]),
            (&Value::Null, &json!(true))
        );
        assert!(document.contains("\"executor\":null"));

        let (failed, _) = receipt_of(&[finished_step(Some("failed"))], Some(&own_run()));
        assert_eq!(failed["verified"], false);
    }

    #[test]
    fn a_step_that_is_not_what_was_proven_is_not_verified() {
        let (execution, run) = (execution(Status::Completed), own_run());
        let mut step = finished_step(Some("verified"));
        step.step_proof = Some(Json(json!({"verified": true})));
        let proofs = [proven(&step, VerificationLevel::Full).row(at(2))];
        let is_verified = |step: &StepExecution, proofs: &[ProofRow], run: Option<&Run>| {
            let steps = std::slice::from_ref(step);
            let evidence = Evidence { execution: &execution, steps, proofs, run };
            issue(evidence, &Signer::new(&[7; 32]), at(9)).unwrap()["verified"] == true
        };
        assert!(is_verified(&step, &proofs, Some(&run)));
        assert!(!is_verified(&step, &[], Some(&run)), "somebody removed the proof");
        assert!(is_verified(&step, &[], None), "the monolith leaves no proof");
        step.output_data = Some(Json(json!({"x": 2})));
        assert!(!is_verified(&step, &proofs, Some(&run)), "somebody changed the output");
    }

    static ISSUED: LazyLock<(Value, String)> =
        LazyLock::new(|| receipt_of(&[finished_step(None)], Some(&own_run())));

    proptest! {
        #[test]
        fn any_other_document_is_refused(at in 0_usize..400, byte in 0_u8..128) {
            let (receipt, document) = &*ISSUED;
            let mut bytes = document.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            let key = Signer::new(&[7; 32]).public_key();
            prop_assert_eq!(verify(receipt, &changed, &key).is_ok(), changed == *document);
        }
    }
}
