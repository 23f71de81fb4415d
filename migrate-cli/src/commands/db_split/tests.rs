//! The steps of a move between two files, as they are typed.

use rusqlite::Connection;
use serde_json::{Value, json};
use service::tables::{self, Engine};

use crate::exit_code::Exit;
use crate::testing::{Folder, Ran};

/// A table whose only route the new backend answers.
const MOVED: &str = r#"format = 1
[proxies]
admin = []
[backends.monolith]
targets = ["http://127.0.0.1:8011"]
[backends.agent-service]
targets = ["http://127.0.0.1:8012"]
[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"
[[routes]]
name = "agents"
path = "/api/v1/agents/{*rest}"
stage = "service"
"#;

struct Scene {
    folder: Folder,
    source: Connection,
    ends: [String; 4],
}

impl Scene {
    fn new() -> Self {
        let folder = Folder::with_table(MOVED);
        let place = |name: &str| folder.path().parent().unwrap().join(name);
        let source = Connection::open(place("shared.db")).unwrap();
        for statement in
            tables::ALL.iter().flat_map(|table| table.create_statements(Engine::Sqlite))
        {
            source.execute_batch(&statement).unwrap();
        }
        let url = |name: &str| format!("sqlite://{}", place(name).display());
        let ends = ["--from".to_owned(), url("shared.db"), "--to".to_owned(), url("own.db")];
        Self { folder, source, ends }
    }

    fn words<'w>(&'w self, words: &[&'w str]) -> Vec<&'w str> {
        ["db", "split"]
            .into_iter()
            .chain(words.iter().copied())
            .chain(self.ends.iter().map(String::as_str))
            .collect()
    }

    async fn run(&self, words: &[&str]) -> Ran {
        self.folder.run(&self.words(words)).await
    }

    async fn json(&self, words: &[&str]) -> (Exit, Value) {
        self.folder.json(&self.words(words)).await
    }

    fn write(&self, id: &str) -> Result<usize, rusqlite::Error> {
        let sql =
            "INSERT INTO agent_service_meta_trainings VALUES (?1, '2026-01-01 00:00:00.000000')";
        self.source.execute(sql, [id])
    }
}

#[tokio::test]
async fn a_move_as_it_is_typed() {
    let scene = Scene::new();
    scene.write("a").unwrap();
    let (exit, begun) = scene.json(&["start"]).await;
    assert_eq!((exit, &begun["standing"]), (Exit::Done, &json!("following")), "{begun}");
    assert_eq!(begun["copied"], json!([{"table": "agent_service_meta_trainings", "rows": 1}]));
    assert_eq!(
        (&begun["pending"], &begun["now"]["copied"]["rows"], &begun["now"]["verified"]["rows"]),
        (&json!(0), &json!(1), &json!(1))
    );
    assert_eq!(begun["border"]["crossings"][0]["refers_to"], "job_payments");
    scene.write("b").unwrap();
    let looked = scene.run(&["status"]).await;
    insta::assert_snapshot!(looked.out, @r"
    sqlite://shared.db → sqlite://own.db
    stands: following; waiting to be carried over: 1 change
    copied: 1 row of 1 table; verified on both sides: 1 row
    next: `migrate db split switch` carries over what waits, and puts the target in force
    ");

    let planned = scene.json(&["switch", "--dry-run"]).await.1;
    assert_eq!(
        (&planned["result"], &planned["standing"]),
        (&json!("planned"), &json!("following"))
    );
    let (exit, switched) = scene.json(&["switch", "--run", "test -n \"$DATABASE_URL\""]).await;
    assert_eq!(
        (exit, &switched["standing"], &switched["carried"]),
        (Exit::Done, &json!("moved"), &json!(1))
    );
    let counted = json!({"rows": 2});
    let mut compared = switched["compared"].as_array().unwrap().iter();
    let trained = compared.find(|table| table["table"] == "agent_service_meta_trainings").unwrap();
    assert_eq!((&trained["source"], &trained["target"]), (&counted, &counted));
    assert!(switched["run_ms"].is_u64() && switched["pause_ms"].is_u64());
    let url = switched["database_url"].as_str().unwrap();
    assert!(url.ends_with("own.db"), "{url}");
    assert!(scene.write("c").unwrap_err().to_string().contains("strangler_split: "));
    assert_eq!(scene.run(&["abort"]).await.exit, Exit::Refused);
    assert_eq!(scene.run(&["finish"]).await.exit, Exit::Done);
    let late = scene.run(&["back"]).await;
    assert!(
        late.exit == Exit::Refused && late.err.contains("no way back any more"),
        "{}",
        late.err
    );
}

#[tokio::test]
async fn a_switch_is_refused_while_the_old_backend_answers() {
    let scene = Scene::new();
    scene.folder.write(&MOVED.replace("\"service\"", "\"canary\""));
    assert_eq!(scene.run(&["start"]).await.exit, Exit::Done);
    let refused = scene.run(&["switch"]).await;
    assert!(
        refused.exit == Exit::Refused && refused.err.contains("agents (canary)"),
        "{}",
        refused.err
    );
    scene.write("a").unwrap();
    let forced = scene.run(&["switch", "--force", "--reason", "by a test"]).await;
    assert!(
        forced.exit == Exit::Done && forced.err.contains("gone past, because by a test"),
        "{}",
        forced.err
    );
}

#[tokio::test]
async fn a_failed_command_of_the_operators_is_told_and_the_switch_stays() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["start"]).await.exit, Exit::Done);
    let failed = scene.run(&["switch", "--run", "exit 7"]).await;
    assert!(failed.exit == Exit::Failed && failed.err.contains("exit status: 7"), "{}", failed.err);
    assert_eq!(scene.json(&["status"]).await.1["standing"], "moved");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let scene = Scene::new();
    let from = scene.ends[1].as_str();
    for (from, to) in [(from, from), ("sqlite://none.db", from), (from, "mysql://x/y")] {
        let ran = scene.folder.run(&["db", "split", "start", "--from", from, "--to", to]).await;
        assert_eq!(ran.exit, Exit::Usage, "{}", ran.err);
    }
    let early = scene.run(&["status"]).await;
    assert_eq!(early.exit, Exit::Failed, "no target yet: {}", early.out);
}

#[tokio::test]
async fn what_will_be_made_is_told_in_short_and_written_where_it_is_asked_for() {
    let scene = Scene::new();
    let file = scene.folder.path().parent().unwrap().join("split.sql");
    let ran = scene.run(&["start", "--sql", file.to_str().unwrap()]).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let tables = tables::ALL.len();
    let made = format!("to make at sqlite://own.db: {} tables, ", tables + 3);
    assert!(ran.err.contains(&made) && ran.err.lines().count() < 10, "{}", ran.err);
    let sql = std::fs::read_to_string(file).unwrap();
    let notes = sql.matches("CREATE TRIGGER IF NOT EXISTS strangler_split_note_").count();
    assert_eq!(notes, 3 * tables);
    assert!(
        sql.contains("-- at sqlite://")
            && sql.contains("CREATE TABLE IF NOT EXISTS strangler_split_outbox")
    );
    // All of them are there now.
    let again = scene.run(&["start"]).await;
    assert!(again.err.contains("to make at sqlite://own.db: nothing"), "{}", again.err);
    let why = scene.run(&["start", "--sql", "/none/split.sql"]).await;
    assert!(why.exit == Exit::Failed && why.err.contains("can't be written"), "{}", why.err);
}
