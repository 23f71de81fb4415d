//! The forms of answers that are not just rows.

use serde_json::{Map, Value, json};

use crate::http::openapi::{list_of, of_columns, of_table, with};
use crate::logic::orchestration::agents::AgentStatus;
use crate::tables::column::Record as _;
use crate::tables::own::orchestration::{
    Agent, Assignment, AssignmentStatus, Plan, PlanStatus, ResourceType,
};

/// An agent with its load and how it stands.
pub(super) fn agent() -> Value {
    let schema = with(of_table(&Agent::TABLE), "current_load", json!({"type": "integer"}));
    with(schema, "status", json!({"type": "string", "enum": AgentStatus::WORDS}))
}

/// An agent that could take a sub-task.
pub(super) fn candidate() -> Value {
    with(agent(), "score", json!({"type": "number", "minimum": 0}))
}

/// A plan with its assignments.
pub(super) fn course() -> Value {
    let assignments = list_of(&of_table(&Assignment::TABLE));
    with(of_table(&Plan::TABLE), "agent_assignments", assignments)
}

/// What was retried.
pub(super) fn retried() -> Value {
    let names = list_of(&json!({"type": "string"}));
    object(&[("retried", names), ("plan", course())])
}

/// How a task fares.
pub(super) fn progress() -> Value {
    let (text, count) = (json!({"type": "string"}), json!({"type": "integer"}));
    let number = json!({"type": "number"});
    let shown = ["sub_task_id", "agent_id", "status", "assigned_at", "started_at", "completed_at"];
    let assignment = with(of_columns(&Assignment::TABLE, &shown), "assignment_id", text.clone());
    let words = ["pending", "in_progress", "completed", "failed", "cancelled"];
    let counts: Vec<(&str, Value)> =
        AssignmentStatus::WORDS.iter().map(|word| (*word, count.clone())).collect();
    object(&[
        ("task_id", text.clone()),
        ("plan_status", json!({"type": "string", "enum": PlanStatus::WORDS})),
        ("status", json!({"type": "string", "enum": words})),
        ("progress", json!({"type": "number", "minimum": 0, "maximum": 1})),
        ("completed_sub_tasks", count.clone()),
        ("failed_sub_tasks", count.clone()),
        ("total_sub_tasks", count),
        ("status_counts", object(&counts)),
        ("estimated_cost", number.clone()),
        ("actual_cost", number),
        ("started_at", text),
        ("assignments", list_of(&assignment)),
    ])
}

/// How an orchestrator does.
pub(super) fn metrics() -> Value {
    let (number, count) = (json!({"type": "number"}), json!({"type": "integer"}));
    let words = ["idle", "monitoring", "completed", "failed"];
    let resources: Vec<(&str, Value)> =
        ResourceType::WORDS.iter().map(|word| (*word, number.clone())).collect();
    object(&[
        ("orchestrator_status", json!({"type": "string", "enum": words})),
        ("active_plans", count.clone()),
        ("completed_plans", count.clone()),
        ("failed_plans", count.clone()),
        ("registered_agents", count.clone()),
        ("available_agents", count.clone()),
        (
            "metrics",
            object(&[
                ("total_tasks", count.clone()),
                ("successful_tasks", count.clone()),
                ("failed_tasks", count.clone()),
                ("cancelled_tasks", count),
                ("average_execution_time", number.clone()),
                ("average_cost", number.clone()),
                ("agent_utilization", number),
            ]),
        ),
        ("resource_utilization", object(&resources)),
    ])
}

/// An object that has all of these.
fn object(fields: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": names})
}
