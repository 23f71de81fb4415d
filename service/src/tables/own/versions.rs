//! Versions of the service's own tables: what a later build has changed in tables that an older one made.
//!
//! A table that is not there is made as it is defined, so only what was there before has to be changed. What changes a definition
//! of an own table adds a version here that does the same to tables with rows.

use super::super::Engine;
use super::super::cell::Int;
use super::super::column::table;
use crate::python::time::Stamp;

table! {
    /// A version that the database has, and since when.
    pub struct SchemaVersion => "agent_service_schema" {
        version: Int [key],
        applied_at: Stamp,
    }
}

/// The version of own tables that were made before versions were recorded.
pub const FIRST: i64 = 1;

/// One version.
#[derive(Debug)]
pub struct Version {
    /// Its number, one more than that of the version before.
    pub number: i64,
    /// What it changed, in the order in which that is done.
    pub changes: &'static [Change],
}

/// What a version changes in one of the service's own tables.
#[derive(Debug)]
pub struct Change {
    /// The table. Where it is not there, there is nothing to change.
    pub table: &'static str,
    /// The statements for a file.
    pub sqlite: &'static [&'static str],
    /// The statements for a server.
    pub postgres: &'static [&'static str],
}

impl Change {
    /// The statements for a kind of database.
    pub const fn statements(&self, engine: Engine) -> &'static [&'static str] {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
}

/// Every version, in order. The first are the tables as they were when versions came to be recorded.
pub const ALL: &[Version] = &[Version { number: FIRST, changes: &[] }];

/// The last of some versions: that of tables which are made as they are defined.
pub fn latest(versions: &[Version]) -> i64 {
    versions.last().map_or(FIRST, |version| version.number)
}

/// The statement that records a version as applied now.
pub fn record(number: i64, engine: Engine) -> String {
    let now = match engine {
        // Milliseconds are all that it tells.
        Engine::Sqlite => "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
        Engine::Postgres => "now() AT TIME ZONE 'UTC'",
    };
    format!("INSERT INTO agent_service_schema (version, applied_at) VALUES ({number}, {now})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    #[test]
    fn versions_are_numbered_and_change_own_tables_only() {
        for (version, number) in ALL.iter().zip(FIRST..) {
            assert_eq!(version.number, number);
            assert!(version.changes.iter().all(|change| tables::is_own(change.table)));
        }
        assert_eq!(usize::try_from(latest(ALL)), Ok(ALL.len()));
    }
}
