//! The move of the service's tables from one database to another: copy, follow, switch, and the way back.
//!
//! Triggers on the source note by their keys which rows change ([`marks`]). Every row is copied ([`copy`]), then the rows behind
//! the noted keys are carried over as they are now ([`replay`]), again and again, and every row is compared ([`verify`]). At the
//! switch a fence refuses every write at the source, what is left is carried over, the rows are counted ([`compare`]), and the target
//! is put in force: one transaction there, before which the source is in force and after which the target is. The way back is the
//! same in one transaction at the source. What either database says ([`standing`]) tells where a move stands after a crash at any
//! point.

pub mod place;
pub mod error;
pub mod border;
pub mod standing;
pub mod marks;
pub mod carried;
pub mod canonical;
pub mod misfit;
mod lock;
pub mod side;
pub mod progress;
pub mod copy;
pub mod replay;
pub mod verify;
pub mod compare;
pub mod mover;
pub mod beginning;
pub mod switching;
mod ending;
#[cfg(test)]
mod tests;

pub use compare::Thoroughness;
pub use error::SplitError;
pub use mover::{Mover, Stopwatch, Told};
pub use place::Place;
pub use standing::{Standing, Verb};
