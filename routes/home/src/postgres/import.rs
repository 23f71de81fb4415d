//! A table's first time in a database: its schema is made, and a text comes in with the journal that it has so far.

use routes::generation::Generation;
use routes::journal::Entry;
use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;

use super::{Database, LONG_LIMIT, sql};
use crate::error::HomeError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// The table is there now.
    Made,
    /// There is one of that name already; nothing was changed.
    There,
}

impl Database {
    /// Makes the table with a text, its generation, and the bytes of the journal beside it; all of it or nothing.
    ///
    /// # Errors
    /// The database can't be reached, or does not allow it.
    pub fn import(
        &self,
        text: &str,
        generation: &Generation,
        journal: &[u8],
        who: &str,
    ) -> Result<Imported, HomeError> {
        let doing = "put the first generation into";
        let (pool, name) = (self.pool.clone(), self.address.name.clone());
        let (text, generation) = (text.to_owned(), generation.clone());
        let (lines, who) = (lines(journal), who.to_owned());
        let imported = self.worker.wait(LONG_LIMIT, async move {
            let mut on = pool.acquire().await?.detach();
            prepare(&mut on).await?;
            let mut inside = on.begin().await?;
            if sql::text(&mut *inside, &name).await?.is_some() {
                return Ok(Imported::There);
            }
            sql::insert(&mut inside, &name, &text, &generation, &who).await?;
            for (line, (sequence, bytes)) in (1..).zip(&lines) {
                sql::insert_line(&mut inside, &name, line, *sequence, bytes).await?;
            }
            sql::tell(&mut inside, &name).await?;
            inside.commit().await?;
            on.close().await?;
            Ok(Imported::Made)
        });
        match imported {
            Ok(imported) => {
                imported.map_err(|error: sqlx::Error| self.address.failed(doing, error))
            }
            Err(_late) => Err(HomeError::Late { doing, place: self.place().to_owned() }),
        }
    }

    /// Whether the database has the table.
    ///
    /// # Errors
    /// The database can't be reached, or does not allow it.
    pub fn is_there(&self) -> Result<bool, HomeError> {
        match self.read() {
            Ok(_) => Ok(true),
            Err(HomeError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Makes what is missing: the schema is asked for first, because making it takes a right that using it does not.
async fn prepare(on: &mut PgConnection) -> Result<(), sqlx::Error> {
    let known = "SELECT count(*) FROM pg_namespace WHERE nspname = 'strangler_routes'";
    let count: i64 = sqlx::query_scalar(known).fetch_one(&mut *on).await?;
    if count == 0 {
        sqlx::query("CREATE SCHEMA IF NOT EXISTS strangler_routes").execute(&mut *on).await?;
    }
    MIGRATIONS.run_direct(None, on, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error,
        error => sqlx::Error::Migrate(Box::new(error)),
    })
}

/// The lines of a journal, with the sequence of those that are entries.
fn lines(journal: &[u8]) -> Vec<(Option<i64>, Vec<u8>)> {
    let journal = journal.strip_suffix(b"\n").unwrap_or(journal);
    if journal.is_empty() {
        return Vec::new();
    }
    let lines = journal.split(|byte| *byte == b'\n').map(|line| {
        let entry: Option<Entry> = serde_json::from_slice(line).ok();
        let sequence = entry.and_then(|entry| i64::try_from(entry.sequence).ok());
        (sequence, line.to_owned())
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_kept_entry_or_not() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"a\n"), [(None, b"a".to_vec())]);
        assert_eq!(
            lines(b"a\n\ntorn"),
            [(None, b"a".to_vec()), (None, Vec::new()), (None, b"torn".to_vec())]
        );
    }
}
