//! What every algorithm is to the training: it acts, it sees what came of it, and it can be stored.

use super::environment::{Action, Next, State};
use super::ppo::Ppo;
use super::rainbow::Rainbow;
use super::sac::Sac;
use super::{Algorithm, Chance, Outcome, Settings};

/// One step of one episode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Before it.
    pub state: State,
    /// What was done.
    pub action: Action,
    /// What it brought.
    pub reward: f32,
    /// After it.
    pub after: State,
    /// What follows it.
    pub next: Next,
}

/// Somebody who gets better at acting.
pub trait Learner {
    /// What to do in each of several episodes that go on side by side.
    fn act(&mut self, states: &[State], chance: &mut Chance) -> Outcome<Vec<Action>>;

    /// What came of it in each of them, in the same order.
    fn observe(&mut self, seen: &[Seen], chance: &mut Chance) -> Outcome<()>;

    /// What it has learned so far, as the bytes of a [`super::Policy`].
    fn model(&self) -> Outcome<Vec<u8>>;
}

/// Somebody who has learned nothing yet.
pub fn fresh(
    algorithm: Algorithm,
    settings: &Settings,
    chance: &mut Chance,
) -> Outcome<Box<dyn Learner>> {
    Ok(match algorithm {
        Algorithm::Ppo => Box::new(Ppo::new(settings, chance)?),
        Algorithm::Sac => Box::new(Sac::new(settings, chance)?),
        Algorithm::RainbowDqn => Box::new(Rainbow::new(settings, chance)?),
    })
}
