//! Tables and indexes of a real file.

use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::{Value, json};
use service::tables;
use service::tables::own::versions;

use crate::exit_code::Exit;
use crate::testing::Folder;

/// One of the monolith's tables, without its index.
const TABLE: &str = "CREATE TABLE ai_agent_workflows (id VARCHAR NOT NULL, owner_id VARCHAR NOT NULL, is_public BOOLEAN NOT NULL, \
    PRIMARY KEY (id))";

fn database(folder: &Folder, sql: &str) -> (PathBuf, String) {
    let path = folder.path().parent().unwrap().join("shared.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let url = format!("sqlite://{}", path.display());
    (path, url)
}

/// The names of what is there.
fn names(path: &PathBuf, kind: &str) -> Vec<String> {
    let database = Connection::open(path).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = ?1 AND sql IS NOT NULL ORDER BY 1";
    let mut statement = database.prepare(sql).unwrap();
    let names = statement.query_map([kind], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn states(report: &Value, of: &str, state: &str) -> usize {
    report[of].as_array().unwrap().iter().filter(|one| one["state"] == state).count()
}

#[tokio::test]
async fn what_lacks_is_shown_then_made_and_made_once() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder, TABLE);
    let words = ["schema", "apply", "--database", &url];
    let planned = folder.run(&[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!((planned.exit, names(&path, "table").len()), (Exit::Done, 1));
    for sql in [
        "would make: CREATE TABLE IF NOT EXISTS agent_service_runs (\n\texecution_id VARCHAR NOT NULL,",
        "would make: CREATE INDEX IF NOT EXISTS ix_ai_agent_workflows_owner_id ON ai_agent_workflows (owner_id);\n",
    ] {
        assert!(planned.out.contains(sql), "{sql}: {}", planned.out);
    }
    let lacking = tables::ALL.len() - 1;
    let end = format!("sqlite://shared.db: {lacking} tables and 1 index would be made\n");
    assert!(planned.out.ends_with(&end), "{}", planned.out);

    let (exit, made) = folder.json(&words).await;
    assert_eq!((exit, &made["result"]), (Exit::Done, &json!("done")));
    assert_eq!((states(&made, "tables", "made"), states(&made, "tables", "there")), (lacking, 1));
    assert_eq!(states(&made, "indexes", "made"), 1);
    assert_eq!(names(&path, "table").len(), tables::ALL.len());
    let indexes = names(&path, "index");
    let again = folder.run(&words).await;
    assert_eq!(again.exit, Exit::Done);
    assert!(again.out.ends_with(": 0 tables and 0 indexes made\n"), "{}", again.out);
    assert_eq!(names(&path, "index"), indexes);
}

#[tokio::test]
async fn own_tables_are_of_the_version_of_this_build_or_left_alone() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder, TABLE);
    let words = ["schema", "apply", "--database", &url];
    assert_eq!(folder.run(&words).await.exit, Exit::Done);
    let database = Connection::open(&path).unwrap();
    let recorded = "SELECT version, length(applied_at) FROM agent_service_schema";
    let recorded: (i64, i64) =
        database.query_row(recorded, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(recorded, (versions::latest(versions::ALL), 26));

    let later = "DROP TABLE agent_service_runs; INSERT INTO agent_service_schema VALUES (99, '2026-11-22 10:00:00.000000')";
    database.execute_batch(later).unwrap();
    let refused = folder.run(&words).await;
    assert_eq!(refused.exit, Exit::Refused);
    assert!(refused.err.contains("own tables are of version 99"), "{}", refused.err);
    let checked = folder.run(&["schema", "check", "--database", &url]).await;
    assert_eq!(checked.exit, Exit::Refused);
    assert!(checked.out.contains("are of version 99, and this build has"), "{}", checked.out);
}

#[tokio::test]
async fn optional_indexes_are_made_where_they_are_wanted() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder, "");
    let is_optional = |name: &&String| name.starts_with("agent_service_");
    let optional = || names(&path, "index").iter().filter(is_optional).count();
    let words = ["schema", "apply", "--database", &url];
    assert_eq!((folder.run(&words).await.exit, optional()), (Exit::Done, 0));
    let (exit, made) = folder.json(&[&words[..], &["--with-indexes"]].concat()).await;
    assert_eq!((exit, states(&made, "tables", "made")), (Exit::Done, 0));
    assert_eq!(states(&made, "indexes", "made"), optional());
    assert_eq!(optional(), tables::indexes::ALL.len());
}

#[tokio::test]
async fn a_failure_half_way_leaves_nothing() {
    let folder = Folder::with_proxies(&[]);
    // Two rows that the unique index, which is made among the last, would refuse.
    let sql = "CREATE TABLE agent_capabilities (id VARCHAR NOT NULL, capability_id VARCHAR NOT NULL, PRIMARY KEY (id)); \
               INSERT INTO agent_capabilities VALUES ('1', 'c'), ('2', 'c')";
    let (path, url) = database(&folder, sql);
    let refused = folder.run(&["schema", "apply", "--database", &url]).await;
    assert_eq!(refused.exit, Exit::Failed);
    assert!(refused.err.contains("UNIQUE constraint failed"), "{}", refused.err);
    assert_eq!(names(&path, "table"), ["agent_capabilities"]);
}

#[tokio::test]
async fn what_cannot_be_is_said_with_what_to_do() {
    let folder = Folder::with_proxies(&[]);
    let (path, url) = database(&folder, "CREATE TABLE songs (id INTEGER)");
    let words = ["schema", "apply", "--database", &url];
    let foreign = folder.run(&words).await;
    assert_eq!(foreign.exit, Exit::Refused);
    assert!(
        foreign.err.contains("has the table songs and none of the monolith's"),
        "{}",
        foreign.err
    );
    let nowhere = format!("{url}.none");
    let missing = folder.run(&["schema", "apply", "--database", &nowhere]).await;
    assert_eq!(missing.exit, Exit::Usage);
    std::fs::write(&path, "some notes that are long enough to be no database").unwrap();
    let text = folder.run(&words).await;
    assert_eq!(text.exit, Exit::Failed);
    assert!(text.err.contains("file is not a database"), "{}", text.err);
}
