//! Durability: what happens when workers stop, die, are slow, or are several.

mod manners;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Call, Executor, StepFailure, StepOutcome, Worker};
use crate::logic::cost::Cost;
use crate::tables::agents::StepType;
use crate::testing::{TestApp, until};

/// Notes which steps it runs. A step named `slow…` waits until it is let go, one named `bad…` fails, and one named
/// `dear…` costs 1.
#[derive(Debug, Default)]
struct Noted {
    begun: Mutex<Vec<String>>,
    let_go: Notify,
}

impl Noted {
    fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }
}

#[async_trait]
impl Executor for Noted {
    fn name(&self) -> &'static str {
        "noted"
    }

    async fn run(&self, call: Call<'_>) -> Result<StepOutcome, StepFailure> {
        let Call { step, inputs, .. } = call;
        self.begun.lock().unwrap().push(step.id.clone());
        if step.id.starts_with("slow") {
            self.let_go.notified().await;
        }
        if step.id.starts_with("bad") {
            return Err(StepFailure::free("the model is gone"));
        }
        let output = Map::from_iter([(step.id.clone(), json!(inputs.len()))]);
        let cost = if step.id.starts_with("dear") { 1.0 } else { 0.0 };
        let cost = Cost::from_float(cost).unwrap();
        Ok(StepOutcome { output, gpu_accelerated: false, memory_usage: Some(1.0), cost })
    }
}

struct Running {
    executor: Arc<Noted>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A worker as one process has one.
fn start(test: &TestApp) -> Running {
    let (executor, stop) = (Arc::new(Noted::default()), CancellationToken::new());
    let worker = Worker::new(
        Arc::clone(&test.app),
        Arc::clone(&executor) as Arc<dyn Executor>,
        stop.clone(),
    );
    Running { executor, stop, task: tokio::spawn(worker.work()) }
}

impl Running {
    /// Ends the worker as `kill -9` would: in the middle of whatever it does.
    async fn kill(self) -> Arc<Noted> {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.executor
    }

    async fn stop(self) -> Arc<Noted> {
        self.stop.cancel();
        self.task.await.unwrap();
        self.executor
    }

    async fn has_begun(&self, steps: &[&str]) {
        until("the steps begin", || async { self.executor.begun() == steps }).await;
    }
}

async fn ends_as(test: &TestApp, execution: &str, status: &str) -> Value {
    until(status, || async { test.status(execution).await["status"] == status }).await;
    test.status(execution).await
}

const CUSTOM: StepType = StepType::Custom;

#[tokio::test]
async fn an_execution_without_steps_completes_at_once() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[]).await;
    let worker = start(&test);
    let execution = test.execute(&workflow, json!({})).await;
    let done = ends_as(&test, &execution, "completed").await;
    assert_eq!(done["final_result"], json!({"step_results": {}}));
    worker.stop().await;
}

#[tokio::test]
async fn a_crash_loses_nothing_and_repeats_no_finished_step() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("a", CUSTOM), ("slow_b", CUSTOM), ("c", CUSTOM)]).await;
    let execution = test.execute(&workflow, json!({"seed": 7})).await;
    let first = start(&test);
    first.has_begun(&["a", "slow_b"]).await;
    first.kill().await;
    assert_eq!(test.status(&execution).await["status"], "running");

    test.clock.advance(11);
    let second = start(&test);
    second.has_begun(&["slow_b"]).await;
    second.executor.let_go.notify_one();
    let done = ends_as(&test, &execution, "completed").await;
    assert_eq!(second.stop().await.begun(), ["slow_b", "c"]);
    assert_eq!(done["current_step"], 3);
    // The inputs of the last step hold the outputs of both before it.
    assert_eq!(done["step_states"]["c"]["input_data"], json!({"seed": 7, "a": 1, "slow_b": 2}));
    let rows = test.app.store.step_execution_list(&execution).await.unwrap();
    let retries: Vec<_> =
        rows.iter().map(|row| (row.step_id.as_str(), row.retry_count.get())).collect();
    assert_eq!(retries, [("a", Some(0)), ("slow_b", Some(1)), ("c", Some(0))]);
}

#[tokio::test]
async fn a_lease_in_force_keeps_others_away() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("slow_a", CUSTOM)]).await;
    let execution = test.execute(&workflow, json!({})).await;
    let first = start(&test);
    first.has_begun(&["slow_a"]).await;
    let second = start(&test);
    let nothing_waits =
        || async { !test.app.store.run_waiting(test.app.clock.now()).await.unwrap() };
    until("the run is held", nothing_waits).await;
    first.executor.let_go.notify_one();
    ends_as(&test, &execution, "completed").await;
    assert_eq!(second.stop().await.begun(), Vec::<String>::new());
    first.stop().await;
}

#[tokio::test]
async fn a_worker_that_was_too_slow_writes_nothing() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("slow_a", CUSTOM), ("b", CUSTOM)]).await;
    let execution = test.execute(&workflow, json!({})).await;
    let first = start(&test);
    first.has_begun(&["slow_a"]).await;
    test.clock.advance(11);
    let second = start(&test);
    second.has_begun(&["slow_a"]).await;
    second.executor.let_go.notify_one();
    let done = ends_as(&test, &execution, "completed").await;
    first.executor.let_go.notify_one();
    assert_eq!(first.stop().await.begun(), ["slow_a"]);
    assert_eq!(test.status(&execution).await, done);
    second.stop().await;
}

#[tokio::test]
async fn two_workers_share_the_executions_and_run_each_step_once() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("a", CUSTOM), ("b", CUSTOM)]).await;
    let (first, second) = (start(&test), start(&test));
    let mut executions = Vec::new();
    for _ in 0..12 {
        executions.push(test.execute(&workflow, json!({})).await);
    }
    for execution in &executions {
        ends_as(&test, execution, "completed").await;
        let rows = test.app.store.step_execution_list(execution).await.unwrap();
        assert_eq!(rows.len(), 2);
    }
    let (first, second) = (first.stop().await.begun(), second.stop().await.begun());
    assert_eq!(first.len() + second.len(), 24, "first {first:?}, second {second:?}");
}

#[tokio::test]
async fn a_stopping_worker_ends_its_step_and_gives_the_rest_back() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("slow_a", CUSTOM), ("b", CUSTOM)]).await;
    let execution = test.execute(&workflow, json!({})).await;
    let first = start(&test);
    first.has_begun(&["slow_a"]).await;
    first.stop.cancel();
    first.executor.let_go.notify_one();
    assert_eq!(first.stop().await.begun(), ["slow_a"]);
    assert_eq!(test.status(&execution).await["current_step"], 1);
    // No lease to wait for: the clock has not moved.
    let second = start(&test);
    ends_as(&test, &execution, "completed").await;
    assert_eq!(second.stop().await.begun(), ["b"]);
}

#[tokio::test]
async fn an_execution_of_the_monolith_is_never_taken_over() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("a", CUSTOM)]).await;
    let execution = test.execute(&workflow, json!({})).await;
    test.sql("DELETE FROM agent_service_runs").await;
    let own = test.execute(&workflow, json!({})).await;
    test.clock.advance(1_000_000);
    let worker = start(&test);
    ends_as(&test, &own, "completed").await;
    assert_eq!(worker.stop().await.begun(), ["a"]);
    assert_eq!(test.status(&execution).await["status"], "running");
}

#[tokio::test]
async fn a_cancel_from_either_side_comes_before_the_next_step_and_stays() {
    for by_monolith in [false, true] {
        let test = TestApp::new().await;
        let workflow = test.workflow(&[("slow_a", CUSTOM), ("b", CUSTOM)]).await;
        let execution = test.execute(&workflow, json!({})).await;
        let worker = start(&test);
        worker.has_begun(&["slow_a"]).await;
        if by_monolith {
            test.sql("UPDATE agent_executions SET status = 'CANCELLED'").await;
        } else {
            let path = format!("/executions/{execution}/cancel");
            let answer = test.ask("alice", "POST", &path, None).await;
            assert_eq!(answer.json(), json!({"message": "Execution cancelled successfully"}));
        }
        worker.executor.let_go.notify_one();
        let ended = || async {
            let run = test.app.store.run_find(&execution).await.unwrap().unwrap();
            run.finished_at.is_some()
        };
        until("the run ends", ended).await;
        assert_eq!(worker.stop().await.begun(), ["slow_a"]);
        let status = test.status(&execution).await;
        assert_eq!((&status["status"], &status["current_step"]), (&json!("cancelled"), &json!(0)));
        // The step that ran did finish, and its row says so.
        let rows = test.app.store.step_execution_list(&execution).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].completed_at.is_some());
    }
}

#[tokio::test]
async fn failures_end_the_execution_with_their_reason() {
    let test = TestApp::new().await;
    let bad = test.workflow(&[("bad_a", CUSTOM), ("b", CUSTOM)]).await;
    let gone = test.workflow(&[("x", CUSTOM)]).await;
    let circular = test.workflow(&[("y", CUSTOM)]).await;
    let body = json!({"dependencies": {"y": ["elsewhere"]}});
    test.ask("alice", "PUT", &format!("/workflows/{circular}"), Some(body)).await;
    let bad = test.execute(&bad, json!({})).await;
    let of_gone = test.execute(&gone, json!({})).await;
    let circular = test.execute(&circular, json!({})).await;
    test.ask("alice", "DELETE", &format!("/workflows/{gone}"), None).await;
    let worker = start(&test);
    let failed = ends_as(&test, &bad, "failed").await;
    assert_eq!(failed["error_message"], "the model is gone");
    assert_eq!(failed["total_execution_time"], Value::Null);
    let failed = ends_as(&test, &circular, "failed").await;
    assert_eq!(failed["error_message"], "Circular dependency detected in workflow");
    let failed = || async {
        let row = test.app.store.execution_find(&of_gone).await.unwrap().unwrap();
        row.error_message.as_deref() == Some("Workflow not found")
    };
    until("the orphan fails", failed).await;
    assert_eq!(worker.stop().await.begun(), ["bad_a"]);
}

#[tokio::test]
async fn a_run_that_never_gets_anywhere_is_given_up() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("slow_a", CUSTOM)]).await;
    let execution = test.execute(&workflow, json!({})).await;
    for _ in 0..5 {
        let worker = start(&test);
        worker.has_begun(&["slow_a"]).await;
        worker.kill().await;
        test.clock.advance(11);
    }
    let worker = start(&test);
    let failed = ends_as(&test, &execution, "failed").await;
    assert_eq!(failed["error_message"], "Given up after 5 attempts that were cut off");
    worker.stop().await;
}

#[tokio::test]
async fn a_locked_database_delays_a_result_and_loses_nothing() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[("slow_a", CUSTOM)]).await;
    let execution = test.execute(&workflow, json!({})).await;
    let worker = start(&test);
    worker.has_begun(&["slow_a"]).await;
    // Another process writes for longer than the busy time-out of 0.2 s.
    let other = crate::store::Store::open(&test.app.config.database).await.unwrap();
    let writing = other.write().await.unwrap();
    worker.executor.let_go.notify_one();
    let refused = test.app.store.write().await.unwrap_err();
    assert!(refused.is_busy(), "{refused}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(writing);
    ends_as(&test, &execution, "completed").await;
    assert_eq!(worker.stop().await.begun(), ["slow_a"]);
    other.close().await;
}
