//! What a found table has otherwise than the service needs it: pure, whatever found it.

use serde::Serialize;

use super::column::{Column, Table};

/// A table as the database has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundTable {
    /// In any order; none where there is no such table.
    pub columns: Vec<FoundColumn>,
}

/// A column as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// Its type as declared, for example `VARCHAR(9)`.
    pub declared: String,
    /// Whether it refuses NULL.
    pub not_null: bool,
    /// Whether it has a value where an insert names none.
    pub has_default: bool,
    /// Whether it is (part of) the primary key.
    pub key: bool,
}

/// What the service can do no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaks {
    /// Nothing.
    Nothing,
    /// Inserting or updating rows.
    Writing,
    /// Reading rows, and so everything.
    Reading,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The table.
    pub table: &'static str,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// What it breaks.
    pub breaks: Breaks,
    /// What is wrong, in one line that names table and column.
    pub message: String,
}

/// How SQLite treats values of a declared type: what it converts them to when they are stored.
///
/// Source: *Datatypes In SQLite*, 3.1 Determination Of Column Affinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    /// By the declared type, the first rule that fits.
    fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if has(&["INT"]) {
            Self::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if has(&["BLOB"]) || declared.trim().is_empty() {
            Self::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}

/// Every difference that matters, in the order of the columns.
pub fn findings(table: &Table, found: &FoundTable) -> Vec<Finding> {
    if found.columns.is_empty() {
        let message = format!("there is no table {}", table.name);
        return vec![Finding { table: table.name, column: None, breaks: Breaks::Reading, message }];
    }
    let needed = table.columns.iter().flat_map(|column| {
        match found.columns.iter().find(|found| found.name.eq_ignore_ascii_case(column.name)) {
            Some(found) => of_column(table, column, found),
            None => vec![finding(table, column.name, Breaks::Reading, "is missing")],
        }
    });
    let unknown = found.columns.iter().filter(|found| {
        !table.columns.iter().any(|column| found.name.eq_ignore_ascii_case(column.name))
    });
    let unknown = unknown.map(|found| {
        if found.not_null && !found.has_default && !found.key {
            let what = "is unknown to this build, and refuses rows that do not name it";
            finding(table, &found.name, Breaks::Writing, what)
        } else {
            finding(table, &found.name, Breaks::Nothing, "is unknown to this build")
        }
    });
    needed.chain(unknown).collect()
}

fn of_column(table: &Table, column: &Column, found: &FoundColumn) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |breaks, what: &str| findings.push(finding(table, column.name, breaks, what));
    let declared = column.kind.sqlite();
    if Affinity::of(&declared) != Affinity::of(&found.declared) {
        let what = format!("is {}, and {declared} is needed", found.declared);
        add(Breaks::Reading, &what);
    }
    if column.nullable && found.not_null && !found.key {
        add(Breaks::Writing, "refuses NULL, which this build writes");
    }
    if !column.nullable && !found.not_null && !found.key {
        add(Breaks::Nothing, "allows NULL, which this build does not read");
    }
    if column.key != found.key {
        let what = if column.key { "is no key" } else { "is part of the key" };
        add(Breaks::Writing, what);
    }
    findings
}

fn finding(table: &Table, column: &str, breaks: Breaks, what: &str) -> Finding {
    let message = format!("{}.{column} {what}", table.name);
    Finding { table: table.name, column: Some(column.to_owned()), breaks, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;
    use crate::tables::agents::StepExecution;
    use crate::tables::column::Record as _;

    /// A table as it is needed.
    fn healthy(table: &Table) -> FoundTable {
        let column = |column: &Column| FoundColumn {
            name: column.name.to_owned(),
            declared: column.kind.sqlite(),
            not_null: !column.nullable,
            has_default: false,
            key: column.key,
        };
        FoundTable { columns: table.columns.iter().map(column).collect() }
    }

    /// What is found when a column of `agent_step_executions` was changed.
    fn after(change: impl Fn(&mut Vec<FoundColumn>)) -> Vec<(Breaks, String)> {
        let mut found = healthy(&StepExecution::TABLE);
        change(&mut found.columns);
        findings(&StepExecution::TABLE, &found)
            .into_iter()
            .map(|finding| (finding.breaks, finding.message))
            .collect()
    }

    fn change(name: &str, change: impl Fn(&mut FoundColumn)) -> Vec<(Breaks, String)> {
        after(|columns| columns.iter_mut().filter(|column| column.name == name).for_each(&change))
    }

    #[test]
    fn a_healthy_table_has_no_findings() {
        for table in tables::ALL {
            assert_eq!(findings(table, &healthy(table)), [], "{}", table.name);
        }
    }

    #[test]
    fn what_breaks_reading_is_named() {
        let table = &StepExecution::TABLE;
        let gone = findings(table, &FoundTable::default());
        assert_eq!(gone[0].message, "there is no table agent_step_executions");
        assert_eq!(
            change("step_proof", |column| column.name = "proof".to_owned()),
            [
                (Breaks::Reading, "agent_step_executions.step_proof is missing".to_owned()),
                (
                    Breaks::Nothing,
                    "agent_step_executions.proof is unknown to this build".to_owned()
                ),
            ]
        );
        assert_eq!(
            change("memory_usage", |column| column.declared = "VARCHAR(20)".to_owned()),
            [(
                Breaks::Reading,
                "agent_step_executions.memory_usage is VARCHAR(20), and FLOAT is needed".to_owned()
            )]
        );
    }

    #[test]
    fn what_breaks_writing_is_named() {
        let told = |found: Vec<(Breaks, String)>| {
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, Breaks::Writing, "{found:?}");
            found[0].1.replace("agent_step_executions.", "")
        };
        assert_eq!(
            told(change("step_proof", |column| column.not_null = true)),
            "step_proof refuses NULL, which this build writes"
        );
        assert_eq!(
            told(change("step_id", |column| column.key = true)),
            "step_id is part of the key"
        );
        let tenant = |has_default| {
            move |columns: &mut Vec<FoundColumn>| {
                let declared = "VARCHAR".to_owned();
                let name = "tenant".to_owned();
                columns.push(FoundColumn {
                    name,
                    declared,
                    not_null: true,
                    has_default,
                    key: false,
                });
            }
        };
        assert_eq!(
            told(after(tenant(false))),
            "tenant is unknown to this build, and refuses rows that do not name it"
        );
        assert_eq!(after(tenant(true))[0].0, Breaks::Nothing);
    }

    #[test]
    fn other_words_for_one_type_are_no_difference() {
        for (name, declared) in
            [("id", "TEXT"), ("memory_usage", "double precision"), ("retry_count", "BIGINT")]
        {
            assert_eq!(change(name, |column| column.declared = declared.to_owned()), [], "{name}");
        }
    }
}
