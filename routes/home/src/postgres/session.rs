//! The session that holds a table's lock, and writes: journal and table in one transaction.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use routes::Digest;
use routes::generation::Generation;
use routes::journal::Record;
use sqlx::postgres::PgConnection;

use super::{Database, LIMIT, sql};
use crate::error::HomeError;
use crate::held::Replacement;

/// Longest wait for the lock to be given back.
const UNLOCK_LIMIT: Duration = Duration::from_secs(1);

/// The lock, until this is dropped or its connection is lost.
#[derive(Debug)]
pub(crate) struct Session {
    database: Arc<Database>,
    /// Nothing after a failure that left it in doubt.
    connection: Mutex<Option<PgConnection>>,
}

/// What a transaction makes of the text.
#[derive(Debug)]
struct Next {
    replaces: Option<Digest>,
    text: String,
    generation: Generation,
}

impl Next {
    fn new(replacement: Replacement<'_>, generation: &Generation) -> Self {
        Self {
            replaces: replacement.replaces.cloned(),
            text: replacement.text.to_owned(),
            generation: generation.clone(),
        }
    }
}

impl Session {
    pub(super) fn new(database: Arc<Database>, connection: PgConnection) -> Self {
        Self { database, connection: Mutex::new(Some(connection)) }
    }

    /// Appends one entry to the journal.
    pub(crate) fn note(&self, record: Record) -> Result<(), HomeError> {
        self.begin("write the journal of", record, None)?;
        self.commit("write the journal of")
    }

    /// Journals an intent and replaces the text, both or neither; `intended` runs before that is settled.
    pub(crate) fn write(
        &self,
        intent: Record,
        next: Replacement<'_>,
        intended: impl FnOnce(),
    ) -> Result<(), HomeError> {
        let next = Next::new(next, &intent.after);
        self.begin("write", intent, Some(next))?;
        intended();
        self.commit("settle whether the new generation is written at")
    }

    /// Puts a text back and journals that, both or neither; `restored` runs before that is settled.
    pub(crate) fn put_back(
        &self,
        ending: Record,
        before: Replacement<'_>,
        restored: impl FnOnce(),
    ) -> Result<(), HomeError> {
        let nameless = Generation { number: 0, digest: Digest::of(before.text) };
        let next = Next::new(before, ending.before.as_ref().unwrap_or(&nameless));
        self.begin("write", ending, Some(next))?;
        restored();
        self.commit("settle whether the generation before is back at")
    }

    fn begin(
        &self,
        doing: &'static str,
        record: Record,
        next: Option<Next>,
    ) -> Result<(), HomeError> {
        self.run(doing, Step::Begin(Box::new((record, next))))
    }

    fn commit(&self, doing: &'static str) -> Result<(), HomeError> {
        self.run(doing, Step::Commit)
    }

    /// Does one step on the connection. After a failure it is undone; where even that fails the connection is given up.
    fn run(&self, doing: &'static str, step: Step) -> Result<(), HomeError> {
        let place = || self.database.place().to_owned();
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut on = slot.take().ok_or_else(|| HomeError::LockLost { place: place() })?;
        let name = self.database.address.name.clone();
        let done = self.database.worker.wait(LIMIT, async move {
            let done = step.take(&mut on, &name).await;
            let is_undone = match &done {
                Ok(Outcome::Fine) => true,
                _ => sqlx::query("ROLLBACK").execute(&mut on).await.is_ok(),
            };
            (is_undone.then_some(on), done)
        });
        let (connection, done) = done.map_err(|_late| HomeError::Late { doing, place: place() })?;
        *slot = connection;
        match done {
            Ok(Outcome::Fine) => Ok(()),
            Ok(Outcome::Changed) => Err(HomeError::Changed { place: place() }),
            Ok(Outcome::Missing) => Err(HomeError::Missing { place: place() }),
            Err(error) => Err(self.database.address.failed(doing, error)),
        }
    }
}

/// One of the two halves of a transaction.
#[derive(Debug)]
enum Step {
    /// Everything but the end: the entry, and the text where there is another.
    Begin(Box<(Record, Option<Next>)>),
    Commit,
}

/// What came of it.
#[derive(Debug)]
enum Outcome {
    Fine,
    /// The text is not the one that was to be replaced.
    Changed,
    /// There is no such table.
    Missing,
}

impl Step {
    async fn take(self, on: &mut PgConnection, name: &str) -> Result<Outcome, sqlx::Error> {
        let (record, next) = match self {
            Self::Commit => {
                sqlx::query("COMMIT").execute(on).await?;
                return Ok(Outcome::Fine);
            }
            Self::Begin(change) => *change,
        };
        sqlx::query("BEGIN").execute(&mut *on).await?;
        if let Some(next) = next {
            let Some(text) = sql::text_to_change(on, name).await? else {
                return Ok(Outcome::Missing);
            };
            if next.replaces.is_some_and(|expected| expected != Digest::of(&text)) {
                return Ok(Outcome::Changed);
            }
            sql::replace(on, name, &next.text, &next.generation, &record.who).await?;
        }
        sql::append(on, name, record).await?;
        sql::tell(on, name).await?;
        Ok(Outcome::Fine)
    }
}

impl Drop for Session {
    /// Gives the lock back. Where that fails it ends with the connection, which is closed in any case.
    fn drop(&mut self) {
        let slot = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(mut connection) = slot.take() else { return };
        let name = self.database.address.name.clone();
        let _unlocked = self.database.worker.wait(UNLOCK_LIMIT, async move {
            let _unlocked = sql::unlock(&mut connection, &name).await;
            let _closed = sqlx::Connection::close(connection).await;
        });
    }
}
