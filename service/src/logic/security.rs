//! Security of workflows and executions: what is wrong with one, and figures over all.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Denied;
use super::audit::Event;
use super::sandboxes;
use crate::compatibility::Compatibility;
use crate::python::repr::repr;
use crate::store::audit::AuditCounts;
use crate::store::trust_scores::TrustCounts;
use crate::tables::Record as _;
use crate::tables::agents::{VerificationLevel, Workflow};
use crate::tables::column::ColumnValue as _;
use crate::tables::security::{AuditEventType, AuditLog, Sandbox, SecurityLevel};

/// Seconds from which on a workflow counts as long.
const LONG_SECONDS: f64 = 3600.0;

/// Kinds of steps that deal with what others should not see.
const SENSITIVE: [&str; 2] = ["training", "data_processing"];

/// What there is to say about the security of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    valid: bool,
    violations: Vec<String>,
    warnings: Vec<String>,
    required_security_level: &'static str,
    recommendations: Vec<String>,
}

/// Reviews a workflow, with the event that the audit log keeps of it.
pub fn review(workflow: &Workflow, user: String) -> Result<(Value, Event), Denied> {
    let (mut warnings, mut recommendations) = (Vec::new(), Vec::new());
    let sensitive = sensitive_steps(&workflow.steps.0)?;
    if !sensitive.is_empty() {
        let names = repr(&Value::Array(sensitive));
        warnings.push(format!("Security-sensitive steps detected: {names}"));
        recommendations.push(
            "Consider using higher security level for workflows with sensitive operations"
                .to_owned(),
        );
    }
    let seconds = workflow.max_execution_time.to_json();
    if seconds.as_f64().is_some_and(|seconds| seconds > LONG_SECONDS) {
        warnings.push(format!(
            "Long execution time ({}s) may require additional security measures",
            repr(&seconds)
        ));
    }
    let mut violations = Vec::new();
    if !workflow.requires_verification {
        violations.push(
            "Workflow does not require verification - this is not recommended for production use"
                .to_owned(),
        );
    }
    let level = required_level(workflow);
    let valid = violations.is_empty();
    let required_security_level = level.word();
    let review = Review { valid, violations, warnings, required_security_level, recommendations };
    let review = json!(review);
    let event = Event {
        workflow_id: Some(workflow.id.clone()),
        user_id: Some(user),
        ..Event::of(AuditEventType::WorkflowCreated, level)
    };
    let event = event.data(json!({"validation_result": review}));
    Ok((review, event))
}

/// The names of steps that deal with what others should not see; null for one without a name.
fn sensitive_steps(steps: &Value) -> Result<Vec<Value>, Denied> {
    let steps = steps.as_object().ok_or(Denied::Refused("Workflow steps are not an object"))?;
    let mut names = Vec::new();
    for step in steps.values() {
        let step = step.as_object().ok_or(Denied::Refused("Workflow step is not an object"))?;
        let kind = step.get("step_type").and_then(Value::as_str).unwrap_or_default();
        if SENSITIVE.contains(&kind) {
            names.push(step.get("name").cloned().unwrap_or_default());
        }
    }
    Ok(names)
}

fn required_level(workflow: &Workflow) -> SecurityLevel {
    match (workflow.requires_verification, workflow.verification_level) {
        (false, _) => SecurityLevel::Public,
        (true, VerificationLevel::Basic) => SecurityLevel::Internal,
        (true, VerificationLevel::Full) => SecurityLevel::Confidential,
        (true, VerificationLevel::ZeroKnowledge) => SecurityLevel::Restricted,
    }
}

/// How an execution stands with regard to security, and what the audit log keeps of it. Without a sandbox nobody can tell,
/// and somebody has to look at that.
pub fn watch(
    execution_id: &str,
    workflow_id: &str,
    sandbox: Option<&Sandbox>,
    compatibility: Compatibility,
) -> (Value, Option<Event>) {
    let answer = |status: &str, alerts: Vec<String>| {
        json!({
            "execution_id": execution_id,
            "workflow_id": workflow_id,
            "security_status": status,
            "violations": [],
            "alerts": alerts,
        })
    };
    if sandbox.is_some() {
        return (answer(compatibility.status_of_an_unwatched_sandbox(), Vec::new()), None);
    }
    let error = sandboxes::missing(execution_id);
    let alert = format!("Security monitoring failed: {error}");
    let event = Event {
        workflow_id: Some(workflow_id.to_owned()),
        execution_id: Some(execution_id.to_owned()),
        requires_investigation: true,
        ..Event::of(AuditEventType::SecurityViolation, SecurityLevel::Internal)
    };
    let event = event.data(json!({"error": error}));
    (answer("monitoring_failed", vec![alert]), Some(event))
}

/// What to look at first.
pub fn dashboard(
    recent: &[AuditLog],
    to_investigate: &[AuditLog],
    audits: &AuditCounts,
    trust: &TrustCounts,
    active_sandboxes: i64,
) -> Value {
    let rows = |rows: &[AuditLog]| rows.iter().map(AuditLog::to_json).collect::<Vec<Value>>();
    json!({
        "recent_audits": rows(recent),
        "high_risk_events": rows(to_investigate),
        "trust_score_stats": {
            "average_score": average(trust),
            "total_entities": trust.total,
            "high_trust_entities": trust.high,
            "low_trust_entities": trust.low,
        },
        "active_sandboxes": active_sandboxes,
        "security_stats": {
            "total_audits": audits.total,
            "high_risk_count": audits.to_investigate,
            "security_violations": of_event(audits, AuditEventType::SecurityViolation),
            "risk_rate": percent(audits.to_investigate, audits.total),
        },
    })
}

/// Figures over everything.
pub fn statistics(audits: &AuditCounts, trust: &TrustCounts) -> Value {
    let events: Map<String, Value> = AuditEventType::ALL
        .iter()
        .map(|event| (event.word().to_owned(), of_event(audits, *event).into()))
        .collect();
    let [low, medium, high, critical] = audits.by_risk;
    let [very_low, low_trust, medium_trust, high_trust, very_high] = trust.by_score;
    let violations = of_event(audits, AuditEventType::SecurityViolation);
    json!({
        "audit_statistics": {
            "total_audits": audits.total,
            "event_type_counts": events,
            "risk_score_distribution":
                {"low": low, "medium": medium, "high": high, "critical": critical},
        },
        "trust_statistics": {
            "total_entities": trust.total,
            "average_trust_score": average(trust),
            "trust_score_distribution": {
                "very_low": very_low, "low": low_trust, "medium": medium_trust,
                "high": high_trust, "very_high": very_high,
            },
        },
        "security_health": {
            "high_risk_rate": percent(high.saturating_add(critical), audits.total),
            "average_risk_score": ratio(audits.risk, audits.total).map_or(json!(0), Value::from),
            "security_violation_rate": percent(violations, audits.total),
        },
    })
}

fn of_event(audits: &AuditCounts, event: AuditEventType) -> i64 {
    let found = audits.by_event.iter().find(|(name, _)| name == event.name());
    found.map_or(0, |(_, count)| *count)
}

/// Python's whole 0 where there is nothing to divide by.
fn percent(part: i64, whole: i64) -> Value {
    ratio(part, whole).map_or(json!(0), |ratio| json!(ratio * 100.0))
}

fn average(trust: &TrustCounts) -> Value {
    trust.average.map_or(json!(0), Value::from)
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::time::Stamp;
    use crate::tables::Json;

    fn workflow(steps: Value) -> Workflow {
        let now = Stamp::parse("2026-01-01").unwrap();
        Workflow {
            id: "agent_1".to_owned(),
            owner_id: "alice".to_owned(),
            name: "w".to_owned(),
            description: String::new(),
            steps: Json(steps),
            dependencies: Json(json!({})),
            max_execution_time: 3600.into(),
            max_cost_budget: 0.0.into(),
            requires_verification: true,
            verification_level: VerificationLevel::Basic,
            tags: "[]".to_owned(),
            version: "1.0.0".to_owned(),
            is_public: false,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn a_long_workflow_with_sensitive_steps() {
        let steps = json!({
            "a": {"name": "load", "step_type": "data_processing"},
            "b": {"name": "ask", "step_type": "inference"},
            "c": {"step_type": "training"},
        });
        let mut workflow = workflow(steps);
        workflow.max_execution_time = 7200.into();
        workflow.verification_level = VerificationLevel::Full;
        let (review, event) = review(&workflow, "alice".to_owned()).unwrap();
        insta::assert_json_snapshot!(review, @r#"
        {
          "valid": true,
          "violations": [],
          "warnings": [
            "Security-sensitive steps detected: ['load', None]",
            "Long execution time (7200s) may require additional security measures"
          ],
          "required_security_level": "confidential",
          "recommendations": [
            "Consider using higher security level for workflows with sensitive operations"
          ]
        }
        "#);
        assert_eq!(event.data["validation_result"], review);
        assert_eq!(
            (event.level, event.workflow_id.as_deref()),
            (SecurityLevel::Confidential, Some("agent_1"))
        );
    }

    #[test]
    fn verification_decides_the_level() {
        for (requires, verification, level) in [
            (true, VerificationLevel::Basic, "internal"),
            (true, VerificationLevel::Full, "confidential"),
            (true, VerificationLevel::ZeroKnowledge, "restricted"),
            (false, VerificationLevel::ZeroKnowledge, "public"),
        ] {
            let mut workflow = workflow(json!({}));
            workflow.requires_verification = requires;
            workflow.verification_level = verification;
            let (review, _) = review(&workflow, "alice".to_owned()).unwrap();
            assert_eq!(
                (&review["required_security_level"], &review["valid"]),
                (&json!(level), &json!(requires))
            );
            assert_eq!(review["violations"].as_array().unwrap().is_empty(), requires);
        }
    }

    #[test]
    fn steps_that_are_no_objects_are_refused() {
        for steps in [json!({"a": "text"}), json!({"a": {}, "b": null}), json!(null)] {
            let refused = review(&workflow(steps), "alice".to_owned()).unwrap_err();
            assert!(matches!(refused, Denied::Refused(_)));
        }
    }

    #[test]
    fn figures_of_nothing_are_whole_zeros() {
        let shown = statistics(&AuditCounts::default(), &TrustCounts::default());
        assert_eq!(
            shown["security_health"],
            json!({"high_risk_rate": 0, "average_risk_score": 0, "security_violation_rate": 0})
        );
        assert_eq!(shown["audit_statistics"]["event_type_counts"].as_object().unwrap().len(), 15);
    }

    #[test]
    fn rates_are_per_cent() {
        let audits = AuditCounts {
            total: 4,
            to_investigate: 1,
            by_event: vec![("SECURITY_VIOLATION".to_owned(), 1), ("STEP_STARTED".to_owned(), 3)],
            by_risk: [2, 0, 1, 1],
            risk: 210,
        };
        let trust = TrustCounts {
            total: 2,
            average: Some(32.5),
            high: 1,
            low: 1,
            ..TrustCounts::default()
        };
        let shown = statistics(&audits, &trust);
        assert_eq!(
            shown["security_health"],
            json!({"high_risk_rate": 50.0, "average_risk_score": 52.5, "security_violation_rate": 25.0})
        );
        let shown = dashboard(&[], &[], &audits, &trust, 3);
        assert_eq!(shown["security_stats"]["risk_rate"], json!(25.0));
        assert_eq!(
            (&shown["active_sandboxes"], &shown["trust_score_stats"]["average_score"]),
            (&json!(3), &json!(32.5))
        );
    }
}
