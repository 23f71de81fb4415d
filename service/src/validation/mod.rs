//! Says what a request takes and collects every problem of one that does not fit, as the monolith reports them.
//!
//! An endpoint describes its fields once, with [`field`] and the kinds of [`Kind`]; checking, coercion, the
//! error list and the OpenAPI schema all come from that description.

pub mod coerce;
pub mod kind;
pub mod problem;
pub mod query;
pub mod schema;
pub mod example;
pub mod shape;

pub use kind::Kind;
pub use problem::{Place, Problem};
pub use shape::{Shape, field};
