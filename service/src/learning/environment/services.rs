//! A catalogue of services in four tiers, and requests of which some are worth more than others.

use super::{Action, Description, State, Wandering, World};
use crate::learning::chance::Chance;
use crate::learning::numbers::single;

/// Quality and cost of each tier: the last part of quality costs most.
const TIERS: [(f32, f32); 4] = [(0.3, 0.08), (0.55, 0.2), (0.8, 0.4), (1.0, 0.7)];

/// The quality of what is bought at the market's price of the moment.
const SPOT_QUALITY: f32 = 0.85;

/// What changing the tier costs.
const SWITCH: f32 = 0.04;

pub(super) const DESCRIPTION: Description = Description {
    about: "give each request the tier of service that it is worth",
    features: [
        "the price of the moment of a service bought without contract",
        "what the last request was worth",
        "what the present request is worth for each unit of quality",
        "quality of the present tier",
        "how crowded the services are, which tells on the lower tiers",
        "mean quality of late",
        "cost of the present tier",
        "what the present tier would bring now",
        "the tier, from 0 to 1",
    ],
    actions: [
        "change to the next better tier",
        "change to the next cheaper tier",
        "stay in the tier",
        "buy this one at the price of the moment, and stay in the tier",
    ],
    reward: "worth of the request x quality - cost - cost of changing the tier",
};

pub(super) struct Catalogue {
    worth: Wandering,
    market: Wandering,
    crowd: Wandering,
    tier: usize,
    last_worth: f32,
    quality: f32,
}

impl Catalogue {
    pub(super) fn open(chance: &mut Chance) -> Self {
        Self {
            worth: Wandering { now: chance.between(0.2, 1.4), mean: 0.8, pull: 0.08, noise: 0.18 },
            market: Wandering { now: 0.5, mean: 0.5, pull: 0.15, noise: 0.14 },
            crowd: Wandering { now: chance.uniform(), mean: 0.4, pull: 0.1, noise: 0.08 },
            tier: chance.below(TIERS.len()),
            last_worth: 0.8,
            quality: 0.5,
        }
    }

    fn worth(&self) -> f32 {
        self.worth.now.clamp(0.0, 2.0)
    }

    fn spot(&self) -> f32 {
        self.market.now.clamp(0.1, 1.0)
    }

    /// Quality that the tier has in the present crowd, and its cost.
    fn offer(&self) -> (f32, f32) {
        let (quality, cost) = TIERS.get(self.tier).copied().unwrap_or_default();
        (quality * (1.0 - self.crowd.now.clamp(0.0, 1.0) * (1.0 - quality)), cost)
    }
}

impl World for Catalogue {
    fn state(&self) -> State {
        let (quality, cost) = self.offer();
        [
            self.spot(),
            self.last_worth,
            self.worth(),
            quality,
            self.crowd.now.clamp(0.0, 1.0),
            self.quality,
            cost,
            self.worth() * quality - cost,
            single(self.tier) / 3.0,
        ]
    }

    fn step(&mut self, action: Action, chance: &mut Chance) -> f32 {
        let before = self.tier;
        match action {
            Action::Increase => self.tier = (before + 1).min(TIERS.len() - 1),
            Action::Decrease => self.tier = before.saturating_sub(1),
            Action::Maintain | Action::Dynamic => {}
        }
        let (quality, cost) = match action {
            Action::Dynamic => (SPOT_QUALITY, self.spot()),
            _ => self.offer(),
        };
        let switch = if self.tier == before { 0.0 } else { SWITCH };
        let reward = self.worth() * quality - cost - switch;
        self.last_worth = self.worth();
        self.quality += 0.2 * (quality - self.quality);
        self.worth.step(chance);
        self.market.step(chance);
        self.crowd.step(chance);
        reward
    }
}
