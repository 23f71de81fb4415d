//! What the source of a Python monolith says about a border drawn through it: text in, facts out. No Python is run, no file is read.
//!
//! Each file becomes [`Facts`] by itself (`python` → `facts`). Then all of them together are asked which file a name means
//! (`modules` → `names` → `links` → `cycles`; `lookup` → `routes`), and [`survey`] judges that by which files are extracted
//! ([`border`], [`served`], [`tables`], [`callers`]). [`change`] compares two such answers, [`cleanup`] plans to take the files out, and [`used`] says
//! what a client of the service has to offer to the files that stay.

pub mod python;
pub mod classes;
pub mod facts;
mod standard;
pub mod modules;
pub mod names;
pub mod links;
pub mod cycles;
mod lookup;
pub mod routes;
pub mod border;
pub mod served;
pub mod groups;
pub mod tables;
pub mod callers;
pub mod survey;
pub mod change;
pub mod removal;
pub mod offered;
pub mod cleanup;
pub mod calls;
pub mod used;

pub use border::{Border, Sides};
pub use facts::Facts;
pub use survey::Survey;

/// A file of the monolith, by its place in the list that was given; see [`modules::Modules`].
pub type FileId = usize;
