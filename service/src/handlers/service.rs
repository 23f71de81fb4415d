//! The service itself: is it well, which build is it, what has it counted.

use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use crate::http::error::chain;
use crate::http::{Action, ApiError, Input, Reply};
use crate::schema::{self, OwnTables, Severity, needed, versions};
use crate::tables;
use crate::work::Work;

const BUILD_HEADER: HeaderName = HeaderName::from_static("x-build-id");

/// `GET /health`: the monolith's body, and the build in the header `X-Build-Id`.
pub fn health() -> Action {
    Action::new("Whether the service and its database answer", async |work: Work, _: Input| {
        if let Err(error) = work.store.ping().await {
            tracing::warn!(error = chain(&error), "the database does not answer");
            return Err(ApiError::detail(
                StatusCode::SERVICE_UNAVAILABLE,
                "The database does not answer",
            ));
        }
        let body = json!({"status": "healthy", "service": "aitbc-agent-management"});
        Ok(Reply::ok(&body).with_header(BUILD_HEADER, work.build_id().header()))
    })
    .open()
    .refuses(&[503])
    .answers(|| texts(&["status", "service"]))
}

/// `GET /health/schema`: for the gate of a cutover. 503 where this build could not read or write what the database holds, or
/// where a shared table is not as it was when somebody last looked.
pub fn schema_check() -> Action {
    let about = "Whether the database is as this build needs it";
    Action::new(about, async |work: Work, _: Input| {
        let there = work.store.schema().await?;
        let mut found = schema::judge(&needed::schema(), None, &there, OwnTables::MustBeThere);
        // A later build may have changed the service's own tables while this one runs.
        let recorded = work.store.own_version(&there).await?;
        found.extend(recorded.and_then(versions::finding));
        found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let is_broken = found.iter().any(|finding| finding.severity > Severity::Harmless);
        let snapshot = work.schema_snapshot();
        let mut findings = snapshot.map(|snapshot| snapshot.drift(&there)).unwrap_or_default();
        let (status, word) = if is_broken || !findings.is_empty() {
            (StatusCode::SERVICE_UNAVAILABLE, "drifted")
        } else {
            (StatusCode::OK, "as needed")
        };
        findings.extend(found);
        let body = json!({
            "status": word, "tables": tables::ALL.len(), "findings": findings,
            "snapshot": snapshot.map(|snapshot| snapshot.taken_at),
        });
        Ok(Reply::json(status, &body))
    })
    .open()
    .refuses(&[503])
    .answers(|| {
        let text = json!({"type": "string"});
        let finding = json!({"type": "object", "properties": {
            "table": text, "column": {"type": ["string", "null"]}, "message": text,
            "remedy": {"type": ["string", "null"]},
            "severity": {"type": "string", "enum": [
                "harmless", "monolith_would_break", "service_cannot_write", "service_cannot_read",
            ]},
            "breaks": {"type": "array", "items": {"type": "object", "properties": {
                "program": {"type": "string", "enum": ["service", "monolith"]},
                "operation": {"type": "string", "enum": ["read", "insert", "update", "delete"]},
            }}},
        }});
        json!({"type": "object", "properties": {
            "status": {"type": "string", "enum": ["as needed", "drifted"]},
            "tables": {"type": "integer"}, "findings": {"type": "array", "items": finding},
            "snapshot": {"type": ["string", "null"], "format": "date-time"},
        }})
    })
}

/// `GET /`.
pub fn banner() -> Action {
    Action::new("A greeting", async |_: Work, _: Input| {
        Ok(Reply::ok(&json!({"message": "Welcome to AITBC Agent Management Service"})))
    })
    .open()
    .answers(super::message_schema)
}

/// `GET /version`.
pub fn version() -> Action {
    Action::new("The build that runs", async |work: Work, _: Input| {
        let body = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "build_id": work.build_id().as_str(),
            "compatibility": work.compatibility().word(),
            "executor": work.executor().word(),
        });
        Ok(Reply::ok(&body))
    })
    .open()
    .answers(|| texts(&["version", "build_id", "compatibility", "executor"]))
}

/// `GET /metrics`.
pub fn metrics() -> Action {
    Action::new("What the service counts, for Prometheus", async |work: Work, _: Input| {
        let text = work.figures().map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(Reply::text("application/openmetrics-text; version=1.0.0; charset=utf-8", text))
    })
    .open()
    .answers_text("application/openmetrics-text")
}

/// `GET /test`.
pub fn test() -> Action {
    Action::new("Whether the router works", async |work: Work, _: Input| {
        let body = json!({
            "message": "Agent router is working",
            "timestamp": work.now().aware(),
        });
        Ok(Reply::ok(&body))
    })
    .open()
    .answers(super::message_schema)
}

/// An object of texts with these names.
fn texts(names: &[&str]) -> Value {
    let fields: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "object", "required": names, "properties": fields})
}
