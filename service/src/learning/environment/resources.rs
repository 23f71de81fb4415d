//! A cluster with a load that has its times of day, and capacity that costs while it is held.

use std::f32::consts::TAU;

use super::{Action, Description, State, Wandering, World};
use crate::learning::chance::Chance;

/// Steps in a day.
const DAY: f32 = 24.0;

pub(super) const DESCRIPTION: Description = Description {
    about: "hold as much capacity as the load needs that is coming",
    features: [
        "what capacity costs in a step",
        "what was served in the last step",
        "the load that arrives now",
        "capacity that is held",
        "how the time of day moves the load: 1 up, -1 down",
        "falls with a backlog",
        "capacity less load",
        "work that a unit of capacity does",
        "the backlog",
    ],
    actions: [
        "hold 0.1 more capacity",
        "hold 0.1 less capacity",
        "hold the same capacity",
        "move capacity towards load and backlog by at most 0.3, for a fee",
    ],
    reward: "what is served - cost of capacity - 0.6 x backlog - fee",
};

pub(super) struct Cluster {
    /// Load apart from the time of day.
    load: Wandering,
    time: f32,
    price: f32,
    skill: f32,
    capacity: f32,
    backlog: f32,
    served: f32,
    reputation: f32,
}

impl Cluster {
    pub(super) fn open(chance: &mut Chance) -> Self {
        Self {
            load: Wandering { now: 0.5, mean: 0.5, pull: 0.2, noise: 0.06 },
            time: chance.between(0.0, DAY),
            price: chance.between(0.3, 0.6),
            skill: chance.between(0.9, 1.2),
            capacity: chance.between(0.2, 0.8),
            backlog: 0.0,
            served: 0.5,
            reputation: 1.0,
        }
    }

    fn angle(&self) -> f32 {
        TAU * self.time / DAY
    }

    fn arriving(&self) -> f32 {
        (self.load.now + 0.25 * self.angle().sin()).clamp(0.0, 1.2)
    }
}

impl World for Cluster {
    fn state(&self) -> State {
        [
            self.price,
            self.served,
            self.arriving(),
            self.capacity,
            self.angle().cos(),
            self.reputation,
            self.capacity * self.skill - self.arriving(),
            self.skill,
            self.backlog,
        ]
    }

    fn step(&mut self, action: Action, chance: &mut Chance) -> f32 {
        let (change, fee) = match action {
            Action::Increase => (0.1, 0.0),
            Action::Decrease => (-0.1, 0.0),
            Action::Maintain => (0.0, 0.0),
            Action::Dynamic => {
                let wanted = (self.arriving() + self.backlog) / self.skill;
                ((wanted - self.capacity).clamp(-0.3, 0.3), 0.04)
            }
        };
        self.capacity = (self.capacity + change).clamp(0.0, 1.2);
        let work = self.arriving() + self.backlog;
        self.served = work.min(self.capacity * self.skill);
        self.backlog = (work - self.served).min(1.0);
        self.reputation += 0.2 * (1.0 - self.backlog - self.reputation);
        self.time = (self.time + 1.0) % DAY;
        self.load.step(chance);
        self.served - self.price * self.capacity - 0.6 * self.backlog - fee
    }
}
