//! The audit log: list, show, and the check of the chain over what this service wrote to it.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::audit_chain::{Break, Fault, Report, Walk, sequence, signed};
use crate::store::audit::AuditFilter;
use crate::tables::Record;
use crate::tables::security::{AuditEventType, AuditLog, SecurityLevel};
use crate::validation::kind::Bounds;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// Links that are read at once.
const BATCH: i64 = 500;

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("event_type", Kind::Choice(AuditEventType::WORDS)).optional(),
        field("workflow_id", Kind::text()).optional(),
        field("execution_id", Kind::text()).optional(),
        field("user_id", Kind::text()).optional(),
        field("security_level", Kind::Choice(SecurityLevel::WORDS)).optional(),
        field("requires_investigation", Kind::Boolean).optional(),
        field("risk_score_min", Kind::integer()).optional(),
        field("risk_score_max", Kind::integer()).optional(),
        field("limit", Kind::integer()).default(100),
        field("offset", Kind::integer()).default(0),
    ])
});

#[derive(Debug, Deserialize)]
struct Query {
    event_type: Option<AuditEventType>,
    workflow_id: Option<String>,
    execution_id: Option<String>,
    user_id: Option<String>,
    security_level: Option<SecurityLevel>,
    requires_investigation: Option<bool>,
    risk_score_min: Option<i64>,
    risk_score_max: Option<i64>,
    limit: i64,
    offset: i64,
}

static VERIFICATION: LazyShape = LazyLock::new(|| {
    let from_zero = || Kind::Integer(Bounds { ge: Some(0.0), le: None });
    Shape::new([
        field("after", from_zero()).default(0),
        field("limit", Kind::integer_within(1, 100_000)).default(10_000),
        field("head_sequence", from_zero()).optional(),
        field("head_link", Kind::text()).optional(),
    ])
    .rule(|query| {
        let both = query.contains_key("head_sequence") == query.contains_key("head_link");
        both.then_some(()).ok_or_else(|| "head_sequence and head_link belong together".to_owned())
    })
});

#[derive(Debug, Deserialize)]
struct Verification {
    after: i64,
    limit: i64,
    head_sequence: Option<i64>,
    head_link: Option<String>,
}

/// `GET /security/audit-logs`.
pub fn list() -> Action {
    Action::new("List audit logs, newest first", async |work: Work, mut input: Input| {
        let query: Query = input.query()?;
        let owner = work.only_of().map(str::to_owned);
        let found = work.store.audit_list(&query.into_filter(owner)).await?;
        Ok(Reply::rows(&found))
    })
    .query(&FILTER)
    .answers(list_schema)
}

/// `GET /security/audit-logs/{audit_id}`.
pub fn show() -> Action {
    Action::new("Show an audit log", async |work: Work, input: Input| {
        let found = work.store.audit_find(input.part("audit_id")).await?;
        let log = found.ok_or(Denied::NotFound("Audit log"))?;
        if work.only_of().is_some_and(|user| log.user_id.as_deref() != Some(user)) {
            return Err(Denied::Forbidden.into());
        }
        Ok(Reply::ok(&log.to_json()))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

/// `GET /security/audit-logs/verification`: the service's own.
pub fn verification() -> Action {
    Action::new(
        "Check that nobody tampered with audit logs",
        async |work: Work, mut input: Input| {
            let query: Verification = input.query()?;
            Ok(Reply::ok(&verify(&work, query).await?.to_json()))
        },
    )
    .query(&VERIFICATION)
    .answers(report_schema)
}

/// Follows the chain from where the query says, link by link, until one does not fit.
async fn verify(work: &Work, query: Verification) -> Result<Report, ApiError> {
    let head = work.store.audit_head().await?;
    let mut report = Report::new(query.after, head.clone());
    report.outside = work.store.audit_count_unlinked().await?;
    if let (Some(place), Some(earlier)) = (query.head_sequence, query.head_link) {
        let found = work.store.audit_link(place).await?;
        if found.is_none_or(|found| found.link != earlier) {
            return Ok(report.broken(Break::missing(place, Fault::HeadGone)));
        }
    }
    let Some(head) = head else { return Ok(report) };
    let end = query.after.saturating_add(query.limit).min(sequence(&head));
    let start = work.store.audit_link(query.after).await?;
    if start.is_none() && (1..end).contains(&query.after) {
        return Ok(report.broken(Break::missing(query.after, Fault::LinkMissing)));
    }
    let mut walk = Walk::after(start.as_ref());
    while report.checked_up_to < end {
        let (links, rows) = work.store.audit_links(report.checked_up_to, end, BATCH).await?;
        if links.is_empty() {
            let missing = report.checked_up_to.saturating_add(1);
            return Ok(report.broken(Break::missing(missing, Fault::LinkMissing)));
        }
        if let Err(broken) = walk.follow(&links, &rows) {
            report.checked_up_to = walk.reached();
            return Ok(report.broken(broken));
        }
        if let Err(broken) = signed(&links, &head, work.signer()) {
            return Ok(report.broken(broken));
        }
        report.checked_up_to = walk.reached();
    }
    Ok(report)
}

impl Query {
    /// An empty text is no condition.
    fn into_filter(self, owner: Option<String>) -> AuditFilter {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        AuditFilter {
            event_type: self.event_type,
            workflow_id: given(self.workflow_id),
            execution_id: given(self.execution_id),
            user_id: given(self.user_id),
            owner,
            security_level: self.security_level,
            requires_investigation: self.requires_investigation,
            risk_score_min: self.risk_score_min,
            risk_score_max: self.risk_score_max,
            limit: self.limit,
            offset: self.offset,
        }
    }
}

fn schema() -> Value {
    of_table(&AuditLog::TABLE)
}

fn list_schema() -> Value {
    json!({"type": "array", "items": schema()})
}

fn report_schema() -> Value {
    let (whole, text) = (json!({"type": "integer"}), json!({"type": "string"}));
    let broken = json!({"type": "object", "properties": {
        "sequence": whole, "audit_id": {"anyOf": [text, {"type": "null"}]},
        "problem": text, "explanation": text,
    }});
    let head = json!({"type": "object", "properties": {
        "sequence": whole, "link": text, "signature": text, "signed_by": text,
    }});
    json!({"type": "object", "properties": {
        "intact": {"type": "boolean"}, "complete": {"type": "boolean"},
        "checked_after": whole, "checked_up_to": whole,
        "first_broken": {"anyOf": [broken, {"type": "null"}]},
        "head": {"anyOf": [head, {"type": "null"}]},
        "logs_outside_the_chain": whole,
    }})
}
