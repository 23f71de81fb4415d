//! The route table: everything about `routes.toml` that needs no network and no async runtime.
//!
//! Read the modules in this order. A file's text is read as what was typed (`syntax`, `document`, `file`, `settings`),
//! checked (`validate`) and turned into what is meant ([`table`]), compiled for matching ([`matcher`]) and asked for a
//! decision per request ([`decide`]); [`explain`] tells how it came about. The other way, a change is made to the text so
//! that comments survive ([`edit`]), replaces the file atomically under a lock ([`store`]) and is recorded ([`journal`]).

pub mod problem;
mod syntax;
mod document;
mod listen;
mod targets;
mod file;
mod settings;
mod validate;
pub mod stage;
pub mod pattern;
pub mod duration;
pub mod backend;
pub mod compare;
pub mod policy;
pub mod twin_log;
pub mod table;
pub mod pointer;
mod path_check;
pub mod matcher;
pub mod target_path;
pub mod decide;
pub mod explain;
pub mod generation;
pub mod edit;
pub mod store;
pub mod journal;
pub mod admin;

/// Header of a request that only looks whether all is well, as `migrate verify service` sends it: the proxy copies none of its reads, so
/// that it is no evidence for anything, and keeps the header to itself.
pub const PROBE: &str = "x-strangler-probe";

pub use backend::{Backend, BackendId, Target};
pub use decide::{Decision, RequestFacts, StickyValue};
pub use generation::{Digest, Generation};
pub use listen::{Https, Listen};
pub use matcher::{PathRefusal, RouteMatch};
pub use problem::{Problem, Problems};
pub use stage::Stage;
pub use table::{Route, RouteId, RouteTable};
