//! Whether the machine has time to spare for copies, so that they are left out before a client can feel them.
//!
//! The mirror's thread runs where nobody else wants to. How late it starts what it was handed therefore tells how often
//! every core is taken. Once more than a few copies start late, fewer are taken, by a share that falls within a few
//! windows and comes back over seconds, because each attempt at too much is felt. A trickle always passes, measured by the
//! CPU time that it takes: no machine feels it, and it finds out when there is time again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::rate::Rate;

/// A copy that starts later than this found no core free. An idle thread is awake after some ten microseconds, on a
/// virtual machine after a hundred.
const LATE: Duration = Duration::from_micros(500);
/// How long starts are counted before the share is set anew, and how many it takes at least.
const WINDOW: Duration = Duration::from_millis(20);
const MIN_STARTS: u32 = 8;
/// One late copy in so many is chance.
const TOLERATED: u32 = 16;

/// The whole, in the unit of shares.
const ALL: u32 = 1 << 16;
/// The least share.
const LEAST: u32 = ALL >> 12;
/// What passes whatever the share: copies a second, and at once.
const TRICKLE: f64 = 50.0;
const TRICKLE_BURST: u32 = 16;
/// CPU time that one of them may take; one that takes more counts as several.
const TRICKLE_CPU: Duration = Duration::from_micros(100);
/// As many as what was taken counts at most: whatever it cost is forgotten after two seconds.
const MAX_DEBT: u32 = 100;

/// What there is to spare.
#[derive(Debug)]
pub(super) struct Spare {
    /// Share of copies that is taken, of [`ALL`].
    share: AtomicU32,
    trickle: Rate,
    /// Only the mirror's thread takes this lock.
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    starts: u32,
    late: u32,
    /// CPU time of the mirror's thread when it began.
    cpu: Duration,
}

impl Window {
    fn new(since: Instant, cpu: Duration) -> Self {
        Self { since, starts: 0, late: 0, cpu }
    }
}

impl Spare {
    /// Time enough, until shown otherwise.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            share: AtomicU32::new(ALL),
            trickle: Rate::new(TRICKLE, TRICKLE_BURST, now),
            window: Mutex::new(Window::new(now, Duration::ZERO)),
        }
    }

    /// Whether one more copy may be taken now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let share = self.share.load(Ordering::Relaxed);
        share >= ALL || rand::random::<u32>() % ALL < share || self.trickle.take(now)
    }

    /// Notes that a copy was started this long after it was handed over. Call on the mirror's thread.
    pub(super) fn started(&self, lag: Duration, now: Instant) {
        self.note(lag, now, cpu_time);
    }

    /// The same; `cpu`: what the mirror's thread has used so far.
    fn note(&self, lag: Duration, now: Instant, cpu: impl FnOnce() -> Duration) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.starts += 1;
        window.late += u32::from(lag > LATE);
        if window.starts < MIN_STARTS || now.saturating_duration_since(window.since) < WINDOW {
            return;
        }
        let share = self.share.load(Ordering::Relaxed);
        let next = if window.late * 2 > window.starts {
            share / 4
        } else if window.late * TOLERATED > window.starts {
            share / 2
        } else {
            share + share / 128 + ALL / 2048
        };
        self.share.store(next.clamp(LEAST, ALL), Ordering::Relaxed);
        let cpu = cpu();
        let extra = extra_copies(cpu.saturating_sub(window.cpu), window.starts);
        self.trickle.charge(extra, MAX_DEBT, now);
        *window = Window::new(now, cpu);
    }

    /// The share of copies that is taken now, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        f64::from(self.share.load(Ordering::Relaxed)) / f64::from(ALL)
    }
}

/// How many copies more than these were started the CPU time would have been enough for.
fn extra_copies(cpu: Duration, starts: u32) -> u32 {
    let enough_for = cpu.as_micros() / TRICKLE_CPU.as_micros();
    let extra = enough_for.saturating_sub(u128::from(starts));
    u32::try_from(extra).unwrap_or(u32::MAX)
}

/// CPU time that this thread has used.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts 100 copies in 100 ms, each this late.
    fn starts(spare: &Spare, from: Instant, lag: Duration) -> Instant {
        let at = |step: u64| from + Duration::from_millis(step);
        (1..=100).for_each(|step| spare.note(lag, at(step), || Duration::ZERO));
        at(100)
    }

    fn allowed(spare: &Spare, now: Instant) -> usize {
        (0..1000).filter(|_| spare.allows(now)).count()
    }

    #[test]
    fn with_time_to_spare_every_copy_is_taken() {
        let start = Instant::now();
        let spare = Spare::new(start);
        let now = starts(&spare, start, Duration::from_micros(50));
        assert_eq!(allowed(&spare, now), 1000);
    }

    #[test]
    fn late_starts_leave_a_trickle_and_punctual_ones_bring_the_copies_back() {
        let start = Instant::now();
        let spare = Spare::new(start);
        let mut now = start;
        for _ in 0..10 {
            now = starts(&spare, now, Duration::from_millis(5));
        }
        assert!(spare.share() < 0.01);
        let burst = allowed(&spare, now);
        // The burst of the trickle, and about one of 4,096.
        assert!((16..30).contains(&burst), "{burst}");
        let trickle =
            (1..=1000).filter(|step| spare.allows(now + Duration::from_millis(*step))).count();
        assert!((50..65).contains(&trickle), "{trickle}");
        for _ in 0..100 {
            now = starts(&spare, now, Duration::from_micros(50));
        }
        assert_eq!(allowed(&spare, now), 1000);
    }

    #[test]
    fn a_late_start_now_and_then_is_chance() {
        let start = Instant::now();
        let spare = Spare::new(start);
        for step in 1..=2000_u64 {
            let lag = Duration::from_millis(if step % 40 == 0 { 3 } else { 0 });
            spare.note(lag, start + Duration::from_millis(step), || Duration::ZERO);
        }
        assert!(spare.share() >= 1.0);
    }

    #[test]
    fn copies_that_take_much_cpu_trickle_more_slowly() {
        let passed = |cpu_of_each: Duration| {
            let start = Instant::now();
            let spare = Spare::new(start);
            let mut cpu = Duration::ZERO;
            let mut passed = 0;
            for step in 1..=10_000 {
                let now = start + Duration::from_millis(step);
                if spare.allows(now) {
                    passed += u32::from(step > 2000);
                    cpu += cpu_of_each;
                    spare.note(Duration::from_millis(5), now, || cpu);
                }
            }
            passed
        };
        let [cheap, dear] = [50, 1000].map(Duration::from_micros).map(passed);
        // 50 a second for 8 s, and a few of the least share; a tenth of it for ten times the time.
        assert!((390..420).contains(&cheap), "{cheap}");
        assert!((35..70).contains(&dear), "{dear}");
    }
}
