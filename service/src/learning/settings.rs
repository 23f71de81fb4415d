//! How somebody learns: the algorithms, and the figures that can be set for each.

use serde::{Deserialize, Serialize};

use crate::tables::choice::choice;

choice! {
    /// How somebody learns.
    pub enum Algorithm {
        /// Proximal policy optimisation (Schulman et al., 2017).
        Ppo = "PPO" / "ppo",
        /// Soft actor-critic for discrete actions (Haarnoja et al., 2018; Christodoulou, 2019).
        Sac = "SAC" / "sac",
        /// Rainbow (Hessel et al., 2018): a distributional deep Q-network with dueling streams, double Q-learning,
        /// prioritised replay, several steps at once, and noise in place of random actions.
        RainbowDqn = "RAINBOW_DQN" / "rainbow_dqn",
    }
}

/// The figures of one training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Episodes until it ends.
    pub max_episodes: u32,
    /// Width of the hidden layers.
    pub hidden_size: usize,
    /// How far one update goes.
    pub learning_rate: f64,
    /// What a reward one step later is worth, from 0 to 1.
    pub discount_factor: f64,
    /// Rows in one update.
    pub batch_size: usize,
}

impl Settings {
    /// What suits an algorithm: seconds of one core for a clear lead over chance. Discount and batch are the contract's. Its
    /// networks are wider (256, and 512 for Rainbow), which learns no better here and takes many times as long.
    pub const fn of(algorithm: Algorithm) -> Self {
        let (max_episodes, hidden_size, learning_rate) = match algorithm {
            Algorithm::Ppo => (320, 128, 0.001),
            Algorithm::Sac => (160, 128, 0.001),
            Algorithm::RainbowDqn => (160, 128, 0.0005),
        };
        Self { max_episodes, hidden_size, learning_rate, discount_factor: 0.99, batch_size: 64 }
    }
}

/// The figures that somebody wants to be others.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Overrides {
    max_episodes: Option<u32>,
    hidden_size: Option<usize>,
    learning_rate: Option<f64>,
    discount_factor: Option<f64>,
    batch_size: Option<usize>,
}

impl Overrides {
    /// These figures, and for the others those of `base`.
    pub fn over(self, base: &Settings) -> Settings {
        Settings {
            max_episodes: self.max_episodes.unwrap_or(base.max_episodes),
            hidden_size: self.hidden_size.unwrap_or(base.hidden_size),
            learning_rate: self.learning_rate.unwrap_or(base.learning_rate),
            discount_factor: self.discount_factor.unwrap_or(base.discount_factor),
            batch_size: self.batch_size.unwrap_or(base.batch_size),
        }
    }
}
