//! A table under its lock: the only way to change it, in the order that survives a crash after any step.

use routes::Digest;
use routes::journal::{self, Phase, Record};
use routes::store::{TableFile, TableLock};

use crate::error::HomeError;
use crate::postgres::Session;

/// A table that is ours to change until this is dropped, or the process ends.
#[derive(Debug)]
pub struct Held(Inner);

#[derive(Debug)]
enum Inner {
    File { file: TableFile, lock: TableLock },
    Postgres(Session),
}

/// Another text for the table.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The text that it replaces: any other is left alone. `None`: whatever is there, for repairs.
    pub replaces: Option<&'a Digest>,
    /// The text.
    pub text: &'a str,
}

impl Held {
    pub(crate) fn of_file(file: TableFile, lock: TableLock) -> Self {
        Self(Inner::File { file, lock })
    }

    pub(crate) fn of_database(session: Session) -> Self {
        Self(Inner::Postgres(session))
    }

    /// Appends one entry to the journal.
    ///
    /// # Errors
    /// It can't be written.
    pub fn note(&self, record: Record) -> Result<(), HomeError> {
        match &self.0 {
            Inner::File { file, lock } => {
                journal::append(&file.journal_path(), lock, record)?;
                Ok(())
            }
            Inner::Postgres(session) => session.note(record),
        }
    }

    /// Journals an intent, then replaces the text; `intended` runs in between. Where the text can't be replaced, the journal
    /// of a file says that the one before stayed; in a database both are done or neither.
    ///
    /// # Errors
    /// The table was changed meanwhile; the table or the journal can't be written.
    pub fn write(
        &self,
        intent: Record,
        next: Replacement<'_>,
        intended: impl FnOnce(),
    ) -> Result<(), HomeError> {
        match &self.0 {
            Inner::File { file, lock } => {
                let refused = intent.ending(Phase::PutBack);
                journal::append(&file.journal_path(), lock, intent)?;
                intended();
                file.replace(lock, next.replaces, next.text).map_err(|problem| {
                    // The refusal to write is what must be heard of; an intent without an end is found by `history`.
                    let _unrecorded = journal::append(&file.journal_path(), lock, refused);
                    problem.into()
                })
            }
            Inner::Postgres(session) => session.write(intent, next, intended),
        }
    }

    /// Puts the text before an unfollowed change back, then journals that; `restored` runs in between.
    ///
    /// # Errors
    /// The table was changed meanwhile; the table or the journal can't be written.
    pub fn put_back(
        &self,
        ending: Record,
        before: Replacement<'_>,
        restored: impl FnOnce(),
    ) -> Result<(), HomeError> {
        match &self.0 {
            Inner::File { file, lock } => {
                file.replace(lock, before.replaces, before.text)?;
                restored();
                self.note(ending)
            }
            Inner::Postgres(session) => session.put_back(ending, before, restored),
        }
    }
}
