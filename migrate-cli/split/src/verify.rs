//! Whether rows are at the target as they are at the source, one by one, while clients write: what differs and has changed since is
//! in the outbox; what differs and is not, will never be right.
//!
//! What is verified stays so, because every row that is carried over later is read back when it is. So at the switch nothing is left
//! to verify but what is carried over then.

use std::collections::BTreeMap;

use service::tables::Cell;

use super::canonical::{digest, key_form};
use super::carried::{Carried, Key, Row};
use super::compare::Difference;
use super::error::SplitError;
use super::marks::{OUTBOX, noted};
use super::misfit::shown;
use super::progress::Errand;
use super::side::Side;

/// The most rows that are looked at together.
const PAGE: usize = 500;

/// Verifies what is not verified yet of a table; `tell` hears how many rows of it are. How many were verified now.
pub async fn verify(
    source: &mut Side,
    target: &mut Side,
    carried: &Carried,
    tell: &mut impl FnMut(u64),
) -> Result<u64, SplitError> {
    let mut progress = target.progress(Errand::Verify, carried).await?;
    let before = progress.rows;
    tell(before);
    while !progress.is_done {
        let page = source.page(carried, &progress.position, PAGE).await?;
        let keys: Vec<Key> = page.rows.iter().map(|row| carried.key_of(row)).collect();
        // What differs now was noted when it changed, and nobody else takes notes off the outbox.
        let unlike = target.unlike(carried, &keys, &page.rows).await?;
        let unnoted = source.unnoted(carried, unlike).await?;
        alike(carried, &unnoted)?;
        progress.pass(&page);
        target.is_so_far(Errand::Verify, carried, &progress).await?;
        tell(progress.rows);
    }
    Ok(progress.rows - before)
}

/// Refuses rows that are not as they should be.
pub fn alike(carried: &Carried, unlike: &[Key]) -> Result<(), SplitError> {
    if unlike.is_empty() {
        return Ok(());
    }
    let named = |key: &Key| key.iter().map(shown).collect::<Vec<_>>().join("/");
    let keys = unlike.iter().map(named).collect();
    Err(SplitError::Differs(vec![Difference::Rows(carried.table.name, keys)]))
}

impl Side {
    /// Which of these keys have another row here than among `rows`, or one here only, or one there only.
    pub async fn unlike(
        &mut self,
        carried: &Carried,
        keys: &[Key],
        rows: &[Row],
    ) -> Result<Vec<Key>, SplitError> {
        let table = carried.table;
        let by_key = |rows: &[Row]| -> BTreeMap<Vec<u8>, u128> {
            let keyed = |row: &Row| (key_form(table, &carried.key_of(row)), digest(table, row));
            rows.iter().map(keyed).collect()
        };
        let (there, here) = (by_key(rows), by_key(&self.rows(carried, keys).await?));
        let is_unlike = |key: &&Key| {
            let form = key_form(table, key);
            there.get(&form) != here.get(&form)
        };
        Ok(keys.iter().filter(is_unlike).cloned().collect())
    }

    /// Those of some keys that the outbox here does not have.
    async fn unnoted(&mut self, carried: &Carried, keys: Vec<Key>) -> Result<Vec<Key>, SplitError> {
        let sql =
            format!("SELECT count(*) FROM {OUTBOX} WHERE tbl = ? AND key_1 = ? AND key_2 = ?");
        let (engine, mut unnoted) = (self.engine(), Vec::new());
        for key in keys {
            let mut parts = key.iter().map(|part| noted(engine, part));
            let (one, two) = (parts.next(), parts.next());
            let binds = [Some(carried.table.name.into()), one, two];
            let binds = binds.map(|bind| bind.unwrap_or_else(|| Cell::from(""))).to_vec();
            let found = self.fetch("read the outbox", sql.clone(), binds).await?;
            if found.into_iter().flatten().next() == Some(Cell::Integer(0)) {
                unnoted.push(key);
            }
        }
        Ok(unnoted)
    }
}
