//! How good somebody is, against acting at random in the very same episodes, and how sure that is.

use serde::{Deserialize, Serialize};

use super::environment::{ACTIONS, Action, Environment, Episode, Next};
use super::numbers::double;
use super::{Chance, Outcome, Policy};

/// The normal distribution's quantile that leaves 2.5 % above it.
const QUANTILE: f64 = 1.959_963_984_540_054;

/// A mean with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Sums of rewards of whole episodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Episodes that each was let go through.
    pub episodes: usize,
    /// The seed of the first.
    pub seed: u64,
    /// What was learned.
    pub policy: Estimate,
    /// Acting at random.
    pub random: Estimate,
    /// What the one has more than the other, episode by episode.
    pub advantage: Estimate,
    /// Whether that is surely more than nothing.
    pub beats_random: bool,
}

impl Estimate {
    /// Of independent figures; with fewer than two nothing is sure. Student's quantile is approached from the normal
    /// distribution's (Abramowitz and Stegun, 26.7.5).
    pub fn of(figures: &[f64]) -> Self {
        let count = double(figures.len());
        let mean = figures.iter().sum::<f64>() / count.max(1.0);
        if figures.len() < 2 {
            return Self { mean, low: f64::MIN, high: f64::MAX };
        }
        let freedom = count - 1.0;
        let variance = figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>() / freedom;
        let z = QUANTILE;
        let student = z
            + (z.powi(3) + z) / (4.0 * freedom)
            + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom.powi(2));
        let half = student * (variance / count).sqrt();
        Self { mean, low: mean - half, high: mean + half }
    }
}

/// Lets a policy and chance go through the episodes of `episodes` seeds from `seed` on.
pub fn evaluate(
    policy: &Policy,
    environment: Environment,
    episodes: usize,
    seed: u64,
) -> Outcome<Evaluation> {
    let learned = sums(environment, episodes, seed, |states| {
        Ok(policy.decide(states)?.iter().map(|decision| decision.action).collect())
    })?;
    let mut chance = Chance::of(!seed);
    let random = sums(environment, episodes, seed, |states| {
        Ok(states.iter().map(|_| Action::at(chance.below(ACTIONS))).collect())
    })?;
    let more: Vec<f64> = learned.iter().zip(&random).map(|(mine, its)| mine - its).collect();
    let advantage = Estimate::of(&more);
    Ok(Evaluation {
        episodes,
        seed,
        policy: Estimate::of(&learned),
        random: Estimate::of(&random),
        advantage,
        beats_random: advantage.low > 0.0,
    })
}

/// The sum of rewards of each episode. They go on side by side, because a network is faster with many states at once.
fn sums(
    environment: Environment,
    episodes: usize,
    seed: u64,
    mut act: impl FnMut(&[super::State]) -> Outcome<Vec<Action>>,
) -> Outcome<Vec<f64>> {
    let mut sums = vec![0.0; episodes];
    let mut going: Vec<(usize, Episode)> = (0..episodes)
        .zip(seed..)
        .map(|(place, seed)| (place, Episode::begin(environment, seed)))
        .collect();
    while !going.is_empty() {
        let states: Vec<_> = going.iter().map(|(_, episode)| episode.state()).collect();
        let actions = act(&states)?;
        let mut left = Vec::with_capacity(going.len());
        for ((place, mut episode), action) in going.into_iter().zip(actions) {
            let (reward, next) = episode.step(action);
            if let Some(sum) = sums.get_mut(place) {
                *sum += f64::from(reward);
            }
            if next == Next::Step {
                left.push((place, episode));
            }
        }
        going = left;
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_students() {
        // By hand: mean 6, deviation the root of 11, error 1, and Student's quantile for 10 degrees is 2.2281.
        let figures: Vec<f64> = (1..=11_u8).map(f64::from).collect();
        let estimate = Estimate::of(&figures);
        assert!((estimate.mean - 6.0).abs() < 1e-12);
        assert!((estimate.high - 6.0 - 2.2281).abs() < 0.004, "{estimate:?}");
        assert!((estimate.high + estimate.low - 12.0).abs() < 1e-12);
        assert!(Estimate::of(&[1.0]).low < -1e300);
    }

    #[test]
    fn chance_meets_the_same_episodes_every_time() {
        let run = || {
            sums(Environment::PortfolioManagement, 5, 3, |states| {
                Ok(states.iter().map(|_| Action::Maintain).collect())
            })
        };
        let sums = run().unwrap();
        assert_eq!(sums, run().unwrap());
        assert!(sums.windows(2).all(|pair| pair[0].to_bits() != pair[1].to_bits()), "{sums:?}");
    }
}
