//! Adds a batch to what is stored.

use chrono::Utc;
use routes::admin::DifferenceExample;
use serde::Serialize;

use super::sql::Cell;
use super::sql::Cell::{Int, MaybeBytes, MaybeText, Text};
use super::{Store, StoreError};
use crate::groups::{Group, Groups};
use crate::memory::Batch;
use crate::slot::{ALL_MINUTES, Slot};
use crate::tally::Tally;

const MARK: &str = "\
    INSERT INTO proxies (proxy, batch, seen_at) VALUES ($1, $2, $3) \
    ON CONFLICT (proxy) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at \
    WHERE proxies.batch <> excluded.batch";

const ADD_BASIS: &str = "\
    INSERT INTO bases (basis, route, rules, build, first_seen, last_seen) VALUES ($1, $2, $3, $4, $5, $6) \
    ON CONFLICT (basis) DO UPDATE SET \
    first_seen = CASE WHEN excluded.first_seen < bases.first_seen THEN excluded.first_seen ELSE bases.first_seen END, \
    last_seen = CASE WHEN excluded.last_seen > bases.last_seen THEN excluded.last_seen ELSE bases.last_seen END";

/// Counts are added by the database. What it can't add comes back, is added here and set by [`SET_TALLY`]; until the commit
/// the row is locked.
const ADD_TALLY: &str = "\
    INSERT INTO tallies (basis, minute, operation, proxy, matched, mismatched, inconclusive, controlled, \
    new_failed_alone, old_failed_alone, failed, dropped) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '{}', '{}') \
    ON CONFLICT (basis, minute, operation, proxy) DO UPDATE SET \
    matched = tallies.matched + excluded.matched, \
    mismatched = tallies.mismatched + excluded.mismatched, \
    inconclusive = tallies.inconclusive + excluded.inconclusive, \
    controlled = tallies.controlled + excluded.controlled, \
    new_failed_alone = tallies.new_failed_alone + excluded.new_failed_alone, \
    old_failed_alone = tallies.old_failed_alone + excluded.old_failed_alone \
    RETURNING failed, dropped, old_latency, new_latency";

const SET_TALLY: &str = "\
    UPDATE tallies SET failed = $5, dropped = $6, old_latency = $7, new_latency = $8 \
    WHERE basis = $1 AND minute = $2 AND operation = $3 AND proxy = $4";

const ADD_FINGERPRINT: &str = "\
    INSERT INTO fingerprints (basis, operation, fingerprint, proxy, kind, grade, gap, path, old_status, new_status, \
    mismatches, inconclusive, first_seen, last_seen) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
    ON CONFLICT (basis, operation, fingerprint, proxy) DO UPDATE SET \
    mismatches = fingerprints.mismatches + excluded.mismatches, \
    inconclusive = fingerprints.inconclusive + excluded.inconclusive, \
    first_seen = CASE WHEN excluded.first_seen < fingerprints.first_seen \
    THEN excluded.first_seen ELSE fingerprints.first_seen END, \
    last_seen = CASE WHEN excluded.last_seen > fingerprints.last_seen \
    THEN excluded.last_seen ELSE fingerprints.last_seen END";

const ADD_EXAMPLE: &str = "\
    INSERT INTO examples (basis, fingerprint, seen_at, proxy, request_id, operation, example) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";

/// All but the newest.
const BOUND_EXAMPLES: &str = "\
    DELETE FROM examples WHERE basis = $1 AND fingerprint = $2 AND seen_at < \
    (SELECT min(seen_at) FROM (SELECT seen_at FROM examples WHERE basis = $1 AND fingerprint = $2 \
    ORDER BY seen_at DESC LIMIT $3) AS newest)";

const SET_STATE: &str = "\
    INSERT INTO states (basis, name, proxy, saved_at, state) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (basis, name, proxy) DO UPDATE SET saved_at = excluded.saved_at, state = excluded.state";

impl Store {
    /// Adds a batch: whole or, after an error, not at all. A batch that is already there is not added again.
    pub(crate) async fn write(&mut self, batch: &Batch, examples: usize) -> Result<(), StoreError> {
        self.connection.begin().await?;
        let proxy = Text(self.proxy.clone());
        let now = Int(Utc::now().timestamp_micros());
        let mark = [proxy.clone(), Text(batch.id.clone()), now.clone()];
        if self.connection.run("name the batch", MARK, mark).await? > 0 {
            for (basis, slot) in &batch.slots {
                self.add_slot(*basis, slot, examples).await?;
            }
            for (basis, name, json) in batch.states.iter() {
                let (name, json) = (Text(name.to_owned()), Text(json.to_owned()));
                let cells = [Int(basis), name, proxy.clone(), now.clone(), json];
                self.connection.run("keep a state", SET_STATE, cells).await?;
            }
        }
        self.connection.commit().await
    }

    async fn add_slot(
        &mut self,
        basis: i64,
        slot: &Slot,
        examples: usize,
    ) -> Result<(), StoreError> {
        let cells = [
            Int(basis),
            Text(slot.route.to_string()),
            Text(format!("{:016x}", slot.basis.rules)),
            MaybeText(slot.basis.build.as_deref().map(|build| build.replace('\0', "\u{fffd}"))),
            Int(slot.first_seen.timestamp_micros()),
            Int(slot.last_seen.timestamp_micros()),
        ];
        self.connection.run("count a basis", ADD_BASIS, cells).await?;
        for (operation, tally) in slot.totals() {
            self.add_tally(basis, ALL_MINUTES, &operation, tally).await?;
        }
        for (minute, tallies) in slot.tallies.range(ALL_MINUTES + 1..) {
            for (operation, tally) in tallies {
                self.add_tally(basis, *minute, operation, tally.clone()).await?;
            }
        }
        for (operation, groups) in &slot.groups {
            self.add_groups(basis, operation, groups, examples).await?;
        }
        Ok(())
    }

    async fn add_tally(
        &mut self,
        basis: i64,
        minute: i64,
        operation: &str,
        mut tally: Tally,
    ) -> Result<(), StoreError> {
        let row = [Int(basis), Int(minute), Text(operation.to_owned()), Text(self.proxy.clone())];
        let counts = [
            tally.matched,
            tally.mismatched,
            tally.inconclusive,
            tally.controlled,
            tally.new_failed_alone,
            tally.old_failed_alone,
        ];
        let cells = row.iter().cloned().chain(counts.map(number)).collect::<Vec<_>>();
        let stored = self.connection.rows("count outcomes", ADD_TALLY, cells).await?;
        if let Some(stored) = stored.first() {
            tally.merge(&super::read::uncounted(stored, 0)?);
        }
        let sums = [
            json(&tally.failed)?,
            json(&tally.dropped)?,
            MaybeBytes(tally.old_latency.to_bytes().map_err(|error| unwritten(&error))?),
            MaybeBytes(tally.new_latency.to_bytes().map_err(|error| unwritten(&error))?),
        ];
        let cells: Vec<Cell> = row.into_iter().chain(sums).collect();
        self.connection.run("count outcomes", SET_TALLY, cells).await.map(drop)
    }

    async fn add_groups(
        &mut self,
        basis: i64,
        operation: &str,
        groups: &Groups,
        examples: usize,
    ) -> Result<(), StoreError> {
        for (key, Group { statuses, group }) in &groups.0 {
            let cells = [
                Int(basis),
                Text(operation.to_owned()),
                Int(key.cast_signed()),
                Text(self.proxy.clone()),
                word(&group.kind)?,
                word(&group.grade)?,
                MaybeText(group.gap.map(|gap| gap.as_str().to_owned())),
                Text(group.path.replace('\0', "\u{fffd}")),
                Int(i64::from(statuses.0)),
                Int(i64::from(statuses.1)),
                number(group.count),
                number(group.inconclusive),
                Int(group.first_seen.timestamp_micros()),
                Int(group.last_seen.timestamp_micros()),
            ];
            self.connection.run("count a difference", ADD_FINGERPRINT, cells).await?;
            for example in &group.examples {
                self.add_example(basis, operation, key.cast_signed(), example).await?;
            }
            if !group.examples.is_empty() {
                let most = i64::try_from(examples).unwrap_or(i64::MAX);
                let cells = [Int(basis), Int(key.cast_signed()), Int(most)];
                self.connection.run("bound the examples", BOUND_EXAMPLES, cells).await?;
            }
        }
        Ok(())
    }

    async fn add_example(
        &mut self,
        basis: i64,
        operation: &str,
        fingerprint: i64,
        example: &DifferenceExample,
    ) -> Result<(), StoreError> {
        let cells = [
            Int(basis),
            Int(fingerprint),
            Int(example.seen_at.timestamp_micros()),
            Text(self.proxy.clone()),
            Text(example.request_id.replace('\0', "\u{fffd}")),
            Text(operation.to_owned()),
            json(example)?,
        ];
        self.connection.run("keep an example", ADD_EXAMPLE, cells).await.map(drop)
    }
}

/// Counts never get near the limit.
fn number(count: u64) -> Cell {
    Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// As JSON.
fn json(value: &impl Serialize) -> Result<Cell, StoreError> {
    serde_json::to_string(value).map(Text).map_err(|error| unwritten(&error))
}

/// A word as JSON has it, without the quotes.
fn word(value: &impl Serialize) -> Result<Cell, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(Text(word)),
        Ok(other) => Ok(Text(other.to_string())),
        Err(error) => Err(unwritten(&error)),
    }
}

fn unwritten(error: &dyn std::error::Error) -> StoreError {
    StoreError::Row { table: "tallies", problem: format!("failed to write it: {error}") }
}
