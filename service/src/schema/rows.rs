//! Looks at stored rows with the eyes of both programs, and counts what one of them could not live with.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Broken, Finding, Operation, Program, severity};
use super::shape::Engine;
use crate::tables::{self, Cell, Column, ColumnType};

/// So many rows are named of those that have the same fault.
const NAMED: usize = 3;

/// What was wrong in rows, by table, column and fault.
#[derive(Debug)]
pub struct RowFaults {
    engine: Engine,
    seen: BTreeMap<(&'static str, &'static str, Fault), Seen>,
    read: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    rows: Vec<String>,
}

/// One way in which a value is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// Neither program reads it; what would be one.
    Unreadable(String),
    /// Python reads it with a zone, and then can't compare it.
    Zoned,
    /// Text that sorts elsewhere than its time.
    Unsorted,
    /// No number where one should be: both programs hand it through as it is.
    NoNumber,
    /// More than PostgreSQL's integers hold.
    TooLarge,
    /// More characters than the column says.
    TooLong(u16),
}

impl RowFaults {
    /// Nothing looked at so far.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, seen: BTreeMap::new(), read: BTreeMap::new() }
    }

    /// Looks at a row: the columns that were read, each with what it holds. The first of them names the row.
    pub fn look(&mut self, table: &'static str, columns: &[&'static Column], cells: Vec<Cell>) {
        *self.read.entry(table).or_default() += 1;
        let key = cells.first().map(glimpse);
        for (column, cell) in columns.iter().zip(cells) {
            let seen = glimpse(&cell);
            if let Some(fault) = fault(self.engine, column, cell) {
                let all = self.seen.entry((table, column.name, fault)).or_default();
                all.count += 1;
                if all.rows.len() < NAMED {
                    let key = key.as_ref().map(shown).unwrap_or_default();
                    all.rows.push(format!("{key} holds {}", shown(&seen)));
                }
            }
        }
    }

    /// How many rows were looked at.
    pub fn rows(&self) -> u64 {
        self.read.values().sum()
    }

    /// A finding for each table, column and fault.
    pub fn findings(self) -> Vec<Finding> {
        let of = |((table, column, fault), seen): ((&str, &str, Fault), Seen)| {
            let read = self.read.get(table).copied().unwrap_or_default();
            let (count, named) = (seen.count, seen.rows.join("; "));
            let breaks = fault.breaks(tables::is_own(table));
            Finding {
                table: table.to_owned(),
                column: Some(column.to_owned()),
                severity: severity(&breaks),
                breaks,
                message: format!(
                    "{table}.{column} {} in {count} of {read} looked at: {named}",
                    fault.what(self.engine)
                ),
                remedy: fault.remedy().map(str::to_owned),
            }
        };
        self.seen.into_iter().map(of).collect()
    }
}

impl Fault {
    fn what(&self, engine: Engine) -> String {
        match self {
            Self::Unreadable(wanted) => format!("holds what is no {wanted}"),
            Self::Zoned => "holds a time with a zone".to_owned(),
            Self::Unsorted => format!("holds a time in a form that {engine} sorts elsewhere"),
            Self::NoNumber => "holds what is no number, and both programs show as it is".to_owned(),
            Self::TooLarge => "holds a number that PostgreSQL's INTEGER refuses".to_owned(),
            Self::TooLong(most) => {
                format!("holds more than {most} characters, which PostgreSQL refuses")
            }
        }
    }

    const fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable(_) => Some(
                "correct the rows: each of the programs answers 500 wherever it reads one, lists included",
            ),
            Self::Zoned => {
                Some("write the time in UTC without zone: Python can't subtract it from others")
            }
            Self::Unsorted => Some("write times as YYYY-MM-DD HH:MM:SS.ffffff"),
            Self::NoNumber | Self::TooLarge | Self::TooLong(_) => None,
        }
    }

    fn breaks(&self, is_own: bool) -> BTreeSet<Broken> {
        let broken = |program, operation| Broken { program, operation };
        match self {
            Self::Unreadable(_) if is_own => {
                BTreeSet::from([broken(Program::Service, Operation::Read)])
            }
            Self::Unreadable(_) => [Program::Service, Program::Monolith]
                .map(|program| broken(program, Operation::Read))
                .into(),
            Self::Zoned if !is_own => BTreeSet::from([broken(Program::Monolith, Operation::Read)]),
            _ => BTreeSet::new(),
        }
    }
}

fn fault(engine: Engine, column: &Column, cell: Cell) -> Option<Fault> {
    let suspect = match (column.kind, &cell) {
        (ColumnType::DateTime, Cell::Text(text)) => time_fault(engine, text),
        (ColumnType::Integer, Cell::Integer(number)) => {
            i32::try_from(*number).is_err().then_some(Fault::TooLarge)
        }
        (ColumnType::Integer | ColumnType::Float, Cell::Text(_)) => Some(Fault::NoNumber),
        (ColumnType::Text(Some(most)), Cell::Text(text)) => {
            (text.chars().count() > usize::from(most)).then_some(Fault::TooLong(most))
        }
        _ => None,
    };
    match (column.reads)(cell) {
        Err(fault) => Some(Fault::Unreadable(fault.wanted().to_owned())),
        Ok(()) => suspect,
    }
}

/// What is wrong with the text of a time that can be read.
fn time_fault(engine: Engine, text: &str) -> Option<Fault> {
    let time = text.get(10..).unwrap_or_default();
    if time.contains(['+', '-']) || time.ends_with(['Z', 'z']) {
        return Some(Fault::Zoned);
    }
    // Only SQLite compares the text.
    let is_stored_form = text.len() == "2026-11-22 10:28:51.272435".len() && time.starts_with(' ');
    (engine == Engine::Sqlite && !is_stored_form).then_some(Fault::Unsorted)
}

/// Enough of a value to show it later, which is seldom done.
fn glimpse(cell: &Cell) -> Cell {
    match cell {
        Cell::Text(text) => Cell::Text(tables::cell::shortened(text)),
        other => other.clone(),
    }
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => format!("{text:?}"),
        Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Severity;
    use crate::tables::agents::Workflow;
    use crate::tables::{Record as _, Table};

    /// A row of `ai_agent_workflows` that nobody minds.
    fn healthy() -> Vec<Cell> {
        let time = || Cell::from("2026-11-22 10:28:51.272435");
        vec![
            "agent_1".into(),
            "alice".into(),
            "n".into(),
            "".into(),
            "{}".into(),
            "null".into(),
            Cell::Integer(3600),
            Cell::Real(0.5),
            Cell::Integer(1),
            "BASIC".into(),
            "[]".into(),
            "1.0.0".into(),
            Cell::Integer(0),
            time(),
            time(),
        ]
    }

    fn findings(engine: Engine, column: &str, value: Cell) -> Vec<Finding> {
        const TABLE: Table = Workflow::TABLE;
        let columns: Vec<&'static Column> = TABLE.columns.iter().collect();
        let at = columns.iter().position(|c| c.name == column).unwrap();
        let mut cells = healthy();
        cells[at] = value;
        let mut faults = RowFaults::new(engine);
        faults.look(TABLE.name, &columns, healthy());
        faults.look(TABLE.name, &columns, cells);
        assert_eq!(faults.rows(), 2);
        faults.findings()
    }

    #[test]
    fn what_neither_program_reads_is_named_with_its_row() {
        for (column, value, shown, wanted) in [
            ("created_at", Cell::Integer(12), "12", "instant"),
            ("created_at", "soon".into(), "\"soon\"", "instant"),
            ("steps", "".into(), "\"\"", "JSON text"),
            (
                "steps",
                r#"["\ud800"]"#.into(),
                r#""[\"\\ud800\"]""#,
                "JSON text of whole characters (it has half of a surrogate pair)",
            ),
            ("verification_level", "basic".into(), "\"basic\"", "name out of BASIC, FULL"),
            ("name", Cell::Null, "NULL", "text"),
        ] {
            let found = findings(Engine::Sqlite, column, value);
            let [finding] = &found[..] else { panic!("{found:?}") };
            assert_eq!(finding.severity, Severity::ServiceCannotRead);
            let expected = format!("ai_agent_workflows.{column} holds what is no {wanted}");
            assert!(finding.message.starts_with(&expected), "{}", finding.message);
            let row = format!("in 1 of 2 looked at: \"agent_1\" holds {shown}");
            assert!(finding.message.ends_with(&row), "{}", finding.message);
        }
    }

    #[test]
    fn what_breaks_the_monolith_only_is_told_apart() {
        for time in ["2026-11-22 10:28:51Z", "2026-11-22T10:28:51.1+02:00"] {
            let found = findings(Engine::Sqlite, "created_at", time.into());
            assert_eq!(found[0].severity, Severity::MonolithWouldBreak, "{time}");
        }
    }

    #[test]
    fn what_both_can_live_with_is_harmless() {
        for (column, value) in [
            ("created_at", "2026-11-22T10:28:51.272435".into()),
            ("created_at", "2026-11-22 10:28:51".into()),
            ("max_execution_time", "seven".into()),
            ("max_execution_time", Cell::Integer(1 << 40)),
            ("name", "x".repeat(101).as_str().into()),
        ] {
            let found = findings(Engine::Sqlite, column, value);
            assert_eq!(found.len(), 1, "{column}");
            assert_eq!(found[0].severity, Severity::Harmless, "{found:?}");
        }
        // PostgreSQL prints times without trailing zeros, and sorts them by what they are.
        let short = findings(Engine::Postgres, "created_at", "2026-11-22 10:28:51".into());
        assert_eq!(short, []);
    }
}
