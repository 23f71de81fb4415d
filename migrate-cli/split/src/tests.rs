//! A whole move, there and back, between every two kinds of databases.

mod refusals;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use service::store::split::{REFUSAL, STATE};
use service::tables::{ALL, Cell, ColumnType, Engine, Table};
use tempfile::TempDir;
use throwaway::shared::{Cluster, Database};

use super::carried::{Carried, Manner, Position, Row};
use super::mover::{Mover, Told};
use super::side::Side;
use super::standing::{Standing, Verb};
use super::{Place, SplitError, Thoroughness};

const PATIENCE: Duration = Duration::from_secs(10);
const CHANGED: Thoroughness = Thoroughness::Changed;
/// In every table at first.
const ROWS: i64 = 12;

/// Databases that are gone with it.
struct Scene {
    folder: TempDir,
    servers: Vec<Database>,
    cluster: Arc<Cluster>,
    from: Place,
    to: Place,
}

impl Scene {
    fn new(from: Engine, to: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::File(folder.path().join("none.db"));
        let cluster = Cluster::current();
        let mut scene =
            Self { folder, servers: Vec::new(), cluster, from: place.clone(), to: place };
        scene.from = scene.place("source", from);
        scene.to = scene.place("target", to);
        scene
    }

    fn place(&mut self, name: &str, engine: Engine) -> Place {
        if engine == Engine::Sqlite {
            return Place::File(self.folder.path().join(name));
        }
        let database = self.cluster.database("template1");
        let options = Box::new(database.url().parse().unwrap());
        self.servers.push(database);
        Place::Server { options, shown: format!("postgres://{name}") }
    }

    async fn open(&self, verb: Verb) -> Mover {
        Mover::open(&self.from, &self.to, verb, PATIENCE).await.unwrap()
    }

    /// As somebody else who uses a database.
    async fn somebody(place: &Place) -> Side {
        Side::open(place, true, false).await.unwrap()
    }

    /// A source with rows in every table.
    async fn source(&self) -> Side {
        let mut source = Self::somebody(&self.from).await;
        let engine = source.engine();
        for table in ALL {
            let all = table.create_statements(engine);
            source.order(&all, PATIENCE).await.unwrap();
            insert(&mut source, table, 1..=ROWS).await.unwrap();
        }
        source
    }

    async fn start(&self) -> Standing {
        let mut mover = self.open(Verb::Start).await;
        let plan = mover.plan(false).await.unwrap();
        mover.start(&plan, &mut |_| {}).await.unwrap();
        let standing = mover.standing().await.unwrap();
        mover.close().await.unwrap();
        standing
    }
}

/// Something that every column can hold; other columns are empty in odd rows.
fn row(table: &Table, number: i64) -> Row {
    let cell = |(place, column): (usize, &service::tables::Column)| match column.kind {
        _ if column.nullable && number % 2 == 1 => Cell::Null,
        ColumnType::Text(most) => {
            let text = format!("{number}-ü✓-{place}");
            Cell::Text(text.chars().take(most.map_or(50, usize::from)).collect())
        }
        ColumnType::Json if number % 3 == 0 => Cell::from("null"),
        ColumnType::Json => {
            Cell::Text(format!("{{\"ü\": [{number}.0, null], \"n\": 123456789012345678901}}"))
        }
        ColumnType::Integer if column.key || column.references.is_some() => Cell::Integer(number),
        ColumnType::Integer => Cell::Integer(number - 5),
        ColumnType::Money => Cell::Integer(number << 40),
        #[expect(clippy::cast_precision_loss, reason = "it is small")]
        ColumnType::Float => Cell::Real(number as f64 * 1e-7),
        ColumnType::Bytes => Cell::Bytes(vec![0, 159, 255]),
        ColumnType::Boolean => Cell::Integer(number % 2),
        ColumnType::DateTime => Cell::Text(format!("2026-01-02 03:04:05.{number:06}")),
        ColumnType::Enum(names) => {
            Cell::from(names[usize::try_from(number).unwrap() % names.len()])
        }
    };
    table.columns.iter().enumerate().map(cell).collect()
}

async fn insert(
    side: &mut Side,
    table: &'static Table,
    numbers: impl IntoIterator<Item = i64>,
) -> Result<(), SplitError> {
    let rows: Vec<Row> = numbers.into_iter().map(|number| row(table, number)).collect();
    side.put(&Carried { table, with_number: false }, &rows, Manner::Renew).await
}

/// Changes something of every table: a row comes, one goes, one changes, one gets another key.
async fn change(side: &mut Side, step: i64) -> Result<(), SplitError> {
    for table in ALL {
        insert(side, table, [ROWS + step]).await?;
    }
    for table in ALL.iter().rev() {
        let carried = Carried { table, with_number: false };
        let of = |number| carried.key_of(&row(table, number));
        let gone = carried.remove(&[of(ROWS - step)]);
        side.run("remove", gone.0, gone.1).await?;
        let keys: Vec<&str> = carried.keys().map(|key| key.name).collect();
        let text = table.columns.iter().find(|c| {
            matches!(c.kind, ColumnType::Text(_)) && !c.key && !c.unique && !c.unique_constraint
        });
        if let Some(text) = text {
            let key: Vec<String> = keys.iter().map(|key| format!("{key} = ?")).collect();
            let sql = format!(
                "UPDATE {} SET {} = 'changed' WHERE {}",
                table.name,
                text.name,
                key.join(" AND ")
            );
            side.run("change", sql, of(step)).await?;
        }
    }
    let sql = format!("UPDATE agent_service_leases SET duty = 'other {step}' WHERE duty = ?");
    let lease = ALL.iter().find(|table| table.name == "agent_service_leases").unwrap();
    side.run("change a key", sql, vec![row(lease, step + 1)[0].clone()]).await?;
    Ok(())
}

async fn refused(side: &mut Side) {
    let why =
        side.run("write", "DELETE FROM agent_steps", Vec::new()).await.unwrap_err().to_string();
    assert!(why.contains(REFUSAL), "{why}");
}

async fn whole_move(from: Engine, to: Engine) {
    let scene = Scene::new(from, to);
    let mut source = scene.source().await;
    assert_eq!(scene.start().await, Standing::Following);
    let mut target = Scene::somebody(&scene.to).await;
    refused(&mut target).await;
    change(&mut source, 1).await.unwrap();
    // Again is as good as once.
    assert_eq!(scene.start().await, Standing::Following);
    change(&mut source, 2).await.unwrap();

    let mut mover = scene.open(Verb::Switch).await;
    let mut fenced = false;
    let switched =
        mover.switch(CHANGED, &mut |told| fenced |= matches!(told, Told::Fenced)).await.unwrap();
    assert!(fenced && !switched.was_so && switched.carried > 0, "{switched:?}");
    assert!(
        switched
            .compared
            .iter()
            .all(|table| table.source.rows == ROWS as u64 && table.source == table.target)
    );
    assert!(mover.switch(CHANGED, &mut |_| {}).await.unwrap().was_so);
    mover.close().await.unwrap();
    refused(&mut source).await;
    change(&mut target, 3).await.unwrap();

    let mut mover = scene.open(Verb::Back).await;
    let back = mover.back(CHANGED, &mut |_| {}).await.unwrap();
    assert!(
        back.carried > 0 && back.compared.iter().all(|table| table.source == table.target),
        "{back:?}"
    );
    assert_eq!(mover.standing().await.unwrap(), Standing::Following);
    mover.close().await.unwrap();
    refused(&mut target).await;
    change(&mut source, 4).await.unwrap();

    let mut mover = scene.open(Verb::Switch).await;
    mover.switch(CHANGED, &mut |_| {}).await.unwrap();
    mover.finish(false).await.unwrap();
    mover.close().await.unwrap();
    let mut mover = scene.open(Verb::Finish).await;
    assert_eq!(mover.standing().await.unwrap(), Standing::Finished);
    mover.finish(false).await.unwrap();
    refused(&mut source).await;
    change(&mut target, 5).await.unwrap();
    target.look().await.unwrap();
    assert!(
        target
            .schema
            .tables
            .iter()
            .all(|(name, table)| !name.starts_with("strangler") && table.triggers.is_empty())
    );
    mover.finish(true).await.unwrap();
    source.look().await.unwrap();
    assert!(!source.schema.tables.contains_key(STATE));
    change(&mut source, 5).await.unwrap();
}

#[tokio::test]
async fn from_a_file_to_a_server() {
    whole_move(Engine::Sqlite, Engine::Postgres).await;
}

#[tokio::test]
async fn from_a_server_to_another() {
    whole_move(Engine::Postgres, Engine::Postgres).await;
}

#[tokio::test]
async fn from_a_file_to_another() {
    whole_move(Engine::Sqlite, Engine::Sqlite).await;
}

#[tokio::test]
async fn pages_of_a_server_leave_no_row_out() {
    const MANY: i64 = 1500;
    let scene = Scene::new(Engine::Postgres, Engine::Sqlite);
    let mut source = scene.source().await;
    let table = ALL.iter().copied().find(|table| table.name == "ai_agent_workflows").unwrap();
    insert(&mut source, table, ROWS + 1..=MANY).await.unwrap();
    let carried = Carried::new(table, Engine::Postgres, Engine::Sqlite);
    let (mut keys, mut position) = (BTreeSet::new(), Some(Position::Start));
    while let Some(from) = position {
        let page = source.page(&carried, &from, 64).await.unwrap();
        keys.extend(page.rows.iter().map(|row| format!("{:?}", carried.key_of(row))));
        position = page.next;
    }
    assert_eq!(keys.len(), usize::try_from(MANY).unwrap());
}

#[tokio::test]
async fn a_value_that_a_server_cannot_hold_is_named_and_the_move_goes_on_when_it_is_corrected() {
    let scene = Scene::new(Engine::Sqlite, Engine::Postgres);
    let mut source = scene.source().await;
    let long = "x".repeat(300);
    let sql = "UPDATE ai_agent_workflows SET name = ? WHERE rowid = 3";
    source.run("spoil", sql, vec![Cell::Text(long)]).await.unwrap();
    let mut mover = scene.open(Verb::Start).await;
    let plan = mover.plan(false).await.unwrap();
    let why = mover.start(&plan, &mut |_| {}).await.unwrap_err();
    let told = why.to_string();
    assert!(
        told.contains("\"3-ü✓-0\" of ai_agent_workflows: its column name holds \"xxx"),
        "{told}"
    );
    mover.close().await.unwrap();
    source.run("correct", sql, vec!["short".into()]).await.unwrap();
    assert_eq!(scene.start().await, Standing::Following);
}

#[tokio::test]
async fn a_target_with_rows_and_a_second_mover_are_refused() {
    let scene = Scene::new(Engine::Sqlite, Engine::Postgres);
    let source = scene.source().await;
    let mut target = Scene::somebody(&scene.to).await;
    let steps = ALL.iter().find(|table| table.name == "agent_steps").unwrap();
    target.order(&steps.create_statements(Engine::Postgres), PATIENCE).await.unwrap();
    insert(&mut target, steps, [1]).await.unwrap();
    let mut mover = scene.open(Verb::Start).await;
    let why = mover.plan(false).await.unwrap_err();
    assert!(why.is_refusal() && why.to_string().contains("has rows in agent_steps"), "{why}");
    let why = mover.switch(CHANGED, &mut |_| {}).await.unwrap_err();
    assert!(why.is_refusal() && why.help().contains("split start"), "{why}");
    let second = Mover::open(&scene.from, &scene.to, Verb::Start, PATIENCE).await.unwrap_err();
    assert!(matches!(second, SplitError::InUse { .. }), "{second}");
    drop(source);
}
