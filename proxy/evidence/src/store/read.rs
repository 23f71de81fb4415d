//! Adds up what every proxy has stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use routes::admin::{DifferenceExample, DifferenceGroup, Gap};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::sql::Cell::{Int, Text};
use super::sql::Row;
use super::{Store, StoreError};
use crate::groups::{Group, Groups};
use crate::latency::Latencies;
use crate::outcome::Basis;
use crate::slot::{ALL_MINUTES, Known, Slot};
use crate::state::StoredState;
use crate::tally::Tally;

const NEWEST_BASIS: &str = "\
    SELECT basis, route, rules, build, first_seen, last_seen FROM bases WHERE route = $1 \
    ORDER BY last_seen DESC LIMIT 1";

const BASIS: &str =
    "SELECT basis, route, rules, build, first_seen, last_seen FROM bases WHERE basis = $1";

const TALLIES: &str = "\
    SELECT minute, operation, matched, mismatched, inconclusive, controlled, new_failed_alone, old_failed_alone, \
    failed, dropped, old_latency, new_latency FROM tallies WHERE basis = $1 AND minute >= $2 AND minute <= $3";

const FINGERPRINTS: &str = "\
    SELECT operation, fingerprint, kind, grade, gap, path, old_status, new_status, mismatches, inconclusive, \
    first_seen, last_seen FROM fingerprints WHERE basis = $1";

/// The most frequent differences first would take a join; the newest examples serve a reader as well, and are bounded.
const EXAMPLES: &str = "\
    SELECT operation, fingerprint, example FROM examples WHERE basis = $1 ORDER BY seen_at DESC LIMIT 500";

const BASES: &str = "SELECT basis, last_seen FROM bases ORDER BY last_seen DESC LIMIT 200";

const OPERATIONS: &str = "SELECT DISTINCT operation FROM tallies WHERE basis = $1 AND minute = 0";

const STATES: &str = "SELECT proxy, state FROM states WHERE basis = $1 AND name = $2";

impl Store {
    /// The basis of a route's latest exchange, and when that began.
    pub(crate) async fn newest_basis(
        &mut self,
        route: &str,
    ) -> Result<Option<(i64, DateTime<Utc>)>, StoreError> {
        let rows = self.connection.rows("find a basis", NEWEST_BASIS, [text(route)]).await?;
        rows.first().map(|row| Ok((row.int(0)?, time(row, 5)?))).transpose()
    }

    /// Everything of one basis but its minutes.
    pub(crate) async fn totals(
        &mut self,
        basis: i64,
        examples: usize,
    ) -> Result<Option<Slot>, StoreError> {
        let minutes = ALL_MINUTES..=ALL_MINUTES;
        let Some(mut slot) = self.minutes(basis, minutes).await? else { return Ok(None) };
        let doing = "read the differences";
        for row in self.connection.rows(doing, FINGERPRINTS, [Int(basis)]).await? {
            let (key, group) = group(&row)?;
            let found = Groups(BTreeMap::from([(key, group)]));
            slot.groups.entry(row.text(0)?.into()).or_default().merge(&found, examples);
        }
        for row in self.connection.rows("read the examples", EXAMPLES, [Int(basis)]).await? {
            let groups = slot.groups.get_mut(row.text(0)?.as_str());
            let group =
                groups.and_then(|groups| groups.0.get_mut(&row.int(1).ok()?.cast_unsigned()));
            let Some(Group { group, .. }) = group else { continue };
            if group.examples.len() < examples {
                group.examples.push(parsed::<DifferenceExample>("examples", &row.text(2)?)?);
            }
        }
        Ok(Some(slot))
    }

    /// Some minutes of one basis, without differences.
    pub(crate) async fn minutes(
        &mut self,
        basis: i64,
        minutes: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<Slot>, StoreError> {
        let rows = self.connection.rows("find a basis", BASIS, [Int(basis)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let rules = u64::from_str_radix(&row.text(2)?, 16).map_err(|error| bad("bases", &error))?;
        let build = row.maybe_text(3)?.map(Arc::from);
        let basis_of = Arc::new(Basis { rules, build });
        let mut slot = Slot::new(row.text(1)?.into(), basis_of, time(row, 4)?);
        slot.last_seen = time(row, 5)?;
        let range = [Int(basis), Int(*minutes.start()), Int(*minutes.end())];
        for row in self.connection.rows("read the counts", TALLIES, range).await? {
            let tally = tally(&row)?;
            let tallies = slot.tallies.entry(row.int(0)?).or_default();
            tallies.entry(row.text(1)?.into()).or_default().merge(&tally);
        }
        Ok(Some(slot))
    }

    /// What was told apart so far, by basis.
    pub(crate) async fn known(&mut self) -> Result<Vec<(i64, DateTime<Utc>, Known)>, StoreError> {
        let mut all = Vec::new();
        let doing = "read what is known";
        for row in self.connection.rows(doing, BASES, []).await? {
            let (basis, seen) = (row.int(0)?, time(&row, 1)?);
            let mut known = Known::default();
            for row in self.connection.rows(doing, OPERATIONS, [Int(basis)]).await? {
                known.0.entry(row.text(0)?.into()).or_default();
            }
            for row in self.connection.rows(doing, FINGERPRINTS, [Int(basis)]).await? {
                let operation = known.0.entry(row.text(0)?.into()).or_default();
                operation.insert(row.int(1)?.cast_unsigned());
            }
            all.push((basis, seen, known));
        }
        Ok(all)
    }

    /// What every proxy keeps under a name.
    pub(crate) async fn states(
        &mut self,
        basis: i64,
        name: &str,
    ) -> Result<Vec<StoredState>, StoreError> {
        let cells = [Int(basis), text(name)];
        let rows = self.connection.rows("read the states", STATES, cells).await?;
        let state = |row: &Row| {
            let json: Value = parsed("states", &row.text(1)?)?;
            Ok(StoredState { is_own: row.text(0)? == self.proxy, json })
        };
        rows.iter().map(state).collect()
    }
}

fn tally(row: &Row) -> Result<Tally, StoreError> {
    Ok(Tally {
        matched: count(row, 2)?,
        mismatched: count(row, 3)?,
        inconclusive: count(row, 4)?,
        controlled: count(row, 5)?,
        new_failed_alone: count(row, 6)?,
        old_failed_alone: count(row, 7)?,
        ..uncounted(row, 8)?
    })
}

/// What the database can't add up: failures, drops and latencies, from this column on.
pub(super) fn uncounted(row: &Row, from: usize) -> Result<Tally, StoreError> {
    let latencies = |index| {
        let bytes = row.maybe_bytes(index)?;
        Latencies::from_bytes(bytes.as_deref()).map_err(|error| bad("tallies", &error))
    };
    Ok(Tally {
        failed: parsed("tallies", &row.text(from)?)?,
        dropped: parsed("tallies", &row.text(from + 1)?)?,
        old_latency: latencies(from + 2)?,
        new_latency: latencies(from + 3)?,
        ..Tally::default()
    })
}

fn group(row: &Row) -> Result<(u64, Group), StoreError> {
    let key = row.int(1)?.cast_unsigned();
    let gap = row.maybe_text(4)?;
    let status = |index| row.int(index).map(|code| u16::try_from(code).unwrap_or_default());
    let group = DifferenceGroup {
        fingerprint: format!("{key:016x}"),
        kind: named(row.text(2)?)?,
        grade: named(row.text(3)?)?,
        gap: gap.and_then(|gap| Gap::ALL.into_iter().find(|one| one.as_str() == gap)),
        path: row.text(5)?,
        count: count(row, 8)?,
        inconclusive: count(row, 9)?,
        first_seen: time(row, 10)?,
        last_seen: time(row, 11)?,
        examples: Vec::new(),
    };
    Ok((key, Group { statuses: (status(6)?, status(7)?), group }))
}

fn text(text: &str) -> super::sql::Cell {
    Text(text.to_owned())
}

fn count(row: &Row, index: usize) -> Result<u64, StoreError> {
    row.int(index).map(|count| u64::try_from(count).unwrap_or_default())
}

fn time(row: &Row, index: usize) -> Result<DateTime<Utc>, StoreError> {
    row.int(index).map(|micros| DateTime::from_timestamp_micros(micros).unwrap_or_default())
}

fn parsed<T: DeserializeOwned>(table: &'static str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| bad(table, &error))
}

fn named<T: DeserializeOwned>(word: String) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(word)).map_err(|error| bad("fingerprints", &error))
}

fn bad(table: &'static str, error: &dyn std::error::Error) -> StoreError {
    StoreError::Row { table, problem: error.to_string() }
}
