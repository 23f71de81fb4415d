//! Proof documents, from the worker that proves steps to whoever checks them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::execution::{Simulated, Worker};
use crate::logic::proof::check_steps;
use crate::logic::proof::step::StepCheck;
use crate::tables::agents::StepType;
use crate::testing::{TestApp, until};

#[tokio::test]
async fn a_proof_document_is_checked_by_the_service_that_made_it() {
    let test = TestApp::new().await;
    let workflow =
        test.workflow(&[("a", StepType::DataProcessing), ("b", StepType::Inference)]).await;
    test.sql("UPDATE agent_steps SET requires_proof = 1, verification_level = 'ZERO_KNOWLEDGE'")
        .await;
    let execution = test.execute(&workflow, json!({"seed": 7})).await;
    let path = format!("/executions/{execution}/proof");
    assert_eq!(test.ask("alice", "GET", &path, None).await.status.as_u16(), 409);
    let stop = CancellationToken::new();
    let worker = Worker::new(Arc::clone(&test.app), Arc::new(Simulated), stop.clone());
    let working = tokio::spawn(worker.work());
    until("the execution ends", || async {
        test.status(&execution).await["status"] == "completed"
    })
    .await;
    stop.cancel();
    working.await.unwrap();

    let document = test.ask("alice", "GET", &path, None).await.json();
    let check = async |document: Value| {
        test.ask("alice", "POST", "/proofs/verify", Some(document)).await.json()
    };
    let good = check(document.clone()).await;
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
    let proofs = test.app.store.proof_list(&execution, 10).await.unwrap();
    let checks = check_steps(&rows, &proofs, &test.app.signer.public_key());
    assert!(checks.len() == 2 && checks.iter().all(StepCheck::verified), "{checks:?}");
}
