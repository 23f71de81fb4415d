//! Proofs of steps: what a step took, gave and cost is committed to, signed, and proven without being shown.

pub mod unproven;
pub mod opening;
pub mod range;
pub mod step;
pub mod check;
pub mod document;

pub use check::{StepCheck, check, check_step, check_steps};
pub use opening::Opening;
pub use step::{Statement, StepProof, prove, verify};
pub use unproven::Unproven;
