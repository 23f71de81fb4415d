//! Chance from a seed: the same everywhere and for ever, whatever the version of a library calls its default.

use std::f32::consts::TAU;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

/// A stream of chance.
#[derive(Debug, Clone)]
pub struct Chance(Xoshiro256PlusPlus);

impl Chance {
    /// The stream of a seed.
    pub fn of(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A seed for a stream of somebody else's.
    pub fn seed(&mut self) -> u64 {
        self.0.random()
    }

    /// Anything from 0 on and below 1, all alike.
    pub fn uniform(&mut self) -> f32 {
        self.0.random()
    }

    /// Anything from `least` on and below `most`, all alike.
    pub fn between(&mut self, least: f32, most: f32) -> f32 {
        least + (most - least) * self.uniform()
    }

    /// The standard normal distribution (Box and Muller, 1958).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// A whole number below `count`, all alike; 0 for a count of 0.
    pub fn below(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { self.0.random_range(0..count) }
    }

    /// A place in `weights`, as likely as its weight says.
    pub fn weighted(&mut self, weights: &[f32]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f32>();
        for (place, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
        // Rounding has left a trace of the last one.
        weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
    }

    /// The numbers below `count` in any order (Fisher and Yates).
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            let other = self.below(last + 1);
            order.swap(last, other);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_stream_for_ever() {
        let mut chance = Chance::of(7);
        let drawn = [chance.seed(), chance.seed()];
        assert_eq!(drawn, [chance_of_seven(0), chance_of_seven(1)]);
        let mut again = Chance::of(7);
        assert_eq!(drawn, [again.seed(), again.seed()]);
        assert_ne!(Chance::of(8).seed(), drawn[0]);
    }

    /// By the algorithm as published (xoshiro256++, seeded by splitmix64), written down a second time.
    fn chance_of_seven(skip: usize) -> u64 {
        let mut seed = 7_u64;
        let mut state = [0_u64; 4];
        for word in &mut state {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = seed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *word = z ^ (z >> 31);
        }
        let mut drawn = 0;
        for _ in 0..=skip {
            drawn = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
            let shifted = state[1] << 17;
            state[2] ^= state[0];
            state[3] ^= state[1];
            state[1] ^= state[2];
            state[0] ^= state[3];
            state[2] ^= shifted;
            state[3] = state[3].rotate_left(45);
        }
        drawn
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut chance = Chance::of(1);
        let normal: Vec<f32> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = normal.iter().sum::<f32>() / 20_000.0;
        let variance = normal.iter().map(|x| x * x).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[chance.weighted(&[1.0, 0.0, 3.0])] += 1;
        }
        assert!(counts[1] == 0 && (2200..2800).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn an_order_has_everything_once() {
        let mut order = Chance::of(3).order(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
        assert_eq!(Chance::of(3).below(0), 0);
    }
}
