//! Proximal policy optimisation: collects steps with the present policy, then improves it a little, many times over.
//!
//! Schulman et al., "Proximal Policy Optimization Algorithms" (2017), with generalised advantage estimation (Schulman et
//! al., 2016). The constants are the contract's.

use candle_core::Tensor;
use candle_nn::ops::log_softmax;

use super::environment::{ACTIONS, Action, FEATURES, Next, State};
use super::learner::{Learner, Seen};
use super::network::{Network, chosen, column, places, rows};
use super::numbers::{shortened, single};
use super::optimiser::Optimiser;
use super::policy::{Policy, probabilities};
use super::{Chance, Outcome, Settings};

/// Steps of each episode between two improvements.
const ROLLOUT: usize = 64;
const EPOCHS: usize = 4;
const CLIP: f32 = 0.2;
const VALUE_WEIGHT: f64 = 0.5;
const ENTROPY_WEIGHT: f64 = 0.01;
const GRADIENT_LIMIT: f64 = 0.5;
const LAMBDA: f32 = 0.95;

/// The algorithm with its networks.
#[derive(Debug)]
pub struct Ppo {
    actor: Network,
    critic: Network,
    optimiser: Optimiser,
    discount: f32,
    batch: usize,
    /// What was seen since the last improvement, for each of the episodes side by side.
    lanes: Vec<Vec<Seen>>,
}

/// Everything that an improvement learns from, a step in each row.
struct Lesson {
    states: Tensor,
    actions: Tensor,
    /// Logarithms of the probabilities with which the actions were chosen.
    chosen: Tensor,
    advantages: Tensor,
    returns: Tensor,
}

impl Ppo {
    /// Somebody who has learned nothing yet.
    pub fn new(settings: &Settings, chance: &mut Chance) -> Outcome<Self> {
        let width = settings.hidden_size;
        let actor = Network::new(&[FEATURES, width, width, ACTIONS], chance)?;
        let critic = Network::new(&[FEATURES, width, width, 1], chance)?;
        let parameters = [actor.parameters(), critic.parameters()].concat();
        Ok(Self {
            actor,
            critic,
            optimiser: Optimiser::new(parameters, settings.learning_rate, GRADIENT_LIMIT)?,
            discount: shortened(settings.discount_factor),
            batch: settings.batch_size,
            lanes: Vec::new(),
        })
    }

    fn values(&self, states: &Tensor) -> Outcome<Vec<f32>> {
        Ok(self.critic.forward(states)?.detach().squeeze(1)?.to_vec1()?)
    }

    /// The logarithm of the probability of each row's action.
    fn log_probabilities(&self, states: &Tensor, actions: &Tensor) -> Outcome<(Tensor, Tensor)> {
        let all = log_softmax(&self.actor.forward(states)?, 1)?;
        let of_actions = chosen(&all, actions)?;
        Ok((all, of_actions))
    }

    fn lesson(&self) -> Outcome<Lesson> {
        let mut advantages = Vec::new();
        let mut returns = Vec::new();
        for lane in &self.lanes {
            let before = self.values(&rows(lane.iter().map(|seen| &seen.state))?)?;
            let after = self.values(&rows(lane.iter().map(|seen| &seen.after))?)?;
            let of_lane = generalised_advantages(lane, &before, &after, self.discount);
            returns.extend(of_lane.iter().zip(&before).map(|(advantage, value)| advantage + value));
            advantages.extend(of_lane);
        }
        let all = || self.lanes.iter().flatten();
        let states = rows(all().map(|seen| &seen.state))?;
        let actions = places(all().map(|seen| seen.action.index()))?;
        let (_, chosen) = self.log_probabilities(&states, &actions)?;
        Ok(Lesson {
            states,
            actions,
            chosen: chosen.detach(),
            advantages: column(standardised(advantages))?,
            returns: column(returns)?,
        })
    }

    fn improve(&mut self, lesson: &Lesson) -> Outcome<()> {
        let (all, now) = self.log_probabilities(&lesson.states, &lesson.actions)?;
        let ratio = (now - &lesson.chosen)?.exp()?;
        let clipped = ratio.clamp(1.0 - CLIP, 1.0 + CLIP)?;
        let gain = (ratio * &lesson.advantages)?.minimum(&(clipped * &lesson.advantages)?)?;
        let entropy = (all.exp()? * &all)?.sum(1)?.neg()?;
        let values = self.critic.forward(&lesson.states)?.squeeze(1)?;
        let errors = (values - &lesson.returns)?.sqr()?;
        let loss = ((errors.mean_all()? * VALUE_WEIGHT)?
            - (gain.mean_all()? + (entropy.mean_all()? * ENTROPY_WEIGHT)?)?)?;
        self.optimiser.descend(&loss)
    }
}

impl Lesson {
    /// The rows with these numbers.
    fn part(&self, rows: &[usize]) -> Outcome<Self> {
        let rows = places(rows.iter().copied())?;
        let of = |tensor: &Tensor| tensor.index_select(&rows, 0);
        Ok(Self {
            states: of(&self.states)?,
            actions: of(&self.actions)?,
            chosen: of(&self.chosen)?,
            advantages: of(&self.advantages)?,
            returns: of(&self.returns)?,
        })
    }
}

impl Learner for Ppo {
    fn act(&mut self, states: &[State], chance: &mut Chance) -> Outcome<Vec<Action>> {
        let probabilities = probabilities(&self.actor, &rows(states)?)?;
        Ok(probabilities.iter().map(|row| Action::at(chance.weighted(row))).collect())
    }

    fn observe(&mut self, seen: &[Seen], chance: &mut Chance) -> Outcome<()> {
        self.lanes.resize_with(seen.len(), Vec::new);
        for (lane, seen) in self.lanes.iter_mut().zip(seen) {
            lane.push(*seen);
        }
        if self.lanes.iter().any(|lane| lane.len() < ROLLOUT) {
            return Ok(());
        }
        let lesson = self.lesson()?;
        for _ in 0..EPOCHS {
            let order = chance.order(self.lanes.len() * ROLLOUT);
            for rows in order.chunks(self.batch) {
                self.improve(&lesson.part(rows)?)?;
            }
        }
        self.lanes.clear();
        Ok(())
    }

    fn model(&self) -> Outcome<Vec<u8>> {
        Policy::of_actor(&self.actor, "actor")
    }
}

/// Generalised advantage estimation over one lane, given what the critic makes of the states before and after each step.
/// Past the end of a world nothing follows; past a cut, what the critic expects.
fn generalised_advantages(lane: &[Seen], before: &[f32], after: &[f32], discount: f32) -> Vec<f32> {
    let mut following = 0.0;
    let mut advantages: Vec<f32> = lane
        .iter()
        .zip(before.iter().zip(after))
        .rev()
        .map(|(seen, (before, after))| {
            let future = if seen.next == Next::End { 0.0 } else { discount * after };
            let surprise = seen.reward + future - before;
            let goes_on = if seen.next == Next::Step { discount * LAMBDA * following } else { 0.0 };
            following = surprise + goes_on;
            following
        })
        .collect();
    advantages.reverse();
    advantages
}

/// The same figures with mean 0 and deviation 1.
fn standardised(figures: Vec<f32>) -> Vec<f32> {
    let count = single(figures.len().max(1));
    let mean = figures.iter().sum::<f32>() / count;
    let variance = figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f32>() / count;
    let deviation = variance.sqrt() + 1e-8;
    figures.into_iter().map(|figure| (figure - mean) / deviation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(reward: f32, next: Next) -> Seen {
        let state = [0.0; FEATURES];
        Seen { state, action: Action::Maintain, reward, after: state, next }
    }

    #[test]
    fn advantages_look_ahead_up_to_the_end_of_the_episode() {
        let lane = [
            seen(1.0, Next::Step),
            seen(2.0, Next::Cut),
            seen(3.0, Next::Step),
            seen(4.0, Next::End),
        ];
        let advantages =
            generalised_advantages(&lane, &[0.5, 1.0, 1.5, 2.0], &[1.0, 10.0, 2.0, 99.0], 0.9);
        // From the back: 4 - 2; 3 + .9*2 - 1.5 + .9*.95*2; 2 + .9*10 - 1; 1 + .9*1 - .5 + .9*.95*10.
        let expected = [9.95, 10.0, 5.01, 2.0];
        for (found, expected) in advantages.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{advantages:?}");
        }
    }

    #[test]
    fn standardised_figures_have_mean_0_and_deviation_1() {
        let figures = standardised(vec![1.0, 2.0, 3.0, 6.0]);
        let squares: f32 = figures.iter().map(|figure| figure * figure).sum();
        assert!(figures.iter().sum::<f32>().abs() < 1e-5 && (squares - 4.0).abs() < 1e-4);
        assert_eq!(standardised(vec![5.0; 3]), [0.0; 3]);
    }
}
