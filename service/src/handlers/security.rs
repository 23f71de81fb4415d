//! Security at large: the review of a workflow, the watch over an execution, dashboard and figures.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::{Action, Input, Reply};
use crate::logic::{sandboxes, security, workflows};
use crate::store::audit::AuditFilter;
use crate::tables::security::SecurityLevel;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// How many audit logs the dashboard shows.
const RECENT: i64 = 50;

/// How many audit logs it shows of those that somebody has to look at.
const TO_INVESTIGATE: i64 = 10;

static WATCH: LazyShape = LazyLock::new(|| Shape::new([field("workflow_id", Kind::text())]));

#[derive(Debug, Deserialize)]
struct Watched {
    workflow_id: String,
}

/// `POST /security/validate-workflow/{workflow_id}`.
pub fn review() -> Action {
    Action::new("Review the security of one's workflow", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let found = writing.workflow_find(input.part("workflow_id")).await?;
        let workflow = workflows::owned(found.as_ref(), &input.caller)?;
        let (review, event) = security::review(workflow, input.caller.clone())?;
        writing.audit(&work, event).await?;
        writing.commit().await?;
        Ok(Reply::ok(&review))
    })
    .refuses(&[400, 403, 404])
    .answers(review_schema)
}

/// `POST /security/executions/{execution_id}/security-monitor`.
pub fn watch() -> Action {
    Action::new(
        "How an execution stands with regard to security",
        async |work: Work, mut input: Input| {
            let Watched { workflow_id } = input.query()?;
            let execution = input.part(super::executions::ID);
            let sandbox = work.store.sandbox_find(&sandboxes::id(execution)).await?;
            let (answer, event) =
                security::watch(execution, &workflow_id, sandbox.as_ref(), work.compatibility());
            if let Some(event) = event {
                let mut writing = work.store.write().await?;
                writing.audit(&work, event).await?;
                writing.commit().await?;
            }
            Ok(Reply::ok(&answer))
        },
    )
    .query(&WATCH)
    .answers(watch_schema)
}

/// `GET /security/security-dashboard`.
pub fn dashboard() -> Action {
    Action::new("What to look at first", async |work: Work, _: Input| {
        let owner = work.only_of().map(str::to_owned);
        let newest = |limit| AuditFilter { owner: owner.clone(), ..AuditFilter::newest(limit) };
        let recent = work.store.audit_list(&newest(RECENT)).await?;
        let to_investigate =
            AuditFilter { requires_investigation: Some(true), ..newest(TO_INVESTIGATE) };
        let to_investigate = work.store.audit_list(&to_investigate).await?;
        let audits = work.store.audit_counts(work.only_of()).await?;
        let trust = work.store.trust_counts().await?;
        let active = work.store.sandbox_count_active().await?;
        Ok(Reply::ok(&security::dashboard(&recent, &to_investigate, &audits, &trust, active)))
    })
    .answers(dashboard_schema)
}

/// `GET /security/security-stats`.
pub fn statistics() -> Action {
    Action::new("Figures over audit logs and trust scores", async |work: Work, _: Input| {
        let audits = work.store.audit_counts(work.only_of()).await?;
        let trust = work.store.trust_counts().await?;
        Ok(Reply::ok(&security::statistics(&audits, &trust)))
    })
    .answers(statistics_schema)
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn review_schema() -> Value {
    json!({"type": "object", "properties": {
        "valid": {"type": "boolean"}, "violations": texts(), "warnings": texts(),
        "required_security_level": {"type": "string", "enum": SecurityLevel::WORDS},
        "recommendations": texts(),
    }})
}

fn watch_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "execution_id": text, "workflow_id": text, "security_status": text,
        "violations": texts(), "alerts": texts(),
    }})
}

fn figures(names: &[&str]) -> Value {
    let figures = names.iter().map(|name| ((*name).to_owned(), json!({"type": "number"})));
    json!({"type": "object", "properties": figures.collect::<serde_json::Map<_, _>>()})
}

fn dashboard_schema() -> Value {
    let logs = json!({"type": "array", "items": {"type": "object"}});
    let trust = ["average_score", "total_entities", "high_trust_entities", "low_trust_entities"];
    let audits = ["total_audits", "high_risk_count", "security_violations", "risk_rate"];
    json!({"type": "object", "properties": {
        "recent_audits": logs, "high_risk_events": logs, "trust_score_stats": figures(&trust),
        "active_sandboxes": {"type": "integer"}, "security_stats": figures(&audits),
    }})
}

fn statistics_schema() -> Value {
    let health = ["high_risk_rate", "average_risk_score", "security_violation_rate"];
    json!({"type": "object", "properties": {
        "audit_statistics": {"type": "object"}, "trust_statistics": {"type": "object"},
        "security_health": figures(&health),
    }})
}
