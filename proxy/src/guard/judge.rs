//! One route under watch: the old backend's own figures, the window of the new one, and whether a limit is passed.

use std::sync::Arc;
use std::time::Duration;

use routes::policy::GuardSettings;

use super::latency::{BUCKETS, Buckets, quantile, slower_than};
use super::sequential::{Run, Test};
use super::tally::{Reading, Tally};
use super::window::{Counts, Window};

/// Share of the old backend's answers that are faster than the latency compared with.
const SHARE: f64 = 0.9;
/// Fewest answers of the old backend that tell its latency.
const ENOUGH_TO_TELL: u64 = 50;
/// A failure among fewer answers of the old backend than this is not yet a rate.
const ENOUGH_FOR_A_RATE: u64 = 20;
/// Answers faster than this are never slow: below it, ratios are the noise of schedulers and networks.
const NEVER_SLOW: Duration = Duration::from_millis(25);

/// The limit that was passed; the label of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    ErrorRate,
    Latency,
}

impl Limit {
    pub(crate) const ALL: [Self; 2] = [Self::ErrorRate, Self::Latency];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::Latency => "latency",
        }
    }
}

/// A limit was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) limit: Limit,
    /// With the figures, for people.
    pub(super) reason: String,
}

/// The old backend's own figures: its last window, which stays as it is while it answers nothing (after the flip).
#[derive(Debug)]
struct Known {
    window: Window,
    /// Latencies of this stretch, as long as a window, and of the one before.
    stretches: [Buckets; 2],
    turned: Duration,
}

impl Default for Known {
    fn default() -> Self {
        Self { window: Window::default(), stretches: [[0; BUCKETS]; 2], turned: Duration::ZERO }
    }
}

impl Known {
    fn add(&mut self, now: Duration, length: Duration, moved: &Reading) {
        if moved.answered == 0 {
            return;
        }
        let counts = Counts { answered: moved.answered, failed: moved.failed, slow: 0 };
        self.window.add(now, length, counts);
        let [present, before] = &mut self.stretches;
        if now.saturating_sub(self.turned) >= length {
            *before = std::mem::replace(present, [0; BUCKETS]);
            self.turned = now;
        }
        for (all, more) in present.iter_mut().zip(&moved.latency) {
            *all += more;
        }
    }

    /// Share of failed answers; 0 where nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "counts of a window are far below 2^53")]
    fn error_rate(&self) -> f64 {
        let Counts { answered, failed, .. } = self.window.total();
        failed as f64 / answered.max(ENOUGH_FOR_A_RATE) as f64
    }

    /// The latency that nine of ten answers keep; `None` while too little is known.
    fn latency(&self) -> Option<Duration> {
        let [present, before] = &self.stretches;
        let both: Buckets = std::array::from_fn(|place| {
            present.get(place).unwrap_or(&0) + before.get(place).unwrap_or(&0)
        });
        let is_enough = both.iter().sum::<u64>() >= ENOUGH_TO_TELL;
        is_enough.then(|| quantile(&both, SHARE)).flatten()
    }
}

/// One route under watch.
#[derive(Debug)]
pub(super) struct Watched {
    tally: Arc<Tally>,
    read_old: Reading,
    read_new: Reading,
    old: Known,
    new: Window,
    /// The guard itself brought the route to where it stands: what it has seen before counts, so few answers will do.
    is_suspect: bool,
}

impl Watched {
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self {
            tally,
            read_old: Reading::default(),
            read_new: Reading::default(),
            old: Known::default(),
            new: Window::default(),
            is_suspect: false,
        }
    }

    /// Goes on with the counters of another generation.
    pub(super) fn follow(&mut self, tally: Arc<Tally>) {
        self.tally = tally;
        (self.read_old, self.read_new) = (Reading::default(), Reading::default());
    }

    /// Forgets the new backend's answers: the route stands elsewhere now. `by_guard`: the guard took it there.
    pub(super) fn moved(&mut self, by_guard: bool) {
        self.new = Window::default();
        self.is_suspect = by_guard;
    }

    /// Takes in what was answered just before `now` (counted from any start) and says whether a limit is passed.
    pub(super) fn look(&mut self, now: Duration, settings: &GuardSettings) -> Option<Finding> {
        let moved = self.tally.old.since(&mut self.read_old);
        self.old.add(now, settings.window, &moved);
        let moved = self.tally.new.since(&mut self.read_new);
        let slow_after = self.old.latency().map(|old| longest(old, settings.max_latency_ratio));
        let counts = Counts {
            answered: moved.answered,
            failed: moved.failed,
            slow: slow_after.map_or(0, |longest| slower_than(&moved.latency, longest)),
        };
        self.new.add(now, settings.window, counts);
        let is_enough = self.is_suspect || self.new.total().answered >= settings.min_requests;
        // Only a bad answer can speak against a backend.
        if !is_enough || (counts.failed == 0 && counts.slow == 0) {
            return None;
        }
        self.errors(settings).or_else(|| self.delays(slow_after?, settings))
    }

    fn errors(&self, settings: &GuardSettings) -> Option<Finding> {
        let old = self.old.error_rate();
        let test = Test::above(old + settings.max_error_rate)?;
        let run = test.passed(self.new.newest_first().map(Counts::failures))?;
        let reason = format!(
            "error rate {:.1} % of {} (limit {} %, old backend {:.1} %)",
            run.share() * 100.0,
            run.answers,
            percent(settings.max_error_rate),
            old * 100.0
        );
        Some(Finding { limit: Limit::ErrorRate, reason })
    }

    fn delays(&self, longest: Duration, settings: &GuardSettings) -> Option<Finding> {
        let test = Test::above(1.0 - SHARE)?;
        let run: Run = test.passed(self.new.newest_first().map(Counts::delays))?;
        let old = self.old.latency()?;
        let reason = format!(
            "latency: {:.1} % of {} took longer than {} ms (limit {:.0} %; nine of ten answers of the old backend take {} ms, ratio {})",
            run.share() * 100.0,
            run.answers,
            longest.as_millis(),
            (1.0 - SHARE) * 100.0,
            old.as_millis(),
            settings.max_latency_ratio
        );
        Some(Finding { limit: Limit::Latency, reason })
    }
}

/// The latency past which an answer of the new backend is slow.
fn longest(old: Duration, ratio: f64) -> Duration {
    let longest = Duration::try_from_secs_f64(old.as_secs_f64() * ratio).unwrap_or(Duration::MAX);
    longest.max(NEVER_SLOW)
}

/// A share as the table says it, without the tails of binary fractions.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(20);
    const TICK: Duration = Duration::from_millis(50);

    /// A route, and the time.
    struct Rig {
        watched: Watched,
        tally: Arc<Tally>,
        settings: GuardSettings,
        now: Duration,
    }

    impl Rig {
        fn new() -> Self {
            let tally = Arc::new(Tally::default());
            let watched = Watched::new(Arc::clone(&tally));
            let settings = GuardSettings::default();
            Self { watched, tally, settings, now: Duration::from_hours(1) }
        }

        fn old(&mut self, answers: u64, bad_each: u64, latency: Duration) -> Option<Finding> {
            for number in 0..answers {
                self.tally.old.record(bad_each > 0 && number % bad_each == 0, Some(latency));
            }
            self.tick()
        }

        fn new_answers(
            &mut self,
            answers: u64,
            bad_each: u64,
            latency: Duration,
        ) -> Option<Finding> {
            for number in 0..answers {
                self.tally.new.record(bad_each > 0 && number % bad_each == 0, Some(latency));
            }
            self.tick()
        }

        fn tick(&mut self) -> Option<Finding> {
            self.now += TICK;
            self.watched.look(self.now, &self.settings)
        }
    }

    #[test]
    fn a_third_of_failures_passes_the_limit_and_says_so() {
        let mut rig = Rig::new();
        assert_eq!(rig.old(200, 0, QUICK), None);
        let finding = rig.new_answers(30, 3, QUICK).unwrap();
        assert_eq!(finding.limit, Limit::ErrorRate);
        assert_eq!(finding.reason, "error rate 33.3 % of 30 (limit 2 %, old backend 0.0 %)");
    }

    #[test]
    fn what_the_old_backend_fails_too_is_allowed() {
        let mut rig = Rig::new();
        assert_eq!(rig.old(300, 3, QUICK), None);
        assert_eq!(rig.new_answers(300, 3, QUICK), None);
        assert!(rig.new_answers(300, 1, QUICK).is_some());
    }

    #[test]
    fn fewer_answers_than_asked_for_are_not_judged_unless_the_route_is_suspect() {
        let mut rig = Rig::new();
        assert_eq!(rig.new_answers(19, 1, QUICK), None);
        rig.watched.moved(true);
        assert!(rig.new_answers(5, 1, QUICK).is_some());
        rig.watched.moved(false);
        assert_eq!(rig.new_answers(5, 1, QUICK), None);
    }

    #[test]
    fn the_old_backends_figures_outlive_its_last_answer() {
        let mut rig = Rig::new();
        rig.old(100, 0, QUICK);
        rig.now += Duration::from_hours(24);
        assert_eq!(rig.new_answers(100, 0, QUICK * 2), None);
        let finding = rig.new_answers(100, 0, QUICK * 20).unwrap();
        assert_eq!(finding.limit, Limit::Latency);
        assert!(finding.reason.starts_with("latency: "), "{}", finding.reason);
    }

    #[test]
    fn latency_is_judged_only_where_the_old_backends_is_known() {
        let mut rig = Rig::new();
        rig.old(ENOUGH_TO_TELL - 1, 0, QUICK);
        assert_eq!(rig.new_answers(500, 0, Duration::from_secs(5)), None);
        rig.old(1, 0, QUICK);
        assert!(rig.new_answers(500, 0, Duration::from_secs(5)).is_some());
    }

    #[test]
    fn tiny_latencies_are_never_slow() {
        let mut rig = Rig::new();
        rig.old(500, 0, Duration::from_micros(200));
        assert_eq!(rig.new_answers(500, 0, Duration::from_millis(20)), None);
    }

    #[test]
    fn failures_spread_thinly_over_time_are_forgotten() {
        let mut rig = Rig::new();
        for _ in 0..100 {
            rig.now += Duration::from_secs(11);
            assert_eq!(rig.new_answers(21, 21, QUICK), None);
        }
    }

    #[test]
    fn a_limit_of_everything_is_never_passed() {
        let mut rig = Rig::new();
        rig.settings.max_error_rate = 1.0;
        assert_eq!(rig.new_answers(1000, 1, QUICK), None);
    }
}
