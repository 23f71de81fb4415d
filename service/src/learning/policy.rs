//! What was learned: a network that says what to do, as bytes in the safetensors format and back.
//!
//! Names and shapes of the tensors are those of the monolith's own networks.

use std::collections::HashMap;

use candle_core::Tensor;
use candle_nn::ops::softmax;

use super::dueling::Dueling;
use super::environment::{ACTIONS, Action, FEATURES, State};
use super::network::{Network, Tensors, rows};
use super::rainbow::expected;
use super::{Algorithm, LearningError, Outcome};

/// Somebody who has learned, and learns no more.
#[derive(Debug)]
pub struct Policy(Kind);

#[derive(Debug)]
enum Kind {
    /// Says how likely each action should be.
    Actor(Network),
    /// Says what is expected of each action.
    Critic(Dueling),
}

/// What to do, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The action with the highest score.
    pub action: Action,
    /// For each action its probability (PPO, SAC) or the return that is expected of it (Rainbow).
    pub scores: [f32; ACTIONS],
}

impl Policy {
    /// The bytes of an actor, under the name that the monolith gives it.
    pub fn of_actor(actor: &Network, name: &str) -> Outcome<Vec<u8>> {
        let mut tensors = Tensors::new();
        actor.store(name, &mut tensors);
        bytes(&tensors)
    }

    /// The bytes of Rainbow's network.
    pub fn of_dueling(network: &Dueling) -> Outcome<Vec<u8>> {
        let mut tensors = Tensors::new();
        network.store(&mut tensors);
        bytes(&tensors)
    }

    /// The policy that an algorithm's bytes are of.
    pub fn read(algorithm: Algorithm, bytes: &[u8]) -> Outcome<Self> {
        let tensors = candle_core::safetensors::load_buffer(bytes, &candle_core::Device::Cpu)
            .map_err(|error| LearningError::Model(error.to_string()))?;
        let tensors: Tensors = tensors.into_iter().collect();
        let actor = |name| Network::restore(name, &tensors, FEATURES, ACTIONS).map(Kind::Actor);
        Ok(Self(match algorithm {
            Algorithm::Ppo => actor("actor")?,
            Algorithm::Sac => actor("actor_mean")?,
            Algorithm::RainbowDqn => Kind::Critic(Dueling::restore(&tensors)?),
        }))
    }

    /// What to do in each of these states.
    pub fn decide(&self, states: &[State]) -> Outcome<Vec<Decision>> {
        let states = rows(states)?;
        let scores = match &self.0 {
            Kind::Actor(actor) => probabilities(actor, &states)?,
            Kind::Critic(network) => scores(&expected(&network.forward(&states)?)?)?,
        };
        Ok(scores.into_iter().map(Decision::of).collect())
    }
}

impl Decision {
    fn of(scores: [f32; ACTIONS]) -> Self {
        let mut best = 0;
        for (place, score) in scores.iter().enumerate() {
            if scores.get(best).is_none_or(|so_far| score > so_far) {
                best = place;
            }
        }
        Self { action: Action::at(best), scores }
    }
}

/// How likely an actor makes each action in each of the states.
pub fn probabilities(actor: &Network, states: &Tensor) -> Outcome<Vec<[f32; ACTIONS]>> {
    scores(&softmax(&actor.forward(states)?, 1)?)
}

fn scores(rows: &Tensor) -> Outcome<Vec<[f32; ACTIONS]>> {
    let rows = rows.detach().to_vec2::<f32>()?;
    Ok(rows.into_iter().map(|row| <[f32; ACTIONS]>::try_from(row).unwrap_or_default()).collect())
}

fn bytes(tensors: &Tensors) -> Outcome<Vec<u8>> {
    // PyTorch's loader asks for this word.
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(tensors, Some(about))
        .map_err(|error| LearningError::Model(error.to_string()))
}
