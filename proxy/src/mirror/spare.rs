//! Whether the machine has time to spare for copies, so that they are left out before a client can feel them.
//!
//! The mirror's thread has the lowest priority: it runs where nobody else wants to. How late it starts what it was
//! handed therefore tells how often every core is taken. Once more than a few copies start late, fewer are taken, by a
//! share that falls within a few windows and comes back over seconds, because each attempt at too much is felt. A trickle
//! always passes: no machine feels it, and it finds out when there is time again. Copies cost more than their start: those
//! that read much or lose their connection make the next ones wait, unless there is time for all.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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
/// Bytes of an answer that one of them may read; one that reads more counts as several.
const TRICKLE_BYTES: usize = 64 << 10;
/// One that gets no answer counts as so many more: the next needs a new connection, on both sides and in the kernel.
const LOST_CONNECTION: u32 = 8;
/// As many as what was spent counts at most: whatever it cost is forgotten after two seconds.
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
}

impl Spare {
    /// Time enough, until shown otherwise.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            share: AtomicU32::new(ALL),
            trickle: Rate::new(TRICKLE, TRICKLE_BURST, now),
            window: Mutex::new(Window { since: now, starts: 0, late: 0 }),
        }
    }

    /// Whether one more copy may be taken now.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let share = self.share.load(Ordering::Relaxed);
        if share >= ALL {
            return true;
        }
        !self.trickle.owes(now) && (rand::random::<u32>() % ALL < share || self.trickle.take(now))
    }

    /// Notes that a copy was started this long after it was handed over.
    pub(super) fn started(&self, lag: Duration, now: Instant) {
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
        *window = Window { since: now, starts: 0, late: 0 };
    }

    /// Notes that so many bytes were read for a copy.
    pub(super) fn read(&self, bytes: usize, now: Instant) {
        let extra = u32::try_from(bytes / TRICKLE_BYTES).unwrap_or(u32::MAX);
        if extra > 0 {
            self.trickle.charge(extra, MAX_DEBT, now);
        }
    }

    /// Notes that a copy got no answer.
    pub(super) fn lost_connection(&self, now: Instant) {
        self.trickle.charge(LOST_CONNECTION, MAX_DEBT, now);
    }

    /// The share of copies that is taken now, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        f64::from(self.share.load(Ordering::Relaxed)) / f64::from(ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts 100 copies in 100 ms, each this late.
    fn starts(spare: &Spare, from: Instant, lag: Duration) -> Instant {
        let at = |step: u64| from + Duration::from_millis(step);
        (1..=100).for_each(|step| spare.started(lag, at(step)));
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
            spare.started(lag, start + Duration::from_millis(step));
        }
        assert!(spare.share() >= 1.0);
    }

    /// Copies taken within 8 s of a machine without time to spare, when each spends this.
    fn taken_when_busy(spend: impl Fn(&Spare, Instant)) -> u32 {
        let start = Instant::now();
        let spare = Spare::new(start);
        let mut taken = 0;
        for step in 1..=10_000 {
            let now = start + Duration::from_millis(step);
            if spare.allows(now) {
                taken += u32::from(step > 2000);
                spare.started(Duration::from_millis(5), now);
                spend(&spare, now);
            }
        }
        taken
    }

    #[test]
    fn copies_that_cost_much_trickle_more_slowly() {
        let small = taken_when_busy(|spare, now| spare.read(2 << 10, now));
        let large = taken_when_busy(|spare, now| spare.read(1 << 20, now));
        let lost = taken_when_busy(Spare::lost_connection);
        // 50 a second, and a few of the least share; a 17th of it where each reads 16 times what one may; a 9th where each
        // loses its connection.
        assert!((390..420).contains(&small), "{small}");
        assert!((20..30).contains(&large), "{large}");
        assert!((40..55).contains(&lost), "{lost}");
    }

    #[test]
    fn what_copies_cost_does_not_matter_where_there_is_time() {
        let start = Instant::now();
        let spare = Spare::new(start);
        (0..100).for_each(|_| spare.lost_connection(start));
        assert_eq!(allowed(&spare, start), 1000);
    }
}
