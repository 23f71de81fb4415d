//! Checks of real files.

use std::path::PathBuf;

use insta::assert_snapshot;
use rusqlite::Connection;
use service::tables;

use crate::exit_code::Exit;
use crate::testing::Folder;

/// A workflow that the monolith wrote, for changes that need a row.
const ROW: &str = "INSERT INTO ai_agent_workflows VALUES ('agent_1', 'alice', 'n', '', '{}', '{}', 3600, 0.0, 1, 'BASIC', '[]', \
    '1.0.0', 0, '2026-11-22 10:28:51.272435', '2026-11-22 10:28:51.272435');";

fn database(folder: &Folder, change: &str) -> (PathBuf, String) {
    let path = folder.path().parent().unwrap().join("shared.db");
    let database = Connection::open(&path).unwrap();
    let shared = tables::ALL.iter().filter(|table| !tables::is_own(table.name));
    for statement in
        shared.flat_map(|table| table.create_statements(service::schema::Engine::Sqlite))
    {
        database.execute_batch(&statement).unwrap();
    }
    database.execute_batch(ROW).unwrap();
    database.execute_batch(change).unwrap();
    let url = format!("sqlite://{}", path.display());
    (path, url)
}

#[tokio::test]
async fn a_healthy_database_fits_and_stays_as_it_is() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder, "");
    let before = std::fs::read(&path).unwrap();
    let ran = folder.run(&["schema", "check", "--database", &url]).await;
    assert_eq!(ran.exit, Exit::Done, "{}{}", ran.out, ran.err);
    assert_snapshot!(ran.out);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let (exit, json) = folder.json(&["schema", "check", "--all", "--database", &url]).await;
    assert_eq!((exit, json["result"].as_str()), (Exit::Done, Some("fits")));
    assert_eq!(json["findings"].as_array().unwrap().len(), 0);
    assert_eq!(json["rows"], 1);
}

#[tokio::test]
async fn what_breaks_is_named_with_who_breaks_and_what_to_do() {
    let folder = Folder::with_proxies(&[]);
    let change = "ALTER TABLE agent_executions RENAME COLUMN total_cost TO cost;
        ALTER TABLE agent_steps ADD COLUMN tenant TEXT;
        ALTER TABLE agent_audit_logs ADD COLUMN region TEXT NOT NULL DEFAULT 'eu';
        UPDATE ai_agent_workflows SET created_at = '2026-11-22T10:28:51Z', verification_level = 'basic', steps = 'none';
        DROP INDEX ix_agent_steps_workflow_id;";
    let (_, url) = database(&folder, change);
    let ran = folder.run(&["schema", "check", "--database", &url]).await;
    assert_eq!(ran.exit, Exit::Refused, "{}{}", ran.out, ran.err);
    assert_snapshot!(ran.out);
}

#[tokio::test]
async fn inserts_are_tried_where_that_is_wanted_and_leave_nothing() {
    let folder = Folder::with_proxies(&[]);
    let trigger =
        "CREATE TRIGGER strict BEFORE INSERT ON job BEGIN SELECT RAISE(ABORT, 'closed'); END";
    let (path, url) = database(&folder, trigger);
    let before = std::fs::read(&path).unwrap();
    let words = ["schema", "check", "--database", &url];
    assert_eq!(folder.run(&words).await.exit, Exit::Done);
    let (exit, json) = folder.json(&[&words[..], &["--prove"]].concat()).await;
    assert_eq!((exit, &json["proven"]), (Exit::Refused, &true.into()));
    let findings = json["findings"].as_array().unwrap();
    let refused = findings.iter().filter(|finding| finding["severity"] != "harmless");
    let messages: Vec<&str> = refused.map(|finding| finding["message"].as_str().unwrap()).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    let said = "job refuses a row that both programs make: closed; tried: INSERT INTO job (id, client_id, ";
    assert!(messages[0].starts_with(said), "{messages:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_is_no_database_is_said() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder, "");
    let nowhere = folder.run(&["schema", "check", "--database", &format!("{url}.none")]).await;
    assert_eq!(nowhere.exit, Exit::Usage);
    std::fs::write(&path, "some notes that are long enough to be no database").unwrap();
    let text = folder.run(&["schema", "check", "--database", &url]).await;
    assert_eq!(text.exit, Exit::Failed);
    assert!(text.err.contains("file is not a database"), "{}", text.err);
    let refused = "postgres:///none?host=/nowhere&port=1&user=x";
    let server = folder.run(&["schema", "check", "--database", refused]).await;
    assert_eq!(server.exit, Exit::Failed);
    assert!(server.err.contains("could not connect"), "{}", server.err);
}
