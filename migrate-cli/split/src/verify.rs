//! Whether two databases hold the same rows: for each table their number and a checksum, computed alike on both sides.

use std::fmt;

use serde::Serialize;

use super::canonical::Tally;
use super::carried::{Carried, Position};
use super::error::SplitError;
use super::side::Side;

/// The most rows that are read at once.
const PAGE: usize = 500;

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

/// A table that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(pub Compared);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compared { table, source, target } = &self.0;
        write!(
            f,
            "{table} has {} rows at the source and {} at the target",
            source.rows, target.rows
        )?;
        if source.rows == target.rows { f.write_str(", of other contents") } else { Ok(()) }
    }
}

/// Reads every row of both sides, at the same time.
pub async fn compare(
    source: &mut Side,
    target: &mut Side,
    tables: &[Carried],
    tell: &mut impl FnMut(&str),
) -> Result<Vec<Compared>, SplitError> {
    let mut all = Vec::with_capacity(tables.len());
    for carried in tables {
        tell(carried.table.name);
        let (source, target) = tokio::join!(tally(source, carried), tally(target, carried));
        all.push(Compared { table: carried.table.name, source: source?, target: target? });
    }
    Ok(all)
}

/// Refuses what differs.
pub fn same(compared: &[Compared]) -> Result<(), SplitError> {
    let differing = compared.iter().filter(|table| table.source != table.target);
    let differing: Vec<Difference> = differing.cloned().map(Difference).collect();
    if differing.is_empty() { Ok(()) } else { Err(SplitError::Differs(differing)) }
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
