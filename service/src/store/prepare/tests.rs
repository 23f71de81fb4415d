//! Databases that older and newer builds have left.

use futures::future::join_all;

use super::*;
use crate::config::database;
use crate::schema::{OwnTables, judge, needed};
use crate::tables::own::versions::Change;
use crate::testing::Fresh;

/// Two versions after the first: a column that the leases of the first did not have, and two changes of what was never there.
const LATER: &[Version] = &[
    Version { number: 1, changes: &[] },
    Version {
        number: 2,
        changes: &[Change {
            table: "agent_service_leases",
            sqlite: &["ALTER TABLE agent_service_leases ADD COLUMN held_until DATETIME"],
            postgres: &[
                "ALTER TABLE agent_service_leases ADD COLUMN held_until TIMESTAMP WITHOUT TIME ZONE",
            ],
        }],
    },
    Version {
        number: 3,
        changes: &[
            Change {
                table: "agent_service_leases",
                sqlite: &[
                    "UPDATE agent_service_leases SET held_until = '2026-11-22 10:00:00.000000'",
                ],
                postgres: &["UPDATE agent_service_leases SET held_until = '2026-11-22 10:00:00'"],
            },
            Change {
                table: "agent_service_runs",
                sqlite: &["ALTER TABLE agent_service_runs ADD COLUMN attempts INTEGER"],
                postgres: &["ALTER TABLE agent_service_runs ADD COLUMN attempts BIGINT"],
            },
        ],
    },
];

/// One of the service's own tables as a build made it that kept no versions, with a row.
fn of_old(engine: Engine) -> [&'static str; 2] {
    let made = match engine {
        Engine::Sqlite => {
            "CREATE TABLE agent_service_leases (duty VARCHAR NOT NULL, holder VARCHAR, token VARCHAR, PRIMARY KEY (duty))"
        }
        Engine::Postgres => {
            "CREATE TABLE agent_service_leases (duty VARCHAR COLLATE \"C\" NOT NULL, holder VARCHAR COLLATE \"C\", \
             token VARCHAR COLLATE \"C\", rowid BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE, PRIMARY KEY (duty))"
        }
    };
    [made, "INSERT INTO agent_service_leases (duty, holder) VALUES ('sweep', 'somebody')"]
}

/// An empty database of each kind.
fn databases() -> [Fresh; 2] {
    [Fresh::file(), Fresh::empty_server()]
}

fn location(database: &Fresh) -> Location {
    database::location(&database.url("10")).unwrap()
}

/// Has a database made by hand: everything as it is now, but with own tables from before there were versions.
async fn make_old(database: &Fresh) {
    let store = Store::open(&location(database)).await.unwrap();
    let mut writing = store.write().await.unwrap();
    for table in tables::ALL.iter().filter(|table| !table.is_shared()) {
        writing.statement(&format!("DROP TABLE {}", table.name)).await.unwrap();
    }
    for statement in of_old(store.engine()) {
        writing.statement(statement).await.unwrap();
    }
    writing.commit().await.unwrap();
    store.close().await;
}

async fn recorded(store: &Store) -> Vec<i64> {
    let sql = "SELECT version FROM agent_service_schema ORDER BY version";
    let rows = store.figures("look", sql, Vec::new()).await.unwrap();
    rows.iter().map(|row| whole(&row[0])).collect()
}

#[tokio::test]
async fn tables_of_before_there_were_versions_are_brought_up_to_date_once_however_many_start() {
    for database in databases() {
        make_old(&database).await;
        let location = location(&database);
        let opened = join_all((0..3).map(|_| Store::open_at(&location, LATER))).await;
        let stores: Vec<Store> = opened.into_iter().map(Result::unwrap).collect();
        let store = &stores[0];
        assert_eq!(recorded(store).await, [1, 2, 3]);
        let there = store.schema().await.unwrap();
        assert_eq!(judge(&needed::schema(), None, &there, OwnTables::MustBeThere), []);
        let kept = "SELECT holder, held_until FROM agent_service_leases";
        let kept = store.figures("look", kept, Vec::new()).await.unwrap();
        assert_eq!(kept, [["somebody".into(), "2026-11-22 10:00:00.000000".into()]]);
        for store in stores {
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_database_of_today_is_recognised_and_a_fresh_one_is_made_as_the_last_version() {
    for database in databases() {
        let location = location(&database);
        let store = Store::open_at(&location, LATER).await.unwrap();
        assert_eq!(recorded(&store).await, [3], "as the tables are defined");
        let mut writing = store.write().await.unwrap();
        writing.statement("DROP TABLE agent_service_schema").await.unwrap();
        writing.commit().await.unwrap();
        store.close().await;
        for _ in 0..2 {
            let store = Store::open(&location).await.unwrap();
            assert_eq!(recorded(&store).await, [1], "as it was before there were versions");
            store.close().await;
        }
    }
}

#[tokio::test]
async fn what_a_later_build_has_changed_is_refused_and_left_alone() {
    for database in databases() {
        let location = location(&database);
        let store = Store::open_at(&location, LATER).await.unwrap();
        let before = store.dump().await;
        let error = Store::open(&location).await.unwrap_err().to_string();
        let expected = "own tables are of version 3, and this build knows no later one than 1; start the build";
        assert!(error.contains(expected), "{error}");
        assert_eq!(store.dump().await, before);
        store.close().await;
    }
}

#[tokio::test]
async fn a_change_that_fails_leaves_nothing_of_the_others() {
    const BROKEN: &[Version] = &[
        Version { number: 1, changes: &[] },
        Version {
            number: 2,
            changes: &[Change {
                table: "agent_service_leases",
                sqlite: &[
                    "ALTER TABLE agent_service_leases ADD COLUMN held_until DATETIME",
                    "UPDATE agent_service_leases SET nobody = 1",
                ],
                postgres: &[
                    "ALTER TABLE agent_service_leases ADD COLUMN held_until TIMESTAMP",
                    "UPDATE agent_service_leases SET nobody = 1",
                ],
            }],
        },
    ];
    for database in databases() {
        make_old(&database).await;
        let location = location(&database);
        let error = Store::open_at(&location, BROKEN).await.unwrap_err();
        assert!(matches!(error, StoreError::Query { .. }), "{error:?}");
        let store = Store::open_at(&location, LATER).await.unwrap();
        assert_eq!(recorded(&store).await, [1, 2, 3]);
        store.close().await;
    }
}
