//! Every difference is found and put down to who breaks, and a table as it is needed has none.

use super::*;
use crate::schema::needed;
use crate::schema::shape::{Column, Engine, Family, IDENTITY, Index, Reference, Table};

const TABLE: &str = "agent_step_executions";

/// A database that has every table as it is needed.
fn healthy(engine: Engine) -> Schema {
    Schema { engine: Some(engine), ..needed::schema() }
}

/// What is found after a change to [`TABLE`], without its name.
fn after(engine: Engine, change: impl Fn(&mut Table)) -> Vec<(Severity, String)> {
    let mut found = healthy(engine);
    change(found.tables.get_mut(TABLE).unwrap());
    let findings = judge(&needed::schema(), None, &found, OwnTables::MustBeThere);
    findings
        .into_iter()
        .map(|finding| (finding.severity, finding.message.replace(&format!("{TABLE}."), "")))
        .collect()
}

/// The same after a change to one column.
fn change(engine: Engine, name: &str, change: impl Fn(&mut Column)) -> Vec<(Severity, String)> {
    after(engine, |table| {
        table.columns.iter_mut().filter(|column| column.name == name).for_each(&change);
    })
}

fn one(found: Vec<(Severity, String)>) -> (Severity, String) {
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn both(test: impl Fn(Engine)) {
    [Engine::Sqlite, Engine::Postgres].into_iter().for_each(test);
}

#[test]
fn a_healthy_database_has_no_findings() {
    both(|engine| {
        let found = healthy(engine);
        assert_eq!(judge(&needed::schema(), None, &found, OwnTables::MustBeThere), []);
        assert_eq!(
            judge(&needed::schema(), Some(&needed::schema()), &found, OwnTables::MadeAtStart),
            []
        );
    });
}

#[test]
fn a_missing_table_breaks_everything_unless_the_service_makes_it() {
    let own = "agent_service_runs";
    let mut found = healthy(Engine::Sqlite);
    found.tables.remove(TABLE);
    found.tables.remove(own);
    let findings = |tables| judge(&needed::schema(), None, &found, tables);
    let missing = |findings: Vec<Finding>| {
        let of = |finding: Finding| (finding.table, finding.severity, finding.breaks.len());
        findings.into_iter().map(of).collect::<Vec<_>>()
    };
    let shared = (TABLE.to_owned(), Severity::ServiceCannotRead, 8);
    let own = (own.to_owned(), Severity::ServiceCannotRead, 4);
    assert_eq!(missing(findings(OwnTables::MustBeThere)), [own, shared.clone()]);
    assert_eq!(missing(findings(OwnTables::MadeAtStart)), [shared]);
}

#[test]
fn a_renamed_column_is_missing_and_unknown() {
    both(|engine| {
        assert_eq!(
            change(engine, "step_proof", |column| column.name = "proof".to_owned()),
            [
                (Severity::ServiceCannotRead, "step_proof is missing".to_owned()),
                (Severity::Harmless, "proof is unknown, and may stay empty".to_owned()),
            ]
        );
    });
}

#[test]
fn a_type_that_stores_something_else_breaks_reading() {
    let found = change(Engine::Sqlite, "memory_usage", |column| {
        column.declared = "VARCHAR(20)".to_owned();
        column.family = Family::Text { most: Some(20) };
    });
    let (severity, message) = one(found);
    assert_eq!(severity, Severity::ServiceCannotRead);
    assert_eq!(
        message,
        "memory_usage is VARCHAR(20), which stores other values than are written; FLOAT is needed"
    );
    for (column, family, expected) in [
        ("memory_usage", Family::Text { most: None }, Severity::ServiceCannotRead),
        ("memory_usage", Family::Float { bits: 32 }, Severity::ServiceCannotWrite),
        ("retry_count", Family::Integer { bits: 16 }, Severity::ServiceCannotWrite),
        ("created_at", Family::Instant { zoned: true }, Severity::ServiceCannotRead),
        ("step_proof", Family::Json { as_written: false }, Severity::ServiceCannotRead),
        ("error_message", Family::Text { most: Some(50) }, Severity::ServiceCannotWrite),
    ] {
        let (severity, message) =
            one(change(Engine::Postgres, column, |found| found.family = family.clone()));
        assert_eq!(severity, expected, "{message}");
        assert!(message.starts_with(column), "{message}");
    }
}

#[test]
fn a_type_that_holds_more_is_no_difference() {
    let wider = |column: &mut Column| column.family = Family::Integer { bits: 64 };
    assert_eq!(change(Engine::Postgres, "retry_count", wider), []);
    for (name, declared) in
        [("id", "TEXT"), ("memory_usage", "double precision"), ("retry_count", "BIGINT")]
    {
        let other = |column: &mut Column| column.declared = declared.to_owned();
        assert_eq!(change(Engine::Sqlite, name, other), [], "{name}");
    }
}

#[test]
fn a_narrower_type_of_sqlite_is_said_and_does_no_harm_there() {
    let mut found = healthy(Engine::Sqlite);
    let table = found.tables.get_mut("ai_agent_workflows").unwrap();
    let column = table.columns.iter_mut().find(|column| column.name == "name").unwrap();
    (column.declared, column.family) = ("VARCHAR(50)".to_owned(), Family::Text { most: Some(50) });
    let findings = judge(&needed::schema(), None, &found, OwnTables::MustBeThere);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Harmless);
    assert!(findings[0].message.contains("is VARCHAR(50), and VARCHAR(100) is needed"));
}

#[test]
fn labels_that_lack_break_writing_and_unknown_ones_reading() {
    let labels = |change: fn(&mut Vec<String>)| {
        one(self::change(Engine::Postgres, "status", |column| {
            if let Family::Enum { labels } = &mut column.family {
                change(labels);
            }
        }))
    };
    assert_eq!(
        labels(|labels| drop(labels.pop())),
        (Severity::ServiceCannotWrite, "status lacks the label CANCELLED".to_owned())
    );
    let (severity, message) = labels(|labels| labels.push("PAUSED".to_owned()));
    assert_eq!(severity, Severity::ServiceCannotRead);
    assert!(message.starts_with("status has the label PAUSED"), "{message}");
}

#[test]
fn null_that_is_refused_breaks_writing() {
    both(|engine| {
        let refuses = change(engine, "step_proof", |column| column.nullable = false);
        let message = "step_proof refuses NULL, which is written where there is no value";
        assert_eq!(one(refuses), (Severity::ServiceCannotWrite, message.to_owned()));
        let allows = change(engine, "retry_count", |column| column.nullable = true);
        assert_eq!(one(allows).0, Severity::Harmless);
    });
}

#[test]
fn an_unknown_column_that_wants_a_value_breaks_inserts() {
    let tenant = |default: Option<&str>| {
        let default = default.map(str::to_owned);
        one(after(Engine::Postgres, |table| {
            table.columns.push(Column {
                name: "tenant".to_owned(),
                declared: "text".to_owned(),
                family: Family::Text { most: None },
                nullable: false,
                default: default.clone(),
                generated: false,
            });
        }))
    };
    let message = "tenant is unknown, and refuses rows that do not name it".to_owned();
    assert_eq!(tenant(None), (Severity::ServiceCannotWrite, message));
    assert_eq!(tenant(Some("'x'")).0, Severity::Harmless);
}

#[test]
fn keys_and_indexes_that_refuse_or_let_through_too_much_break_writing() {
    let (severity, message) = one(after(Engine::Sqlite, |table| {
        table.key.push("step_id".to_owned());
    }));
    assert_eq!(severity, Severity::ServiceCannotWrite);
    assert!(message.contains("has the primary key id, step_id, and id is needed"), "{message}");

    let index = |unique| Index {
        name: "odd".to_owned(),
        columns: vec!["status".to_owned()],
        unique,
        only_where: None,
    };
    let (severity, message) = one(after(Engine::Postgres, |table| table.indexes.push(index(true))));
    assert_eq!(severity, Severity::ServiceCannotWrite);
    assert!(message.contains("refuses a second row with the same status"), "{message}");
    assert_eq!(after(Engine::Postgres, |table| table.indexes.push(index(false))), []);

    let (severity, message) = one(after(Engine::Sqlite, |table| table.indexes.truncate(1)));
    assert_eq!(severity, Severity::Harmless);
    assert!(message.contains("has no index on step_id"), "{message}");

    let mut found = healthy(Engine::Sqlite);
    let policies = found.tables.get_mut("agent_security_policies").unwrap();
    policies.indexes.retain(|index| !index.unique);
    let findings = judge(&needed::schema(), None, &found, OwnTables::MustBeThere);
    assert_eq!(findings[0].severity, Severity::ServiceCannotWrite);
    assert!(findings[0].message.contains("lets two rows have the same name"));
}

#[test]
fn a_column_that_numbers_rows_is_nobodys_concern() {
    let found = after(Engine::Postgres, |table| {
        table.columns.push(Column {
            name: "rowid".to_owned(),
            declared: "bigint".to_owned(),
            family: Family::Integer { bits: 64 },
            nullable: false,
            default: Some(IDENTITY.to_owned()),
            generated: false,
        });
        table.indexes.push(Index {
            name: "agent_step_executions_rowid_key".to_owned(),
            columns: vec!["rowid".to_owned()],
            unique: true,
            only_where: None,
        });
    });
    assert_eq!(found, []);
}

#[test]
fn a_default_matters_to_whoever_relies_on_it() {
    both(|engine| {
        let found = change(engine, "retry_count", |column| column.default = Some("0".to_owned()));
        let message = "retry_count has the default 0, and every insert names a value for it";
        assert_eq!(found, [(Severity::Harmless, message.to_owned())]);

        let mut source = needed::schema();
        source.tables.retain(|name, _| name == TABLE);
        for column in &mut source.tables.get_mut(TABLE).unwrap().columns {
            if ["retry_count", "execution_time"].contains(&column.name.as_str()) {
                column.default = Some("0".to_owned());
            }
        }
        let found =
            judge(&needed::schema(), Some(&source), &healthy(engine), OwnTables::MustBeThere);
        let found: Vec<_> = found
            .iter()
            .map(|finding| (finding.severity, finding.column.as_deref().unwrap()))
            .collect();
        assert_eq!(
            found,
            [(Severity::MonolithWouldBreak, "retry_count"), (Severity::Harmless, "execution_time")]
        );
    });
}

#[test]
fn a_key_that_gives_no_numbers_breaks_inserts() {
    both(|engine| {
        let mut found = healthy(engine);
        let key = &mut found.tables.get_mut("portfolio_alert").unwrap().columns[0];
        (key.default, key.declared) = (None, "BIGINT".to_owned());
        let found = judge(&needed::schema(), None, &found, OwnTables::MustBeThere);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].severity, Severity::ServiceCannotWrite);
        assert!(found[0].message.starts_with("portfolio_alert.id numbers no rows"), "{found:?}");
    });
}

#[test]
fn rules_of_the_database_are_told() {
    let reference = Reference {
        columns: vec!["step_id".to_owned()],
        table: "agent_steps".to_owned(),
        to: vec!["id".to_owned()],
    };
    let of = |engine| one(after(engine, |table| table.references.push(reference.clone())));
    assert_eq!(of(Engine::Sqlite).0, Severity::Harmless);
    assert_eq!(of(Engine::Postgres).0, Severity::ServiceCannotWrite);

    let denied = one(after(Engine::Postgres, |table| table.denied.push("INSERT".to_owned())));
    assert_eq!(denied.0, Severity::ServiceCannotWrite);
    let mut found = healthy(Engine::Postgres);
    found.tables.get_mut(TABLE).unwrap().denied.push("SELECT".to_owned());
    let findings = judge(&needed::schema(), None, &found, OwnTables::MustBeThere);
    assert!(findings[0].breaks.iter().all(|broken| broken.program == Program::Service));
    for (severity, _) in after(Engine::Postgres, |table| {
        table.checks.push("(retry_count > 0)".to_owned());
        table.triggers.push("audit".to_owned());
    }) {
        assert_eq!(severity, Severity::Harmless);
    }
}

#[test]
fn what_the_monoliths_source_does_not_know_breaks_the_monolith() {
    let mut source = needed::schema();
    source.tables.retain(|name, _| name == TABLE);
    let table = source.tables.get_mut(TABLE).unwrap();
    for column in &mut table.columns {
        if let Family::Enum { labels } = &mut column.family {
            labels.retain(|label| label != "CANCELLED");
        }
    }
    let found = healthy(Engine::Sqlite);
    let findings = judge(&needed::schema(), Some(&source), &found, OwnTables::MustBeThere);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].severity, Severity::MonolithWouldBreak);
    assert!(findings[0].message.contains("may be written CANCELLED by the service"));
}
