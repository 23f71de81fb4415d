//! A risky asset in a market that has good times and bad ones, and does not say which.

use super::{Action, Description, State, Wandering, World};
use crate::learning::chance::Chance;

/// How likely the times change in a step.
const TURN: f32 = 0.05;

/// The mean return in good times, and the loss in bad ones.
const TREND: f32 = 0.3;

pub(super) const DESCRIPTION: Description = Description {
    about: "split wealth between a risky asset and a safe one, in times that turn",
    features: [
        "the last return of the risky asset",
        "how much its return varies",
        "sum of money that flows into it",
        "sum of money that flows out of it",
        "how many hold it already; they make trading it dearer",
        "mean return of late",
        "what was won so far, a tenth of it",
        "what a whole position would be charged for its risk",
        "share of wealth in it",
    ],
    actions: [
        "put 0.25 more of the wealth into it",
        "take 0.25 of the wealth out of it",
        "leave it",
        "hold so much of it that its risk is what it should be, whatever the times",
    ],
    reward: "share x return - half the square of share x deviation - cost x change of the share",
};

pub(super) struct Assets {
    is_good: bool,
    deviation: Wandering,
    seen: f32,
    flow: f32,
    momentum: f32,
    crowd: f32,
    share: f32,
    won: f32,
}

impl Assets {
    pub(super) fn open(chance: &mut Chance) -> Self {
        Self {
            is_good: chance.uniform() < 0.5,
            deviation: Wandering { now: 0.3, mean: 0.3, pull: 0.1, noise: 0.03 },
            seen: 0.0,
            flow: 0.0,
            momentum: 0.0,
            crowd: chance.uniform(),
            share: 0.5,
            won: 0.0,
        }
    }

    fn deviation(&self) -> f32 {
        self.deviation.now.clamp(0.1, 0.6)
    }
}

impl World for Assets {
    fn state(&self) -> State {
        [
            self.seen,
            self.deviation(),
            0.5 + 0.5 * self.flow,
            0.5 - 0.5 * self.flow,
            self.crowd,
            self.momentum,
            (0.1 * self.won).clamp(-3.0, 3.0),
            0.5 * self.deviation().powi(2),
            self.share,
        ]
    }

    fn step(&mut self, action: Action, chance: &mut Chance) -> f32 {
        let before = self.share;
        self.share = match action {
            Action::Increase => (before + 0.25).min(1.0),
            Action::Decrease => (before - 0.25).max(0.0),
            Action::Maintain => before,
            Action::Dynamic => (0.15 / self.deviation()).min(1.0),
        };
        if chance.uniform() < TURN {
            self.is_good = !self.is_good;
        }
        let trend = if self.is_good { TREND } else { -TREND };
        self.seen = trend + self.deviation() * chance.normal();
        self.momentum += 0.3 * (self.seen - self.momentum);
        // Flows know the times better than returns do, yet not surely.
        self.flow = trend / TREND * 0.6 + 0.5 * chance.normal();
        self.deviation.step(chance);
        let risk = 0.5 * (self.share * self.deviation()).powi(2);
        let cost = 0.04 * (0.5 + self.crowd) * (self.share - before).abs();
        let reward = self.share * self.seen - risk - cost;
        self.won += reward;
        reward
    }
}
