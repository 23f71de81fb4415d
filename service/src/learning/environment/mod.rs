//! The worlds that somebody can learn to act in: what is seen, what can be done, and what it brings.
//!
//! They are simulations. Their figures are made up, and their chance comes from a seed; but what an action does depends on
//! the state, and what it brings depends on the action, so that there is something to learn.

mod trading;
mod resources;
mod pricing;
mod services;
mod negotiation;
mod portfolio;

use super::chance::Chance;
use crate::tables::choice::choice;

/// Features of a state.
pub const FEATURES: usize = 9;

/// Names of the features: five of the market and four of whoever acts. Each world says what they are in it.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "price",
    "volume",
    "demand",
    "supply",
    "competition",
    "reputation",
    "resources",
    "capabilities",
    "position",
];

/// What is seen before an action. All features are about as large as 1.
pub type State = [f32; FEATURES];

/// Actions that there are.
pub const ACTIONS: usize = 4;

/// Steps after which an episode is cut off.
const HORIZON: usize = 50;

choice! {
    /// What can be done. Each world says what that means in it.
    pub enum Action {
        /// More.
        Increase = "INCREASE" / "increase",
        /// Less.
        Decrease = "DECREASE" / "decrease",
        /// As before.
        Maintain = "MAINTAIN" / "maintain",
        /// By a rule that follows the market.
        Dynamic = "DYNAMIC" / "dynamic",
    }
}

impl Action {
    /// The place among a network's outputs.
    pub const fn index(self) -> usize {
        match self {
            Self::Increase => 0,
            Self::Decrease => 1,
            Self::Maintain => 2,
            Self::Dynamic => 3,
        }
    }

    /// The action at a place among a network's outputs.
    pub const fn at(index: usize) -> Self {
        match index {
            0 => Self::Increase,
            1 => Self::Decrease,
            2 => Self::Maintain,
            _ => Self::Dynamic,
        }
    }
}

choice! {
    /// The worlds, under the monolith's names.
    pub enum Environment {
        /// Trade one thing on a market whose order flow tells where its price goes.
        MarketplaceTrading = "MARKETPLACE_TRADING" / "marketplace_trading",
        /// Keep as much capacity as the coming load needs.
        ResourceAllocation = "RESOURCE_ALLOCATION" / "resource_allocation",
        /// Set a price against a competitor's.
        PriceOptimization = "PRICE_OPTIMIZATION" / "price_optimization",
        /// Buy requests the tier of service that each is worth.
        ServiceSelection = "SERVICE_SELECTION" / "service_selection",
        /// Agree with a seller whose limit is not known.
        NegotiationStrategy = "NEGOTIATION_STRATEGY" / "negotiation_strategy",
        /// Split wealth between a risky asset and a safe one.
        PortfolioManagement = "PORTFOLIO_MANAGEMENT" / "portfolio_management",
    }
}

/// What one of the worlds is, for the documentation.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// What it is about.
    pub about: &'static str,
    /// What each feature is in it.
    pub features: [&'static str; FEATURES],
    /// What each action does in it.
    pub actions: [&'static str; ACTIONS],
    /// What a step brings.
    pub reward: &'static str,
}

/// The rules of one world.
trait World: Send {
    /// What is seen now.
    fn state(&self) -> State;
    /// Acts, lets the world go on, and gives the reward.
    fn step(&mut self, action: Action, chance: &mut Chance) -> f32;
    /// Whether nothing can follow.
    fn is_over(&self) -> bool {
        false
    }
}

impl Environment {
    /// What it is.
    pub const fn description(self) -> &'static Description {
        match self {
            Self::MarketplaceTrading => &trading::DESCRIPTION,
            Self::ResourceAllocation => &resources::DESCRIPTION,
            Self::PriceOptimization => &pricing::DESCRIPTION,
            Self::ServiceSelection => &services::DESCRIPTION,
            Self::NegotiationStrategy => &negotiation::DESCRIPTION,
            Self::PortfolioManagement => &portfolio::DESCRIPTION,
        }
    }

    fn open(self, chance: &mut Chance) -> Box<dyn World> {
        match self {
            Self::MarketplaceTrading => Box::new(trading::Market::open(chance)),
            Self::ResourceAllocation => Box::new(resources::Cluster::open(chance)),
            Self::PriceOptimization => Box::new(pricing::Shop::open(chance)),
            Self::ServiceSelection => Box::new(services::Catalogue::open(chance)),
            Self::NegotiationStrategy => Box::new(negotiation::Table::open(chance)),
            Self::PortfolioManagement => Box::new(portfolio::Assets::open(chance)),
        }
    }
}

/// What follows a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another one.
    Step,
    /// Another one would, but the episode is long enough.
    Cut,
    /// Nothing: the world has come to an end.
    End,
}

/// One stay in a world. It has a chance of its own: whoever acts does not change the weather.
pub struct Episode {
    world: Box<dyn World>,
    chance: Chance,
    steps: usize,
}

impl Episode {
    /// The episode of a seed.
    pub fn begin(environment: Environment, seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        Self { world: environment.open(&mut chance), chance, steps: 0 }
    }

    /// What is seen now.
    pub fn state(&self) -> State {
        self.world.state()
    }

    /// Acts; the reward, and what follows.
    pub fn step(&mut self, action: Action) -> (f32, Next) {
        let reward = self.world.step(action, &mut self.chance);
        self.steps += 1;
        let next = if self.world.is_over() {
            Next::End
        } else if self.steps >= HORIZON {
            Next::Cut
        } else {
            Next::Step
        };
        (reward, next)
    }
}

/// A figure that chance moves and its mean pulls back.
#[derive(Debug, Clone, Copy)]
struct Wandering {
    now: f32,
    mean: f32,
    /// The part of the distance to the mean that one step takes back.
    pull: f32,
    /// Standard deviation of one step.
    noise: f32,
}

impl Wandering {
    fn step(&mut self, chance: &mut Chance) {
        self.now += self.pull * (self.mean - self.now) + self.noise * chance.normal();
    }
}

#[cfg(test)]
mod tests;
