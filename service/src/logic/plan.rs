//! In which order the steps of a workflow run.

use serde_json::Value;

use crate::tables::agents::Step;

/// Why there is no order. The texts end up as the execution's error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unplannable {
    /// Some steps wait for each other, or for a step that does not exist.
    #[error("Circular dependency detected in workflow")]
    Circular,
    /// The workflow's dependencies are not lists of step ids.
    #[error("Workflow dependencies are not lists of step ids")]
    Malformed,
}

/// Orders steps so that each comes after all that it depends on: pass by pass, each pass taking the steps whose
/// dependencies were met before it began.
pub fn order<'s>(steps: &'s [Step], dependencies: &Value) -> Result<Vec<&'s Step>, Unplannable> {
    let mut ordered: Vec<&Step> = Vec::with_capacity(steps.len());
    let mut waiting: Vec<(&Step, Vec<&str>)> = steps
        .iter()
        .map(|step| Ok((step, needs(dependencies, &step.id)?)))
        .collect::<Result<_, Unplannable>>()?;
    while !waiting.is_empty() {
        let met = |id: &&str| ordered.iter().any(|step| step.id == *id);
        let (ready, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, needs)| needs.iter().all(met));
        if ready.is_empty() {
            return Err(Unplannable::Circular);
        }
        ordered.extend(ready.into_iter().map(|(step, _)| step));
        waiting = rest;
    }
    Ok(ordered)
}

fn needs<'d>(dependencies: &'d Value, id: &str) -> Result<Vec<&'d str>, Unplannable> {
    let map = dependencies.as_object().ok_or(Unplannable::Malformed)?;
    let Some(list) = map.get(id) else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or(Unplannable::Malformed)?;
    list.iter().map(|item| item.as_str().ok_or(Unplannable::Malformed)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::python::time::Stamp;
    use crate::tables::agents::{StepType, VerificationLevel};

    pub(crate) fn step(id: &str, order: i64, step_type: StepType) -> Step {
        let now = Stamp::parse("2026-01-01").unwrap();
        Step {
            id: id.to_owned(),
            workflow_id: "agent_1".to_owned(),
            step_order: order.into(),
            name: id.to_owned(),
            step_type,
            model_requirements: None,
            input_mappings: None,
            output_mappings: None,
            timeout_seconds: 300.into(),
            retry_policy: None,
            max_retries: 3.into(),
            requires_proof: false,
            verification_level: VerificationLevel::Basic,
            depends_on: String::new(),
            created_at: now,
            updated_at: now,
        }
    }

    fn steps(ids: &[&str]) -> Vec<Step> {
        ids.iter().map(|id| step(id, 0, StepType::Custom)).collect()
    }

    fn ids(ordered: &[&Step]) -> Vec<String> {
        ordered.iter().map(|step| step.id.clone()).collect()
    }

    #[test]
    fn a_pass_takes_only_what_was_ready_before_it() {
        let steps = steps(&["d", "c", "b", "a"]);
        let dependencies = json!({"b": ["a"], "c": ["b"], "d": ["a", "c"]});
        assert_eq!(ids(&order(&steps, &dependencies).unwrap()), ["a", "b", "c", "d"]);
        assert_eq!(ids(&order(&steps, &json!({"d": ["c"]})).unwrap()), ["c", "b", "a", "d"]);
    }

    #[test]
    fn what_can_never_be_met() {
        let steps = steps(&["a", "b"]);
        assert_eq!(
            order(&steps, &json!({"a": ["b"], "b": ["a"]})).unwrap_err(),
            Unplannable::Circular
        );
        assert_eq!(order(&steps, &json!({"a": ["elsewhere"]})).unwrap_err(), Unplannable::Circular);
        assert_eq!(order(&steps, &Value::Null).unwrap_err(), Unplannable::Malformed);
        assert_eq!(order(&[], &json!({})).unwrap().len(), 0);
    }

    proptest! {
        #[test]
        fn every_step_runs_once_and_after_all_it_needs(edges in prop::collection::vec((0..8_usize, 0..8_usize), 0..16)) {
            let names = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];
            let steps = steps(&names);
            // Edges from higher to lower numbers only: such a graph has no circle.
            let mut dependencies = Map::new();
            for (a, b) in edges.into_iter().filter(|(a, b)| a > b) {
                let list = dependencies.entry(names[a]).or_insert_with(|| json!([]));
                list.as_array_mut().unwrap().push(names[b].into());
            }
            let dependencies = Value::Object(dependencies);
            let ordered = ids(&order(&steps, &dependencies).unwrap());
            let mut sorted = ordered.clone();
            sorted.sort();
            prop_assert_eq!(sorted, names);
            for (i, id) in ordered.iter().enumerate() {
                for need in needs(&dependencies, id).unwrap() {
                    prop_assert!(ordered[..i].iter().any(|before| before == need));
                }
            }
        }
    }
}
