//! Where evidence lasts: one SQLite file, or a PostgreSQL database that several proxies share.
//!
//! Both speak the same SQL; what differs is how they are [opened](open) and how their size is [measured](prune).

mod error;
mod sql;
mod location;
mod open;
mod write;
mod read;
mod prune;

pub use error::{StoreError, Trouble};
pub(crate) use location::Location;
pub(crate) use prune::Limits;

use sql::Connection;

/// An open store. After an error or an interrupted call it is to be dropped: what was begun is then undone.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) connection: Connection,
    /// Under which name this proxy counts.
    proxy: String,
}

impl Store {
    /// Ends the connection in good order.
    pub(crate) async fn close(self) {
        self.connection.close().await;
    }
}
