//! A market whose order flow tells, not surely, where the price goes next.

use super::{Action, Description, State, Wandering, World};
use crate::learning::chance::Chance;

/// What a move of half a position costs.
const FEE: f32 = 0.03;

pub(super) const DESCRIPTION: Description = Description {
    about: "hold a position from -1 to 1 in something whose price follows its order flow",
    features: [
        "logarithm of the price since the start",
        "how much is traded",
        "buying pressure; 0.5 is balance",
        "selling pressure; 0.5 is balance",
        "how many others quote prices; they lower what quoting brings",
        "rises with quoting and raises what it brings",
        "what was won so far, a tenth of it",
        "how cheaply this agent trades",
        "the position",
    ],
    actions: [
        "raise the position by 0.5",
        "lower the position by 0.5",
        "hold the position",
        "halve the position and quote prices on both sides: wins the spread while buying and selling balance, loses to \
         those who know more while they do not",
    ],
    reward: "position x change of price - fee x change of position, and what quoting wins or loses",
};

pub(super) struct Market {
    /// Buying less selling. The price goes where it points.
    flow: Wandering,
    volume: Wandering,
    price: f32,
    competition: f32,
    skill: f32,
    reputation: f32,
    won: f32,
    position: f32,
}

impl Market {
    pub(super) fn open(chance: &mut Chance) -> Self {
        Self {
            flow: Wandering { now: 0.5 * chance.normal(), mean: 0.0, pull: 0.1, noise: 0.25 },
            volume: Wandering { now: 0.5, mean: 0.5, pull: 0.2, noise: 0.08 },
            price: 0.0,
            competition: chance.uniform(),
            skill: chance.uniform(),
            reputation: 0.5,
            won: 0.0,
            position: 0.0,
        }
    }

    /// What quoting brings: the spread, less what those take who know where the price goes.
    fn quoting(&self) -> f32 {
        let spread = 0.12 * (1.3 - self.competition) * (0.5 + self.reputation);
        spread * (1.0 - 2.5 * self.flow.now.abs())
    }
}

impl World for Market {
    fn state(&self) -> State {
        [
            self.price.clamp(-3.0, 3.0),
            self.volume.now.clamp(0.0, 1.5),
            0.5 + 0.5 * self.flow.now,
            0.5 - 0.5 * self.flow.now,
            self.competition,
            self.reputation,
            (0.1 * self.won).clamp(-3.0, 3.0),
            self.skill,
            self.position,
        ]
    }

    fn step(&mut self, action: Action, chance: &mut Chance) -> f32 {
        let (position, quoted) = match action {
            Action::Increase => ((self.position + 0.5).min(1.0), 0.0),
            Action::Decrease => ((self.position - 0.5).max(-1.0), 0.0),
            Action::Maintain => (self.position, 0.0),
            Action::Dynamic => (0.5 * self.position, self.quoting()),
        };
        let fee = 2.0 * FEE * (1.2 - 0.4 * self.skill) * (position - self.position).abs();
        let quotes = if action == Action::Dynamic { 1.0 } else { 0.0 };
        self.reputation += 0.1 * (quotes - self.reputation);
        self.position = position;
        let change = (0.4 * self.flow.now + 0.15 * chance.normal()) * (0.5 + self.volume.now);
        self.price += 0.1 * change;
        self.flow.step(chance);
        self.volume.step(chance);
        let reward = self.position * change + quoted - fee;
        self.won += reward;
        reward
    }
}
