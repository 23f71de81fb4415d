//! Soft actor-critic: two critics learn what actions bring, and the actor follows them while staying as undecided as a
//! temperature asks.
//!
//! Haarnoja et al., "Soft Actor-Critic Algorithms and Applications" (2018), for discrete actions as in Christodoulou,
//! "Soft Actor-Critic for Discrete Action Settings" (2019): the critics have an output for each action.

use candle_core::Tensor;
use candle_nn::ops::log_softmax;

use super::environment::{ACTIONS, Action, FEATURES, State};
use super::learner::{Learner, Seen};
use super::network::{Network, chosen, rows};
use super::numbers::{shortened, single};
use super::optimiser::Optimiser;
use super::policy::{Policy, probabilities};
use super::replay::{Batch, Lookahead, Replay};
use super::{Chance, Outcome, Settings};

const CAPACITY: usize = 50_000;
/// Steps that are taken at random before anything is learned.
const WARM_UP: usize = 400;
/// Updates after one step of each episode side by side.
const UPDATES: usize = 2;
/// Part of the way that the targets go towards the critics in each update.
const APPROACH: f64 = 0.01;
const GRADIENT_LIMIT: f64 = 5.0;
/// The entropy that the temperature aims at, as a part of the greatest.
const INDECISION: f32 = 0.25;
const TEMPERATURE_RATE: f32 = 0.003;

/// The algorithm with its networks.
#[derive(Debug)]
pub struct Sac {
    actor: Network,
    critics: [Network; 2],
    targets: [Network; 2],
    actor_optimiser: Optimiser,
    critic_optimiser: Optimiser,
    log_temperature: f32,
    replay: Replay,
    lookahead: Lookahead,
    batch: usize,
}

impl Sac {
    /// Somebody who has learned nothing yet.
    pub fn new(settings: &Settings, chance: &mut Chance) -> Outcome<Self> {
        let width = settings.hidden_size;
        let mut network = || Network::new(&[FEATURES, width, width, ACTIONS], chance);
        let actor = network()?;
        let critics = [network()?, network()?];
        let targets = [network()?, network()?];
        for (target, critic) in targets.iter().zip(&critics) {
            target.approach(critic, 1.0)?;
        }
        let rate = settings.learning_rate;
        let of_critics = critics.iter().flat_map(Network::parameters).collect();
        Ok(Self {
            actor_optimiser: Optimiser::new(actor.parameters(), rate, GRADIENT_LIMIT)?,
            critic_optimiser: Optimiser::new(of_critics, rate, GRADIENT_LIMIT)?,
            actor,
            critics,
            targets,
            log_temperature: 0.2_f32.ln(),
            replay: Replay::new(CAPACITY),
            lookahead: Lookahead::new(1, shortened(settings.discount_factor)),
            batch: settings.batch_size,
        })
    }

    fn temperature(&self) -> f64 {
        f64::from(self.log_temperature.exp())
    }

    fn update(&mut self, batch: &Batch) -> Outcome<()> {
        let goals = self.goals(batch)?;
        let mut loss = None;
        for critic in &self.critics {
            let errors = (chosen(&critic.forward(&batch.states)?, &batch.actions)? - &goals)?;
            let squares = errors.sqr()?.mean_all()?;
            loss = Some(match loss {
                Some(before) => (before + squares)?,
                None => squares,
            });
        }
        if let Some(loss) = loss {
            self.critic_optimiser.descend(&loss)?;
        }
        let logarithms = log_softmax(&self.actor.forward(&batch.states)?, 1)?;
        let weights = logarithms.exp()?;
        let expected = lower(&self.critics, &batch.states)?;
        let undecided = ((&logarithms * self.temperature())? - expected)?;
        self.actor_optimiser.descend(&(&weights * undecided)?.sum(1)?.mean_all()?)?;
        let entropy = (weights * logarithms)?.sum(1)?.mean_all()?.to_scalar::<f32>()?;
        self.warm(-entropy);
        for (target, critic) in self.targets.iter().zip(&self.critics) {
            target.approach(critic, APPROACH)?;
        }
        Ok(())
    }

    /// What the critics should have said of what was done.
    fn goals(&self, batch: &Batch) -> Outcome<Tensor> {
        let logarithms = log_softmax(&self.actor.forward(&batch.after)?, 1)?;
        let worth = (lower(&self.targets, &batch.after)? - (&logarithms * self.temperature())?)?;
        let worth = (logarithms.exp()? * worth)?.sum(1)?;
        Ok((batch.rewards()? + (batch.discounts()? * worth)?)?.detach())
    }

    /// Raises the temperature where the actor is too sure, and lowers it where it is not sure enough.
    fn warm(&mut self, entropy: f32) {
        if entropy.is_finite() {
            let wanted = INDECISION * single(ACTIONS).ln();
            self.log_temperature += TEMPERATURE_RATE * (wanted - entropy);
            self.log_temperature = self.log_temperature.clamp(-7.0, 1.0);
        }
    }
}

/// What the more careful of two critics expects of each action.
fn lower(critics: &[Network; 2], states: &Tensor) -> Outcome<Tensor> {
    let [one, other] = critics;
    Ok(one.forward(states)?.minimum(&other.forward(states)?)?.detach())
}

impl Learner for Sac {
    fn act(&mut self, states: &[State], chance: &mut Chance) -> Outcome<Vec<Action>> {
        if self.replay.len() < WARM_UP {
            return Ok(states.iter().map(|_| Action::at(chance.below(ACTIONS))).collect());
        }
        let probabilities = probabilities(&self.actor, &rows(states)?)?;
        Ok(probabilities.iter().map(|row| Action::at(chance.weighted(row))).collect())
    }

    fn observe(&mut self, seen: &[Seen], chance: &mut Chance) -> Outcome<()> {
        for transition in self.lookahead.take(seen) {
            self.replay.keep(transition);
        }
        if self.replay.len() < WARM_UP {
            return Ok(());
        }
        for _ in 0..UPDATES {
            let places: Vec<usize> =
                (0..self.batch).map(|_| chance.below(self.replay.len())).collect();
            self.update(&self.replay.batch(&places)?)?;
        }
        Ok(())
    }

    fn model(&self) -> Outcome<Vec<u8>> {
        Policy::of_actor(&self.actor, "actor_mean")
    }
}
