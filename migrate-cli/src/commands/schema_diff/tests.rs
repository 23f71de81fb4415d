//! Every kind of side.

use insta::assert_snapshot;
use rusqlite::Connection;
use service::tables;

use crate::exit_code::Exit;
use crate::testing::Folder;

const SOURCE: &str = r#"
class Step(SQLModel, table=True):
    __tablename__ = "agent_steps"
    id: str = Field(primary_key=True)
    workflow_id: str = Field(index=True)
    step_order: int
    label: str
"#;

#[tokio::test]
async fn a_database_the_service_and_a_source_are_compared() {
    let folder = Folder::with_proxies(&[]);
    let here = folder.path().parent().unwrap().to_owned();
    let path = here.join("shared.db");
    let database = Connection::open(&path).unwrap();
    for statement in tables::ALL
        .iter()
        .flat_map(|table| table.create_statements(service::schema::Engine::Sqlite))
    {
        database.execute_batch(&statement).unwrap();
    }
    let url = format!("sqlite://{}", path.display());
    let same = folder.run(&["schema", "diff", "service", &url]).await;
    assert_eq!(same.exit, Exit::Done, "{}{}", same.out, same.err);
    let source = here.join("app");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("models.py"), SOURCE).unwrap();
    let source = source.display().to_string();
    // Of the service's tables those count that a monolith could declare.
    let (exit, json) = folder.json(&["schema", "diff", &source, "service"]).await;
    let shared = tables::ALL.iter().filter(|table| !tables::is_own(table.name)).count();
    assert_eq!((exit, json["tables"].as_u64()), (Exit::Refused, Some(shared as u64)));
    let differs = folder.run(&["schema", "diff", &source, &url]).await;
    assert_eq!(differs.exit, Exit::Refused, "{}", differs.err);
    let shown = differs.out.replace(&here.display().to_string(), "");
    assert_snapshot!(shown);
}

#[tokio::test]
async fn a_side_that_is_nothing_is_said() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["schema", "diff", "service", "nowhere.json"]).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("no file or folder nowhere.json"), "{}", ran.err);
}
