//! Audit events: the row that each becomes, with the monolith's risk score and hash.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::python::json::canonical;
use crate::python::time::Stamp;
use crate::python::value::is_truthy;
use crate::tables::Json;
use crate::tables::security::{AuditEventType, AuditLog, SecurityLevel};

/// The risk score from which on somebody has to look at an event.
const INVESTIGATED_FROM: i64 = 70;

/// The highest risk score.
const HIGHEST_RISK: i64 = 100;

/// Something that the audit log is to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened.
    pub event_type: AuditEventType,
    /// How sensitive it is.
    pub level: SecurityLevel,
    /// The workflow that it is about.
    pub workflow_id: Option<String>,
    /// The execution that it is about.
    pub execution_id: Option<String>,
    /// Who did it.
    pub user_id: Option<String>,
    /// What is known of it.
    pub data: Map<String, Value>,
    /// How things were before.
    pub previous_state: Option<Value>,
    /// How things are since.
    pub new_state: Option<Value>,
    /// Whether somebody has to look at it, whatever its risk.
    pub requires_investigation: bool,
}

impl Event {
    /// An event of which nothing else is known yet.
    pub fn of(event_type: AuditEventType, level: SecurityLevel) -> Self {
        Self {
            event_type,
            level,
            workflow_id: None,
            execution_id: None,
            user_id: None,
            data: Map::new(),
            previous_state: None,
            new_state: None,
            requires_investigation: false,
        }
    }

    /// What is known of it, as `json!({…})`. Anything but an object counts as nothing.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = if let Value::Object(map) = data { map } else { Map::new() };
        self
    }

    /// The row of this event.
    pub fn row(self, id: String, now: Stamp) -> AuditLog {
        let risk = risk(self.event_type, self.level, &self.data);
        let requires_investigation = self.requires_investigation || risk >= INVESTIGATED_FROM;
        let notes = requires_investigation.then(|| notes(self.event_type, risk, now));
        let hash = (!self.data.is_empty()).then(|| hash(&self.data));
        AuditLog {
            id,
            event_type: self.event_type,
            timestamp: now,
            workflow_id: self.workflow_id,
            execution_id: self.execution_id,
            step_id: None,
            user_id: self.user_id,
            security_level: self.level,
            ip_address: None,
            user_agent: None,
            event_data: Some(Json(Value::Object(self.data))),
            previous_state: self.previous_state.map(Json),
            new_state: self.new_state.map(Json),
            risk_score: risk.into(),
            requires_investigation,
            investigation_notes: notes,
            cryptographic_hash: hash,
            // Nothing is signed in the monolith's row; what this service signs is the chain.
            signature_valid: None,
            created_at: now,
        }
    }
}

/// How risky an event is, from 0 to 100: what happened, how sensitive it is, and what its data tell.
fn risk(event_type: AuditEventType, level: SecurityLevel, data: &Map<String, Value>) -> i64 {
    let above = |name: &str, limit: f64| {
        data.get(name).and_then(Value::as_f64).is_some_and(|found| found > limit)
    };
    let mut risk = base_risk(event_type) * tenths(level) / 10;
    if data.get("error_message").is_some_and(is_truthy) {
        risk += 10;
    }
    // An hour, in seconds.
    if above("execution_time", 3600.0) {
        risk += 5;
    }
    // 8 GiB, in MiB.
    if above("memory_usage", 8192.0) {
        risk += 5;
    }
    risk.min(HIGHEST_RISK)
}

const fn base_risk(event_type: AuditEventType) -> i64 {
    match event_type {
        AuditEventType::SecurityViolation => 90,
        AuditEventType::SandboxBreach => 85,
        AuditEventType::AccessDenied => 70,
        AuditEventType::VerificationFailed => 50,
        AuditEventType::ExecutionFailed => 30,
        AuditEventType::StepFailed => 20,
        AuditEventType::ExecutionCancelled => 15,
        AuditEventType::WorkflowDeleted => 10,
        AuditEventType::WorkflowCreated => 5,
        AuditEventType::ExecutionStarted => 3,
        AuditEventType::ExecutionCompleted
        | AuditEventType::StepStarted
        | AuditEventType::StepCompleted
        | AuditEventType::VerificationCompleted => 1,
        AuditEventType::WorkflowUpdated => 0,
    }
}

/// What a level makes of the base, in tenths: whole numbers cut off where the monolith's floats do.
const fn tenths(level: SecurityLevel) -> i64 {
    match level {
        SecurityLevel::Public => 10,
        SecurityLevel::Internal => 12,
        SecurityLevel::Confidential => 15,
        SecurityLevel::Restricted => 20,
    }
}

fn notes(event_type: AuditEventType, risk: i64, now: Stamp) -> String {
    format!(
        "High-risk event detected on {}. Event type: {}, Risk score: {risk}. \
         Requires manual investigation.",
        now.stored(),
        event_type.word(),
    )
}

/// SHA-256 of the data in their canonical form.
fn hash(data: &Map<String, Value>) -> String {
    hex::encode(Sha256::digest(canonical(&Value::Object(data.clone()))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tables::Record as _;

    fn now() -> Stamp {
        Stamp::parse("2026-11-22 10:29:05.057449").unwrap()
    }

    fn row(event: Event) -> AuditLog {
        event.row("audit_53c00ebf6ea8".to_owned(), now())
    }

    #[test]
    fn the_row_of_the_contract() {
        let event = Event {
            workflow_id: Some("wf-x".to_owned()),
            execution_id: Some("exec_none".to_owned()),
            requires_investigation: true,
            ..Event::of(AuditEventType::SecurityViolation, SecurityLevel::Internal)
        };
        let data = json!({"error": "Sandbox not found for execution exec_none"});
        insta::assert_json_snapshot!(row(event.data(data)).to_json(), @r#"
        {
          "id": "audit_53c00ebf6ea8",
          "event_type": "security_violation",
          "timestamp": "2026-11-22T10:29:05.057449",
          "workflow_id": "wf-x",
          "execution_id": "exec_none",
          "step_id": null,
          "user_id": null,
          "security_level": "internal",
          "ip_address": null,
          "user_agent": null,
          "event_data": {
            "error": "Sandbox not found for execution exec_none"
          },
          "previous_state": null,
          "new_state": null,
          "risk_score": 100,
          "requires_investigation": true,
          "investigation_notes": "High-risk event detected on 2026-11-22 10:29:05.057449. Event type: security_violation, Risk score: 100. Requires manual investigation.",
          "cryptographic_hash": "8f6af3bc7ca61ad7af148408556bde276eb700ba29ba4716d6fe72b6e9e1a4cf",
          "signature_valid": null,
          "created_at": "2026-11-22T10:29:05.057449"
        }
        "#);
    }

    #[test]
    fn risks_of_the_contract() {
        use AuditEventType as E;
        use SecurityLevel as L;
        for (event, level, data, expected) in [
            (E::ExecutionStarted, L::Internal, json!({}), 3),
            (E::ExecutionStarted, L::Confidential, json!({}), 4),
            (E::ExecutionStarted, L::Restricted, json!({}), 6),
            (E::WorkflowCreated, L::Confidential, json!({}), 7),
            (E::WorkflowCreated, L::Restricted, json!({}), 10),
            (E::WorkflowUpdated, L::Restricted, json!({}), 0),
            (E::ExecutionFailed, L::Internal, json!({"error": "x"}), 36),
            (E::ExecutionFailed, L::Public, json!({"execution_time": 5000.0}), 35),
            (E::ExecutionFailed, L::Public, json!({"execution_time": 3600}), 30),
            (E::ExecutionCompleted, L::Public, json!({"execution_time": null}), 1),
            (E::StepFailed, L::Public, json!({"error_message": "x", "memory_usage": 8193}), 35),
            (E::StepFailed, L::Public, json!({"error_message": ""}), 20),
            (E::SandboxBreach, L::Public, json!({}), 85),
            (E::SandboxBreach, L::Confidential, json!({}), 100),
        ] {
            let row = row(Event::of(event, level).data(data));
            assert_eq!(row.risk_score.get(), Some(expected), "{event:?} {level:?}");
            assert_eq!(row.requires_investigation, expected >= 70);
            assert_eq!(row.investigation_notes.is_some(), expected >= 70);
        }
    }

    #[test]
    fn no_data_have_no_hash() {
        let row = row(Event::of(AuditEventType::StepStarted, SecurityLevel::Public));
        assert_eq!((row.cryptographic_hash, row.event_data), (None, Some(Json(json!({})))));
    }

    proptest! {
        #[test]
        fn whole_tenths_cut_off_where_floats_do(
            (event, base) in (0..AuditEventType::ALL.len()).prop_map(|i| (AuditEventType::ALL[i], base_risk(AuditEventType::ALL[i]))),
            level in (0..SecurityLevel::ALL.len()).prop_map(|i| SecurityLevel::ALL[i]),
        ) {
            let factor: f64 = match level {
                SecurityLevel::Public => 1.0,
                SecurityLevel::Internal => 1.2,
                SecurityLevel::Confidential => 1.5,
                SecurityLevel::Restricted => 2.0,
            };
            let float = (f64::from(i32::try_from(base).unwrap()) * factor).trunc().min(100.0);
            let row = row(Event::of(event, level));
            prop_assert_eq!(row.risk_score.get().map(|risk| risk.to_string()), Some(format!("{float}")));
        }

        #[test]
        fn the_hash_does_not_depend_on_the_order_of_keys(keys in prop::collection::hash_set("[a-zé]{1,4}", 1..6)) {
            let forth: Map<String, Value> = keys.iter().map(|key| (key.clone(), json!(1.5))).collect();
            let back: Map<String, Value> = forth.clone().into_iter().rev().collect();
            prop_assert_eq!(hash(&forth), hash(&back));
        }
    }
}
