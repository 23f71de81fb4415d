//! Carries over what has changed: the outbox says whose rows, and they are carried as they are now, and read
//! back. Done twice, it comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use service::tables::Cell;

use super::canonical::key_form;
use super::carried::{Carried, Key, Manner, Row};
use super::error::SplitError;
use super::marks::OUTBOX;
use super::side::Side;
use super::verify::alike;

/// Entries of the outbox that are carried out together.
const ENTRIES: usize = 256;
/// The most keys that are asked for at once.
const KEYS: usize = 64;

/// What has changed in one table.
#[derive(Debug)]
struct Change {
    carried: Carried,
    keys: Vec<Key>,
    /// The rows behind the keys, as far as they are there.
    rows: Vec<Row>,
}

/// Entries of an outbox, and what they come to.
#[derive(Debug)]
struct Batch {
    seqs: Vec<i64>,
    /// In the order of the tables.
    changes: Vec<Change>,
}

/// Carries one batch of changes from `giver` to `taker`; how many entries it had.
pub async fn step(
    giver: &mut Side,
    taker: &mut Side,
    tables: &[Carried],
) -> Result<usize, SplitError> {
    let batch = giver.snapshot(async |side: &mut Side| side.batch(tables).await).await?;
    if batch.seqs.is_empty() {
        return Ok(0);
    }
    let changes = &batch.changes;
    taker
        .passing(async |side: &mut Side| {
            // What refers to rows goes before them, and comes after them.
            for change in changes.iter().rev() {
                side.remove(change).await?;
            }
            for change in changes {
                side.renew(change).await?;
            }
            for change in changes {
                side.confirm(change).await?;
            }
            Ok(())
        })
        .await?;
    giver.forget(&batch.seqs).await?;
    Ok(batch.seqs.len())
}

/// Carries everything that an outbox has to a database that nobody else writes, in the transaction that it is in. The outbox
/// stays.
pub async fn all_at_once(
    giver: &mut Side,
    taker: &mut Side,
    tables: &[Carried],
) -> Result<u64, SplitError> {
    let mut count = 0;
    for carried in tables.iter().rev() {
        let mut after = 0;
        while let Some((last, change)) = giver.changes_of(carried, after).await? {
            taker.remove(&change).await?;
            count += change.keys.len() as u64;
            after = last;
        }
    }
    for carried in tables {
        let mut after = 0;
        while let Some((last, change)) = giver.changes_of(carried, after).await? {
            taker.renew(&change).await?;
            after = last;
        }
    }
    for carried in tables {
        let mut after = 0;
        while let Some((last, change)) = giver.changes_of(carried, after).await? {
            taker.confirm(&change).await?;
            after = last;
        }
    }
    Ok(count)
}

impl Side {
    /// How many entries its outbox has.
    pub async fn pending(&mut self) -> Result<u64, SplitError> {
        self.count(OUTBOX).await
    }

    async fn batch(&mut self, tables: &[Carried]) -> Result<Batch, SplitError> {
        let sql =
            format!("SELECT seq, tbl, key_1, key_2 FROM {OUTBOX} ORDER BY seq LIMIT {ENTRIES}");
        let entries = self.fetch("read the outbox", sql, Vec::new()).await?;
        let mut seqs = Vec::with_capacity(entries.len());
        let mut keys: BTreeMap<usize, Vec<Key>> = BTreeMap::new();
        for entry in entries {
            let Ok([Cell::Integer(seq), Cell::Text(table), one, two]) =
                <[Cell; 4]>::try_from(entry)
            else {
                return Err(
                    self.odd(format!("{OUTBOX} holds something that this program does not know"))
                );
            };
            let place = tables.iter().position(|carried| carried.table.name == table);
            let place =
                place.ok_or_else(|| self.odd(format!("{OUTBOX} names the table {table}")))?;
            let columns = tables.get(place).map_or(1, |carried| carried.keys().count());
            keys.entry(place).or_default().push([one, two].into_iter().take(columns).collect());
            seqs.push(seq);
        }
        let mut changes = Vec::with_capacity(keys.len());
        for (place, keys) in keys {
            let Some(carried) = tables.get(place).copied() else { continue };
            let rows = self.rows(&carried, &keys).await?;
            changes.push(Change { carried, keys, rows });
        }
        Ok(Batch { seqs, changes })
    }

    /// Some entries of one table behind a number, and the last one's number.
    async fn changes_of(
        &mut self,
        carried: &Carried,
        after: i64,
    ) -> Result<Option<(i64, Change)>, SplitError> {
        let sql = format!(
            "SELECT seq, key_1, key_2 FROM {OUTBOX} WHERE tbl = ? AND seq > ? ORDER BY seq LIMIT {ENTRIES}"
        );
        let binds = vec![carried.table.name.into(), Cell::Integer(after)];
        let entries = self.fetch("read the outbox", sql, binds).await?;
        let Some(Cell::Integer(last)) = entries.last().and_then(|entry| entry.first()).cloned()
        else {
            return Ok(None);
        };
        let columns = carried.keys().count();
        let keys: Vec<Key> = entries
            .into_iter()
            .map(|entry| entry.into_iter().skip(1).take(columns).collect())
            .collect();
        let rows = self.rows(carried, &keys).await?;
        Ok(Some((last, Change { carried: *carried, keys, rows })))
    }

    /// The rows with these keys, as far as they are there.
    pub(crate) async fn rows(
        &mut self,
        carried: &Carried,
        keys: &[Key],
    ) -> Result<Vec<Row>, SplitError> {
        let doing = format!("read rows of {}", carried.table.name);
        let mut rows = Vec::new();
        for keys in keys.chunks(KEYS) {
            let (sql, binds) = carried.with_keys(keys);
            rows.extend(self.fetch(&doing, sql, binds).await?);
        }
        Ok(rows)
    }

    /// Removes rows that are gone; all of them where they are not changed in place.
    async fn remove(&mut self, change: &Change) -> Result<(), SplitError> {
        let doing = format!("remove rows of {}", change.carried.table.name);
        for keys in change.to_remove().chunks(KEYS) {
            let (sql, binds) = change.carried.remove(keys);
            self.run(&doing, sql, binds).await?;
        }
        Ok(())
    }

    /// Puts the rows that are there.
    async fn renew(&mut self, change: &Change) -> Result<(), SplitError> {
        let doing = format!("remove rows of {}", change.carried.table.name);
        for rows in change.rows.chunks(KEYS) {
            for (sql, binds) in change.carried.clear_way(rows) {
                self.run(&doing, sql, binds).await?;
            }
        }
        self.put(&change.carried, &change.rows, Manner::Renew).await
    }

    /// Reads back what was carried.
    async fn confirm(&mut self, change: &Change) -> Result<(), SplitError> {
        let unlike = self.unlike(&change.carried, &change.keys, &change.rows).await?;
        alike(&change.carried, &unlike)
    }

    /// Takes entries that were carried out off the outbox. One that has changed since has another number, and one that is being
    /// changed is left.
    async fn forget(&mut self, seqs: &[i64]) -> Result<(), SplitError> {
        for seqs in seqs.chunks(KEYS) {
            let places = vec!["?"; seqs.len()].join(", ");
            let sql = match self.engine() {
                service::tables::Engine::Sqlite => {
                    format!("DELETE FROM {OUTBOX} WHERE seq IN ({places})")
                }
                service::tables::Engine::Postgres => format!(
                    "DELETE FROM {OUTBOX} WHERE seq IN \
                     (SELECT seq FROM {OUTBOX} WHERE seq IN ({places}) FOR UPDATE SKIP LOCKED)"
                ),
            };
            let binds = seqs.iter().map(|seq| Cell::Integer(*seq)).collect();
            self.run("take what is done off the outbox", sql, binds).await?;
        }
        Ok(())
    }
}

impl Change {
    fn to_remove(&self) -> Vec<Key> {
        if !self.carried.is_changed_in_place() {
            return self.keys.clone();
        }
        let form = |key: &[Cell]| key_form(self.carried.table, key);
        let there: BTreeSet<Vec<u8>> =
            self.rows.iter().map(|row| form(&self.carried.key_of(row))).collect();
        self.keys.iter().filter(|key| !there.contains(&form(key))).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use service::tables::own::{MetaTraining, portfolio::StrategyOwner};
    use service::tables::{Engine, Record as _};

    use super::*;

    #[test]
    fn what_is_changed_in_place_is_removed_only_where_it_is_gone() {
        let change = |table, keys: &[Cell], rows: Vec<Row>| {
            let carried = Carried::new(table, Engine::Sqlite, Engine::Postgres);
            let keys = keys.iter().map(|key| vec![key.clone()]).collect();
            Change { carried, keys, rows }.to_remove()
        };
        // A server's outbox has keys as texts.
        let keys = [Cell::from("1"), Cell::from("2")];
        let there = vec![vec![Cell::Integer(2), Cell::from("alice")]];
        assert_eq!(change(&StrategyOwner::TABLE, &keys, there), [[Cell::from("1")]]);
        let there = vec![vec![Cell::from("2"), Cell::from("2026-01-01"), Cell::Integer(1)]];
        assert_eq!(change(&MetaTraining::TABLE, &keys, there).len(), 2);
    }
}
