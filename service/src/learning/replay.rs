//! What was seen, kept to learn from again: the newest so many steps, each with what came of the next few.

use std::collections::VecDeque;

use candle_core::Tensor;

use super::Outcome;
use super::environment::{Action, Next, State};
use super::learner::Seen;
use super::network::{column, places, rows};

/// One step, or several taken together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// Before it.
    pub state: State,
    /// What was done first.
    pub action: Action,
    /// What all of it brought, discounted.
    pub reward: f32,
    /// What a reward after it is worth now; 0 where nothing follows.
    pub discount: f32,
    /// After it.
    pub after: State,
}

/// The newest transitions, in places that are used again.
#[derive(Debug)]
pub struct Replay {
    transitions: Vec<Transition>,
    capacity: usize,
    next: usize,
}

impl Replay {
    /// For so many.
    pub fn new(capacity: usize) -> Self {
        Self { transitions: Vec::new(), capacity, next: 0 }
    }

    /// Keeps one, in the place that it gives back.
    pub fn keep(&mut self, transition: Transition) -> usize {
        let place = self.next;
        match self.transitions.get_mut(place) {
            Some(old) => *old = transition,
            None => self.transitions.push(transition),
        }
        self.next = (place + 1) % self.capacity;
        place
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.transitions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty()
    }

    /// Those in these places as tensors.
    pub fn batch(&self, places: &[usize]) -> Outcome<Batch> {
        let found = places.iter().filter_map(|place| self.transitions.get(*place));
        Batch::of(&found.collect::<Vec<_>>())
    }
}

/// Transitions as tensors, one in each row.
#[derive(Debug)]
pub struct Batch {
    /// Before.
    pub states: Tensor,
    /// Places of what was done.
    pub actions: Tensor,
    /// What it brought.
    pub rewards: Vec<f32>,
    /// What a reward after it is worth.
    pub discounts: Vec<f32>,
    /// After.
    pub after: Tensor,
}

impl Batch {
    fn of(transitions: &[&Transition]) -> Outcome<Self> {
        Ok(Self {
            states: rows(transitions.iter().map(|t| &t.state))?,
            actions: places(transitions.iter().map(|t| t.action.index()))?,
            rewards: transitions.iter().map(|t| t.reward).collect(),
            discounts: transitions.iter().map(|t| t.discount).collect(),
            after: rows(transitions.iter().map(|t| &t.after))?,
        })
    }

    /// The rewards as a tensor.
    pub fn rewards(&self) -> Outcome<Tensor> {
        column(self.rewards.clone())
    }

    /// The discounts as a tensor.
    pub fn discounts(&self) -> Outcome<Tensor> {
        column(self.discounts.clone())
    }
}

/// Puts several steps of one episode together.
#[derive(Debug)]
pub struct Lookahead {
    steps: usize,
    discount: f32,
    /// What waits for later steps, for each of the episodes side by side.
    lanes: Vec<VecDeque<Seen>>,
}

impl Lookahead {
    /// So many steps, 1 at least.
    pub fn new(steps: usize, discount: f32) -> Self {
        Self { steps: steps.max(1), discount, lanes: Vec::new() }
    }

    /// Takes one step of each episode, and gives what is complete with it.
    pub fn take(&mut self, seen: &[Seen]) -> Vec<Transition> {
        self.lanes.resize_with(seen.len(), VecDeque::new);
        let mut complete = Vec::new();
        for (lane, seen) in self.lanes.iter_mut().zip(seen) {
            lane.push_back(*seen);
            let is_last = seen.next != Next::Step;
            while lane.len() >= self.steps || (is_last && !lane.is_empty()) {
                complete.extend(together(lane, self.discount));
                lane.pop_front();
            }
        }
        complete
    }
}

fn together(seen: &VecDeque<Seen>, discount: f32) -> Option<Transition> {
    let (first, last) = (seen.front()?, seen.back()?);
    let (mut reward, mut worth) = (0.0, 1.0);
    for step in seen {
        reward += worth * step.reward;
        worth *= discount;
    }
    let worth = if last.next == Next::End { 0.0 } else { worth };
    let (state, action) = (first.state, first.action);
    Some(Transition { state, action, reward, discount: worth, after: last.after })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: f32, next: Next) -> Seen {
        let state = [number; 9];
        Seen { state, action: Action::Increase, reward: number, after: [number + 1.0; 9], next }
    }

    fn short(transitions: &[Transition]) -> Vec<(f32, f32, f32, f32)> {
        transitions.iter().map(|t| (t.state[0], t.reward, t.discount, t.after[0])).collect()
    }

    #[test]
    fn steps_are_put_together_within_their_episode() {
        let mut lookahead = Lookahead::new(2, 0.5);
        assert_eq!(short(&lookahead.take(&[seen(1.0, Next::Step)])), []);
        assert_eq!(short(&lookahead.take(&[seen(2.0, Next::Step)])), [(1.0, 2.0, 0.25, 3.0)]);
        // The last step stands for itself as well; after an end nothing counts.
        assert_eq!(
            short(&lookahead.take(&[seen(4.0, Next::End)])),
            [(2.0, 4.0, 0.0, 5.0), (4.0, 4.0, 0.0, 5.0)]
        );
        assert_eq!(short(&lookahead.take(&[seen(6.0, Next::Cut)])), [(6.0, 6.0, 0.5, 7.0)]);
    }

    #[test]
    fn the_newest_are_kept() {
        let mut replay = Replay::new(2);
        let mut lookahead = Lookahead::new(1, 0.9);
        assert!(replay.is_empty());
        let mut used = Vec::new();
        for number in [1.0, 2.0, 3.0] {
            for transition in lookahead.take(&[seen(number, Next::Step)]) {
                used.push(replay.keep(transition));
            }
        }
        assert_eq!((used, replay.len()), (vec![0, 1, 0], 2));
        let batch = replay.batch(&[0, 1, 0]).unwrap();
        assert_eq!(batch.rewards, [3.0, 2.0, 3.0]);
        assert_eq!(batch.states.dims(), [3, 9]);
    }
}
