//! The proofs of an execution.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::executions::ID;
use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::audit::Event;
use crate::logic::proof::document::MOST_STEPS;
use crate::logic::zk::{self, Proven, Prover};
use crate::logic::{Denied, given_steps};
use crate::tables::agents::{Execution, StepExecution, VerificationLevel, Workflow};
use crate::tables::own::ProofRow;
use crate::tables::security::{AuditEventType, SecurityLevel};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static LEVEL: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("verification_level", Kind::Choice(VerificationLevel::WORDS)).default("basic")
    ])
});

#[derive(Debug, Deserialize)]
struct Query {
    verification_level: VerificationLevel,
}

/// `POST /integrations/zk/{execution_id}`.
pub fn integrate() -> Action {
    Action::new("Check the proofs of an execution", async |work: Work, mut input: Input| {
        let Query { verification_level: level } = input.query()?;
        let execution = work.store.execution_find(input.part(ID)).await?;
        let execution = execution.ok_or(Denied::NotFound("Execution"))?;
        let workflow = work.store.workflow_find(&execution.workflow_id).await?;
        let workflow = workflow.filter(|workflow| workflow.owner_id == input.caller);
        let workflow = workflow.ok_or(Denied::Forbidden)?;
        let proven = prove(&work, &execution, &workflow, level).await?;
        let answer = zk::integration(&execution, level, &proven, &work.id("proof_", 8));
        let event = Event {
            execution_id: Some(execution.id.clone()),
            ..Event::of(AuditEventType::VerificationCompleted, SecurityLevel::Internal)
        };
        let event =
            event.data(json!({"integration_result": answer, "verification_level": level.word()}));
        let mut writing = work.store.write().await?;
        writing.audit(&work, event).await?;
        writing.commit().await?;
        Ok(Reply::ok(&answer))
    })
    .query(&LEVEL)
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// The proofs of the steps that ask for one.
async fn prove(
    work: &Work,
    execution: &Execution,
    workflow: &Workflow,
    level: VerificationLevel,
) -> Result<Vec<Proven>, ApiError> {
    let executed = work.store.step_execution_list(&execution.id).await?;
    let rows = work.store.step_list(&workflow.id).await?;
    // Steps that cannot be read have never run.
    let steps = given_steps::to_run(rows, workflow, work.compatibility());
    let steps = steps.map_or_else(|_why| Vec::new(), |given| given.steps);
    let steps = zk::to_prove(executed, &steps);
    if steps.len() > MOST_STEPS {
        return Err(Denied::Conflict("Execution has too many steps to prove at once").into());
    }
    let proofs = work.store.proof_list(&execution.id).await?;
    let proofs: BTreeMap<String, ProofRow> =
        proofs.into_iter().map(|row| (row.step_execution_id.clone(), row)).collect();
    let run = work.store.run_find(&execution.id).await?;
    let prover = Prover::new(level, run, work.signer().clone());
    let steps: Vec<(StepExecution, String, String)> =
        steps.into_iter().map(|step| (step, work.id("proof_", 8), work.secret())).collect();
    let one = move |(step, proof_id, secret): (StepExecution, String, String)| {
        let began = Instant::now();
        let checked = prover.prove(&step, proofs.get(&step.id), secret);
        Proven { step_id: step.step_id, proof_id, checked, seconds: began.elapsed().as_secs_f64() }
    };
    Ok(work.calculate(move || steps.into_iter().map(one).collect()).await?)
}

fn schema() -> Value {
    let objects = json!({"type": "array", "items": {"type": "object"}});
    json!({"type": "object",
        "required": ["execution_id", "integration_status", "zk_proofs_generated", "verification_results",
                     "integration_errors", "workflow_proof", "workflow_verification"],
        "properties": {
            "execution_id": {"type": "string"}, "integration_status": {"type": "string"},
            "zk_proofs_generated": objects, "verification_results": objects,
            "integration_errors": objects,
            "workflow_proof": {"type": "object"}, "workflow_verification": {"type": "object"},
        },
    })
}
