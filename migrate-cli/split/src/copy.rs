//! Copies every row that there is, page by page. A page and how far it goes are written together, so that a mover that was killed
//! goes on where it was.

use service::tables::Cell;

use super::carried::{Carried, Manner, Row};
use super::error::SplitError;
use super::misfit::misfit;
use super::progress::Errand;
use super::side::Side;

/// The most rows of a page.
const MOST_ROWS: usize = 1000;
/// Pages begin small: nobody knows how large rows are.
const FIRST_ROWS: usize = 64;
/// About the most bytes that a page should have.
const BYTES: usize = 4 << 20;

impl Side {
    /// Puts rows into a table, in a transaction that passes the fence. An error names the row and the column, where it can be seen.
    pub async fn put(
        &mut self,
        carried: &Carried,
        rows: &[Row],
        manner: Manner,
    ) -> Result<(), SplitError> {
        let doing = format!("write rows of {}", carried.table.name);
        for (sql, binds) in carried.put(self.engine(), rows, manner) {
            if let Err(error) = self.run(&doing, sql, binds).await {
                return Err(self.unfit(carried, rows).unwrap_or(error));
            }
        }
        Ok(())
    }

    /// The first row that a table here can't hold.
    fn unfit(&self, carried: &Carried, rows: &[Row]) -> Option<SplitError> {
        let (table, names) =
            (self.schema.tables.get(carried.table.name)?, carried.table.column_names());
        let (row, (column, problem)) =
            rows.iter().find_map(|row| Some((row, misfit(table, &names, row)?)))?;
        let key: Vec<String> = carried.key_of(row).iter().map(super::misfit::shown).collect();
        Some(SplitError::Unfit {
            database: self.name().to_owned(),
            table: carried.table.name,
            key: key.join(", "),
            column,
            problem,
        })
    }
}

/// Copies what is not copied yet of a table; `tell` hears how many rows of it are. How many were copied now.
pub async fn copy(
    source: &mut Side,
    target: &mut Side,
    carried: &Carried,
    tell: &mut impl FnMut(u64),
) -> Result<u64, SplitError> {
    let mut progress = target.progress(Errand::Copy, carried).await?;
    let before = progress.rows;
    tell(before);
    let mut most = FIRST_ROWS;
    while !progress.is_done {
        let page = source.page(carried, &progress.position, most).await?;
        progress.pass(&page);
        let bytes = page.rows.iter().flatten().map(size).sum();
        most = next_size(most, bytes);
        let (rows, progress) = (&page.rows, &progress);
        target
            .passing(async |side: &mut Side| {
                side.put(carried, rows, Manner::Fill).await?;
                side.is_so_far(Errand::Copy, carried, progress).await
            })
            .await?;
        tell(progress.rows);
    }
    Ok(progress.rows - before)
}

/// How many rows the next page should have.
fn next_size(most: usize, bytes: usize) -> usize {
    if bytes > BYTES {
        (most / 2).max(1)
    } else if bytes < BYTES / 4 {
        (most * 2).min(MOST_ROWS)
    } else {
        most
    }
}

/// About how many bytes a value takes.
fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Integer(_) | Cell::Real(_) => 8,
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_settle_at_the_bytes_that_they_may_have(row in 1_usize..20_000_000) {
            let mut most = FIRST_ROWS;
            for _ in 0..40 {
                most = next_size(most, most * row);
                prop_assert!((1..=MOST_ROWS).contains(&most));
            }
            prop_assert!(most == 1 || most * row <= 2 * BYTES);
        }
    }
}
