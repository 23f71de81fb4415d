//! The sequential test: whether a share of bad answers is above a limit, asked after every answer and yet seldom wrong.
//!
//! Asking a fixed-size test again and again finds something in the end. This one may be asked at any time: it bets on
//! "the share is above the limit" with stakes that a share at or below the limit can't grow but by luck. The capital is
//! the likelihood ratio of Wald's sequential test, averaged over several alternatives above the limit (Robbins' mixture),
//! and begins anew with every slot of the window, the best of which counts (the e-detector of Shin, Ramdas and Rinaldo,
//! 2022, <https://arxiv.org/abs/2203.03532>: at the limit itself a false alarm comes once in [`ENOUGH`] slots or less
//! often). Without a single bad answer the capital shrinks.

/// Capital at which the limit counts as passed.
const ENOUGH: f64 = 1e5;
/// How many alternatives there are: the odds of the limit doubled once, twice, ….
const ALTERNATIVES: usize = 8;
/// Smallest limit: no count of answers tells a smaller one from nothing.
const LEAST: f64 = 0.001;
/// Largest limit that can be passed at all.
const MOST: f64 = 0.99;

/// A number of answers, and how many of them were bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) answers: u64,
    pub(super) bad: u64,
}

impl Run {
    /// The share that is bad; 0 of nothing.
    #[expect(clippy::cast_precision_loss, reason = "counts of a window are far below 2^53")]
    pub(super) fn share(self) -> f64 {
        if self.answers == 0 { 0.0 } else { self.bad as f64 / self.answers as f64 }
    }
}

/// The test of one limit.
#[derive(Debug)]
pub(super) struct Test {
    /// What the logarithm of the capital gains by a bad answer and loses by a good one, for each alternative.
    stakes: [(f64, f64); ALTERNATIVES],
}

impl Test {
    /// A test for a share above `limit`; `None` where no share is.
    pub(super) fn above(limit: f64) -> Option<Self> {
        if limit > MOST {
            return None;
        }
        let limit = limit.max(LEAST);
        let mut odds = limit / (1.0 - limit);
        let stakes = std::array::from_fn(|_| {
            odds *= 2.0;
            let alternative = odds / (1.0 + odds);
            ((alternative / limit).ln(), ((1.0 - alternative) / (1.0 - limit)).ln())
        });
        Some(Self { stakes })
    }

    /// The latest answers that show the share to be above the limit; `None` while none do. Slots come newest first.
    pub(super) fn passed(&self, slots: impl IntoIterator<Item = Run>) -> Option<Run> {
        let mut run = Run::default();
        slots.into_iter().find_map(|slot| {
            run.answers += slot.answers;
            run.bad += slot.bad.min(slot.answers);
            (slot.bad > 0 && self.capital(run) >= ENOUGH).then_some(run)
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a window are far below 2^53")]
    fn capital(&self, run: Run) -> f64 {
        let (bad, good) = (run.bad as f64, (run.answers - run.bad) as f64);
        let grown = self.stakes.iter().map(|(gain, loss)| (bad * gain + good * loss).exp());
        grown.sum::<f64>() / ALTERNATIVES as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    /// After how many answers of a backend that fails so often the limit is passed, within `most`; a window of 1,000
    /// answers in slots of 10.
    fn answers_until(limit: f64, share: f64, most: usize, seed: u64) -> Option<usize> {
        let test = Test::above(limit).unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        let mut slots = std::collections::VecDeque::from([Run::default()]);
        (1..=most).find(|_| {
            if slots[0].answers == 10 {
                slots.push_front(Run::default());
                slots.truncate(100);
            }
            let is_bad = random.random_bool(share);
            slots[0].answers += 1;
            slots[0].bad += u64::from(is_bad);
            is_bad && test.passed(slots.iter().copied()).is_some()
        })
    }

    #[test]
    fn a_backend_that_fails_a_third_is_found_within_few_answers() {
        let found: Vec<usize> =
            (0..200).map(|seed| answers_until(0.02, 0.3, 10_000, seed).unwrap()).collect();
        let mean = found.iter().sum::<usize>() / found.len();
        assert!(mean < 40, "{mean} answers on average");
        assert!(found.iter().max() < Some(&130), "{:?} answers at worst", found.iter().max());
    }

    #[test]
    fn one_that_fails_always_is_found_at_once() {
        assert!(answers_until(0.02, 1.0, 100, 1).unwrap() <= 4);
    }

    #[test]
    fn a_healthy_backend_is_left_alone_for_long() {
        // Half of the limit, over two million answers in all: 200,000 slots.
        let alarms = (0..20).filter(|seed| answers_until(0.02, 0.01, 100_000, *seed).is_some());
        assert_eq!(alarms.count(), 0);
    }

    #[test]
    fn at_the_limit_itself_alarms_are_rare() {
        let alarms = (0..50).filter(|seed| answers_until(0.02, 0.02, 20_000, *seed).is_some());
        assert!(alarms.count() <= 5);
    }

    #[test]
    fn no_share_is_above_all() {
        assert!(Test::above(1.0).is_none());
        assert!(Test::above(f64::INFINITY).is_none());
        assert!(Test::above(0.0).is_some());
    }

    proptest! {
        #[test]
        fn without_a_bad_answer_nothing_is_passed(
            limit in 0.0..0.99_f64, slots in prop::collection::vec(0_u64..1_000_000, 0..100)
        ) {
            let test = Test::above(limit).unwrap();
            let slots = slots.into_iter().map(|answers| Run { answers, bad: 0 });
            prop_assert_eq!(test.passed(slots), None);
        }

        #[test]
        fn what_is_passed_is_above_the_limit(
            limit in 0.001..0.99_f64,
            slots in prop::collection::vec((0_u64..100_000, 0_u64..100_000), 0..100)
        ) {
            let test = Test::above(limit).unwrap();
            let slots = slots.into_iter().map(|(answers, bad)| Run { answers, bad: bad.min(answers) });
            if let Some(run) = test.passed(slots) {
                prop_assert!(run.share() > limit, "{run:?}");
                prop_assert!(run.bad <= run.answers);
            }
        }

        #[test]
        fn more_bad_answers_never_speak_for_the_backend(
            answers in 1_u64..500, bad in 0_u64..500, limit in 0.001..0.99_f64
        ) {
            prop_assume!(bad < answers);
            let test = Test::above(limit).unwrap();
            let (less, more) = (Run { answers, bad }, Run { answers, bad: bad + 1 });
            prop_assert!(test.capital(less) <= test.capital(more));
        }
    }
}
