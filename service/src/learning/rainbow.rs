//! Rainbow: a deep Q-network that learns distributions of returns, with everything that was found to help.
//!
//! Hessel et al., "Rainbow: Combining Improvements in Deep Reinforcement Learning" (2018): double Q-learning, prioritised
//! replay, dueling streams, several steps at once, distributions of returns, and noisy layers.

use candle_core::{D, Tensor};
use candle_nn::ops::{log_softmax, softmax};

use super::categorical::{atoms, shifted};
use super::dueling::{ATOMS, Dueling};
use super::environment::{ACTIONS, Action, State};
use super::learner::{Learner, Seen};
use super::network::{column, rows};
use super::numbers::{shortened, single};
use super::optimiser::Optimiser;
use super::policy::Policy;
use super::priorities::Priorities;
use super::replay::{Batch, Lookahead, Replay};
use super::{Chance, Outcome, Settings};

const CAPACITY: usize = 32_768;
/// Steps that are taken at random before anything is learned.
const WARM_UP: usize = 400;
/// Updates after one step of each episode side by side.
const UPDATES: usize = 2;
/// Updates after which the target becomes like the network that learns.
const RENEW_TARGET: usize = 100;
const STEPS: usize = 3;
const GRADIENT_LIMIT: f64 = 10.0;
/// How much priorities count: 0 not at all, 1 fully.
const PRIORITY_POWER: f32 = 0.5;
/// How much of what drawing by priority distorts is made good at first; in the end all of it is.
const CORRECTION: f32 = 0.4;
/// Updates until all of it is.
const CORRECTED_AFTER: usize = 2000;

/// The algorithm with its networks.
#[derive(Debug)]
pub struct Rainbow {
    network: Dueling,
    target: Dueling,
    optimiser: Optimiser,
    replay: Replay,
    priorities: Priorities,
    /// The greatest priority so far: what is new counts as much until it was looked at.
    greatest: f32,
    lookahead: Lookahead,
    batch: usize,
    updates: usize,
}

impl Rainbow {
    /// Somebody who has learned nothing yet.
    pub fn new(settings: &Settings, chance: &mut Chance) -> Outcome<Self> {
        let network = Dueling::new(settings.hidden_size, chance)?;
        let target = Dueling::new(settings.hidden_size, chance)?;
        target.copy(&network)?;
        let parameters = network.parameters();
        Ok(Self {
            network,
            target,
            optimiser: Optimiser::new(parameters, settings.learning_rate, GRADIENT_LIMIT)?,
            replay: Replay::new(CAPACITY),
            priorities: Priorities::new(CAPACITY),
            greatest: 1.0,
            lookahead: Lookahead::new(STEPS, shortened(settings.discount_factor)),
            batch: settings.batch_size,
            updates: 0,
        })
    }

    fn update(&mut self, chance: &mut Chance) -> Outcome<()> {
        let drawn: Vec<(usize, f32)> =
            (0..self.batch).map(|_| self.priorities.draw(chance)).collect();
        let places_of: Vec<usize> = drawn.iter().map(|(place, _)| *place).collect();
        let batch = self.replay.batch(&places_of)?;
        self.network.renew_noise(chance)?;
        self.target.renew_noise(chance)?;
        let goals = self.goals(&batch)?;
        let logarithms = log_softmax(&self.network.forward_with_noise(&batch.states)?, 2)?;
        let losses = (of_actions(&logarithms, &batch.actions)? * goals)?.sum(1)?.neg()?;
        let weights = column(self.weights(&drawn))?;
        self.optimiser.descend(&(&losses * weights)?.mean_all()?)?;
        for (place, loss) in places_of.into_iter().zip(losses.detach().to_vec1::<f32>()?) {
            let priority = (loss.max(0.0) + 1e-3).powf(PRIORITY_POWER);
            self.greatest = self.greatest.max(priority);
            self.priorities.set(place, priority);
        }
        self.updates += 1;
        if self.updates.is_multiple_of(RENEW_TARGET) {
            self.target.copy(&self.network)?;
        }
        Ok(())
    }

    /// The distributions that should have been expected of what was done. The network chooses what is done next, the
    /// target says what that brings: one alone would believe its own errors.
    fn goals(&self, batch: &Batch) -> Outcome<Tensor> {
        let next = expected(&self.network.forward_with_noise(&batch.after)?)?.argmax(1)?;
        let after = softmax(&self.target.forward_with_noise(&batch.after)?, 2)?;
        let after = of_actions(&after, &next)?.detach().to_vec2::<f32>()?;
        let shifts = batch.rewards.iter().zip(&batch.discounts);
        let goals: Vec<f32> = after
            .iter()
            .zip(shifts)
            .flat_map(|(after, (reward, discount))| shifted(after, *reward, *discount))
            .collect();
        Ok(column(goals)?.reshape(((), ATOMS))?)
    }

    /// What makes good that some transitions are drawn more often than others.
    fn weights(&self, drawn: &[(usize, f32)]) -> Vec<f32> {
        let done = (single(self.updates) / single(CORRECTED_AFTER)).min(1.0);
        let power = CORRECTION + (1.0 - CORRECTION) * done;
        let count = single(self.replay.len());
        let weights: Vec<f32> =
            drawn.iter().map(|(_, likely)| (count * likely.max(1e-9)).powf(-power)).collect();
        let greatest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        weights.into_iter().map(|weight| weight / greatest).collect()
    }
}

/// What is expected of each action, from unnormalised logarithms.
pub fn expected(logarithms: &Tensor) -> Outcome<Tensor> {
    let probabilities = softmax(logarithms, 2)?;
    Ok(probabilities.broadcast_mul(&column(atoms())?)?.sum(D::Minus1)?)
}

/// From each row the distribution of the row's action.
fn of_actions(distributions: &Tensor, actions: &Tensor) -> Outcome<Tensor> {
    let (count, _, atoms) = distributions.dims3()?;
    let actions = actions.reshape((count, 1, 1))?.broadcast_as((count, 1, atoms))?.contiguous()?;
    Ok(distributions.contiguous()?.gather(&actions, 1)?.squeeze(1)?)
}

impl Learner for Rainbow {
    fn act(&mut self, states: &[State], chance: &mut Chance) -> Outcome<Vec<Action>> {
        if self.replay.len() < WARM_UP {
            return Ok(states.iter().map(|_| Action::at(chance.below(ACTIONS))).collect());
        }
        self.network.renew_noise(chance)?;
        let best = expected(&self.network.forward_with_noise(&rows(states)?)?)?.argmax(1)?;
        let best = best.to_vec1::<u32>()?;
        Ok(best.into_iter().map(|index| Action::at(index as usize)).collect())
    }

    fn observe(&mut self, seen: &[Seen], chance: &mut Chance) -> Outcome<()> {
        for transition in self.lookahead.take(seen) {
            let place = self.replay.keep(transition);
            self.priorities.set(place, self.greatest);
        }
        if self.replay.len() < WARM_UP {
            return Ok(());
        }
        (0..UPDATES).try_for_each(|_| self.update(chance))
    }

    fn model(&self) -> Outcome<Vec<u8>> {
        Policy::of_dueling(&self.network)
    }
}
