//! Whether writes of a route may be rehearsed: what the new backend's answers so far have earned it.
//!
//! A backend that takes a rehearsal for the real thing writes twice. So the first rehearsal goes alone, the others wait
//! for its proof, and the first answer without proof ends them. A backend that answers late costs clients their wait;
//! after a few late answers in a row rehearsals pause, for longer each time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use evidence::DropReason;

/// Late answers in a row after which rehearsals pause.
const PATIENCE: u32 = 3;

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What the new backend has earned on one route, in one table.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The build that has earned it.
    build: Option<Arc<str>>,
    proof: Proof,
    late_in_a_row: u32,
    pause: Duration,
    paused_until: Option<Instant>,
    /// One goes ahead to see whether a pause may end.
    is_probing: bool,
}

/// Whether the backend is known to roll rehearsals back.
#[derive(Debug, Default)]
enum Proof {
    #[default]
    Unknown,
    /// The first rehearsal is on its way.
    Asked,
    Given,
    /// It is known not to.
    Refuted,
}

impl Standing {
    /// Lets a rehearsal go to this build, or says why it may not. Who may go reports back with one of the methods below.
    pub(super) fn admit(
        &mut self,
        build: Option<Arc<str>>,
        now: Instant,
    ) -> Result<(), DropReason> {
        if self.build != build {
            *self = Self { build, ..Self::default() };
        }
        if matches!(self.proof, Proof::Refuted) {
            return Err(DropReason::WritesOff);
        }
        if self.paused_until.is_some_and(|until| now < until) {
            return Err(DropReason::Paused);
        }
        match self.proof {
            Proof::Unknown => self.proof = Proof::Asked,
            // As many as may be in flight before there is proof.
            Proof::Asked => return Err(DropReason::InFlight),
            Proof::Given | Proof::Refuted => {}
        }
        if self.paused_until.is_some() {
            // The others wait for another pause.
            self.is_probing = true;
            self.paused_until = Some(now + self.pause);
        }
        Ok(())
    }

    /// This build answered that it has rolled back.
    pub(super) fn rolled_back(&mut self, build: Option<&Arc<str>>) {
        if !matches!(self.proof, Proof::Refuted) && self.build.as_ref() == build {
            self.proof = Proof::Given;
        }
    }

    /// It answered without saying so. Says whether that is news.
    pub(super) fn not_rolled_back(&mut self) -> bool {
        !matches!(std::mem::replace(&mut self.proof, Proof::Refuted), Proof::Refuted)
    }

    /// This build has not answered, and will not.
    pub(super) fn unanswered(&mut self, build: Option<&Arc<str>>) {
        if matches!(self.proof, Proof::Asked) && self.build.as_ref() == build {
            self.proof = Proof::Unknown;
        }
    }

    /// It answered, or failed, while the write still waited.
    pub(super) fn in_time(&mut self) {
        self.late_in_a_row = 0;
        self.pause = Duration::ZERO;
        self.paused_until = None;
        self.is_probing = false;
    }

    /// The write has gone on without it.
    pub(super) fn late(&mut self, now: Instant) {
        self.late_in_a_row = self.late_in_a_row.saturating_add(1);
        // Those that were in flight when the pause began say nothing new.
        let is_news = self.paused_until.is_none() || std::mem::take(&mut self.is_probing);
        if self.late_in_a_row >= PATIENCE && is_news {
            self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            self.paused_until = Some(now + self.pause);
        }
    }

    /// Whether writes are no longer rehearsed because the backend did not roll one back.
    pub(super) fn is_off(&self, build: Option<&Arc<str>>) -> bool {
        matches!(self.proof, Proof::Refuted) && self.build.as_ref() == build
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_rehearsal_goes_alone() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        assert_eq!(standing.admit(None, now), Ok(()));
        assert_eq!(standing.admit(None, now), Err(DropReason::InFlight));
        standing.unanswered(None);
        assert_eq!(standing.admit(None, now), Ok(()));
        standing.rolled_back(None);
        assert_eq!(standing.admit(None, now), Ok(()));
        assert_eq!(standing.admit(None, now), Ok(()));
    }

    #[test]
    fn one_answer_without_proof_ends_it_until_there_is_another_build() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        let (one, two) = (Some(Arc::from("one")), Some(Arc::from("two")));
        standing.admit(one.clone(), now).unwrap();
        standing.rolled_back(two.as_ref());
        assert_eq!(standing.admit(one.clone(), now), Err(DropReason::InFlight), "proof of another");
        standing.rolled_back(one.as_ref());
        assert!(!standing.is_off(one.as_ref()));
        assert!(standing.not_rolled_back());
        // Whatever others that were in flight have to say.
        standing.rolled_back(one.as_ref());
        standing.unanswered(one.as_ref());
        assert!(!standing.not_rolled_back());
        assert_eq!(standing.admit(one.clone(), now), Err(DropReason::WritesOff));
        assert!(standing.is_off(one.as_ref()) && !standing.is_off(two.as_ref()));
        assert_eq!(standing.admit(two.clone(), now), Ok(()));
        assert_eq!(standing.admit(two, now), Err(DropReason::InFlight));
    }

    #[test]
    fn late_answers_in_a_row_make_pauses_that_grow_and_end() {
        let (mut standing, mut now) = (Standing::default(), Instant::now());
        standing.admit(None, now).unwrap();
        standing.rolled_back(None);
        for _ in 0..20 {
            assert_eq!(standing.admit(None, now), Ok(()));
        }
        for _ in 0..20 {
            standing.late(now);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let pause = Duration::from_secs(seconds);
            assert_eq!(standing.admit(None, now + pause / 2), Err(DropReason::Paused));
            now += pause;
            assert_eq!(standing.admit(None, now), Ok(()), "after {seconds} s");
            assert_eq!(standing.admit(None, now), Err(DropReason::Paused), "one goes ahead");
            standing.late(now);
        }
        now += LONGEST_PAUSE;
        assert_eq!(standing.admit(None, now), Ok(()));
        standing.in_time();
        assert_eq!(standing.admit(None, now), Ok(()));
        standing.late(now);
        assert_eq!(standing.admit(None, now), Ok(()), "patient again");
    }

    proptest! {
        /// Whatever comes back in whatever order: before there is proof one is out at most, and after a refutation none
        /// ever goes to that build.
        #[test]
        fn it_fails_closed(events in prop::collection::vec(0..6_u8, 0..200)) {
            let (mut standing, now) = (Standing::default(), Instant::now());
            let (mut out, mut is_proven, mut is_refuted) = (0, false, false);
            for event in events {
                match event {
                    0 | 1 if standing.admit(None, now).is_ok() => {
                        prop_assert!(!is_refuted);
                        prop_assert!(is_proven || out == 0);
                        out += 1;
                    }
                    2 if out > 0 => {
                        standing.rolled_back(None);
                        (out, is_proven) = (out - 1, true);
                    }
                    3 if out > 0 => {
                        standing.not_rolled_back();
                        (out, is_refuted) = (out - 1, true);
                    }
                    4 if out > 0 => {
                        standing.unanswered(None);
                        out -= 1;
                    }
                    5 => standing.in_time(),
                    _ => {}
                }
                prop_assert_eq!(standing.is_off(None), is_refuted);
            }
        }
    }
}
