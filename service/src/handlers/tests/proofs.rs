//! Proof documents, from the worker that proves steps to whoever checks them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::execution::{Simulated, Worker};
use crate::logic::proof::{StepCheck, check_steps};
use crate::tables::agents::StepType;
use crate::testing::{TestApp, until};

/// An execution of two steps, begun and not yet taken up.
async fn begun(test: &TestApp) -> String {
    let workflow =
        test.workflow(&[("a", StepType::DataProcessing), ("b", StepType::Inference)]).await;
    test.sql("UPDATE agent_steps SET requires_proof = TRUE, verification_level = 'ZERO_KNOWLEDGE'")
        .await;
    test.execute(&workflow, json!({"seed": 7})).await
}

/// Lets a worker bring it to its end.
async fn end(test: &TestApp, execution: &str) {
    let stop = CancellationToken::new();
    let worker = Worker::new(Arc::clone(&test.app), Arc::new(Simulated), stop.clone());
    let working = tokio::spawn(worker.work());
    until("the execution ends", || async { test.status(execution).await["status"] == "completed" })
        .await;
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn a_proof_document_is_checked_by_the_service_that_made_it() {
    let test = TestApp::new().await;
    let execution = begun(&test).await;
    let path = format!("/executions/{execution}/proof");
    assert_eq!(test.ask("alice", "GET", &path, None).await.status.as_u16(), 409);
    end(&test, &execution).await;

    let document = test.ask("alice", "GET", &path, None).await.json();
    let check = async |document: Value| {
        test.ask("alice", "POST", "/proofs/verify", Some(document)).await.json()
    };
    let good = check(document.clone()).await;
    assert_eq!(good["verdict"]["verified"], true);
    assert_eq!((&good["valid"], &good["problem"]), (&json!(true), &Value::Null), "{good:#}");
    let steps = good["verdict"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    for step in steps {
        assert_eq!(step["proven"], json!(["execution_time_ms", "memory_kb"]));
        assert_eq!((&step["verified"], &step["shown"]), (&json!(true), &json!(false)));
    }
    let mut forged = document;
    forged["steps"][0]["statement"]["ranges"]["figures"][0]["commitment"] = "00".into();
    let refused = check(forged).await;
    assert_eq!((&refused["valid"], &refused["verdict"]), (&json!(false), &Value::Null));
    assert_eq!(
        check(json!({})).await["problem"],
        "the document is malformed, or of a form that is not known here"
    );
    assert_eq!(test.ask("mallory", "GET", &path, None).await.status.as_u16(), 403);

    // What the monolith would have stored is what is stored; the proof proper is apart.
    let rows = test.app.store.step_execution_list(&execution).await.unwrap();
    let stored = &rows[0].step_proof.as_ref().unwrap().0;
    assert_eq!((&stored["proof"], &stored["verified"]), (&Value::Null, &json!(true)));
    let proofs = test.app.store.proof_list(&execution).await.unwrap();
    let checks = check_steps(&rows, &proofs, &test.app.signer.public_key());
    assert!(checks.len() == 2 && checks.iter().all(StepCheck::verified), "{checks:?}");
}

#[tokio::test]
async fn who_changes_a_step_afterwards_is_found_out() {
    // On a server, changing a row changes its place among the others.
    let test = TestApp::on_file().await;
    let execution = begun(&test).await;
    end(&test, &execution).await;
    let ask = async |method: &str, path: String| {
        let answer = test.ask("alice", method, &path, None).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text);
        answer.json()
    };
    // By the receipt, by the document for others, by the integration, and by that for each step.
    let verified = async || {
        let receipt = ask("GET", format!("/executions/{execution}/receipt")).await;
        let document = ask("GET", format!("/executions/{execution}/proof")).await;
        let checked = test.ask("alice", "POST", "/proofs/verify", Some(document)).await.json();
        assert_eq!(checked["valid"], true, "it is what the service says: {checked:#}");
        assert_eq!(checked["verdict"]["verified"], receipt["verified"]);
        let level = "verification_level=zero-knowledge";
        let zk = ask("POST", format!("/integration/integrations/zk/{execution}?{level}")).await;
        assert!(zk["zk_proofs_generated"][1]["proof_size"].as_u64().unwrap() > 1500, "{zk:#}");
        let steps = zk["verification_results"].as_array().unwrap();
        let steps: Vec<Value> = steps.iter().map(|s| s["verification_status"].clone()).collect();
        json!([receipt["verified"], zk["workflow_verification"]["verified"], steps])
    };
    assert_eq!(verified().await, json!([true, true, [true, true]]));
    test.sql("UPDATE agent_step_executions SET output_data = '{}' WHERE step_id = 'a'").await;
    assert_eq!(verified().await, json!([false, false, [false, true]]));
    test.sql(
        "DELETE FROM agent_service_step_proofs WHERE step_execution_id IN \
         (SELECT id FROM agent_step_executions WHERE step_id = 'a')",
    )
    .await;
    assert_eq!(verified().await, json!([false, false, [false, true]]));
}
