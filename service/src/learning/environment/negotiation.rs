//! A seller who comes down as the buyer comes up, has a limit that nobody tells, and does not wait for ever.

use super::{Action, Description, State, World};
use crate::learning::chance::Chance;

/// What every round costs.
const ROUND: f32 = 0.01;

pub(super) const DESCRIPTION: Description = Description {
    about: "buy from a seller whose limit and patience are not known",
    features: [
        "the seller's price",
        "what the seller came down in the last round, ten times it",
        "the buyer's offer",
        "seller's price less offer",
        "how many others want to buy: they cost patience",
        "the seller's patience, as the buyer sees it",
        "what the thing is worth to the buyer",
        "what a deal at the offer would bring",
        "rounds so far, a twentieth of them",
    ],
    actions: [
        "offer 0.1 more",
        "offer 0.05 less, which tries the seller's patience",
        "insist, which tries it a little",
        "offer as much more as the seller came down",
    ],
    reward: "3 x (worth - price) in the round of a deal, -0.5 when the seller leaves, -0.01 for every round",
};

pub(super) struct Table {
    worth: f32,
    limit: f32,
    asked: f32,
    offered: f32,
    conceded: f32,
    readiness: f32,
    others: f32,
    patience: f32,
    rounds: f32,
    is_over: bool,
}

impl Table {
    pub(super) fn open(chance: &mut Chance) -> Self {
        let limit = chance.between(0.3, 0.6);
        Self {
            worth: limit + chance.between(0.15, 0.5),
            limit,
            asked: limit + chance.between(0.3, 0.6),
            offered: 0.1,
            conceded: 0.0,
            readiness: chance.between(0.05, 0.2),
            others: chance.uniform(),
            patience: chance.between(0.7, 1.0),
            rounds: 0.0,
            is_over: false,
        }
    }
}

impl World for Table {
    fn state(&self) -> State {
        [
            self.asked,
            10.0 * self.conceded,
            self.offered,
            self.asked - self.offered,
            self.others,
            self.patience,
            self.worth,
            self.worth - self.offered,
            self.rounds / 20.0,
        ]
    }

    fn step(&mut self, action: Action, chance: &mut Chance) -> f32 {
        let (more, strain) = match action {
            Action::Increase => (0.1, 0.0),
            Action::Decrease => (-0.05, 0.2),
            Action::Maintain => (0.0, 0.08),
            Action::Dynamic => (self.conceded, 0.03),
        };
        self.offered = (self.offered + more).max(0.0);
        self.rounds += 1.0;
        if self.offered >= self.asked {
            self.is_over = true;
            return 3.0 * (self.worth - self.asked) - ROUND;
        }
        self.patience -= strain + 0.02 + 0.03 * self.others + 0.01 * chance.normal().abs();
        if self.patience <= 0.0 {
            self.is_over = true;
            return -0.5 - ROUND;
        }
        let answer = self.readiness + 0.4 * more.max(0.0);
        self.conceded = answer * (self.asked - self.limit);
        self.asked -= self.conceded;
        -ROUND
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}
