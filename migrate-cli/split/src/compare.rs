//! Whether two databases hold as many rows in each table; where it is asked for, with a checksum over all of them, computed alike on
//! both sides.

use std::fmt;

use serde::Serialize;

use super::canonical::Tally;
use super::carried::{Carried, Position};
use super::error::SplitError;
use super::side::Side;

/// The most rows that are read at once.
const PAGE: usize = 500;

/// What is compared while nobody may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoroughness {
    /// The rows that are carried over then, and how many rows each table has. Every other row was verified before.
    Changed,
    /// Every row.
    All,
}

/// What a table holds on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The table.
    pub table: &'static str,
    /// What the source holds.
    pub source: Tally,
    /// What the target holds.
    pub target: Tally,
}

/// Something that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A table as a whole.
    Table(Compared),
    /// Some rows of a table, by their keys.
    Rows(&'static str, Vec<String>),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(Compared { table, source, target }) => {
                write!(
                    f,
                    "{table} has {} rows at the source and {} at the target",
                    source.rows, target.rows
                )?;
                if source.rows == target.rows { f.write_str(", of other contents") } else { Ok(()) }
            }
            Self::Rows(table, keys) => {
                /// More are counted.
                const NAMED: usize = 3;
                let named: Vec<&str> = keys.iter().take(NAMED).map(String::as_str).collect();
                write!(f, "of {table} the row {}", named.join(", "))?;
                if keys.len() > NAMED {
                    write!(f, " and {} more", keys.len() - NAMED)?;
                }
                f.write_str(" is not the same, and nothing notes that it changed")
            }
        }
    }
}

/// Reads or counts the rows of both sides, at the same time.
pub async fn compare(
    source: &mut Side,
    target: &mut Side,
    tables: &[Carried],
    thoroughness: Thoroughness,
    tell: &mut impl FnMut(&str),
) -> Result<Vec<Compared>, SplitError> {
    let mut all = Vec::with_capacity(tables.len());
    for carried in tables {
        tell(carried.table.name);
        let (source, target) = match thoroughness {
            Thoroughness::All => tokio::join!(tally(source, carried), tally(target, carried)),
            Thoroughness::Changed => tokio::join!(count(source, carried), count(target, carried)),
        };
        all.push(Compared { table: carried.table.name, source: source?, target: target? });
    }
    Ok(all)
}

/// Refuses what differs.
pub fn same(compared: &[Compared]) -> Result<(), SplitError> {
    let differing = compared.iter().filter(|table| table.source != table.target);
    let differing: Vec<Difference> = differing.cloned().map(Difference::Table).collect();
    if differing.is_empty() { Ok(()) } else { Err(SplitError::Differs(differing)) }
}

async fn count(side: &mut Side, carried: &Carried) -> Result<Tally, SplitError> {
    side.count(carried.table.name).await.map(Tally::counted)
}

async fn tally(side: &mut Side, carried: &Carried) -> Result<Tally, SplitError> {
    let mut tally = Tally::default();
    let mut position = Some(Position::Start);
    while let Some(from) = position {
        let page = side.page(carried, &from, PAGE).await?;
        for row in &page.rows {
            tally.add(carried.table, row);
        }
        position = page.next;
    }
    Ok(tally)
}
