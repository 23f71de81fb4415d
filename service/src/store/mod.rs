//! The only place that speaks SQL: reads and writes the rows that `tables` defines.

pub mod error;
mod engine;
pub mod schema;
pub mod open;
mod prepare;
pub mod session;
pub mod split;
mod writers;
pub mod rehearsal;
pub mod rows;
pub(crate) mod visit;
mod identifiers;
pub mod page;
pub mod workflows;
pub mod executions;
pub mod step_executions;
pub mod runs;
pub mod proofs;
pub mod limits;
pub mod audit;
pub mod policies;
pub mod trust_scores;
pub mod sandboxes;
pub mod learners;
pub mod trainings;
pub mod orchestrators;
pub mod courses;
pub mod communication;
pub mod performance;
pub mod meta_models;
pub mod creativity;
pub mod deployments;
pub mod instances;
pub mod jobs;
pub mod leases;
pub mod marketplace;
pub mod portfolio;
#[cfg(test)]
mod round_trip;

use std::sync::Weak;

pub(crate) use engine::sqlite_cells;
use engine::{Connection, Pool, Query};
pub use error::StoreError;
pub use page::Page;
use rehearsal::{Part, Rehearsals, Stage};
use writers::{Member, Writers};

/// The database, or what a rehearsal sees of it. Cheap to clone; clones share one pool.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    writers: Writers,
    rehearsals: Rehearsals,
    /// Where a rehearsal takes place; none: everything is real.
    stage: Option<Weak<Stage>>,
    #[cfg(test)]
    asked: rows::Asked,
}

/// What is written at once or not at all. Nothing it has read can change under it: it has SQLite's write lock from its first
/// moment, or PostgreSQL's lock of the service's writers, and there locks the monolith's rows as it finds them. Dropped without
/// [`Writing::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Writing(Hold);

#[derive(Debug)]
enum Hold {
    /// Part of a transaction that may have others: committing it waits until all of it is committed.
    Real(Member),
    /// Part of a rehearsal: committing it shows it to the rest of that, and to nobody else.
    Rehearsed(Part),
}

impl Store {
    /// Begins to write. Writers of this process queue here, in order; against other processes the busy time-out decides.
    pub async fn write(&self) -> Result<Writing, StoreError> {
        if let Some(stage) = &self.stage {
            return Ok(Writing(Hold::Rehearsed(Stage::part(stage).await?)));
        }
        Ok(Writing(Hold::Real(self.writers.join().await?)))
    }

    /// Whether what is written here never lasts.
    pub fn is_rehearsal(&self) -> bool {
        self.stage.is_some()
    }

    /// Asks the database for nothing, to see that it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let answered = async {
            let mut connection = self.pool.acquire().await?;
            connection.connection().fetch(Query::plain("SELECT 1"), Vec::new()).await
        };
        answered.await.map(drop).map_err(|source| StoreError::query("reach the database", source))
    }

    /// Closes every connection and waits for them.
    pub async fn close(&self) {
        self.rehearsals.close().await;
        self.pool.close().await;
    }
}

impl Writing {
    /// Makes everything written so far last; in a rehearsal, for the rest of it.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Hold::Real(member) => member.keep().await,
            Hold::Rehearsed(part) => part.keep().await,
        }
    }

    async fn connection(&mut self) -> Result<Connection<'_>, StoreError> {
        match &mut self.0 {
            Hold::Real(member) => Ok(member.connection()),
            Hold::Rehearsed(part) => part.connection().await,
        }
    }

    /// What a failed query means.
    fn failed(&self, doing: &'static str, source: sqlx::Error) -> StoreError {
        match self.0 {
            Hold::Real { .. } => StoreError::query(doing, source),
            Hold::Rehearsed(_) => engine::rehearsed(doing, source),
        }
    }
}
