//! Draws places in proportion to their priorities, in logarithmic time: a tree whose every node is the sum of its two.

use super::Chance;

/// Priorities of a fixed number of places.
#[derive(Debug)]
pub struct Priorities {
    /// The root at 1, the children of a node at twice its place and the one after. Leaves are the last half.
    nodes: Vec<f32>,
    leaves: usize,
}

impl Priorities {
    /// All of them 0.
    pub fn new(count: usize) -> Self {
        let leaves = count.max(1).next_power_of_two();
        Self { nodes: vec![0.0; 2 * leaves], leaves }
    }

    /// Gives a place a priority.
    pub fn set(&mut self, place: usize, priority: f32) {
        let mut node = self.leaves + place;
        if let Some(leaf) = self.nodes.get_mut(node) {
            *leaf = priority;
        }
        while node > 1 {
            node /= 2;
            let sum = self.node(2 * node) + self.node(2 * node + 1);
            if let Some(parent) = self.nodes.get_mut(node) {
                *parent = sum;
            }
        }
    }

    /// The sum of all.
    pub fn sum(&self) -> f32 {
        self.node(1)
    }

    /// A place, as likely as its priority says, and how likely it was.
    pub fn draw(&self, chance: &mut Chance) -> (usize, f32) {
        let mut left = chance.uniform() * self.sum();
        let mut node = 1;
        while node < self.leaves {
            node *= 2;
            let smaller = self.node(node);
            // Rounding must not lead to where there is nothing.
            if left >= smaller && self.node(node + 1) > 0.0 {
                left -= smaller;
                node += 1;
            }
        }
        (node - self.leaves, self.node(node) / self.sum())
    }

    fn node(&self, node: usize) -> f32 {
        self.nodes.get(node).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_root_is_the_sum_and_nothing_of_no_priority_is_drawn(
            priorities in prop::collection::vec(prop_oneof![Just(0.0_f32), 0.01..10.0_f32], 1..40),
            seed in any::<u64>(),
        ) {
            prop_assume!(priorities.iter().any(|p| *p > 0.0));
            let mut tree = Priorities::new(priorities.len());
            for (place, priority) in priorities.iter().enumerate() {
                tree.set(place, 1.0);
                tree.set(place, *priority);
            }
            let sum: f32 = priorities.iter().sum();
            prop_assert!((tree.sum() - sum).abs() < 1e-3);
            let mut chance = Chance::of(seed);
            for _ in 0..20 {
                let (place, likelihood) = tree.draw(&mut chance);
                prop_assert!(priorities[place] > 0.0);
                prop_assert!((likelihood - priorities[place] / sum).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn places_are_drawn_as_often_as_they_should() {
        let mut tree = Priorities::new(3);
        for (place, priority) in [1.0, 6.0, 3.0].into_iter().enumerate() {
            tree.set(place, priority);
        }
        let mut counts = [0_i32; 3];
        let mut chance = Chance::of(5);
        for _ in 0..10_000 {
            counts[tree.draw(&mut chance).0] += 1;
        }
        for (count, expected) in counts.into_iter().zip([1000, 6000, 3000]) {
            assert!((count - expected).abs() < 200, "{counts:?}");
        }
    }
}
