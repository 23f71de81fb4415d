//! The sliding window: what was answered in the last seconds, in slots of which the oldest are forgotten.

use std::collections::VecDeque;
use std::time::Duration;

use super::sequential::Run;

/// Most slots that a window is kept in, so that its memory does not depend on its length.
const SLOTS: u32 = 100;

/// Answers of one slot, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Took longer than the limit on latency.
    pub(super) slow: u64,
}

impl Counts {
    /// Failures among the answers.
    pub(super) fn failures(self) -> Run {
        Run { answers: self.answered, bad: self.failed }
    }

    /// Slow ones among the answers.
    pub(super) fn delays(self) -> Run {
        Run { answers: self.answered, bad: self.slow }
    }
}

/// The last seconds.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Number of the slot, oldest first, and what was answered in it; empty ones are left out.
    slots: VecDeque<(u128, Counts)>,
}

impl Window {
    /// Adds what was answered just before `now` and forgets what is older than `length`. `now` counts from any start.
    pub(super) fn add(&mut self, now: Duration, length: Duration, counts: Counts) {
        let slot = now.as_nanos() / (length.as_nanos() / u128::from(SLOTS)).max(1);
        while self.slots.front().is_some_and(|(oldest, _)| oldest + u128::from(SLOTS) <= slot) {
            self.slots.pop_front();
        }
        if counts == Counts::default() {
            return;
        }
        match self.slots.back_mut() {
            Some((latest, all)) if *latest >= slot => {
                all.answered += counts.answered;
                all.failed += counts.failed;
                all.slow += counts.slow;
            }
            _ => self.slots.push_back((slot, counts)),
        }
    }

    /// Slot by slot, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Counts> {
        self.slots.iter().rev().map(|(_, counts)| *counts)
    }

    /// All of it.
    pub(super) fn total(&self) -> Counts {
        self.newest_first().fold(Counts::default(), |sum, slot| Counts {
            answered: sum.answered + slot.answered,
            failed: sum.failed + slot.failed,
            slow: sum.slow + slot.slow,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut window = Window::default();
        let one = Counts { answered: 10, failed: 1, slow: 2 };
        window.add(Duration::from_secs(100), LENGTH, one);
        window.add(Duration::from_millis(100_050), LENGTH, one);
        window.add(Duration::from_secs(105), LENGTH, one);
        assert_eq!(window.newest_first().count(), 2);
        assert_eq!(window.total(), Counts { answered: 30, failed: 3, slow: 6 });
        window.add(Duration::from_millis(110_050), LENGTH, Counts::default());
        assert_eq!(window.total(), one);
        window.add(Duration::from_mins(5), LENGTH, Counts::default());
        assert_eq!(window.total(), Counts::default());
    }

    #[test]
    fn a_window_takes_so_many_slots_and_no_more() {
        let mut window = Window::default();
        for millis in 0..60_000 {
            let one = Counts { answered: 1, ..Counts::default() };
            window.add(Duration::from_millis(millis), LENGTH, one);
        }
        assert_eq!(window.newest_first().count(), 100);
        assert_eq!(window.total().answered, 10_000);
    }
}
