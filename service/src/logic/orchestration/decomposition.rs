//! A task in parts: what is asked of each, in which stages they come, and what they take together.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::tables::Money;
use crate::tables::own::orchestration::{GpuTier, TaskType};

/// Sub-tasks that one task may have.
pub const MOST_SUB_TASKS: usize = 100;

/// A tenth of the price of an hour without a GPU, in thousandths, where a decomposition does not say what it costs.
const TENTH_OF_BASE_PRICE: i64 = 5;

/// A decomposition that makes sense.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Sent")]
pub struct Decomposition {
    /// The sub-tasks, stage by stage.
    pub stages: Vec<Vec<SubTask>>,
    /// Hours from beginning to end.
    pub estimated_total_duration: f64,
    /// What all of it costs.
    pub estimated_total_cost: Money,
    /// How sure it is of itself, 0 to 1.
    pub confidence_score: f64,
    /// How the task was split.
    pub strategy: String,
}

/// A decomposition as it is sent.
#[derive(Debug, Clone, Deserialize)]
struct Sent {
    sub_tasks: Vec<SubTask>,
    execution_plan: Option<Vec<Vec<String>>>,
    estimated_total_duration: Option<f64>,
    estimated_total_cost: Option<Money>,
    confidence_score: f64,
    decomposition_strategy: String,
}

/// One part of a task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SubTask {
    /// Its name within the task.
    pub sub_task_id: String,
    /// Its name for people.
    pub name: String,
    /// What is to be done.
    pub description: String,
    /// What it asks of whoever does it.
    pub requirements: Requirements,
    /// What must be done before it begins.
    pub dependencies: Vec<String>,
    /// What it reads.
    pub inputs: Vec<String>,
    /// What it makes.
    pub outputs: Vec<String>,
}

/// What a sub-task asks for. What nobody here decides by is handed on to the agent as it was sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Requirements {
    /// The kind of work.
    pub task_type: TaskType,
    /// The hours that it takes.
    pub estimated_duration: f64,
    /// What it is computed with.
    pub gpu_tier: GpuTier,
    /// Memory, in GB.
    pub memory_requirement: i64,
    /// Everything else.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Why a decomposition makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// Too few or too many parts.
    #[error("a task has 1 to {MOST_SUB_TASKS} sub-tasks, not {0}")]
    Size(usize),
    /// Two parts of one name.
    #[error("there are two sub-tasks {0:?}")]
    Doubled(String),
    /// A part that is named and not there.
    #[error("there is no sub-task {0:?}")]
    Unknown(String),
    /// A part that waits for one part twice.
    #[error("sub-task {0:?} names a dependency twice")]
    Repeated(String),
    /// Parts that wait for each other.
    #[error("the sub-tasks {0} wait for each other")]
    Circular(String),
    /// A part that no stage has.
    #[error("sub-task {0:?} is in no stage of execution_plan")]
    Unplanned(String),
    /// A part that several stages have, or one twice.
    #[error("sub-task {0:?} is in execution_plan twice")]
    PlannedTwice(String),
    /// A part that would come before what it waits for.
    #[error("sub-task {0:?} is not in a later stage than what it depends on")]
    TooEarly(String),
}

impl TryFrom<Sent> for Decomposition {
    type Error = Unsound;

    fn try_from(sent: Sent) -> Result<Self, Unsound> {
        let order = order(&sent)?;
        let mut waiting: HashMap<String, SubTask> =
            sent.sub_tasks.into_iter().map(|part| (part.sub_task_id.clone(), part)).collect();
        let stages: Vec<Vec<SubTask>> = order
            .into_iter()
            .map(|stage| stage.iter().filter_map(|id| waiting.remove(id)).collect())
            .collect();
        Ok(Self {
            estimated_total_duration: sent
                .estimated_total_duration
                .unwrap_or_else(|| duration(&stages)),
            estimated_total_cost: sent.estimated_total_cost.unwrap_or_else(|| cost(&stages)),
            confidence_score: sent.confidence_score,
            strategy: sent.decomposition_strategy,
            stages,
        })
    }
}

/// The names of the sub-tasks stage by stage: as the client has planned them, or each as early as it can be.
fn order(sent: &Sent) -> Result<Vec<Vec<String>>, Unsound> {
    let parts = &sent.sub_tasks;
    if parts.is_empty() || parts.len() > MOST_SUB_TASKS {
        return Err(Unsound::Size(parts.len()));
    }
    let mut names = HashSet::new();
    if let Some(doubled) = parts.iter().find(|part| !names.insert(part.sub_task_id.as_str())) {
        return Err(Unsound::Doubled(doubled.sub_task_id.clone()));
    }
    for part in parts {
        let mut seen = HashSet::new();
        for dependency in &part.dependencies {
            if !names.contains(dependency.as_str()) {
                return Err(Unsound::Unknown(dependency.clone()));
            }
            if !seen.insert(dependency) {
                return Err(Unsound::Repeated(part.sub_task_id.clone()));
            }
        }
    }
    let early = as_early_as_can_be(parts)?;
    match &sent.execution_plan {
        None => Ok(early),
        Some(planned) => as_planned(parts, planned),
    }
}

/// Pass by pass, each taking what was ready before it.
fn as_early_as_can_be(parts: &[SubTask]) -> Result<Vec<Vec<String>>, Unsound> {
    let mut done: HashSet<&str> = HashSet::new();
    let mut waiting: Vec<&SubTask> = parts.iter().collect();
    let mut stages = Vec::new();
    while !waiting.is_empty() {
        let is_ready =
            |part: &&SubTask| part.dependencies.iter().all(|id| done.contains(id.as_str()));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            let names: Vec<&str> = rest.iter().map(|part| part.sub_task_id.as_str()).collect();
            return Err(Unsound::Circular(names.join(", ")));
        }
        done.extend(ready.iter().map(|part| part.sub_task_id.as_str()));
        stages.push(ready.iter().map(|part| part.sub_task_id.clone()).collect());
        waiting = rest;
    }
    Ok(stages)
}

fn as_planned(parts: &[SubTask], planned: &[Vec<String>]) -> Result<Vec<Vec<String>>, Unsound> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (stage, names) in planned.iter().enumerate() {
        for name in names {
            if !parts.iter().any(|part| part.sub_task_id == *name) {
                return Err(Unsound::Unknown(name.clone()));
            }
            if places.insert(name, stage).is_some() {
                return Err(Unsound::PlannedTwice(name.clone()));
            }
        }
    }
    let place =
        |name: &str| places.get(name).copied().ok_or_else(|| Unsound::Unplanned(name.to_owned()));
    for part in parts {
        let own = place(&part.sub_task_id)?;
        for dependency in &part.dependencies {
            if place(dependency)? >= own {
                return Err(Unsound::TooEarly(part.sub_task_id.clone()));
            }
        }
    }
    Ok(planned.iter().filter(|stage| !stage.is_empty()).cloned().collect())
}

/// The longest sub-task of each stage, one after the other.
fn duration(stages: &[Vec<SubTask>]) -> f64 {
    let longest = |stage: &Vec<SubTask>| {
        stage.iter().map(|part| part.requirements.estimated_duration).fold(0.0, f64::max)
    };
    stages.iter().map(longest).sum()
}

/// The monolith's estimate: the faster a GPU, the dearer its hour.
fn cost(stages: &[Vec<SubTask>]) -> Money {
    let costs = stages.iter().flatten().map(|part| {
        let tenths = match part.requirements.gpu_tier {
            GpuTier::CpuOnly => 10,
            GpuTier::LowEndGpu => 25,
            GpuTier::MidRangeGpu => 50,
            GpuTier::HighEndGpu => 100,
            GpuTier::PremiumGpu => 200,
        };
        part.requirements.cost(Money::new(TENTH_OF_BASE_PRICE * tenths, 3))
    });
    costs.sum()
}

impl Requirements {
    /// What it costs at the price of an hour.
    pub fn cost(&self, per_hour: Money) -> Money {
        // The hours exactly as they were sent: a year at most, so that every double has a decimal.
        let hours: Decimal = self.estimated_duration.to_string().parse().unwrap_or_default();
        Money::round(per_hour.exact().saturating_mul(hours))
    }
}

/// Whether a decomposition, whose fields fit, makes sense: what a shape asks.
pub fn check(sent: &Map<String, Value>) -> Result<(), String> {
    let read = Decomposition::deserialize(Value::Object(sent.clone()));
    read.map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A sub-task of the first built-in agent's kind.
    pub(crate) fn part(id: &str, dependencies: &[&str]) -> Value {
        json!({
            "sub_task_id": id, "name": id, "description": "", "dependencies": dependencies,
            "inputs": [], "outputs": [],
            "requirements": {
                "task_type": "text_processing", "gpu_tier": "mid_range_gpu",
                "estimated_duration": 0.5, "memory_requirement": 4, "priority": 5,
            },
        })
    }

    pub(crate) fn decomposition(parts: &[Value]) -> Value {
        json!({
            "sub_tasks": parts, "confidence_score": 0.8, "decomposition_strategy": "adaptive",
        })
    }

    fn read(value: Value) -> Result<Decomposition, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    fn stages(decomposition: &Decomposition) -> Vec<Vec<&str>> {
        decomposition
            .stages
            .iter()
            .map(|stage| stage.iter().map(|part| part.sub_task_id.as_str()).collect())
            .collect()
    }

    #[test]
    fn stages_follow_from_dependencies() {
        let parts = [part("d", &["b", "c"]), part("a", &[]), part("b", &["a"]), part("c", &[])];
        let read = read(decomposition(&parts)).unwrap();
        assert_eq!(stages(&read), [vec!["a", "c"], vec!["b"], vec!["d"]]);
        assert!((read.estimated_total_duration - 1.5).abs() < 1e-12);
        // Four times half an hour of a middling GPU, five times 0.05 an hour.
        assert_eq!(read.estimated_total_cost, Money::of(0.5));
        assert_eq!(read.stages[0][0].requirements.others.get("priority"), Some(&json!(5)));
    }

    #[test]
    fn what_was_planned_and_estimated_counts() {
        let mut sent = decomposition(&[part("a", &[]), part("b", &[])]);
        sent["execution_plan"] = json!([["b"], [], ["a"]]);
        sent["estimated_total_cost"] = json!(0.1);
        sent["estimated_total_duration"] = json!(7);
        let read = read(sent).unwrap();
        assert_eq!(stages(&read), [["b"], ["a"]]);
        assert_eq!(read.estimated_total_cost, Money::of(0.1));
        assert!((read.estimated_total_duration - 7.0).abs() < 1e-12);
    }

    #[test]
    fn what_makes_no_sense_says_why() {
        let planned = |parts: &[Value], plan: Value| {
            let mut sent = decomposition(parts);
            sent["execution_plan"] = plan;
            read(sent).unwrap_err()
        };
        let two = [part("a", &[]), part("b", &["a"])];
        insta::assert_debug_snapshot!(
            [
                read(decomposition(&[])).unwrap_err(),
                read(decomposition(&vec![part("a", &[]); 101])).unwrap_err(),
                read(decomposition(&[part("a", &[]), part("a", &[])])).unwrap_err(),
                read(decomposition(&[part("a", &["b"])])).unwrap_err(),
                read(decomposition(&[part("a", &[]), part("b", &["a", "a"])])).unwrap_err(),
                read(decomposition(&[part("a", &["a"])])).unwrap_err(),
                read(decomposition(&[part("a", &["b"]), part("b", &["a"]), part("c", &[])])).unwrap_err(),
                planned(&two, json!([["a"]])),
                planned(&two, json!([["a"], ["b"], ["a"]])),
                planned(&two, json!([["a", "b"]])),
                planned(&two, json!([["a"], ["b", "c"]])),
            ],
            @r#"
        [
            "a task has 1 to 100 sub-tasks, not 0",
            "a task has 1 to 100 sub-tasks, not 101",
            "there are two sub-tasks \"a\"",
            "there is no sub-task \"b\"",
            "sub-task \"b\" names a dependency twice",
            "the sub-tasks a wait for each other",
            "the sub-tasks a, b wait for each other",
            "sub-task \"b\" is in no stage of execution_plan",
            "sub-task \"a\" is in execution_plan twice",
            "sub-task \"b\" is not in a later stage than what it depends on",
            "there is no sub-task \"c\"",
        ]
        "#
        );
    }

    proptest! {
        #[test]
        fn every_part_comes_once_and_after_all_that_it_waits_for(
            edges in prop::collection::btree_set((0..8_usize, 0..8_usize), 0..20),
        ) {
            // From higher to lower numbers only: such a graph has no circle.
            let parts: Vec<Value> = (0..8).map(|i| {
                let needs = edges.iter().filter(|(from, to)| *from == i && to < from);
                let needs: Vec<String> = needs.map(|(_, to)| to.to_string()).collect();
                part(&i.to_string(), &needs.iter().map(String::as_str).collect::<Vec<_>>())
            }).collect();
            let read = read(decomposition(&parts)).unwrap();
            let mut done = Vec::new();
            for stage in &read.stages {
                prop_assert!(!stage.is_empty());
                for part in stage {
                    prop_assert!(part.dependencies.iter().all(|id| done.contains(id)));
                }
                done.extend(stage.iter().map(|part| part.sub_task_id.clone()));
            }
            done.sort();
            prop_assert_eq!(done, (0..8).map(|i| i.to_string()).collect::<Vec<_>>());
        }

        #[test]
        fn no_graph_panics(edges in prop::collection::vec((0..6_usize, 0..6_usize), 0..20)) {
            let parts: Vec<Value> = (0..6).map(|i| {
                let needs: Vec<String> = edges.iter().filter(|(from, _)| *from == i).map(|(_, to)| to.to_string()).collect();
                part(&i.to_string(), &needs.iter().map(String::as_str).collect::<Vec<_>>())
            }).collect();
            let _either = read(decomposition(&parts));
        }
    }
}
