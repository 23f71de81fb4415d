//! The servers behind each backend: which one is asked next, and how well each is.

mod secure;
pub(crate) mod target;
pub(crate) mod pool;
pub(crate) mod resolve;
pub(crate) mod build;
mod probe;
pub(crate) mod health;

pub use build::Build;
pub(crate) use pool::Pool;
pub use secure::Server;
pub(crate) use secure::{Identity, Trust, Wire};
pub(crate) use target::Target;
