//! Two databases of a real server.

use serde_json::json;
use throwaway::postgres::Postgres;

use super::*;

/// A table of every kind of column, and one row.
const TABLE: &str = "\
    CREATE TYPE mood AS ENUM ('good', 'bad'); \
    CREATE TABLE w (id UUID PRIMARY KEY, of TEXT, number BIGINT, cost NUMERIC(12, 4), rate DOUBLE PRECISION, \
    seal BYTEA, steps JSON, more JSONB, text TEXT, is_on BOOLEAN, mood mood, at TIMESTAMP, zoned TIMESTAMPTZ); \
    CREATE INDEX ON w (of); CREATE INDEX ON w (number) WHERE is_on; \
    CREATE TABLE n (id INTEGER PRIMARY KEY, label VARCHAR(20)); \
    CREATE TABLE unkeyed (of TEXT); CREATE INDEX ON unkeyed (of); \
    INSERT INTO w VALUES ('6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'agent_0a1b2c', 12345678901234567, 12.5000, 0.1, \
    'abc', '{\"b\" : 1}', '{\"a\": [1]}', '{\"t\": 1}', true, 'good', '2026-01-31 10:00:00.5', '2026-01-31 10:00:00+02'); \
    INSERT INTO n VALUES (7, 'seven'), (8, 'eight'); INSERT INTO unkeyed VALUES ('agent_0a1b2c')";

async fn two(postgres: &Postgres) -> Databases {
    for name in ["shared", "clone"] {
        postgres.query("postgres", &format!("CREATE DATABASE {name}")).await;
        postgres.query(name, TABLE).await;
    }
    Databases::new(&TwinSettings { shared: postgres.url("shared"), clone: postgres.url("clone") })
}

#[tokio::test]
async fn rows_are_found_by_text_number_and_uuid_and_read_exactly() {
    let postgres = Postgres::start().await;
    let databases = two(&postgres).await;
    postgres.query("clone", "ALTER TABLE w ADD COLUMN own TEXT; UPDATE n SET label = 'x'").await;
    let row = json!({
        "id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "of": "agent_0a1b2c", "number": 12_345_678_901_234_567_i64,
        "cost": "12.5", "rate": 0.1, "seal": "3 bytes 900150983cd24fb0d6963f7d28e17f72", "steps": {"b": 1},
        "more": {"a": [1]}, "text": {"t": 1}, "is_on": true, "mood": "good", "at": "2026-01-31T10:00:00.5",
        "zoned": "2026-01-31T08:00:00+00:00",
    });
    for name in ["agent_0a1b2c", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"] {
        let names = vec![name.to_owned(), "no_such_1".to_owned()];
        let sides = databases.read(names.clone(), names).await.unwrap();
        assert_eq!(sides.old, sides.new);
        assert_eq!(sides.old.keys().collect::<Vec<_>>(), ["w"], "an unkeyed table tells nothing");
        let [found] = sides.old["w"].as_slice() else { panic!("{sides:?}") };
        assert_eq!(found.key, ["id"]);
        assert_eq!(json!(found.columns), row);
    }
    // A partial index finds nothing, so its column is not looked at.
    let number = databases.read(vec!["12345678901234567".to_owned()], vec![]).await.unwrap();
    assert!(number.old.is_empty() && number.new.is_empty(), "{number:?}");
    let sides = databases.read(vec!["7".to_owned()], vec!["8".to_owned()]).await.unwrap();
    let label = |found: &super::super::row::Found| found["n"][0].columns["label"].clone();
    assert_eq!((label(&sides.old), label(&sides.new)), (json!("seven"), json!("x")));
    assert_eq!(
        databases.times().await.unwrap(),
        [("w".to_owned(), "at".to_owned()), ("w".to_owned(), "zoned".to_owned())]
    );
}

#[tokio::test]
async fn what_can_not_be_read_is_none_and_works_again_when_it_can() {
    let postgres = Postgres::start().await;
    let databases = two(&postgres).await;
    assert_eq!(databases.mark().await, None, "no log yet");
    let problem = databases.0.clone.ask(log::mark).await.unwrap_err().to_string();
    assert!(problem.contains("migrate db watch"), "{problem}");
    assert!(problem.contains("postgres:///clone"), "{problem}");
    postgres.query("clone", routes::twin_log::INSTALL).await;
    assert_eq!(databases.mark().await, Some(0));

    postgres.query("postgres", "DROP DATABASE shared WITH (FORCE)").await;
    let names = vec!["agent_0a1b2c".to_owned()];
    assert_eq!(databases.read(names.clone(), names.clone()).await, None);
    postgres.query("postgres", "CREATE DATABASE shared").await;
    postgres.query("shared", TABLE).await;
    assert!(databases.read(names.clone(), names).await.is_some());
}

#[tokio::test]
async fn the_log_notes_which_rows_change_and_stays_small() {
    let postgres = Postgres::start().await;
    let databases = two(&postgres).await;
    for _twice in 0..2 {
        postgres.query("clone", routes::twin_log::INSTALL).await;
    }
    let mark = databases.mark().await.unwrap();
    let uuid = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
    postgres.query("clone", "UPDATE w SET of = 'agent_ffee01', text = 'x'").await;
    postgres.query("clone", "DELETE FROM n WHERE id = 7").await;
    let mut changes = databases.changed_since(mark).await.unwrap();
    changes.sort_by(|one, other| one.table.cmp(&other.table));
    for change in &mut changes {
        change.mentions.sort();
    }
    let change = |table: &str, key: &str, mentions: &[&str]| Change {
        table: table.to_owned(),
        key: key.to_owned(),
        mentions: mentions.iter().map(|&text| text.to_owned()).collect(),
    };
    assert_eq!(
        changes,
        [change("n", "7", &["7"]), change("w", uuid, &[uuid, "agent_0a1b2c", "agent_ffee01"])]
    );
    assert_eq!(databases.changed_since(databases.mark().await.unwrap()).await, Some(vec![]));

    postgres
        .query("clone", "INSERT INTO n SELECT i, 'many' FROM generate_series(100, 60000) AS i")
        .await;
    let kept = format!("SELECT count(*) FROM {}", routes::twin_log::TABLE);
    let kept: u64 = postgres.query("clone", &kept).await.parse().unwrap();
    assert!((20_000..=21_000).contains(&kept), "{kept}");

    postgres.query("clone", routes::twin_log::REMOVE).await;
    let left = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal";
    assert_eq!(postgres.query("clone", left).await, "0");
    postgres.query("clone", "UPDATE n SET label = 'free again'").await;
}
