//! `migrate verify …`

use insta::assert_snapshot;
use serde_json::{Value, json};
use service::logic::proof::{self, document};
use service::logic::receipt::Evidence;
use service::logic::signing::Signer;
use service::logic::verification;
use service::python::time::Stamp;
use service::tables::Json;
use service::tables::agents::{Execution, Status, StepExecution, VerificationLevel};

use crate::exit_code::Exit;
use crate::testing::{Folder, settings};

fn now() -> Stamp {
    Stamp::parse("2026-11-22 10:00:00").unwrap()
}

fn execution() -> Execution {
    Execution {
        id: "exec_1".to_owned(),
        workflow_id: "agent_1".to_owned(),
        client_id: "alice".to_owned(),
        status: Status::Completed,
        current_step: 2.into(),
        step_states: Json(json!({})),
        final_result: None,
        execution_receipt: None,
        verification_proof: None,
        error_message: None,
        failed_step: None,
        started_at: Some(now()),
        completed_at: Some(now()),
        total_execution_time: Some(1.0.into()),
        total_cost: 0.0.into(),
        total_steps: 2.into(),
        completed_steps: 2.into(),
        created_at: now(),
        updated_at: now(),
    }
}

fn step(name: &str) -> StepExecution {
    StepExecution {
        id: format!("row_{name}"),
        execution_id: "exec_1".to_owned(),
        step_id: name.to_owned(),
        status: Status::Completed,
        input_data: Some(Json(json!({"seed": 7}))),
        output_data: Some(Json(json!({"x": 1}))),
        execution_time: Some(0.5.into()),
        gpu_accelerated: false,
        memory_usage: Some(64.0.into()),
        step_proof: None,
        verification_status: Some("verified".to_owned()),
        error_message: None,
        retry_count: 0.into(),
        started_at: Some(now()),
        completed_at: Some(now()),
        created_at: now(),
        updated_at: now(),
    }
}

/// What the service would answer.
fn proven(signer: &Signer) -> Value {
    let steps = [step("prepare"), step("ask")];
    document_of(signer, &steps, &steps)
}

/// The document of rows that are `now_stored`, and were `steps` when they were proven.
fn document_of(signer: &Signer, now_stored: &[StepExecution], steps: &[StepExecution]) -> Value {
    let levels = [VerificationLevel::Full, VerificationLevel::ZeroKnowledge];
    let rows: Vec<_> = steps
        .iter()
        .zip(levels)
        .map(|(step, level)| {
            let verification = verification::verify(step, level);
            let secret = "5e".repeat(32);
            let proof = proof::prove(step, &verification, "simulated", secret, signer).unwrap();
            proof.row(now())
        })
        .collect();
    let execution = execution();
    let evidence = Evidence { execution: &execution, steps: now_stored, proofs: &rows, run: None };
    document::issue(evidence, signer, now()).unwrap()
}

#[tokio::test]
async fn verify_receipt() {
    let folder = Folder::with_proxies(&[]);
    let signer = Signer::new(&[7; 32]);
    let key = hex_of(&signer);
    let file = folder.path().with_file_name("proof.json");
    let file = file.to_str().unwrap();
    let document = proven(&signer);
    std::fs::write(file, document.to_string()).unwrap();

    let ran = folder.run(&["verify", "receipt", file, "--public-key", &key]).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    settings().bind(|| {
        assert_snapshot!(ran.out, @r"
        holds: proof.json
          execution  exec_1 (completed)
          signed by  agent-service:[digest]
          step prepare: passed at level full, run by simulated; its values are shown and are those committed to
          step ask: passed at level zero-knowledge, run by simulated; within limits without being shown: execution_time_ms, memory_kb
        ");
    });
    let (exit, shown) = folder.json(&["verify", "receipt", file]).await;
    assert_eq!((exit, &shown["valid"], &shown["key"]), (Exit::Done, &json!(true), &json!("file")));

    // Somebody else's key, a changed value, a file that is no document.
    let other = hex_of(&Signer::new(&[8; 32]));
    let (exit, shown) = folder.json(&["verify", "receipt", file, "--public-key", &other]).await;
    assert_eq!((exit, &shown["valid"]), (Exit::Refused, &json!(false)));
    let mut forged = document;
    forged["steps"][0]["opening"]["execution_time_ms"] = json!(400);
    for text in [forged.to_string(), "{}".to_owned(), "no JSON".to_owned()] {
        std::fs::write(file, text).unwrap();
        let ran = folder.run(&["verify", "receipt", file, "--public-key", &key]).await;
        assert_eq!(ran.exit, Exit::Refused, "{}", ran.out);
        assert!(ran.err.contains("does not hold"), "{}", ran.err);
    }
    // A genuine document about a row that was changed after it was proven.
    let steps = [step("prepare"), step("ask")];
    let mut changed = steps.clone();
    changed[1].output_data = Some(Json(json!({"x": 2})));
    std::fs::write(file, document_of(&signer, &changed, &steps).to_string()).unwrap();
    let ran = folder.run(&["verify", "receipt", file, "--public-key", &key]).await;
    assert_eq!(ran.exit, Exit::Refused, "{}", ran.out);
    assert!(ran.out.starts_with("genuine: proof.json"), "{}", ran.out);
    assert!(ran.err.contains("proof.json is not verified"), "{}", ran.err);
    let (exit, shown) = folder.json(&["verify", "receipt", file]).await;
    assert_eq!(exit, Exit::Refused);
    assert_eq!((&shown["valid"], &shown["verdict"]["verified"]), (&json!(true), &json!(false)));
    assert!(shown["problem"].as_str().unwrap().contains("not what was proven"), "{shown:#}");

    let ran = folder.run(&["verify", "receipt", "/nowhere/proof.json"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    let ran = folder.run(&["verify", "receipt", file, "--public-key", "zz"]).await;
    assert_eq!(ran.exit, Exit::Usage);
}

fn hex_of(signer: &Signer) -> String {
    let key = proven(signer);
    key["public_key_hex"].as_str().unwrap().to_owned()
}
