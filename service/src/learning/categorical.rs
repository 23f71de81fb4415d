//! Returns as distributions over fixed values, so that a network can learn them as it learns classes.
//!
//! Bellemare et al., "A Distributional Perspective on Reinforcement Learning" (2017).

use super::dueling::ATOMS;
use super::numbers::single;

/// The least return that there is a probability for; lower ones count as it.
pub const LEAST: f32 = -20.0;

/// The greatest.
pub const MOST: f32 = 20.0;

/// From one atom to the next.
const GAP: f32 = (MOST - LEAST) / single(ATOMS - 1);

/// The return that each atom stands for.
pub fn atoms() -> Vec<f32> {
    (0..ATOMS).map(|atom| LEAST + GAP * single(atom)).collect()
}

/// The distribution of `reward` + `discount` x what `after` is a distribution of. What falls between two atoms is shared
/// by them so that the mean stays.
pub fn shifted(after: &[f32], reward: f32, discount: f32) -> Vec<f32> {
    let mut distribution = vec![0.0; ATOMS];
    for (probability, atom) in after.iter().zip(atoms()) {
        let place = ((reward + discount * atom).clamp(LEAST, MOST) - LEAST) / GAP;
        for (at, share) in distribution.iter_mut().enumerate() {
            *share += probability * (1.0 - (place - single(at)).abs()).max(0.0);
        }
    }
    distribution
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mean(distribution: &[f32]) -> f32 {
        distribution.iter().zip(atoms()).map(|(share, atom)| share * atom).sum()
    }

    proptest! {
        #[test]
        fn shifting_keeps_the_whole_and_shifts_the_mean(
            weights in prop::collection::vec(0.01..1.0_f32, ATOMS),
            reward in -3.0..3.0_f32,
            discount in 0.0..0.8_f32,
        ) {
            let sum: f32 = weights.iter().sum();
            let before: Vec<f32> = weights.iter().map(|weight| weight / sum).collect();
            let after = shifted(&before, reward, discount);
            prop_assert!((after.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            prop_assert!((mean(&after) - (reward + discount * mean(&before))).abs() < 1e-2);
        }
    }

    #[test]
    fn what_lies_beyond_the_atoms_counts_as_the_last() {
        let mut sure = vec![0.0; ATOMS];
        sure[ATOMS - 1] = 1.0;
        assert_eq!(shifted(&sure, 5.0, 1.0), sure);
        assert!((mean(&shifted(&sure, -100.0, 0.0)) - LEAST).abs() < 1e-3);
    }
}
