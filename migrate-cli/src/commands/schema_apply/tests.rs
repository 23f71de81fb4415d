//! Indexes of a real file.

use std::path::PathBuf;

use insta::assert_snapshot;
use rusqlite::Connection;

use crate::exit_code::Exit;
use crate::testing::Folder;

/// Tables as they are where performance has never been used.
const TABLES: &str = "CREATE TABLE ai_agent_workflows (id TEXT PRIMARY KEY, owner_id TEXT, is_public BOOLEAN);
    CREATE TABLE agent_executions (id TEXT PRIMARY KEY, workflow_id TEXT, status TEXT, created_at DATETIME);";

fn database(folder: &Folder) -> (PathBuf, String) {
    let path = folder.path().parent().unwrap().join("shared.db");
    Connection::open(&path).unwrap().execute_batch(TABLES).unwrap();
    let url = format!("sqlite://{}", path.display());
    (path, url)
}

fn indexes(path: &PathBuf) -> Vec<String> {
    let database = Connection::open(path).unwrap();
    let sql =
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE 'agent%' ORDER BY 1";
    let mut statement = database.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

#[tokio::test]
async fn what_lacks_is_planned_then_made_and_made_once() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder);
    let words = ["schema", "apply", "--with-indexes", "--database", &url];
    let planned = folder.run(&[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!((planned.exit, indexes(&path)), (Exit::Done, Vec::<String>::new()));
    assert_snapshot!(planned.out, @r"
    would make: CREATE INDEX IF NOT EXISTS agent_service_workflows_public ON ai_agent_workflows (is_public);
    would make: CREATE INDEX IF NOT EXISTS agent_service_executions_newest ON agent_executions (workflow_id, created_at DESC);
    would make: CREATE INDEX IF NOT EXISTS agent_service_executions_newest_by_status ON agent_executions (workflow_id, status, created_at DESC);
    left out: agent_service_audit_by_event: there is no table agent_audit_logs
    left out: agent_service_audit_by_workflow: there is no table agent_audit_logs
    left out: agent_service_audit_by_user: there is no table agent_audit_logs
    left out: agent_service_audit_by_level: there is no table agent_audit_logs
    left out: agent_service_audit_to_investigate: there is no table agent_audit_logs
    left out: agent_service_trust_by_type: there is no table agent_trust_scores
    left out: agent_service_allocations_newest: there is no table resource_allocations
    left out: agent_service_optimizations_newest: there is no table performance_optimizations
    left out: agent_service_capabilities_best: there is no table agent_capabilities
    left out: agent_service_meta_models_newest: there is no table meta_learning_models
    sqlite://shared.db: 3 indexes would be made
    ");
    let (exit, made) = folder.json(&words).await;
    assert_eq!((exit, made["result"].as_str()), (Exit::Done, Some("done")));
    let states: Vec<_> =
        made["indexes"].as_array().unwrap().iter().map(|i| i["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| **state == "made").count(), 3);
    assert_eq!(states.iter().filter(|state| **state == "no_table").count(), states.len() - 3);
    assert_eq!(
        indexes(&path),
        [
            "agent_service_executions_newest",
            "agent_service_executions_newest_by_status",
            "agent_service_workflows_public"
        ]
    );
    let again = folder.run(&words).await;
    assert_eq!(again.exit, Exit::Done);
    assert!(again.out.ends_with("0 indexes made\n"), "{}", again.out);
}

#[tokio::test]
async fn what_cannot_be_is_said_with_what_to_do() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder);
    let bare = folder.run(&["schema", "apply", "--database", &url]).await;
    assert_eq!(bare.exit, Exit::Usage);
    assert!(bare.err.contains("--with-indexes"), "{}", bare.err);
    let nowhere = format!("{url}.none");
    let missing = folder.run(&["schema", "apply", "--with-indexes", "--database", &nowhere]).await;
    assert_eq!(missing.exit, Exit::Usage);
    std::fs::write(&path, "some notes that are long enough to be no database").unwrap();
    let text = folder.run(&["schema", "apply", "--with-indexes", "--database", &url]).await;
    assert_eq!(text.exit, Exit::Failed);
    assert!(text.err.contains("file is not a database"), "{}", text.err);
}
