//! Workflows: what a new one is, what a change does, and who may see or change one.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Denied;
use crate::compatibility::Compatibility;
use crate::python::{json, number, time::Stamp};
use crate::store::workflows::WorkflowFilter;
use crate::tables::Json;
use crate::tables::agents::{VerificationLevel, Workflow};

/// A workflow as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewWorkflow {
    name: String,
    description: String,
    steps: Value,
    dependencies: Value,
    max_execution_time: i64,
    #[serde(deserialize_with = "number::double")]
    max_cost_budget: f64,
    requires_verification: bool,
    verification_level: VerificationLevel,
    tags: Vec<String>,
    is_public: bool,
}

impl NewWorkflow {
    /// The row of this workflow.
    pub fn into_row(self, id: String, owner: String, now: Stamp) -> Workflow {
        Workflow {
            id,
            owner_id: owner,
            name: self.name,
            description: self.description,
            steps: Json(self.steps),
            dependencies: Json(self.dependencies),
            max_execution_time: self.max_execution_time.into(),
            max_cost_budget: self.max_cost_budget.into(),
            requires_verification: self.requires_verification,
            verification_level: self.verification_level,
            tags: stored_tags(self.tags),
            version: "1.0.0".to_owned(),
            is_public: self.is_public,
            created_at: now,
            updated_at: now,
        }
    }
}

/// The fields that a client changes. Null is a value for the two JSON fields only.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct WorkflowChanges {
    name: Option<String>,
    description: Option<String>,
    #[serde(deserialize_with = "present")]
    steps: Option<Value>,
    #[serde(deserialize_with = "present")]
    dependencies: Option<Value>,
    max_execution_time: Option<i64>,
    #[serde(deserialize_with = "number::any_double")]
    max_cost_budget: Option<f64>,
    requires_verification: Option<bool>,
    verification_level: Option<VerificationLevel>,
    tags: Option<Vec<String>>,
    is_public: Option<bool>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl WorkflowChanges {
    /// Makes the changes. Even none of them counts as an update.
    pub fn apply(self, workflow: &mut Workflow, now: Stamp) {
        set(&mut workflow.name, self.name);
        set(&mut workflow.description, self.description);
        set(&mut workflow.steps, self.steps.map(Json));
        set(&mut workflow.dependencies, self.dependencies.map(Json));
        set(&mut workflow.max_execution_time, self.max_execution_time.map(Into::into));
        set(&mut workflow.max_cost_budget, self.max_cost_budget.map(Into::into));
        set(&mut workflow.requires_verification, self.requires_verification);
        set(&mut workflow.verification_level, self.verification_level);
        set(&mut workflow.tags, self.tags.map(stored_tags));
        set(&mut workflow.is_public, self.is_public);
        workflow.updated_at = now;
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The column is plain text that holds a JSON array.
fn stored_tags(tags: Vec<String>) -> String {
    json::stored(&tags.into_iter().map(Value::String).collect())
}

/// What a client asks of a list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct WorkflowQuery {
    owner_id: Option<String>,
    is_public: Option<bool>,
    tags: Vec<String>,
}

impl WorkflowQuery {
    /// Which workflows `caller` gets to see.
    pub fn into_filter(self, caller: &str, compatibility: Compatibility) -> WorkflowFilter {
        let owner = self.owner_id.filter(|owner| !owner.is_empty());
        let stranger = owner.as_deref().is_some_and(|owner| owner != caller);
        let hides = stranger && !compatibility.shows_private_workflows_by_owner();
        let wide = owner.is_none() && self.is_public != Some(true);
        WorkflowFilter {
            visible_to: (wide || hides).then(|| caller.to_owned()),
            owner,
            is_public: self.is_public,
            tags: self
                .tags
                .iter()
                .flat_map(|tags| tags.split(','))
                .map(|tag| tag.trim().to_owned())
                .filter(|tag| !tag.is_empty())
                .collect(),
        }
    }
}

/// A workflow that `caller` may look at and execute.
pub fn visible<'w>(found: Option<&'w Workflow>, caller: &str) -> Result<&'w Workflow, Denied> {
    let workflow = found.ok_or(Denied::NotFound("Workflow"))?;
    if workflow.owner_id == caller || workflow.is_public {
        Ok(workflow)
    } else {
        Err(Denied::Forbidden)
    }
}

/// A workflow that `caller` may change. Being public does not help.
pub fn owned<'w>(found: Option<&'w Workflow>, caller: &str) -> Result<&'w Workflow, Denied> {
    let workflow = found.ok_or(Denied::NotFound("Workflow"))?;
    if workflow.owner_id == caller { Ok(workflow) } else { Err(Denied::Forbidden) }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A workflow of alice's without steps.
    pub(crate) fn workflow() -> Workflow {
        let now = Stamp::parse("2026-01-01").unwrap();
        let new = NewWorkflow {
            name: "w".to_owned(),
            description: String::new(),
            steps: json!({}),
            dependencies: json!({}),
            max_execution_time: 3600,
            max_cost_budget: 0.0,
            requires_verification: true,
            verification_level: VerificationLevel::Full,
            tags: Vec::new(),
            is_public: false,
        };
        new.into_row("agent_1".to_owned(), "alice".to_owned(), now)
    }

    fn filter(owner: Option<&str>, is_public: Option<bool>, tags: &[&str]) -> WorkflowFilter {
        let query = WorkflowQuery {
            owner_id: owner.map(str::to_owned),
            is_public,
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        };
        query.into_filter("alice", Compatibility::Monolith)
    }

    #[test]
    fn who_sees_what_in_a_list() {
        let own_and_public = filter(None, None, &[]);
        assert_eq!(
            (own_and_public.owner, own_and_public.visible_to.as_deref()),
            (None, Some("alice"))
        );
        assert_eq!(filter(Some(""), None, &[]).visible_to.as_deref(), Some("alice"));
        assert_eq!(filter(None, Some(false), &[]).visible_to.as_deref(), Some("alice"));
        assert_eq!(filter(None, Some(true), &[]).visible_to, None);
        let of_bob = filter(Some("bob"), Some(false), &[]);
        assert_eq!(
            (of_bob.owner.as_deref(), of_bob.visible_to, of_bob.is_public),
            (Some("bob"), None, Some(false))
        );
        let query = WorkflowQuery { owner_id: Some("bob".to_owned()), ..WorkflowQuery::default() };
        let of_bob = query.into_filter("alice", Compatibility::Off);
        assert_eq!(
            (of_bob.owner.as_deref(), of_bob.visible_to.as_deref()),
            (Some("bob"), Some("alice"))
        );
    }

    #[test]
    fn tags_come_repeated_or_with_commas() {
        assert_eq!(filter(None, None, &["a,b", "c", "", "d, "]).tags, ["a", "b", "c", "d"]);
    }
}
