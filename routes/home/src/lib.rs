//! Where the route table is kept, with its generations and its journal: asked by everything that reads, flips or follows it.
//!
//! A [`Home`] is read, locked and watched. Whoever holds its lock has a [`Held`], the only thing that can change it: the intent
//! goes to the journal before (or with) the table, the text is replaced only where it is still the one that was read.

mod error;
mod home;
mod held;
mod watch;
mod postgres;
mod copy;

pub use copy::{Copied, LocalCopy};
pub use error::HomeError;
pub use held::{Held, Replacement};
pub use home::{Home, Stamp};
pub use postgres::{Database, Imported};
pub use watch::{Seen, Watch};
