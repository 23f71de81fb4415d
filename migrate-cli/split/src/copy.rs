//! Copies every row that there is, page by page. A page and how far it goes are written together, so that a mover that was killed
//! goes on where it was.

use service::tables::Cell;

use super::carried::{Carried, Manner, Position, Row};
use super::error::SplitError;
use super::marks::PROGRESS;
use super::misfit::misfit;
use super::side::Side;

/// The most rows of a page.
const MOST_ROWS: usize = 1000;
/// Pages begin small: nobody knows how large rows are.
const FIRST_ROWS: usize = 64;
/// About the most bytes that a page should have.
const BYTES: usize = 4 << 20;

/// How far a table is copied.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The rows so far.
    pub copied: u64,
    is_done: bool,
    position: Position,
}

impl Side {
    /// How far a table is copied to here.
    pub async fn progress(&mut self, table: &str) -> Result<Progress, SplitError> {
        let sql = format!("SELECT position, copied, is_done FROM {PROGRESS} WHERE tbl = ?");
        let rows = self.fetch("see how far it is", sql, vec![table.into()]).await?;
        match rows.first().map(Vec::as_slice) {
            None => Ok(Progress { copied: 0, is_done: false, position: Position::Start }),
            Some([Cell::Text(position), Cell::Integer(copied), Cell::Integer(is_done)])
                if let Some(position) = Position::of(position) =>
            {
                let copied = u64::try_from(*copied).unwrap_or(0);
                Ok(Progress { copied, is_done: *is_done != 0, position })
            }
            Some(_) => {
                Err(self.odd(format!("{PROGRESS} holds something that this program does not know")))
            }
        }
    }

    async fn is_so_far(&mut self, table: &str, progress: &Progress) -> Result<(), SplitError> {
        let sql = format!(
            "INSERT INTO {PROGRESS} (tbl, position, copied, is_done) VALUES (?, ?, ?, ?) ON CONFLICT (tbl) DO UPDATE SET \
             position = EXCLUDED.position, copied = EXCLUDED.copied, is_done = EXCLUDED.is_done"
        );
        let binds = vec![
            table.into(),
            Cell::Text(progress.position.word()),
            Cell::Integer(i64::try_from(progress.copied).unwrap_or(i64::MAX)),
            Cell::Integer(i64::from(progress.is_done)),
        ];
        self.run("write down how far it is", sql, binds).await.map(drop)
    }

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

/// Copies what is not copied yet of a table; `tell` hears how many rows of it are.
pub async fn copy(
    source: &mut Side,
    target: &mut Side,
    carried: &Carried,
    tell: &mut impl FnMut(u64),
) -> Result<(), SplitError> {
    let mut progress = target.progress(carried.table.name).await?;
    let mut most = FIRST_ROWS;
    while !progress.is_done {
        let page = source.page(carried, &progress.position, most).await?;
        progress.copied += page.rows.len() as u64;
        progress.is_done = page.next.is_none();
        progress.position = page.next.unwrap_or(progress.position);
        let bytes = page.rows.iter().flatten().map(size).sum();
        most = next_size(most, bytes);
        let (rows, progress) = (&page.rows, &progress);
        target
            .passing(async |side: &mut Side| {
                side.put(carried, rows, Manner::Fill).await?;
                side.is_so_far(carried.table.name, progress).await
            })
            .await?;
        tell(progress.copied);
    }
    Ok(())
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
