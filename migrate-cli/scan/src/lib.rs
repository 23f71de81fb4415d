//! What the source of a Python monolith says about a border drawn through it: text in, facts out. No Python is run, no file is read.
//!
//! Each file becomes [`Facts`] by itself (`python` → `facts`). Then all of them together are asked which file a name means
//! (`modules` → `names` → `links` → `cycles`), and [`border`] judges that by which files are extracted.

pub mod python;
pub mod classes;
pub mod facts;
mod standard;
pub mod modules;
pub mod names;
pub mod links;
pub mod cycles;
pub mod border;

pub use border::{Border, Sides};
pub use facts::Facts;

/// A file of the monolith, by its place in the list that was given; see [`modules::Modules`].
pub type FileId = usize;
