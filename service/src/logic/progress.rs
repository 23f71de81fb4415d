//! How far an execution has come, told from its rows alone, so that any worker can take it up.

use serde_json::{Map, Value, json};

use crate::python::time::Stamp;
use crate::tables::agents::{Status, Step, StepExecution};
use crate::tables::{Json, Record};

/// The finished steps of an execution and what they leave for the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    inputs: Map<String, Value>,
    states: Map<String, Value>,
    unfinished: Vec<StepExecution>,
}

impl Progress {
    /// The progress that rows show: `inputs` of the execution, merged with the output of each finished step in the
    /// order of the plan.
    pub fn resume(inputs: &Value, plan: &[&Step], rows: Vec<StepExecution>) -> Self {
        let (finished, unfinished): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.status == Status::Completed);
        let inputs = inputs.as_object().cloned().unwrap_or_default();
        let mut progress = Self { inputs, states: Map::new(), unfinished };
        for step in plan {
            if let Some(row) = finished.iter().find(|row| row.step_id == step.id) {
                progress.finish(row);
            }
        }
        progress
    }

    /// Whether a step has finished, and so must not run again.
    pub fn has_finished(&self, step: &Step) -> bool {
        self.states.contains_key(&step.id)
    }

    /// How many steps have finished.
    pub fn count(&self) -> i64 {
        i64::try_from(self.states.len()).unwrap_or(i64::MAX)
    }

    /// What the next step works on.
    pub fn inputs(&self) -> &Map<String, Value> {
        &self.inputs
    }

    /// The finished steps as the execution shows them.
    pub fn states(&self) -> Json {
        Json(Value::Object(self.states.clone()))
    }

    /// The result of an execution whose steps have all finished.
    pub fn final_result(&self) -> Json {
        Json(json!({"step_results": self.states}))
    }

    /// Takes in a finished step.
    pub fn finish(&mut self, row: &StepExecution) {
        if let Some(Json(Value::Object(output))) = &row.output_data {
            self.inputs.extend(output.clone());
        }
        self.states.insert(row.step_id.clone(), row.to_json());
    }

    /// The row of a step that begins now: that of an attempt which was cut off, or a new one with `id`.
    pub fn begin(&self, step: &Step, execution_id: &str, id: String, now: Stamp) -> Beginning {
        let input = Some(Json(Value::Object(self.inputs.clone())));
        if let Some(cut_off) = self.unfinished.iter().find(|row| row.step_id == step.id) {
            let retries = cut_off.retry_count.get().unwrap_or(0) + 1;
            return Beginning::Again(StepExecution {
                status: Status::Running,
                input_data: input,
                retry_count: retries.into(),
                error_message: None,
                started_at: Some(now),
                completed_at: None,
                updated_at: now,
                ..cut_off.clone()
            });
        }
        Beginning::New(StepExecution {
            id,
            execution_id: execution_id.to_owned(),
            step_id: step.id.clone(),
            status: Status::Running,
            input_data: input,
            output_data: None,
            execution_time: None,
            gpu_accelerated: false,
            memory_usage: None,
            step_proof: None,
            verification_status: None,
            error_message: None,
            retry_count: 0.into(),
            started_at: Some(now),
            completed_at: None,
            created_at: now,
            updated_at: now,
        })
    }
}

/// The row with which a step begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Beginning {
    /// The step has no row yet.
    New(StepExecution),
    /// The step was cut off, and its row is used again.
    Again(StepExecution),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::plan::tests::step;
    use crate::tables::agents::StepType;

    fn now() -> Stamp {
        Stamp::parse("2026-01-01 10:00:00").unwrap()
    }

    fn row(progress: &Progress, step: &Step, id: &str) -> StepExecution {
        match progress.begin(step, "exec_1", id.to_owned(), now()) {
            Beginning::New(row) | Beginning::Again(row) => row,
        }
    }

    #[test]
    fn a_resumed_execution_equals_one_that_was_never_cut_off() {
        let (a, b) = (step("a", 0, StepType::Custom), step("b", 1, StepType::Custom));
        let plan = [&a, &b];
        let mut straight = Progress::resume(&json!({"seed": 7}), &plan, Vec::new());
        let mut done = row(&straight, &a, "step_exec_1");
        done.status = Status::Completed;
        done.output_data = Some(Json(json!({"seed": 8, "new": 1})));
        straight.finish(&done);
        let resumed = Progress::resume(&json!({"seed": 7}), &plan, vec![done]);
        assert_eq!(resumed, straight);
        assert_eq!(Value::Object(resumed.inputs().clone()), json!({"seed": 8, "new": 1}));
        assert!(resumed.has_finished(&a) && !resumed.has_finished(&b));
        assert_eq!(resumed.count(), 1);
    }

    #[test]
    fn a_step_that_was_cut_off_keeps_its_row() {
        let a = step("a", 0, StepType::Custom);
        let fresh = Progress::resume(&json!({}), &[&a], Vec::new());
        let cut_off = row(&fresh, &a, "step_exec_1");
        let resumed = Progress::resume(&json!({}), &[&a], vec![cut_off]);
        let Beginning::Again(again) = resumed.begin(&a, "exec_1", "step_exec_2".to_owned(), now())
        else {
            panic!("a second row for the same step");
        };
        assert_eq!((again.id.as_str(), again.retry_count.get()), ("step_exec_1", Some(1)));
    }
}
