//! What differs between the two manners while executions run: whose steps they are, and whether limits end them.

use serde_json::{Value, json};

use super::{CUSTOM, ends_as, start};
use crate::testing::TestApp;

const OFF: &[(&str, &str)] = &[("COMPATIBILITY", "off")];

/// A workflow of alice's as `object` has it; its id.
async fn workflow(test: &TestApp, object: Value) -> String {
    let made = test.ask("alice", "POST", "/workflows", Some(object)).await;
    assert_eq!(made.status.as_u16(), 200, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

/// Begins an execution with limits of its own; its id.
async fn execute(test: &TestApp, workflow: &str, limits: Value) -> String {
    let mut body = json!({"workflow_id": workflow, "inputs": {}});
    body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let path = format!("/workflows/{workflow}/execute");
    let begun = test.ask("alice", "POST", &path, Some(body)).await;
    assert_eq!(begun.status.as_u16(), 200, "{}", begun.text);
    begun.json()["execution_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn steps_of_the_workflow_itself_run_or_do_not() {
    let steps = json!({"a": {"depends_on": ["b"]}, "b": {"type": "inference"}, "c": {}});
    let object = json!({"name": "w", "steps": steps, "dependencies": {"c": ["a"]}});
    for (manner, ran) in [(&[][..], &[][..]), (OFF, &["b", "a", "c"])] {
        let test = TestApp::with(manner).await;
        let workflow = workflow(&test, object.clone()).await;
        let worker = start(&test);
        let execution = test.execute(&workflow, json!({})).await;
        let done = ends_as(&test, &execution, "completed").await;
        assert_eq!(worker.stop().await.begun(), ran);
        assert_eq!(done["step_states"].as_object().unwrap().len(), ran.len());
        assert_eq!(done["current_step"], ran.len());
        // They ask for proofs because their workflow does.
        let path = format!("/integration/integrations/zk/{execution}");
        let proven = test.ask("alice", "POST", &path, None).await.json();
        assert_eq!(proven["zk_proofs_generated"].as_array().unwrap().len(), ran.len());
    }
}

#[tokio::test]
async fn rows_of_steps_come_before_those_of_the_workflow_itself() {
    let test = TestApp::with(OFF).await;
    let workflow = test.workflow(&[("row", CUSTOM)]).await;
    let change = json!({"steps": {"own": {}}});
    test.ask("alice", "PUT", &format!("/workflows/{workflow}"), Some(change)).await;
    let worker = start(&test);
    let execution = test.execute(&workflow, json!({})).await;
    ends_as(&test, &execution, "completed").await;
    assert_eq!(worker.stop().await.begun(), ["row"]);
}

#[tokio::test]
async fn a_step_of_the_workflow_itself_that_cannot_be_read_fails_the_execution() {
    let test = TestApp::with(OFF).await;
    let workflow = workflow(&test, json!({"name": "w", "steps": {"a": {}, "b": 5}})).await;
    let worker = start(&test);
    let execution = test.execute(&workflow, json!({})).await;
    let failed = ends_as(&test, &execution, "failed").await;
    let text = "Step b of the workflow cannot be read: it is no object";
    assert_eq!(failed["error_message"], text);
    assert_eq!(worker.stop().await.begun(), Vec::<String>::new());
}

#[tokio::test]
async fn time_that_has_run_out_ends_an_execution_or_does_not() {
    for (manner, status, message, ran) in [
        (&[][..], "completed", Value::Null, 1),
        (OFF, "failed", json!("Execution exceeded its time limit of 60 s"), 0),
    ] {
        let test = TestApp::with(manner).await;
        let workflow = test.workflow(&[("a", CUSTOM)]).await;
        let execution = execute(&test, &workflow, json!({"max_execution_time": 60})).await;
        test.clock.advance(61);
        let worker = start(&test);
        let ended = ends_as(&test, &execution, status).await;
        assert_eq!(ended["error_message"], message);
        assert_eq!(worker.stop().await.begun().len(), ran);
    }
}

#[tokio::test]
async fn a_step_ends_with_the_time_of_its_execution() {
    let test = TestApp::with(OFF).await;
    let workflow = test.workflow(&[("slow_a", CUSTOM), ("b", CUSTOM)]).await;
    // The workflow itself allows an hour.
    let execution = execute(&test, &workflow, json!({"max_execution_time": 1})).await;
    let worker = start(&test);
    let failed = ends_as(&test, &execution, "failed").await;
    assert_eq!(failed["error_message"], "Execution exceeded its time limit of 1 s");
    assert_eq!(worker.stop().await.begun(), ["slow_a"]);
    let rows = test.app.store.step_execution_list(&execution).await.unwrap();
    assert_eq!(rows[0].error_message.as_deref(), failed["error_message"].as_str());
}

#[tokio::test]
async fn money_that_is_spent_ends_an_execution_or_does_not() {
    let steps = &[("dear_a", CUSTOM), ("dear_b", CUSTOM), ("dear_c", CUSTOM)];
    for (manner, status, message, ran) in [
        (&[][..], "completed", Value::Null, 3),
        (OFF, "failed", json!("Execution exceeded its budget of 1.5: it cost 2"), 2),
    ] {
        let test = TestApp::with(manner).await;
        let workflow = test.workflow(steps).await;
        let execution = execute(&test, &workflow, json!({"max_cost_budget": 1.5})).await;
        let worker = start(&test);
        let ended = ends_as(&test, &execution, status).await;
        assert_eq!(ended["error_message"], message);
        assert_eq!(worker.stop().await.begun().len(), ran);
        // What was spent is told all the same.
        assert_eq!(ended["total_cost"], json!(f64::from(u8::try_from(ran).unwrap())));
    }
}
