//! What must be the same on a file and on a server, and what a server has besides.

use futures::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::config::database;
use crate::python::time::Stamp;
use crate::schema::{OwnTables, judge, needed};
use crate::store::{Store, StoreError};
use crate::tables::agents::{Execution, Status, StepType, Workflow};
use crate::tables::own::{MetaTraining, Run};
use crate::tables::{Engine, Float, Int, Json};
use crate::testing::{Fresh, TestApp};

async fn both() -> [TestApp; 2] {
    [TestApp::on_file().await, TestApp::on_server().await]
}

async fn open(url: &str) -> Result<Store, String> {
    let location = database::location(url).unwrap();
    Store::open(&location).await.map_err(|error| error.to_string())
}

fn stamp(text: &str) -> Stamp {
    Stamp::parse(text).unwrap()
}

/// Edges of what each kind of column holds.
fn execution() -> Execution {
    Execution {
        id: "exec_żółć ✓".to_owned(),
        workflow_id: String::new(),
        client_id: "x".repeat(100_000),
        status: Status::Running,
        current_step: Int::from(i64::from(i32::MIN)),
        step_states: Json(json!({"b": {"ü\u{1}": [1, 1.0, 6e-5]}, "a": null})),
        final_result: None,
        execution_receipt: Some(Json(json!("text"))),
        verification_proof: Some(Json(json!({"big": i64::MAX}))),
        error_message: None,
        failed_step: Some(String::new()),
        started_at: Some(stamp("2026-01-02 03:04:05")),
        completed_at: None,
        total_execution_time: Some(Float::from(-0.1 - 0.2)),
        total_cost: Float::from(1.797e308),
        total_steps: Int::from(i64::from(i32::MAX)),
        completed_steps: Int::from(0),
        created_at: stamp("1969-12-31 23:59:59.999999"),
        updated_at: stamp("9999-12-31 23:59:59.000001"),
    }
}

#[tokio::test]
async fn what_is_stored_reads_back_in_every_column() {
    for test in both().await {
        let store = &test.app.store;
        let written = execution();
        let mut writing = store.write().await.unwrap();
        writing.put(&written).await.unwrap();
        let run = Run {
            execution_id: written.id.clone(),
            inputs: Json(json!([])),
            executor: "e".to_owned(),
            lease_owner: None,
            lease_token: Some("'?' $1".to_owned()),
            lease_until: None,
            // The service's own numbers are as wide as SQLite's.
            attempts: Int::from(i64::MIN),
            recorded_at: stamp("2026-01-02 03:04:05.000001"),
            finished_at: None,
        };
        writing.put(&run).await.unwrap();
        assert_eq!(writing.execution_find(&written.id).await.unwrap().as_ref(), Some(&written));
        writing.commit().await.unwrap();
        assert_eq!(store.execution_find(&written.id).await.unwrap(), Some(written.clone()));
        assert_eq!(store.run_find(&written.id).await.unwrap(), Some(run));
        // Stored text is what the monolith would have stored: spaces, order, the four letters of null.
        let sql = "SELECT CAST(step_states AS VARCHAR), CAST(final_result AS VARCHAR) FROM agent_executions";
        let stored = store.figures("look", sql, Vec::new()).await.unwrap();
        let text = r#"{"b": {"\u00fc\u0001": [1, 1.0, 6e-05]}, "a": null}"#;
        assert_eq!(stored, [[text.into(), "null".into()]]);
    }
}

#[tokio::test]
async fn rows_come_in_the_order_in_which_they_came() {
    for test in both().await {
        let store = &test.app.store;
        let mut writing = store.write().await.unwrap();
        let now = stamp("2026-01-02");
        for model in ["c", "a", "b"] {
            let row = MetaTraining { model_id: model.to_owned(), recorded_at: now };
            writing.put(&row).await.unwrap();
        }
        writing.commit().await.unwrap();
        let listed = store.meta_training_list(9).await.unwrap();
        let listed: Vec<_> = listed.into_iter().map(|row| row.model_id).collect();
        assert_eq!(listed, ["c", "a", "b"]);
    }
}

#[tokio::test]
async fn what_fails_is_told_alike() {
    for test in both().await {
        let id = test.workflow(&[("s", StepType::Custom)]).await;
        let store = &test.app.store;
        let row: Workflow = store.workflow_find(&id).await.unwrap().unwrap();
        let mut writing = store.write().await.unwrap();
        let twice = writing.workflow_insert(&row).await.unwrap_err();
        assert!(twice.is_taken() && !twice.is_busy() && !twice.is_unfit(), "{twice:?}");
        drop(writing);
        // Another process writes for longer than the busy time-out of 0.2 s.
        let other = Store::open(&test.app.config.database).await.unwrap();
        let writing = other.write().await.unwrap();
        let late: StoreError = store.write().await.unwrap_err();
        assert!(late.is_busy() && !late.is_taken() && !late.is_unfit(), "{late:?}");
        let refused = test.ask("alice", "DELETE", &format!("/workflows/{id}"), None).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        writing.commit().await.unwrap();
        other.close().await;
        let done = test.ask("alice", "DELETE", &format!("/workflows/{id}"), None).await;
        assert_eq!(done.status, StatusCode::OK);
    }
}

/// What a move to another database makes, as far as it concerns the service.
const MOVES_IN_FILE: &[&str] = &["CREATE TRIGGER moves BEFORE DELETE ON ai_agent_workflows \
    BEGIN SELECT RAISE(ABORT, 'strangler_split: no'); END"];
const MOVES_ON_SERVER: &[&str] = &[
    "CREATE FUNCTION moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'strangler_split: no'; END $$",
    "CREATE TRIGGER moves BEFORE DELETE ON ai_agent_workflows FOR EACH STATEMENT EXECUTE FUNCTION moves()",
];

#[tokio::test]
async fn a_database_that_moves_is_busy_and_nothing_is_started_on_it() {
    for test in both().await {
        let id = test.workflow(&[]).await;
        let store = &test.app.store;
        let statements = match store.engine() {
            Engine::Sqlite => MOVES_IN_FILE,
            Engine::Postgres => MOVES_ON_SERVER,
        };
        for statement in statements {
            test.sql(statement).await;
        }
        let refused = test.ask("alice", "DELETE", &format!("/workflows/{id}"), None).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
        assert!(refused.headers.contains_key("retry-after"));
        assert!(refused.json()["detail"].as_str().unwrap().starts_with("The tables are moving"));
        // Others of its transaction were not touched by that.
        test.workflow(&[]).await;
        test.sql("CREATE TABLE strangler_split_state (role VARCHAR, phase VARCHAR, other VARCHAR)")
            .await;
        for (role, phase, is_in_force) in [
            ("source", "open", true),
            ("source", "fenced", false),
            ("target", "filling", false),
            ("target", "open", true),
        ] {
            test.sql("DELETE FROM strangler_split_state").await;
            let put = "INSERT INTO strangler_split_state VALUES (?, ?, 'sqlite://other.db')";
            test.sql_with(put, vec![role.into(), phase.into()]).await;
            match Store::open(&test.app.config.database).await {
                Ok(opened) => {
                    assert!(is_in_force, "{role} {phase}");
                    opened.close().await;
                }
                Err(why) => {
                    assert!(!is_in_force && why.to_string().contains("sqlite://other.db"), "{why}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_server_gets_its_tables_once_however_many_ask() {
    let fresh = Fresh::empty_server();
    let url = fresh.url("5");
    for store in join_all((0..4).map(|_| open(&url))).await {
        store.unwrap().close().await;
    }
    let store = open(&url).await.unwrap();
    let there = store.schema().await.unwrap();
    assert_eq!(there.tables.len(), crate::tables::ALL.len());
    let findings = judge(&needed::schema(), None, &there, OwnTables::MustBeThere);
    assert_eq!(findings, []);
    store.close().await;
}

#[tokio::test]
async fn a_server_of_something_else_is_refused_and_no_password_shown() {
    let fresh = Fresh::empty_server();
    let url = fresh.url("5");
    let store = open(&url).await.unwrap();
    let mut writing = store.write().await.unwrap();
    writing.statement("ALTER TABLE agent_executions DROP COLUMN total_cost").await.unwrap();
    writing.commit().await.unwrap();
    let error = open(&format!("{url}&password=secret")).await.unwrap_err();
    assert!(error.contains("agent_executions lacks the columns total_cost"), "{error}");
    assert!(!error.contains("secret"), "{error}");

    let mut writing = store.write().await.unwrap();
    for table in crate::tables::ALL {
        writing.statement(&format!("DROP TABLE {} CASCADE", table.name)).await.unwrap();
    }
    writing.statement("CREATE TABLE songs (id INTEGER)").await.unwrap();
    writing.commit().await.unwrap();
    store.close().await;
    let error = open(&url).await.unwrap_err();
    assert!(error.contains("has the tables songs"), "{error}");
}

#[tokio::test]
async fn what_a_column_of_a_server_cannot_hold_is_a_mistake_of_the_request() {
    let test = TestApp::on_server().await;
    let id = test.workflow(&[]).await;
    let config = format!("/integration/deployments/config?workflow_id={id}&deployment_name=");
    for (path, body) in [
        (format!("{config}{}", "n".repeat(150)), json!({})),
        (format!("{config}d"), json!({"min_memory_mb": 1_i64 << 40})),
        (format!("{config}d"), json!({"min_memory_mb": "much"})),
    ] {
        let answer = test.ask("alice", "POST", &path, Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().starts_with("A value"), "{answer:?}");
    }
    let listed = test.ask("alice", "GET", "/executions?limit=-1", None).await;
    assert_eq!(listed.status, StatusCode::OK);
}

#[tokio::test]
async fn the_monoliths_rows_stay_as_a_writing_has_found_them() {
    let test = TestApp::on_server().await;
    let id = test.workflow(&[]).await;
    // The monolith knows nothing of the writers' lock.
    let monolith = TestApp::monolith_beside(&test);
    let mut writing = test.app.store.write().await.unwrap();
    let found = writing.workflow_find(&id).await.unwrap().unwrap();
    let rename = "SET lock_timeout = '50ms'; UPDATE ai_agent_workflows SET name = 'theirs'";
    let refused = sqlx::raw_sql(rename).execute(&monolith).await.unwrap_err();
    assert!(StoreError::query("rename", refused).is_busy());
    writing.workflow_update(&Workflow { name: "ours".to_owned(), ..found }).await.unwrap();
    writing.commit().await.unwrap();
    assert_eq!(sqlx::raw_sql(rename).execute(&monolith).await.unwrap().rows_affected(), 1);
    monolith.close().await;
    let found = test.app.store.workflow_find(&id).await.unwrap().unwrap();
    assert_eq!(found.name, "theirs");
}
