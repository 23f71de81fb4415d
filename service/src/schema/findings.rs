//! What a database has otherwise than the two programs need it: who breaks, how badly, and what to do. Pure, whatever found it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::misfits::{Misfit, crossings, denied, misfits, missing};
use super::shape::Schema;
use crate::tables;

/// One of the two programs on the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// The new backend.
    Service,
    /// The old one.
    Monolith,
}

/// What a program does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `SELECT`.
    Read,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}

impl Operation {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Insert, Self::Update, Self::Delete];
}

/// What a program can do no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Broken {
    /// Who.
    pub program: Program,
    /// What.
    pub operation: Operation,
}

/// How bad a finding is, by who breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Both programs can live with it.
    Harmless,
    /// The monolith would break, by itself or on what the service writes.
    MonolithWouldBreak,
    /// The service can't write.
    ServiceCannotWrite,
    /// The service can't read, and so can do nothing.
    ServiceCannotRead,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The table.
    pub table: String,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What breaks.
    pub breaks: BTreeSet<Broken>,
    /// What is wrong, in one line that names table and column.
    pub message: String,
    /// What to do; nothing where nothing need be done.
    pub remedy: Option<String>,
}

/// Where the tables are that only the service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnTables {
    /// The service runs, and so has made them.
    MustBeThere,
    /// The service makes those that lack when it starts.
    MadeAtStart,
}

/// Every difference that matters between what the service needs and what was found, what is worst first.
///
/// `monolith` is what the monolith's source declares; where it is not known, the shared tables are taken for its own.
pub fn judge(
    service: &Schema,
    monolith: Option<&Schema>,
    found: &Schema,
    own: OwnTables,
) -> Vec<Finding> {
    let mut all = Findings::default();
    for (name, table) in &service.tables {
        let is_own = tables::is_own(name);
        let programs: &[Program] = if is_own || monolith.is_some() {
            &[Program::Service]
        } else {
            &[Program::Service, Program::Monolith]
        };
        match found.tables.get(name) {
            None if is_own && own == OwnTables::MadeAtStart => {}
            None => all.add(name, programs, missing()),
            Some(found_table) => {
                for misfit in misfits(table, found_table, found.engine) {
                    all.add(name, programs, misfit);
                }
                // Whoever looks does so in the service's place.
                for misfit in found_table.denied.iter().map(|right| denied(right)) {
                    all.add(name, &[Program::Service], misfit);
                }
            }
        }
    }
    for (name, table) in monolith.iter().flat_map(|monolith| &monolith.tables) {
        let Some(needed) = service.tables.get(name) else { continue };
        if let Some(found_table) = found.tables.get(name) {
            for misfit in misfits(table, found_table, found.engine) {
                all.add(name, &[Program::Monolith], misfit);
            }
        }
        for misfit in crossings(needed, table) {
            all.add(name, &[Program::Monolith], misfit);
        }
    }
    all.sorted()
}

/// Findings by what they say, so that what both programs meet is said once.
#[derive(Default)]
struct Findings(BTreeMap<String, Finding>);

impl Findings {
    fn add(&mut self, table: &str, programs: &[Program], misfit: Misfit) {
        let Misfit { column, operations, what, remedy } = misfit;
        let subject =
            column.as_ref().map_or_else(|| table.to_owned(), |column| format!("{table}.{column}"));
        let message = format!("{subject} {what}");
        let finding = self.0.entry(message.clone()).or_insert_with(|| Finding {
            table: table.to_owned(),
            column,
            severity: Severity::Harmless,
            breaks: BTreeSet::new(),
            message,
            remedy: remedy.map(str::to_owned),
        });
        for &program in programs {
            finding
                .breaks
                .extend(operations.iter().map(|&operation| Broken { program, operation }));
        }
        finding.severity = severity(&finding.breaks);
    }

    /// What is worst first, then by table.
    fn sorted(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.0.into_values().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }
}

/// How bad it is that these break.
pub fn severity(breaks: &BTreeSet<Broken>) -> Severity {
    let has = |wanted: &dyn Fn(&Broken) -> bool| breaks.iter().any(wanted);
    let service = |broken: &Broken| broken.program == Program::Service;
    if has(&|broken| service(broken) && broken.operation == Operation::Read) {
        Severity::ServiceCannotRead
    } else if has(&service) {
        Severity::ServiceCannotWrite
    } else if breaks.is_empty() {
        Severity::Harmless
    } else {
        Severity::MonolithWouldBreak
    }
}

#[cfg(test)]
mod tests;
