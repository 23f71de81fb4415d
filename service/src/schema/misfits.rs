//! What a found table has otherwise than one program needs it, and which operations that breaks: pure.

use super::affinity::Affinity;
use super::findings::Operation;
use super::shape::{Column, Engine, Family, IDENTITY, Index, Table};

/// One thing that does not fit, before it is said whose need it is.
pub(super) struct Misfit {
    /// The column, where it is about one.
    pub(super) column: Option<String>,
    /// What can be done no longer.
    pub(super) operations: &'static [Operation],
    /// What is wrong, to follow the name of table or column.
    pub(super) what: String,
    /// What to do.
    pub(super) remedy: Option<&'static str>,
}

const NOTHING: &[Operation] = &[];
const INSERTING: &[Operation] = &[Operation::Insert];
const WRITING: &[Operation] = &[Operation::Insert, Operation::Update];
const CHANGING: &[Operation] = &[Operation::Insert, Operation::Update, Operation::Delete];
const EVERYTHING: &[Operation] = &Operation::ALL;

/// The table is not there.
pub(super) fn missing() -> Misfit {
    Misfit {
        column: None,
        operations: EVERYTHING,
        what: "is missing".to_owned(),
        remedy: Some("see that this is the shared database; migrate schema apply makes what lacks"),
    }
}

const MIGRATION: &str = "find the migration that changed it, and build the service for the table as it is now, or take the change back";
const DEFAULT: &str =
    "give the column a default, or allow NULL, until every program that inserts knows it";

/// Everything that does not fit of a table that is there.
pub(super) fn misfits(needed: &Table, found: &Table, engine: Option<Engine>) -> Vec<Misfit> {
    let mut all = Vec::new();
    for column in &needed.columns {
        match found.column(&column.name) {
            Some(there) => of_column(needed, column, found, there, engine, &mut all),
            None => all.push(of(column, EVERYTHING, "is missing", Some(MIGRATION))),
        }
    }
    let is_unknown = |column: &&Column| needed.column(&column.name).is_none();
    for column in found.columns.iter().filter(is_unknown).filter(|column| !counts(column)) {
        let fills_itself = column.nullable || column.default.is_some() || column.generated;
        all.push(if fills_itself || found.key == [column.name.clone()] {
            of(column, NOTHING, "is unknown, and may stay empty", None)
        } else {
            let what = "is unknown, and refuses rows that do not name it";
            of(column, INSERTING, what, Some(DEFAULT))
        });
    }
    if needed.key != found.key {
        let key = |key: &[String]| match key {
            [] => "none".to_owned(),
            columns => columns.join(", "),
        };
        let what =
            format!("has the primary key {}, and {} is needed", key(&found.key), key(&needed.key));
        all.push(table(CHANGING, what, Some(MIGRATION)));
    }
    indexes(needed, found, &mut all);
    rules(needed, found, engine, &mut all);
    all
}

/// Whether it numbers rows by itself, which nobody need know.
fn counts(column: &Column) -> bool {
    column.default.as_deref() == Some(IDENTITY)
}

/// Whether a key gives numbers to rows that come without one.
fn numbers_rows(table: &Table, column: &Column, engine: Option<Engine>) -> bool {
    match engine {
        // No other word does.
        Some(Engine::Sqlite) => {
            column.declared.eq_ignore_ascii_case("INTEGER") && table.key == [column.name.clone()]
        }
        Some(Engine::Postgres) | None => {
            let draws = |default: &String| default == IDENTITY || default.contains("nextval(");
            column.default.as_ref().is_some_and(draws)
        }
    }
}

/// What a column holds where an insert does not name it: who relies on it?
fn of_default(
    needed: &Column,
    found_table: &Table,
    found: &Column,
    engine: Option<Engine>,
) -> Option<Misfit> {
    match (needed.default.as_deref(), found.default.as_deref()) {
        (Some(IDENTITY), _) => {
            let what = "numbers no rows by itself, and rows are inserted without a number";
            (!numbers_rows(found_table, found, engine))
                .then(|| of(needed, INSERTING, what, Some(MIGRATION)))
        }
        (Some(wanted), None) => {
            let what =
                format!("has no default, and rows are inserted without it that want {wanted}");
            let (operations, remedy) =
                if found.nullable { (NOTHING, None) } else { (INSERTING, Some(MIGRATION)) };
            Some(of(needed, operations, what, remedy))
        }
        (None, Some(default)) if !numbers_rows(found_table, found, engine) => {
            let what = format!("has the default {default}, and every insert names a value for it");
            Some(of(needed, NOTHING, what, None))
        }
        // What two engines or languages call the same can't be compared.
        (Some(_) | None, _) => None,
    }
}

fn of(
    column: &Column,
    operations: &'static [Operation],
    what: impl Into<String>,
    remedy: Option<&'static str>,
) -> Misfit {
    Misfit { column: Some(column.name.clone()), operations, what: what.into(), remedy }
}

fn table(operations: &'static [Operation], what: String, remedy: Option<&'static str>) -> Misfit {
    Misfit { column: None, operations, what, remedy }
}

fn of_column(
    needed_table: &Table,
    needed: &Column,
    found_table: &Table,
    found: &Column,
    engine: Option<Engine>,
    all: &mut Vec<Misfit>,
) {
    // What the source does not say can't be compared.
    if needed.family == Family::Other {
        return;
    }
    let found_misfits = match engine {
        Some(Engine::Sqlite) => in_sqlite(needed, found),
        Some(Engine::Postgres) | None => in_postgres(&needed.family, found),
    };
    all.extend(found_misfits.into_iter().map(|(operations, what)| {
        let remedy = (!operations.is_empty()).then_some(MIGRATION);
        of(needed, operations, what, remedy)
    }));
    if found.generated {
        all.push(of(needed, WRITING, "is computed by the database", Some(MIGRATION)));
    } else {
        all.extend(of_default(needed, found_table, found, engine));
    }
    let is_key = |table: &Table| table.key.contains(&needed.name);
    if is_key(needed_table) || is_key(found_table) {
        return;
    }
    match (needed.nullable, found.nullable) {
        (true, false) => {
            let what = "refuses NULL, which is written where there is no value";
            all.push(of(needed, WRITING, what, Some(MIGRATION)));
        }
        (false, true) => {
            all.push(of(needed, NOTHING, "allows NULL, which nobody writes", None));
        }
        _ => {}
    }
}

/// What does not fit of a column of a file, where any column takes any value and converts some.
fn in_sqlite(needed: &Column, found: &Column) -> Option<(&'static [Operation], String)> {
    let (is, wanted) = (declared(found), &needed.declared);
    if !Affinity::of(&found.declared).keeps(&needed.family) {
        let what =
            format!("is {is}, which stores other values than are written; {wanted} is needed");
        return Some((EVERYTHING, what));
    }
    let narrower = !wanted.eq_ignore_ascii_case(&found.declared)
        && match (&needed.family, &found.family) {
            (Family::Text { most: wanted }, Family::Text { most: Some(most) }) => {
                wanted.is_none_or(|wanted| *most < wanted)
            }
            (Family::Enum { labels }, Family::Text { most: Some(most) }) => {
                labels.iter().any(|label| label.len() > *most as usize)
            }
            (Family::Integer { .. }, _) => found.declared.to_ascii_uppercase().contains("SMALLINT"),
            _ => false,
        };
    narrower.then(|| {
        let what = format!(
            "is {is}, and {wanted} is needed: SQLite stores what is longer, PostgreSQL would refuse it"
        );
        (NOTHING, what)
    })
}

/// What does not fit of a column of a server, where every value has the column's type.
fn in_postgres(needed: &Family, found: &Column) -> Option<(&'static [Operation], String)> {
    let unfit = |operations, why: &str| {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        Some((operations, format!("is {}, and {needed} is needed{why}", declared(found))))
    };
    match (needed, &found.family) {
        (Family::Text { most: wanted }, Family::Text { most: Some(most) })
            if wanted.is_none_or(|wanted| *most < wanted) =>
        {
            unfit(WRITING, "longer text is refused")
        }
        (Family::Enum { labels: needed }, Family::Enum { labels: found }) => labels(needed, found),
        (Family::Json { .. }, Family::Json { as_written: false }) => {
            unfit(EVERYTHING, "the order of keys is lost, and answers and hashes differ")
        }
        (Family::Integer { bits: needed }, Family::Integer { bits: found }) if found < needed => {
            unfit(WRITING, "larger numbers are refused")
        }
        (Family::Float { bits: needed }, Family::Float { bits: found }) if found < needed => {
            unfit(WRITING, "numbers are rounded")
        }
        (Family::Instant { zoned: false }, Family::Instant { zoned: true }) => {
            unfit(EVERYTHING, "what is read has a zone, and can't be compared with what has none")
        }
        (Family::Text { .. }, Family::Text { .. })
        | (Family::Json { .. }, Family::Json { .. })
        | (Family::Integer { .. }, Family::Integer { .. })
        | (Family::Float { .. }, Family::Float { .. })
        | (Family::Instant { .. }, Family::Instant { .. })
        | (Family::Boolean, Family::Boolean)
        | (Family::Bytes, Family::Bytes)
        | (Family::Decimal, Family::Decimal) => None,
        _ => unfit(EVERYTHING, ""),
    }
}

/// Which labels of an enumeration lack, or are there that nobody knows.
fn labels(needed: &[String], found: &[String]) -> Option<(&'static [Operation], String)> {
    let without = |some: &[String], others: &[String]| {
        let left: Vec<&str> =
            some.iter().filter(|label| !others.contains(label)).map(String::as_str).collect();
        left.join(", ")
    };
    let (lacking, unknown) = (without(needed, found), without(found, needed));
    match (lacking.is_empty(), unknown.is_empty()) {
        (true, true) => None,
        (false, true) => Some((WRITING, format!("lacks the label {lacking}"))),
        (true, false) => {
            Some((EVERYTHING, format!("has the label {unknown}, a row of which could not be read")))
        }
        (false, false) => Some((
            EVERYTHING,
            format!(
                "lacks the label {lacking}, and has {unknown}, a row of which could not be read"
            ),
        )),
    }
}

/// The type as an operator sees it in the database.
fn declared(column: &Column) -> &str {
    if column.declared.trim().is_empty() { "of no declared type" } else { &column.declared }
}

fn indexes(needed: &Table, found: &Table, all: &mut Vec<Misfit>) {
    let is_whole = |index: &Index| index.unique && index.only_where.is_none();
    for index in &needed.indexes {
        let columns = index.columns.join(", ");
        let there = found.index_on(&index.columns);
        if index.unique && !there.is_some_and(is_whole) && found.key != index.columns {
            let what = format!("lets two rows have the same {columns}: no unique index refuses it");
            let remedy = "see which rows repeat it, and make the unique index";
            all.push(table(WRITING, what, Some(remedy)));
        } else if there.is_none() && found.key != index.columns {
            let what = format!("has no index on {columns}: reading by it is slow");
            all.push(table(NOTHING, what, None));
        }
    }
    for index in found.indexes.iter().filter(|index| index.unique) {
        let is_needed = needed.indexes.iter().any(|n| n.unique && n.columns == index.columns);
        let is_counted = index
            .columns
            .iter()
            .any(|name| needed.column(name).is_none() && found.column(name).is_some_and(counts));
        // No two rows have the same key anyway.
        let holds_key =
            !needed.key.is_empty() && needed.key.iter().all(|key| index.columns.contains(key));
        if !(is_needed || is_counted || holds_key) {
            let columns = index.columns.join(", ");
            let what = format!(
                "refuses a second row with the same {columns} (unique index {}), which nobody expects",
                index.name
            );
            all.push(table(WRITING, what, Some(MIGRATION)));
        }
    }
}

/// Conditions, foreign keys and triggers.
fn rules(needed: &Table, found: &Table, engine: Option<Engine>, all: &mut Vec<Misfit>) {
    for check in found.checks.iter().filter(|check| !needed.checks.contains(check)) {
        let what = format!("refuses rows unless {check}");
        all.push(table(NOTHING, what, Some("see with --prove whether rows are still taken")));
    }
    for reference in &found.references {
        let is_needed = needed
            .references
            .iter()
            .any(|n| n.columns == reference.columns && n.table == reference.table);
        if !is_needed {
            // Neither program asks SQLite to look at foreign keys.
            let operations = if engine == Some(Engine::Sqlite) { NOTHING } else { CHANGING };
            let what = format!(
                "has a foreign key from {} to {}, which nobody heeds",
                reference.columns.join(", "),
                reference.table
            );
            let remedy = (!operations.is_empty()).then_some(MIGRATION);
            all.push(table(operations, what, remedy));
        }
    }
    for trigger in &found.triggers {
        let what = format!("has the trigger {trigger}, which runs at writes of either program");
        all.push(table(NOTHING, what, None));
    }
}

/// What the user who looked may not do.
pub(super) fn denied(right: &str) -> Misfit {
    let operations: &'static [Operation] = match right {
        "SELECT" => EVERYTHING,
        "INSERT" => INSERTING,
        "UPDATE" => &[Operation::Update],
        _ => &[Operation::Delete],
    };
    let what = format!("may not be used by this user for {right}");
    table(operations, what, Some("grant it, or check as the service's user"))
}

/// What the service would write that the monolith, as its source declares the table, could not read.
pub(super) fn crossings(service: &Table, monolith: &Table) -> Vec<Misfit> {
    let shared =
        service.columns.iter().filter_map(|column| Some((column, monolith.column(&column.name)?)));
    let mut all = Vec::new();
    for (written, read) in shared {
        if let (Family::Enum { labels: written_labels }, Family::Enum { labels: known }) =
            (&written.family, &read.family)
        {
            let unknown: Vec<&str> = written_labels
                .iter()
                .filter(|label| !known.contains(label))
                .map(String::as_str)
                .collect();
            if !unknown.is_empty() {
                let what = format!(
                    "may be written {} by the service, which the monolith's source does not know",
                    unknown.join(", ")
                );
                all.push(of(written, &[Operation::Read], what, Some(MIGRATION)));
            }
        }
        if written.nullable && !read.nullable && read.family != Family::Other {
            let what =
                "may be written NULL by the service, which the monolith's source does not expect";
            all.push(of(written, &[Operation::Read], what, Some(MIGRATION)));
        }
    }
    all
}
