//! The proofs of an execution.

use std::sync::LazyLock;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::executions::ID;
use crate::http::endpoint::LazyShape;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::audit::Event;
use crate::logic::zk::{self, Proven};
use crate::tables::agents::VerificationLevel;
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
        if workflow.is_none_or(|workflow| workflow.owner_id != input.caller) {
            return Err(Denied::Forbidden.into());
        }
        let executed = work.store.step_execution_list(&execution.id).await?;
        let steps = work.store.step_list(&execution.workflow_id).await?;
        let proven: Vec<Proven<'_>> = zk::to_prove(&executed, &steps)
            .into_iter()
            .map(|step| {
                let began = Instant::now();
                let checked = zk::check(step, level);
                let seconds = began.elapsed().as_secs_f64();
                Proven { step: Some(step), proof_id: work.id("proof_", 8), checked, seconds }
            })
            .collect();
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
    .refuses(&[403, 404])
    .answers(schema)
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
