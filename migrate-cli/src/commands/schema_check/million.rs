//! How long a check of a million rows takes, in every table and on both engines.

use std::time::Instant;

use rusqlite::Connection;
use service::schema::Engine;
use service::tables::{self, Column, ColumnType, Table};
use throwaway::postgres::Postgres;

use crate::exit_code::Exit;
use crate::testing::Folder;

/// The table that has the most of them, as in a real database.
const LARGEST: &str = "agent_executions";
const IN_LARGEST: u32 = 580_000;
const IN_OTHERS: u32 = 15_000;

/// What stands in a column of row `i`, in the words of both engines.
fn value(column: &Column) -> String {
    match column.kind {
        _ if column.references.is_some_and(|table| tables::ALL.iter().all(|t| t.name != table)) => {
            "NULL".to_owned()
        }
        ColumnType::Integer if column.key => "i".to_owned(),
        ColumnType::Text(_) => "'n' || i".to_owned(),
        ColumnType::Json => "'{\"a\": [1, 2]}'".to_owned(),
        ColumnType::DateTime => "'2026-11-22 10:28:51.272435'".to_owned(),
        ColumnType::Enum(names) => format!("'{}'", names[0]),
        ColumnType::Boolean => "TRUE".to_owned(),
        ColumnType::Integer | ColumnType::Float => "1".to_owned(),
        ColumnType::Money | ColumnType::Bytes => panic!("the monolith has no such column"),
    }
}

fn fill(table: &Table, engine: Engine) -> String {
    let rows = if table.name == LARGEST { IN_LARGEST } else { IN_OTHERS };
    let values: Vec<String> = table.columns.iter().map(value).collect();
    let numbers = match engine {
        Engine::Sqlite => format!(
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i FROM n)"
        ),
        Engine::Postgres => format!("generate_series(1, {rows}) AS n (i)"),
    };
    format!("INSERT INTO {} SELECT {} FROM {numbers}", table.name, values.join(", "))
}

/// What makes every table and fills those that both programs have.
fn statements(engine: Engine) -> String {
    let made = tables::ALL.iter().flat_map(|table| table.create_statements(engine));
    let shared = tables::ALL.iter().filter(|table| table.is_shared());
    made.chain(shared.map(|table| fill(table, engine))).collect::<Vec<_>>().join(";\n")
}

async fn check(url: &str) {
    let folder = Folder::with_proxies(&[]);
    for _ in 0..3 {
        let began = Instant::now();
        let (exit, json) = folder.json(&["schema", "check", "--database", url]).await;
        let took = began.elapsed().as_secs_f64();
        assert_eq!(exit, Exit::Done, "{json:#}");
        let (engine, rows, shown) = (&json["engine"], &json["rows"], tables::ALL.len());
        eprintln!("{engine}: {shown} tables, a million rows, {rows} looked at: {took:.2} s");
    }
}

#[tokio::test]
#[ignore = "takes a minute; `make million-checked` runs it"]
async fn a_million_rows_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shared.db");
    let shared = Connection::open(&file).unwrap();
    // As both programs: a table that is not there is not asked for.
    shared.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    shared.execute_batch(&statements(Engine::Sqlite)).unwrap();
    check(&format!("sqlite://{}", file.display())).await;

    let postgres = Postgres::start().await;
    postgres.query("postgres", "CREATE DATABASE shared").await;
    for statement in statements(Engine::Postgres).split(";\n") {
        postgres.query("shared", statement).await;
    }
    check(&postgres.url("shared")).await;
}
