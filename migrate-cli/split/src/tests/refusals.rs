//! A switch, or a way back, that is refused: who is in force then, and what is told.

use service::store::split::STATE;
use service::tables::{ALL, Engine};

use super::{CHANGED, PATIENCE, ROWS, Scene, refused, row};
use crate::Thoroughness;
use crate::marks::VERIFIED;
use crate::mover::Told;
use crate::progress::Errand;
use crate::side::Side;
use crate::standing::{Standing, Verb};

/// Writes a table so that nothing notes it, as a restore does, or in SQLite a REPLACE that removes another row.
async fn write_unnoted(side: &mut Side, sql: &str) {
    let notes = match side.engine() {
        Engine::Sqlite => ["delete", "update"].map(|event| {
            format!("DROP TRIGGER IF EXISTS strangler_split_note_agent_steps_{event}")
        }),
        Engine::Postgres => {
            ["USER", "USER"].map(|who| format!("ALTER TABLE agent_steps DISABLE TRIGGER {who}"))
        }
    };
    side.order(&notes, PATIENCE).await.unwrap();
    side.run("write past the triggers", sql, Vec::new()).await.unwrap();
}

fn named(number: i64) -> String {
    let table = ALL.iter().find(|table| table.name == "agent_steps").unwrap();
    row(table, number)[0].clone().text().unwrap()
}

/// A source with rows, and a target that follows it.
async fn following(engine: Engine) -> (Scene, Side) {
    let scene = Scene::new(engine, engine);
    let source = scene.source().await;
    assert_eq!(scene.start().await, Standing::Following);
    (scene, source)
}

/// A switch that is refused before anybody had to wait.
async fn refused_unfenced(scene: &Scene) -> String {
    let mut mover = scene.open(Verb::Switch).await;
    let mut ear = |told: Told<'_>| assert!(!matches!(told, Told::Fenced));
    let why = mover.switch(CHANGED, &mut ear).await.unwrap_err();
    assert!(why.is_refusal(), "{why}");
    mover.close().await.unwrap();
    why.to_string()
}

async fn a_refused_switch(engine: Engine) {
    let (scene, mut source) = following(engine).await;
    write_unnoted(&mut source, &format!("DELETE FROM agent_steps WHERE id = '{}'", named(2))).await;
    let mut mover = scene.open(Verb::Switch).await;
    let why = mover.switch(CHANGED, &mut |_| {}).await.unwrap_err();
    assert_eq!(
        why.to_string(),
        "the two databases differ: agent_steps has 11 rows at the source and 12 at the target"
    );
    assert_eq!(mover.standing().await.unwrap(), Standing::Following);
    let write = format!("DELETE FROM agent_steps WHERE id = '{}'", named(3));
    source.run("write", write, Vec::new()).await.unwrap();
    mover.abort().await.unwrap();
    assert_eq!(mover.standing().await.unwrap(), Standing::Abandoned);
    mover.close().await.unwrap();
    source.look().await.unwrap();
    assert!(source.schema.tables.values().all(|table| table.triggers.is_empty()));
    // What was given up is begun anew.
    assert_eq!(scene.start().await, Standing::Following);
    let mut mover = scene.open(Verb::Switch).await;
    mover.switch(CHANGED, &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn what_differs_at_the_switch_leaves_a_file_in_force() {
    a_refused_switch(Engine::Sqlite).await;
}

#[tokio::test]
async fn what_differs_at_the_switch_leaves_a_server_in_force() {
    a_refused_switch(Engine::Postgres).await;
}

async fn verified_before_the_fence(engine: Engine) {
    let (scene, mut source) = following(engine).await;
    let mut mover = scene.open(Verb::Start).await;
    for table in mover.progress(Errand::Verify).await.unwrap() {
        assert_eq!(table.rows, ROWS as u64, "{}", table.table);
    }
    let plan = mover.plan(false).await.unwrap();
    assert_eq!(mover.start(&plan, &mut |_| {}).await.unwrap().verified.rows, 0, "twice");
    mover.close().await.unwrap();

    let spoil = format!("UPDATE agent_steps SET name = 'other' WHERE id = '{}'", named(2));
    write_unnoted(&mut source, &spoil).await;
    // As if the mover had been killed before it came to that row.
    let mut target = Scene::somebody(&scene.to).await;
    let sql = format!("DELETE FROM {VERIFIED} WHERE tbl = 'agent_steps'");
    target.run("forget", sql, Vec::new()).await.unwrap();
    let why = refused_unfenced(&scene).await;
    let expected = format!("of agent_steps the row \"{}\" is not the same", named(2));
    assert!(why.contains(&expected), "{why}");

    // A row that was verified before is compared once more only where that is asked for.
    let sql = format!(
        "INSERT INTO {VERIFIED} (tbl, position, copied, is_done) VALUES ('agent_steps', '', 12, 1)"
    );
    target.run("remember", sql, Vec::new()).await.unwrap();
    let mut mover = scene.open(Verb::Switch).await;
    let why = mover.switch(Thoroughness::All, &mut |_| {}).await.unwrap_err().to_string();
    assert!(
        why.ends_with(
            "agent_steps has 12 rows at the source and 12 at the target, of other contents"
        ),
        "{why}"
    );
    assert_eq!(mover.standing().await.unwrap(), Standing::Following);
}

#[tokio::test]
async fn rows_of_a_file_are_verified_before_the_fence() {
    verified_before_the_fence(Engine::Sqlite).await;
}

#[tokio::test]
async fn rows_of_a_server_are_verified_before_the_fence() {
    verified_before_the_fence(Engine::Postgres).await;
}

async fn a_refused_way_back(engine: Engine) {
    let (scene, source) = following(engine).await;
    let mut mover = scene.open(Verb::Switch).await;
    mover.switch(CHANGED, &mut |_| {}).await.unwrap();
    mover.close().await.unwrap();
    let mut target = Scene::somebody(&scene.to).await;
    write_unnoted(&mut target, &format!("DELETE FROM agent_steps WHERE id = '{}'", named(2))).await;
    let mut mover = scene.open(Verb::Back).await;
    let why = mover.back(CHANGED, &mut |_| {}).await.unwrap_err();
    assert_eq!(
        why.to_string(),
        "the two databases differ: agent_steps has 12 rows at the source and 11 at the target"
    );
    assert_eq!(mover.standing().await.unwrap(), Standing::Moved);
    let write = format!("DELETE FROM agent_steps WHERE id = '{}'", named(3));
    target.run("write", write, Vec::new()).await.unwrap();
    drop(source);
}

#[tokio::test]
async fn what_differs_at_the_way_back_leaves_a_file_in_force() {
    a_refused_way_back(Engine::Sqlite).await;
}

#[tokio::test]
async fn what_differs_at_the_way_back_leaves_a_server_in_force() {
    a_refused_way_back(Engine::Postgres).await;
}

/// What lets no phase be `open` again.
fn jam(engine: Engine) -> Vec<String> {
    match engine {
        Engine::Sqlite => vec![format!(
            "CREATE TRIGGER jam BEFORE UPDATE OF phase ON {STATE} WHEN NEW.phase = 'open' BEGIN SELECT RAISE(ABORT, 'jammed'); END"
        )],
        Engine::Postgres => {
            let make = "CREATE FUNCTION jam() RETURNS trigger LANGUAGE plpgsql AS \
                        $$ BEGIN RAISE EXCEPTION 'jammed'; END $$";
            let on = format!(
                "CREATE TRIGGER jam BEFORE UPDATE ON {STATE} FOR EACH ROW WHEN (NEW.phase = 'open' AND OLD.phase <> 'open') \
                 EXECUTE FUNCTION jam()"
            );
            vec![make.to_owned(), on]
        }
    }
}

async fn a_fence_that_stays(engine: Engine) {
    let (scene, mut source) = following(engine).await;
    write_unnoted(&mut source, &format!("DELETE FROM agent_steps WHERE id = '{}'", named(2))).await;
    source.order(&jam(engine), PATIENCE).await.unwrap();
    let mut mover = scene.open(Verb::Switch).await;
    let why = mover.switch(CHANGED, &mut |_| {}).await.unwrap_err();
    let told = why.to_string();
    let (first, then) = told.split_once("; and the fence could not be lifted: ").unwrap();
    assert!(
        first.ends_with("agent_steps has 11 rows at the source and 12 at the target"),
        "{told}"
    );
    assert!(
        then.ends_with("jammed") && !why.is_refusal() && why.help().contains("abort"),
        "{told}"
    );
    assert_eq!(mover.standing().await.unwrap(), Standing::Switching);
    refused(&mut source).await;
    let sql = match engine {
        Engine::Sqlite => "DROP TRIGGER jam".to_owned(),
        Engine::Postgres => format!("DROP TRIGGER jam ON {STATE}"),
    };
    source.order(&[sql], PATIENCE).await.unwrap();
    // As it says.
    mover.abort().await.unwrap();
    let write = format!("DELETE FROM agent_steps WHERE id = '{}'", named(3));
    source.run("write", write, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_fence_of_a_file_that_cannot_be_lifted_hides_no_error() {
    a_fence_that_stays(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_fence_of_a_server_that_cannot_be_lifted_hides_no_error() {
    a_fence_that_stays(Engine::Postgres).await;
}
