//! The network of Rainbow: what a state is worth and what each action adds to it, as distributions over fixed returns.

use candle_core::Tensor;

use super::environment::{ACTIONS, FEATURES};
use super::network::{Network, Tensors};
use super::{Chance, Outcome};

/// Returns that a distribution has probabilities for.
pub const ATOMS: usize = 51;

/// Common features, and a stream each for the value of the state and the advantages of the actions.
#[derive(Debug)]
pub struct Dueling {
    features: Network,
    value: Network,
    advantage: Network,
}

impl Dueling {
    /// A network of this width; the streams are half as wide, and noisy.
    pub fn new(width: usize, chance: &mut Chance) -> Outcome<Self> {
        Ok(Self {
            features: Network::new(&[FEATURES, width, width], chance)?,
            value: Network::noisy(&[width, width / 2, ATOMS], chance)?,
            advantage: Network::noisy(&[width, width / 2, ACTIONS * ATOMS], chance)?,
        })
    }

    /// For each row, action and atom the unnormalised logarithm of its probability.
    pub fn forward(&self, states: &Tensor) -> Outcome<Tensor> {
        self.through(states, Network::forward)
    }

    /// The same under the noise of the moment.
    pub fn forward_with_noise(&self, states: &Tensor) -> Outcome<Tensor> {
        self.through(states, Network::forward_with_noise)
    }

    fn through(
        &self,
        states: &Tensor,
        forward: impl Fn(&Network, &Tensor) -> Outcome<Tensor>,
    ) -> Outcome<Tensor> {
        let features = self.features.forward(states)?.relu()?;
        let value = forward(&self.value, &features)?.reshape(((), 1, ATOMS))?;
        let advantage = forward(&self.advantage, &features)?.reshape(((), ACTIONS, ATOMS))?;
        let centred = advantage.broadcast_sub(&advantage.mean_keepdim(1)?)?;
        Ok(centred.broadcast_add(&value)?)
    }

    /// Draws the noise anew.
    pub fn renew_noise(&mut self, chance: &mut Chance) -> Outcome<()> {
        self.value.renew_noise(chance)?;
        self.advantage.renew_noise(chance)
    }

    /// What an optimiser moves.
    pub fn parameters(&self) -> Vec<candle_core::Var> {
        self.parts().into_iter().flat_map(|(_, part)| part.parameters()).collect()
    }

    /// Becomes like another.
    pub fn copy(&self, other: &Self) -> Outcome<()> {
        let pairs = self.parts().into_iter().zip(other.parts());
        pairs.into_iter().try_for_each(|((_, mine), (_, its))| mine.approach(its, 1.0))
    }

    /// Adds its tensors under the monolith's names.
    pub fn store(&self, tensors: &mut Tensors) {
        for (name, part) in self.parts() {
            part.store(name, tensors);
        }
    }

    /// What [`Dueling::store`] has stored.
    pub fn restore(tensors: &Tensors) -> Outcome<Self> {
        let [features, value, advantage] = NAMES;
        let width = tensors.get(&format!("{features}.2.bias")).map_or(0, Tensor::elem_count);
        Ok(Self {
            features: Network::restore(features, tensors, FEATURES, width)?,
            value: Network::restore(value, tensors, width, ATOMS)?,
            advantage: Network::restore(advantage, tensors, width, ACTIONS * ATOMS)?,
        })
    }

    fn parts(&self) -> [(&'static str, &Network); 3] {
        let [features, value, advantage] = NAMES;
        [(features, &self.features), (value, &self.value), (advantage, &self.advantage)]
    }
}

/// The monolith's names of the parts.
const NAMES: [&str; 3] = ["feature_layer", "value_stream", "advantage_stream"];
