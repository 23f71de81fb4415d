//! Resources for a task: what it starts from, and what it is given for the sake of a target.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Denied, figure};
use crate::python::{number, time::Stamp};
use crate::tables::Json;
use crate::tables::performance::{Allocation, OptimizationTarget};

/// How allocations may stand. Here they are made, and stay, `allocated`.
pub const STATUSES: &[&str] = &["pending", "allocated", "active", "completed", "failed"];

/// Fewest and most cores that a target is fitted to.
const CPU: (f64, f64) = (0.5, 16.0);

/// Least and most memory that a target is fitted to, in GB.
const MEMORY: (f64, f64) = (1.0, 64.0);

/// Most GPUs that a target is fitted to.
const GPU_MOST: f64 = 8.0;

/// Memory of one GPU, in GB.
const GPU_MEMORY: f64 = 8.0;

/// What a client asks resources for.
#[derive(Debug, Clone, Deserialize)]
pub struct NewAllocation {
    agent_id: String,
    task_requirements: Map<String, Value>,
    optimization_target: OptimizationTarget,
}

impl NewAllocation {
    /// The row of this allocation.
    pub fn into_row(
        self,
        [id, allocation_id]: [String; 2],
        now: Stamp,
    ) -> Result<Allocation, Denied> {
        let task = Task::of(&self.task_requirements)?;
        let given = task.resources().fitted(task.kind, self.optimization_target).known()?;
        let some = |value: Value| Some(Json(value));
        Ok(Allocation {
            id,
            allocation_id,
            agent_id: self.agent_id,
            task_id: None,
            session_id: None,
            cpu_cores: given.cpu_cores.into(),
            memory_gb: given.memory_gb.into(),
            gpu_count: given.gpu_count.into(),
            gpu_memory_gb: given.gpu_memory_gb.into(),
            storage_gb: given.storage_gb.into(),
            network_bandwidth: given.network_bandwidth.into(),
            optimization_target: self.optimization_target,
            priority_level: "normal".to_owned(),
            actual_performance: some(json!({})),
            efficiency_score: 0.0.into(),
            cost_efficiency: 0.0.into(),
            status: "allocated".to_owned(),
            allocated_at: Some(now),
            started_at: None,
            completed_at: None,
            optimization_applied: false,
            optimization_savings: 0.0.into(),
            performance_improvement: 0.0.into(),
            created_at: now,
            updated_at: now,
            allocation_profile_meta_data: some(json!({})),
            resource_utilization: some(json!({})),
        })
    }
}

/// What a task is, as far as its resources depend on it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Task {
    kind: Kind,
    /// By how much it is larger than others of its kind.
    workload: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inference { large: bool },
    Training,
    TextGeneration,
    ImageGeneration,
    Other,
}

impl Task {
    fn of(requirements: &Map<String, Value>) -> Result<Self, Denied> {
        let text = |key: &str| requirements.get(key).and_then(Value::as_str);
        let kind = match text("task_type") {
            Some("inference") => Kind::Inference { large: text("model_size") == Some("large") },
            Some("training") => Kind::Training,
            Some("text_generation") => Kind::TextGeneration,
            Some("image_generation") => Kind::ImageGeneration,
            _ => Kind::Other,
        };
        let workload = match requirements.get("workload_factor") {
            None => Some(1.0),
            Some(Value::Bool(truth)) => Some(f64::from(u8::from(*truth))),
            Some(other) => number::as_f64(other),
        };
        let workload = workload.ok_or(Denied::Refused("workload_factor must be a number"))?;
        Ok(Self { kind, workload })
    }

    /// What it starts from.
    fn resources(self) -> Resources {
        let [cpu_cores, memory_gb, gpu_count, storage_gb, network_bandwidth] = match self.kind {
            Kind::Inference { large } => [4.0, 8.0, if large { 1.0 } else { 0.0 }, 50.0, 200.0],
            Kind::Training => [8.0, 16.0, 2.0, 200.0, 500.0],
            Kind::TextGeneration => [2.0, 6.0, 0.0, 50.0, 50.0],
            Kind::ImageGeneration => [4.0, 12.0, 1.0, 100.0, 100.0],
            Kind::Other => [2.0, 4.0, 0.0, 50.0, 100.0],
        }
        .map(|amount| amount * self.workload);
        let gpu_memory_gb = 0.0;
        Resources { cpu_cores, memory_gb, gpu_count, gpu_memory_gb, storage_gb, network_bandwidth }
    }
}

/// Memory and storage in GB, bandwidth in Mbit/s.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Resources {
    cpu_cores: f64,
    memory_gb: f64,
    gpu_count: f64,
    gpu_memory_gb: f64,
    storage_gb: f64,
    network_bandwidth: f64,
}

impl Resources {
    /// Fitted to a target. Only what is changed for its sake is kept within bounds.
    fn fitted(mut self, kind: Kind, target: OptimizationTarget) -> Self {
        match (target, kind) {
            (OptimizationTarget::Speed, kind) => {
                self.cpu_cores = CPU.1.min(self.cpu_cores * 1.5);
                self.memory_gb = MEMORY.1.min(self.memory_gb * 1.3);
                if matches!(kind, Kind::Inference { .. } | Kind::ImageGeneration) {
                    self.gpu_count = GPU_MOST.min(self.gpu_count.max(1.0));
                }
            }
            (OptimizationTarget::Accuracy, kind) => {
                self.memory_gb = MEMORY.1.min(self.memory_gb * 2.0);
                if matches!(kind, Kind::Inference { .. } | Kind::Training) {
                    self.gpu_count = GPU_MOST.min(self.gpu_count.max(2.0));
                    self.gpu_memory_gb = self.gpu_count * GPU_MEMORY;
                }
            }
            (OptimizationTarget::Efficiency, Kind::TextGeneration) => {
                self.cpu_cores = CPU.0.max(self.cpu_cores * 0.8);
                self.gpu_count = 0.0;
            }
            (OptimizationTarget::Efficiency, Kind::Inference { .. }) => {
                self.gpu_count = GPU_MOST.min((self.gpu_count * 0.7).max(0.5));
            }
            (OptimizationTarget::Cost, _) => {
                self.gpu_count = 0.0;
                self.cpu_cores = CPU.0.max(self.cpu_cores * 0.5);
                self.memory_gb = MEMORY.0.max(self.memory_gb * 0.7);
            }
            (
                OptimizationTarget::Efficiency
                | OptimizationTarget::Scalability
                | OptimizationTarget::Reliability,
                _,
            ) => {}
        }
        self
    }

    fn known(self) -> Result<Self, Denied> {
        for amount in [self.cpu_cores, self.memory_gb, self.gpu_count, self.storage_gb] {
            figure(amount)?;
        }
        figure(self.network_bandwidth)?;
        Ok(self)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the contract's figures are exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// CPU, memory, GPU, its memory, storage, network.
    fn given(requirements: Value, target: OptimizationTarget) -> [f64; 6] {
        let Value::Object(requirements) = requirements else {
            panic!("{requirements} is no object")
        };
        let task = Task::of(&requirements).unwrap();
        let r = task.resources().fitted(task.kind, target);
        [r.cpu_cores, r.memory_gb, r.gpu_count, r.gpu_memory_gb, r.storage_gb, r.network_bandwidth]
    }

    #[test]
    fn the_contract_s_allocations() {
        use OptimizationTarget::{Accuracy, Cost, Efficiency, Reliability, Scalability, Speed};
        for (kind, target, expected) in [
            ("general", Efficiency, [2.0, 4.0, 0.0, 0.0, 50.0, 100.0]),
            ("general", Speed, [3.0, 5.2, 0.0, 0.0, 50.0, 100.0]),
            ("inference", Speed, [6.0, 10.4, 1.0, 0.0, 50.0, 200.0]),
            ("training", Speed, [12.0, 20.8, 2.0, 0.0, 200.0, 500.0]),
            ("general", Accuracy, [2.0, 8.0, 0.0, 0.0, 50.0, 100.0]),
            ("inference", Accuracy, [4.0, 16.0, 2.0, 16.0, 50.0, 200.0]),
            ("training", Accuracy, [8.0, 32.0, 2.0, 16.0, 200.0, 500.0]),
            ("text_generation", Efficiency, [1.6, 6.0, 0.0, 0.0, 50.0, 50.0]),
            ("inference", Efficiency, [4.0, 8.0, 0.5, 0.0, 50.0, 200.0]),
            ("image_generation", Efficiency, [4.0, 12.0, 1.0, 0.0, 100.0, 100.0]),
            ("general", Cost, [1.0, 2.8, 0.0, 0.0, 50.0, 100.0]),
            ("training", Cost, [4.0, 11.2, 0.0, 0.0, 200.0, 500.0]),
            ("training", Scalability, [8.0, 16.0, 2.0, 0.0, 200.0, 500.0]),
            ("inference", Reliability, [4.0, 8.0, 0.0, 0.0, 50.0, 200.0]),
        ] {
            let found = given(json!({"task_type": kind}), target);
            let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(near, "{kind} {target:?}: {found:?}");
        }
        let large = json!({"task_type": "inference", "model_size": "large"});
        assert_eq!(given(large, Efficiency)[2], 0.7);
        let four = json!({"task_type": "training", "workload_factor": 4});
        assert_eq!(given(four, Speed), [16.0, 64.0, 8.0, 0.0, 800.0, 2000.0]);
        let tenth = json!({"workload_factor": 0.1});
        assert_eq!(given(tenth, Cost), [0.5, 1.0, 0.0, 0.0, 5.0, 10.0]);
    }

    #[test]
    fn a_workload_that_is_no_number_is_refused() {
        for workload in [json!("2"), json!(null), json!([1])] {
            let requirements = json!({"workload_factor": workload});
            assert!(Task::of(requirements.as_object().unwrap()).is_err(), "{requirements}");
        }
    }

    proptest! {
        #[test]
        fn what_a_target_changes_stays_within_bounds(workload in 0.0..1e3_f64, kind in 0..5_usize, target in 0..6_usize) {
            let kinds = ["general", "inference", "training", "text_generation", "image_generation"];
            let target = OptimizationTarget::from_word(OptimizationTarget::WORDS[target]).unwrap();
            let task = json!({"task_type": kinds[kind], "workload_factor": workload});
            let plain = given(task.clone(), OptimizationTarget::Scalability);
            let [cpu, memory, gpu, gpu_memory, storage, network] = given(task, target);
            prop_assert_eq!([storage, network], [plain[4], plain[5]]);
            let holds = match target {
                OptimizationTarget::Speed => cpu <= CPU.1 && memory <= MEMORY.1,
                OptimizationTarget::Accuracy => cpu == plain[0] && memory <= MEMORY.1,
                OptimizationTarget::Efficiency => cpu <= plain[0].max(CPU.0) && memory == plain[1],
                OptimizationTarget::Cost => cpu >= CPU.0 && memory >= MEMORY.0 && gpu == 0.0,
                OptimizationTarget::Scalability | OptimizationTarget::Reliability => {
                    [cpu, memory, gpu] == plain[..3]
                }
            };
            prop_assert!(holds, "{:?}", [cpu, memory, gpu]);
            prop_assert!(gpu == plain[2] || gpu <= GPU_MOST);
            prop_assert!(gpu_memory == 0.0 || gpu_memory == gpu * GPU_MEMORY);
        }
    }
}
