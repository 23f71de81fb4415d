//! Following a table: what is seen of it, whenever it may be another.

mod file;

use std::sync::Arc;

use routes::store::TableFile;

use crate::error::HomeError;
use crate::postgres::{Database, Follower};
use file::FileWatch;

/// What was seen.
#[derive(Debug)]
pub enum Seen {
    /// The text as it stands, which may be the same as before.
    Text(String),
    /// There is something else than a text.
    Unreadable(HomeError),
    /// The place itself can't be reached. A text follows as soon as it can, whether it is another or not.
    Lost(HomeError),
}

/// A watch over one table; dropping it ends it.
#[derive(Debug)]
pub struct Watch(Inner);

#[derive(Debug)]
enum Inner {
    File(FileWatch),
    Postgres(Follower),
}

impl Watch {
    pub(crate) fn of_file(file: &TableFile) -> Self {
        Self(Inner::File(FileWatch::new(file.clone())))
    }

    pub(crate) fn of_database(database: &Arc<Database>) -> Self {
        Self(Inner::Postgres(Follower::new(database)))
    }

    /// Waits until there is something to see. A call that is given up loses nothing.
    pub async fn next(&mut self) -> Seen {
        match &mut self.0 {
            Inner::File(watch) => watch.next().await,
            Inner::Postgres(follower) => follower.next().await,
        }
    }
}
