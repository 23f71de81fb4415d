//! A shop beside a competitor: customers compare prices, and remember.

use super::{Action, Description, State, Wandering, World};
use crate::learning::chance::Chance;

pub(super) const DESCRIPTION: Description = Description {
    about: "set a price against a competitor whose price wanders",
    features: [
        "the price",
        "what was sold in the last step",
        "how many customers there are",
        "the competitor's price",
        "the competitor's price less one's own",
        "share of customers who come back; cheap times raise it",
        "what was won so far, a tenth of it",
        "what a sale brings before the price: 1 less the cost of it",
        "price less cost",
    ],
    actions: [
        "raise the price by 0.12",
        "lower the price by 0.12",
        "keep the price",
        "follow the competitor at 0.1 below, for a fee",
    ],
    reward: "(price - cost) x sold - fee, where sold falls with the price against the competitor's",
};

pub(super) struct Shop {
    customers: Wandering,
    competitor: Wandering,
    price: f32,
    cost: f32,
    sold: f32,
    loyalty: f32,
    won: f32,
}

impl Shop {
    pub(super) fn open(chance: &mut Chance) -> Self {
        let competitor = chance.between(0.8, 1.2);
        Self {
            customers: Wandering { now: 0.7, mean: 0.7, pull: 0.2, noise: 0.08 },
            competitor: Wandering { now: competitor, mean: 1.0, pull: 0.08, noise: 0.06 },
            price: chance.between(0.5, 1.5),
            cost: chance.between(0.3, 0.5),
            sold: 0.3,
            loyalty: 0.5,
            won: 0.0,
        }
    }
}

impl World for Shop {
    fn state(&self) -> State {
        [
            self.price,
            self.sold,
            self.customers.now,
            self.competitor.now,
            self.competitor.now - self.price,
            self.loyalty,
            (0.1 * self.won).clamp(-3.0, 3.0),
            1.0 - self.cost,
            self.price - self.cost,
        ]
    }

    fn step(&mut self, action: Action, chance: &mut Chance) -> f32 {
        let (price, fee) = match action {
            Action::Increase => (self.price + 0.12, 0.0),
            Action::Decrease => (self.price - 0.12, 0.0),
            Action::Maintain => (self.price, 0.0),
            Action::Dynamic => (self.competitor.now - 0.1, 0.03),
        };
        self.price = price.clamp(0.3, 1.7);
        let advantage = self.competitor.now - self.price;
        let share = 1.0 / (1.0 + (-8.0 * advantage).exp());
        self.sold = (self.customers.now.max(0.0) * share * (0.6 + 0.8 * self.loyalty)).min(1.5);
        self.loyalty += 0.08 * (share - self.loyalty);
        self.customers.step(chance);
        self.competitor.step(chance);
        let reward = (self.price - self.cost) * self.sold - fee;
        self.won += reward;
        reward
    }
}
