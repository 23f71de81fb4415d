//! What a whole execution may cost: all its steps together, and also across a crash.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Model, Reaction, answer};
use crate::execution::Worker;
use crate::tables::agents::StepType;
use crate::testing::{TestApp, until};

/// An answer that costs 0.00043.
fn dear() -> Value {
    let mut dear = answer();
    dear["usage"]["completion_tokens"] = json!(200);
    dear
}

/// An execution of two inference steps with this budget.
async fn execution(test: &TestApp, budget: &str) -> String {
    let workflow = test.workflow(&[("a", StepType::Inference), ("b", StepType::Inference)]).await;
    test.sql(&format!("UPDATE ai_agent_workflows SET max_cost_budget = {budget}")).await;
    test.execute(&workflow, json!({"prompt": "Why?"})).await
}

fn start(test: &TestApp, model: &Model) -> JoinHandle<()> {
    let executor = Arc::new(model.executor(|_| {}));
    tokio::spawn(Worker::new(Arc::clone(&test.app), executor, CancellationToken::new()).work())
}

async fn kill(worker: JoinHandle<()>) {
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
}

async fn ended(test: &TestApp, execution: &str) -> Value {
    until("the execution ends", || async { test.status(execution).await["status"] != "running" })
        .await;
    test.status(execution).await
}

#[tokio::test]
async fn steps_share_a_budget_and_none_begins_that_it_does_not_pay_for() {
    let test = TestApp::new().await;
    let model = Model::start(vec![Reaction::Answers(dear())]).await;
    let execution = execution(&test, "0.00046").await;
    let worker = start(&test, &model);
    let failed = ended(&test, &execution).await;
    kill(worker).await;
    assert_eq!(
        (&failed["status"], &failed["error_message"]),
        (&json!("failed"), &json!("max_cost_budget does not pay for this step: 0.00003 is left"))
    );
    assert_eq!((&failed["total_cost"], &failed["current_step"]), (&json!(0.00043), &json!(1)));
    assert_eq!(model.times_asked(), 1, "the second step was not asked for");
}

#[tokio::test]
async fn what_was_spent_before_a_crash_counts_after_it() {
    let test = TestApp::new().await;
    let model = Model::start(vec![Reaction::Answers(dear()), Reaction::Waits]).await;
    let execution = execution(&test, "0.0009").await;
    let first = start(&test, &model);
    until("the second step is asked for", || async { model.times_asked() == 2 }).await;
    kill(first).await;
    assert_eq!(test.status(&execution).await["total_cost"], json!(0.00043));

    test.clock.advance(11);
    let model = Model::start(vec![Reaction::Answers(answer())]).await;
    let second = start(&test, &model);
    let done = ended(&test, &execution).await;
    kill(second).await;
    assert_eq!((&done["status"], &done["total_cost"]), (&json!("completed"), &json!(0.00047)));
    let granted = model.asked()[0].1["max_tokens"].as_u64().unwrap();
    assert!((150..250).contains(&granted), "what 0.00047 pay for, not 0.0009: {granted}");
}
