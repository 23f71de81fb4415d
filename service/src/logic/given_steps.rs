//! The steps that stand in a workflow itself, for one that has no rows of `agent_steps`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::compatibility::Compatibility;
use crate::python::json::stored;
use crate::tables::Json;
use crate::tables::agents::{Step, StepType, VerificationLevel, Workflow};

/// The time for a step that names none, in seconds, as the column has it by default.
const TIMEOUT: i64 = 300;

/// How often a step that names no number may be tried again, as the column has it by default.
const RETRIES: i64 = 3;

/// The steps of a workflow, and which of them come after which.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// In the order in which they stand there.
    pub steps: Vec<Step>,
    /// The dependencies of the workflow and those that steps name themselves: lists of step ids by step id.
    pub dependencies: Value,
}

/// A step that cannot be read. The text ends up as the execution's error message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Step {id} of the workflow cannot be read: {why}")]
pub struct Unreadable {
    /// The step.
    pub id: String,
    /// What is wrong with it.
    pub why: String,
}

/// A step as a client describes it. Nothing must be said; what is not known here is left alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Description {
    id: Option<String>,
    name: Option<String>,
    #[serde(alias = "type")]
    step_type: Option<StepType>,
    model_requirements: Option<Value>,
    input_mappings: Option<Value>,
    output_mappings: Option<Value>,
    timeout_seconds: Option<i64>,
    retry_policy: Option<Value>,
    max_retries: Option<i64>,
    requires_proof: Option<bool>,
    verification_level: Option<VerificationLevel>,
    depends_on: Option<Vec<String>>,
}

/// The steps that run when a workflow is executed: those that are rows, or where there are none and the manner is so, those
/// that stand in the workflow itself.
pub fn to_run(
    rows: Vec<Step>,
    workflow: &Workflow,
    compatibility: Compatibility,
) -> Result<Given, Unreadable> {
    if rows.is_empty() && compatibility.runs_steps_of_the_workflow_itself() {
        return of(workflow);
    }
    Ok(Given { steps: rows, dependencies: workflow.dependencies.0.clone() })
}

/// Reads the steps of a workflow: an object by step id, or a list. Whether a step is to be proven, and how thoroughly, is the
/// workflow's to say where the step does not.
fn of(workflow: &Workflow) -> Result<Given, Unreadable> {
    let described: Vec<(String, &Value)> = match &workflow.steps.0 {
        Value::Object(map) => map.iter().map(|(id, step)| (id.clone(), step)).collect(),
        Value::Array(list) => (1..)
            .zip(list)
            .map(|(place, step): (usize, _)| (format!("step_{place}"), step))
            .collect(),
        _ => Vec::new(),
    };
    let mut dependencies = workflow.dependencies.0.clone();
    let mut steps = Vec::with_capacity(described.len());
    for (order, (id, value)) in (0..).zip(described) {
        let step = read(value).map_err(|why| Unreadable { id: id.clone(), why })?;
        let id = step.id.clone().unwrap_or(id);
        depend(&mut dependencies, &id, step.depends_on.as_deref().unwrap_or_default());
        steps.push(step.into_row(id, order, workflow));
    }
    Ok(Given { steps, dependencies })
}

fn read(value: &Value) -> Result<Description, String> {
    if !value.is_object() {
        return Err("it is no object".to_owned());
    }
    Description::deserialize(value).map_err(|error| error.to_string())
}

/// Adds what a step names itself to the dependencies of the workflow. Where those are no lists by step id, the plan says so.
fn depend(dependencies: &mut Value, id: &str, needs: &[String]) {
    if dependencies.is_null() {
        *dependencies = Value::Object(Map::new());
    }
    let Value::Object(map) = dependencies else { return };
    if needs.is_empty() {
        return;
    }
    if let Value::Array(list) = map.entry(id).or_insert_with(|| json!([])) {
        list.extend(needs.iter().cloned().map(Value::String));
    }
}

impl Description {
    fn into_row(self, id: String, order: i64, workflow: &Workflow) -> Step {
        let needs = self.depends_on.unwrap_or_default();
        Step {
            workflow_id: workflow.id.clone(),
            step_order: order.into(),
            name: self.name.unwrap_or_else(|| id.clone()),
            id,
            step_type: self.step_type.unwrap_or(StepType::Custom),
            model_requirements: self.model_requirements.map(Json),
            input_mappings: self.input_mappings.map(Json),
            output_mappings: self.output_mappings.map(Json),
            timeout_seconds: self.timeout_seconds.unwrap_or(TIMEOUT).into(),
            retry_policy: self.retry_policy.map(Json),
            max_retries: self.max_retries.unwrap_or(RETRIES).into(),
            requires_proof: self.requires_proof.unwrap_or(workflow.requires_verification),
            verification_level: self.verification_level.unwrap_or(workflow.verification_level),
            depends_on: stored(&needs.into_iter().map(Value::String).collect()),
            created_at: workflow.created_at,
            updated_at: workflow.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::plan;
    use crate::logic::workflows::tests::workflow;

    fn given(steps: Value, dependencies: Value) -> Result<Given, Unreadable> {
        of(&Workflow { steps: Json(steps), dependencies: Json(dependencies), ..workflow() })
    }

    fn planned(steps: Value, dependencies: Value) -> Result<Vec<String>, plan::Unplannable> {
        let given = given(steps, dependencies).unwrap();
        let planned = plan::order(&given.steps, &given.dependencies)?;
        Ok(planned.into_iter().map(|step| step.id.clone()).collect())
    }

    #[test]
    fn a_step_that_says_nothing_has_the_defaults_and_one_that_does_is_believed() {
        let steps = json!({
            "b": {},
            "a": {"type": "inference", "name": "ask", "timeout_seconds": 7, "max_retries": 0, "k": "v",
                  "model_requirements": {"model": "m"}, "requires_proof": false},
        });
        let given = given(steps, json!({})).unwrap();
        let [b, a] = given.steps.as_slice() else { panic!("{given:?}") };
        assert_eq!((b.id.as_str(), b.name.as_str(), b.step_type), ("b", "b", StepType::Custom));
        assert_eq!((b.timeout_seconds.get(), b.max_retries.get()), (Some(300), Some(3)));
        assert_eq!(
            (b.requires_proof, b.verification_level),
            (workflow().requires_verification, workflow().verification_level)
        );
        assert_eq!((a.step_order.get(), a.step_type), (Some(1), StepType::Inference));
        assert_eq!((a.name.as_str(), a.timeout_seconds.get()), ("ask", Some(7)));
        assert_eq!(a.model_requirements, Some(Json(json!({"model": "m"}))));
        assert!(!a.requires_proof);
    }

    #[test]
    fn dependencies_stand_in_the_workflow_or_in_the_step() {
        let steps = json!({"a": {"depends_on": ["b"]}, "b": {}, "c": {}});
        assert_eq!(planned(steps.clone(), json!({"b": ["c"]})).unwrap(), ["c", "b", "a"]);
        assert_eq!(planned(steps.clone(), Value::Null).unwrap(), ["b", "c", "a"]);
        assert_eq!(planned(steps, json!({"b": ["a"]})), Err(plan::Unplannable::Circular));
        let steps = json!([{}, {"id": "last", "depends_on": ["step_3"]}, {}]);
        assert_eq!(planned(steps, json!({})).unwrap(), ["step_1", "step_3", "last"]);
    }

    #[test]
    fn what_cannot_be_read_names_its_step() {
        for (steps, text) in [
            (json!({"a": 5}), "Step a of the workflow cannot be read: it is no object"),
            (
                json!({"a": {"type": "guess"}}),
                "Step a of the workflow cannot be read: unknown variant `guess`",
            ),
            (
                json!([{"timeout_seconds": "soon"}]),
                "Step step_1 of the workflow cannot be read: invalid type",
            ),
        ] {
            let error = given(steps, json!({})).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        }
        assert_eq!(given(Value::Null, json!({})).unwrap().steps, Vec::new());
    }
}
