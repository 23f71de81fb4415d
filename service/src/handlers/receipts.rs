//! Receipts of finished executions, the documents they are about, and the key that verifies them.

use serde_json::{Value, json};

use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::receipt::{self, Evidence};
use crate::logic::signing::Signer;
use crate::python::time::Stamp;
use crate::tables::agents::{Execution, Status, StepExecution};
use crate::tables::own::{ProofRow, Run};
use crate::work::Work;

/// `GET /executions/{execution_id}/receipt`.
pub fn show() -> Action {
    Action::new("The signed receipt of a finished execution", async |work: Work, input: Input| {
        let rows = Rows::of(&work, &input).await?;
        Ok(Reply::ok(&rows.attest(&work, receipt::issue).await?))
    })
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// `GET /executions/{execution_id}/receipt/document`: exactly the bytes that are hashed and signed.
pub fn document() -> Action {
    Action::new("The document that a receipt is about", async |work: Work, input: Input| {
        let rows = Rows::of(&work, &input).await?;
        Ok(Reply::text("application/json", receipt::document(rows.evidence())?))
    })
    .refuses(&[403, 404, 409])
    .answers(document_schema)
}

/// `GET /receipts/public-key`.
pub fn public_key() -> Action {
    Action::new("The key that verifies receipts", async |work: Work, _: Input| {
        let key = json!({
            "algorithm": "Ed25519",
            "coordinator_id": work.signer().coordinator_id(),
            "public_key_hex": hex::encode(work.signer().public_key().as_bytes()),
        });
        Ok(Reply::ok(&key))
    })
    .open()
    .answers(|| {
        let text = json!({"type": "string"});
        json!({
            "type": "object",
            "required": ["algorithm", "coordinator_id", "public_key_hex"],
            "properties": {"algorithm": text, "coordinator_id": text, "public_key_hex": text},
        })
    })
}

/// The form of a receipt.
pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let attestation = json!({
        "type": "object",
        "required": ["coordinator_id", "signature", "timestamp"],
        "properties": {"coordinator_id": text, "signature": text, "timestamp": text},
    });
    json!({
        "type": "object",
        "required": [
            "execution_id", "workflow_id", "status", "receipt_id", "miner_signature",
            "coordinator_attestations", "minted_amount", "recorded_at", "verified", "block_hash",
            "transaction_hash",
        ],
        "properties": {
            "execution_id": text, "workflow_id": text,
            "status": {"type": "string", "enum": Status::WORDS}, "receipt_id": text,
            "miner_signature": {"type": ["string", "null"]},
            "coordinator_attestations": {"type": "array", "items": attestation},
            "minted_amount": {"type": "integer"}, "recorded_at": text,
            "verified": {"type": "boolean"}, "block_hash": text, "transaction_hash": text,
        },
    })
}

fn document_schema() -> Value {
    let (text, object) = (json!({"type": "string"}), json!({"type": "object"}));
    json!({
        "type": "object",
        "required": ["format", "execution_id", "workflow_id", "status", "executor", "steps"],
        "properties": {
            "format": text, "execution_id": text, "workflow_id": text,
            "status": {"type": "string", "enum": Status::WORDS},
            "executor": {"type": ["string", "null"]},
            "steps": {"type": "array", "items": object},
        },
    })
}

/// What receipts and proofs of one execution are made from.
pub(super) struct Rows {
    execution: Execution,
    steps: Vec<StepExecution>,
    proofs: Vec<ProofRow>,
    run: Option<Run>,
}

impl Rows {
    /// The rows of the execution in the path, for who ran it and for the owner of its workflow.
    pub(super) async fn of(work: &Work, input: &Input) -> Result<Self, ApiError> {
        let execution = work.store.execution_find(input.part(super::executions::ID)).await?;
        let execution = execution.ok_or(Denied::NotFound("Execution"))?;
        if execution.client_id != input.caller {
            let workflow = work.store.workflow_find(&execution.workflow_id).await?;
            let owner = workflow.is_some_and(|workflow| workflow.owner_id == input.caller);
            if !owner {
                return Err(Denied::Forbidden.into());
            }
        }
        let steps = work.store.step_execution_list(&execution.id).await?;
        let proofs = work.store.proof_list(&execution.id).await?;
        let run = work.store.run_find(&execution.id).await?;
        Ok(Self { execution, steps, proofs, run })
    }

    /// What is issued on these rows. To check proofs takes long, so that is done apart; without any there is nothing to
    /// wait for.
    pub(super) async fn attest(
        self,
        work: &Work,
        issue: fn(Evidence<'_>, &Signer, Stamp) -> Result<Value, Denied>,
    ) -> Result<Value, ApiError> {
        let (signer, now) = (work.signer().clone(), work.now());
        if self.proofs.is_empty() {
            return Ok(issue(self.evidence(), &signer, now)?);
        }
        Ok(work.calculate(move || issue(self.evidence(), &signer, now)).await??)
    }

    fn evidence(&self) -> Evidence<'_> {
        let Self { execution, steps, proofs, run } = self;
        Evidence { execution, steps, proofs, run: run.as_ref() }
    }
}
