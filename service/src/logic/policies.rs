//! Security policies: what a new one is, what a change does, and what the audit log keeps of it.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::audit::Event;
use super::{Denied, overrides};
use crate::python::time::Stamp;
use crate::tables::own::policies::PolicyOwner;
use crate::tables::security::{AuditEventType, Policy, SecurityLevel};
use crate::tables::{Cell, Engine, Json, Record as _};
use crate::validation::{Place, Problem};

/// A policy as a client names it; its rules are a free object.
#[derive(Debug, Clone, Deserialize)]
pub struct NewPolicy {
    name: String,
    description: String,
    security_level: SecurityLevel,
}

/// What the query says and the rules must not say again.
const IN_QUERY: [&str; 3] = ["name", "description", "security_level"];

/// What the monolith's policies have besides their columns, as every row object of its library does. Naming one of these
/// in a change fails there, where other unknown names are ignored.
const NO_COLUMNS: [&str; 38] = [
    "__class__",
    "__dict__",
    "__fields__",
    "__fields_set__",
    "__pydantic_serializer__",
    "__sqlmodel_relationships__",
    "__tablename__",
    "_sa_instance_state",
    "construct",
    "copy",
    "dict",
    "from_orm",
    "json",
    "metadata",
    "model_computed_fields",
    "model_config",
    "model_construct",
    "model_copy",
    "model_dump",
    "model_dump_json",
    "model_extra",
    "model_fields",
    "model_fields_set",
    "model_json_schema",
    "model_parametrized_name",
    "model_post_init",
    "model_rebuild",
    "model_validate",
    "model_validate_json",
    "model_validate_strings",
    "parse_file",
    "parse_obj",
    "parse_raw",
    "schema",
    "schema_json",
    "sqlmodel_update",
    "update_forward_refs",
    "validate",
];

impl NewPolicy {
    /// The row of this policy, with the default of every rule, and the cells that `rules` make of it.
    pub fn into_cells(
        self,
        rules: &Map<String, Value>,
        id: String,
        now: Stamp,
        engine: Engine,
    ) -> Result<Vec<Cell>, Vec<Problem>> {
        let twice = IN_QUERY.iter().filter(|name| rules.contains_key(**name));
        refuse(twice, "is given in the query")?;
        overrides::created(&self.into_row(id, now), rules, engine)
    }

    fn into_row(self, id: String, now: Stamp) -> Policy {
        Policy {
            id,
            name: self.name,
            description: self.description,
            security_level: self.security_level,
            allowed_step_types: Some(Json(json!([]))),
            // Seconds.
            max_execution_time: 3600.into(),
            // MiB.
            max_memory_usage: 8192.into(),
            require_verification: true,
            allowed_verification_levels: Some(Json(json!(["basic"]))),
            max_concurrent_executions: 10.into(),
            max_workflow_steps: 100.into(),
            // Bytes: 1 GiB.
            max_data_size: 1_073_741_824.into(),
            require_sandbox: false,
            require_audit_logging: true,
            require_encryption: false,
            compliance_standards: Some(Json(json!([]))),
            is_active: true,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A policy that is not kept from the user: `only_of` says whose may be reached, none: everybody's. What is nobody's is
/// everybody's.
pub fn reachable(
    policy: Option<Policy>,
    owner: Option<&PolicyOwner>,
    only_of: Option<&str>,
) -> Result<Policy, Denied> {
    let policy = policy.ok_or(Denied::NotFound("Policy"))?;
    let (Some(owner), Some(user)) = (owner, only_of) else { return Ok(policy) };
    if owner.owner_id == user { Ok(policy) } else { Err(Denied::Forbidden) }
}

/// The cells that `updates` make of a policy. Even none of them counts as an update.
pub fn updated_cells(
    policy: &Policy,
    updates: &Map<String, Value>,
    now: Stamp,
    engine: Engine,
) -> Result<Vec<Cell>, Vec<Problem>> {
    let wrong = NO_COLUMNS.iter().filter(|name| updates.contains_key(**name));
    refuse(wrong, "is no field of a policy")?;
    let policy = Policy { updated_at: now, ..policy.clone() };
    let mut updates = updates.clone();
    // Whatever is sent for it, the time of the update comes after it.
    updates.shift_remove("updated_at");
    overrides::changed(&policy, &updates, engine)
}

fn refuse<'n>(names: impl Iterator<Item = &'n &'n str>, why: &str) -> Result<(), Vec<Problem>> {
    let body = Place::root("body");
    let problems: Vec<Problem> = names
        .map(|name| body.within(name).problem("value_error", format!("Value error, {name} {why}")))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A policy was made.
pub fn created(policy: &Policy) -> Event {
    let event = Event {
        user_id: Some("system".to_owned()),
        new_state: Some(state(policy)),
        ..Event::of(AuditEventType::WorkflowCreated, SecurityLevel::Internal)
    };
    event.data(json!({"policy_name": policy.name, "policy_id": policy.id}))
}

/// A policy that was known as `id` was changed.
pub fn updated(policy: &Policy, id: &str, updates: &Map<String, Value>, user: String) -> Event {
    let event = Event {
        user_id: Some(user),
        new_state: Some(state(policy)),
        ..Event::of(AuditEventType::WorkflowUpdated, policy.security_level)
    };
    event.data(json!({"policy_id": id, "updates": updates}))
}

/// A policy is about to be deleted.
pub fn deleted(policy: &Policy, user: String) -> Event {
    let event = Event {
        user_id: Some(user),
        previous_state: Some(state(policy)),
        ..Event::of(AuditEventType::WorkflowDeleted, policy.security_level)
    };
    event.data(json!({"policy_id": policy.id, "policy_name": policy.name}))
}

fn state(policy: &Policy) -> Value {
    json!({"policy": policy.to_json()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Stamp {
        Stamp::parse("2026-11-22 10:00:00").unwrap()
    }

    fn new() -> NewPolicy {
        NewPolicy {
            name: "p".to_owned(),
            description: String::new(),
            security_level: SecurityLevel::Internal,
        }
    }

    fn problems(result: Result<Vec<Cell>, Vec<Problem>>) -> Vec<(String, &'static str)> {
        result.unwrap_err().into_iter().map(|problem| (problem.field, problem.code)).collect()
    }

    #[test]
    fn rules_take_the_place_of_defaults_and_do_not_repeat_the_query() {
        let rules = json!({"max_data_size": 10, "is_active": false, "unknown": 1});
        let cells = new().into_cells(
            rules.as_object().unwrap(),
            "policy_1".to_owned(),
            now(),
            Engine::Sqlite,
        );
        let policy = Policy::from_cells(cells.unwrap()).unwrap();
        assert_eq!((policy.max_data_size.get(), policy.is_active), (Some(10), false));
        assert_eq!(
            (policy.max_workflow_steps.get(), policy.require_verification),
            (Some(100), true)
        );
        let rules = json!({"security_level": "public", "name": null});
        let cells = new().into_cells(
            rules.as_object().unwrap(),
            "policy_1".to_owned(),
            now(),
            Engine::Sqlite,
        );
        assert_eq!(
            problems(cells),
            [
                ("body.name".to_owned(), "value_error"),
                ("body.security_level".to_owned(), "value_error")
            ]
        );
    }

    #[test]
    fn an_update_counts_whatever_it_says_and_refuses_what_is_no_field() {
        let policy = new().into_row("policy_1".to_owned(), now());
        let later = Stamp::parse("2026-11-23").unwrap();
        let update = |updates: Value| {
            updated_cells(&policy, updates.as_object().unwrap(), later, Engine::Sqlite)
        };
        let policy_of = |cells| Policy::from_cells(cells).unwrap();
        let changed = policy_of(update(json!({"updated_at": "x", "nonsense": 1})).unwrap());
        assert_eq!((changed.updated_at, changed.created_at), (later, now()));
        let moved =
            policy_of(update(json!({"id": "policy_2", "security_level": "PUBLIC"})).unwrap());
        assert_eq!((moved.id.as_str(), moved.security_level), ("policy_2", SecurityLevel::Public));
        for (updates, field) in [
            (json!({"model_dump": 1}), "body.model_dump"),
            (json!({"security_level": "bogus"}), "body.security_level"),
            (json!({"name": null}), "body.name"),
            (json!({"created_at": "2026-01-01"}), "body.created_at"),
        ] {
            assert_eq!(problems(update(updates))[0].0, field);
        }
    }

    #[test]
    fn a_policy_is_reached_by_its_owner_where_owners_count_and_by_all_where_it_has_none() {
        let owner = PolicyOwner { policy_id: "policy_1".to_owned(), owner_id: "alice".to_owned() };
        let reached = |owner: Option<&PolicyOwner>, only_of: Option<&str>| {
            let policy = new().into_row("policy_1".to_owned(), now());
            reachable(Some(policy), owner, only_of).map(|policy| policy.id)
        };
        assert_eq!(reached(Some(&owner), Some("bob")), Err(Denied::Forbidden));
        for (owner, only_of) in
            [(Some(&owner), Some("alice")), (Some(&owner), None), (None, Some("bob")), (None, None)]
        {
            assert_eq!(reached(owner, only_of).as_deref(), Ok("policy_1"));
        }
        let missing = reachable(None, None, None);
        assert_eq!(missing.unwrap_err(), Denied::NotFound("Policy"));
    }

    #[test]
    fn events_say_who_and_what() {
        let policy = new().into_row("policy_1".to_owned(), now());
        let event = created(&policy);
        assert_eq!(
            (event.user_id.as_deref(), event.level),
            (Some("system"), SecurityLevel::Internal)
        );
        let updates = Map::from_iter([("description".to_owned(), json!("d"))]);
        let event = updated(&policy, "policy_0", &updates, "bob".to_owned());
        let data = json!({"policy_id": "policy_0", "updates": {"description": "d"}});
        assert_eq!(Value::Object(event.data), data);
        assert_eq!(event.new_state.unwrap()["policy"]["id"], "policy_1");
        let event = deleted(&policy, "bob".to_owned());
        assert_eq!(event.previous_state.unwrap()["policy"]["name"], "p");
    }
}
