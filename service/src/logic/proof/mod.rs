//! Proofs of steps: what a step took, gave and cost is committed to, signed, and proven without being shown.

pub mod unproven;
pub mod opening;
pub mod range;
pub mod step;
pub mod document;

pub use opening::Opening;
pub use step::{Statement, StepProof, check, check_steps, prove, verify};
pub use unproven::Unproven;
