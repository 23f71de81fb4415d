//! Reinforcement learning: worlds to act in, learners that get better at it, and what they have learned. No I/O here,
//! and all chance comes from seeds.
//!
//! The same seed gives the same bytes, on one kind of processor: the order in which a product is summed up is that of the
//! kernel that suits the processor.

pub mod chance;
pub mod numbers;
pub mod environment;
pub mod settings;
pub mod network;
pub mod dueling;
pub mod optimiser;
pub mod learner;
pub mod ppo;
pub mod replay;
pub mod priorities;
pub mod sac;
pub mod categorical;
pub mod rainbow;
pub mod policy;
pub mod training;
pub mod evaluation;
#[cfg(test)]
mod tests;

pub use chance::Chance;
pub use environment::{Action, Environment, State};
pub use evaluation::Evaluation;
pub use policy::{Decision, Policy};
pub use settings::{Algorithm, Settings};
pub use training::{Course, Progress, Trained};

/// Why something of this module did not work out.
#[derive(Debug, thiserror::Error)]
pub enum LearningError {
    /// The arithmetic: shapes that do not fit, which is a mistake of this program unless a stored model is at fault.
    #[error("the arithmetic of a network failed")]
    Tensor(#[source] Box<candle_core::Error>),
    /// What is stored is no model of this algorithm.
    #[error("the stored model does not hold: {0}")]
    Model(String),
    /// Whoever asked for it wants it no more.
    #[error("stopped before its end")]
    Stopped,
}

impl From<candle_core::Error> for LearningError {
    fn from(error: candle_core::Error) -> Self {
        Self::Tensor(Box::new(error))
    }
}

/// What the functions of this module give.
pub type Outcome<T> = Result<T, LearningError>;
