//! Which identifiers the two sides gave to the same thing: one to one, bounded, and forgotten when long unused.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

use super::identifier::Identifier;

/// What is known of one thing.
#[derive(Debug, Clone)]
struct Pair {
    new: Identifier,
    /// The thing that this one belongs to (an execution to its workflow): what is done to either is done in order.
    family: u64,
    used: Instant,
}

/// What came of learning that two identifiers name one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Learned {
    /// It is known now, or was already.
    Paired,
    /// One of them names something else already: `old` was paired with `with`, or `with` with `new`.
    Broken {
        /// What the identifier was paired with before.
        with: String,
    },
}

/// A one-to-one pairing of old identifiers with new ones.
#[derive(Debug)]
pub(super) struct Pairings {
    by_old: LruCache<Identifier, Pair>,
    by_new: HashMap<Identifier, Identifier>,
    lifetime: Duration,
    forgotten: u64,
}

impl Pairings {
    /// Keeps at most `capacity` pairs, each as long as it is used within `lifetime`.
    pub(super) fn new(capacity: NonZeroUsize, lifetime: Duration) -> Self {
        Self { by_old: LruCache::new(capacity), by_new: HashMap::new(), lifetime, forgotten: 0 }
    }

    /// Learns that both name the same thing. The first pairing of an identifier stands.
    pub(super) fn learn(
        &mut self,
        old: Identifier,
        new: Identifier,
        family: u64,
        now: Instant,
    ) -> Learned {
        self.expire(now);
        if let Some(pair) = self.by_old.get_mut(&old) {
            pair.used = now;
            let with = pair.new.text().to_owned();
            return if pair.new == new { Learned::Paired } else { Learned::Broken { with } };
        }
        if let Some(before) = self.by_new.get(&new) {
            return Learned::Broken { with: before.text().to_owned() };
        }
        self.by_new.insert(new.clone(), old.clone());
        if let Some((_, pushed_out)) = self.by_old.push(old, Pair { new, family, used: now }) {
            self.by_new.remove(&pushed_out.new);
            self.forgotten += 1;
        }
        Learned::Paired
    }

    /// What the new side calls it.
    pub(super) fn new_of(&mut self, old: &Identifier, now: Instant) -> Option<String> {
        let pair = self.by_old.get_mut(old)?;
        pair.used = now;
        Some(pair.new.text().to_owned())
    }

    /// What the old side calls it.
    pub(super) fn old_of(&mut self, new: &Identifier, now: Instant) -> Option<String> {
        let old = self.by_new.get(new)?;
        if let Some(pair) = self.by_old.get_mut(old) {
            pair.used = now;
        }
        Some(old.text().to_owned())
    }

    /// The family of an old identifier that is paired.
    pub(super) fn family(&self, old: &Identifier) -> Option<u64> {
        self.by_old.peek(old).map(|pair| pair.family)
    }

    /// Pairs that were pushed out or expired: whoever asks for them later is a stranger.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Forgets what was not used for long; the least used is always first.
    fn expire(&mut self, now: Instant) {
        while let Some((_, pair)) = self.by_old.peek_lru()
            && now.saturating_duration_since(pair.used) > self.lifetime
        {
            if let Some((_, expired)) = self.by_old.pop_lru() {
                self.by_new.remove(&expired.new);
                self.forgotten += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIFETIME: Duration = Duration::from_mins(1);

    fn id(number: u8) -> Identifier {
        Identifier::of_text(&format!("thing_{number:04x}f"), None).unwrap()
    }

    fn pairings(capacity: usize) -> Pairings {
        Pairings::new(NonZeroUsize::new(capacity).unwrap(), LIFETIME)
    }

    #[test]
    fn a_pair_is_known_both_ways_and_a_broken_one_changes_nothing() {
        let (mut known, now) = (pairings(10), Instant::now());
        assert_eq!(known.learn(id(1), id(101), 7, now), Learned::Paired);
        assert_eq!(known.learn(id(1), id(101), 8, now), Learned::Paired);
        let broken = |with: Identifier| Learned::Broken { with: with.text().to_owned() };
        assert_eq!(known.learn(id(1), id(102), 7, now), broken(id(101)));
        assert_eq!(known.learn(id(2), id(101), 7, now), broken(id(1)));
        assert_eq!(known.new_of(&id(1), now).as_deref(), Some(id(101).text()));
        assert_eq!(known.old_of(&id(101), now).as_deref(), Some(id(1).text()));
        assert_eq!((known.new_of(&id(2), now), known.old_of(&id(102), now)), (None, None));
        assert_eq!(known.family(&id(1)), Some(7));
    }

    #[test]
    fn what_is_not_used_is_forgotten_and_what_is_used_is_kept() {
        let (mut known, start) = (pairings(10), Instant::now());
        known.learn(id(1), id(101), 0, start);
        known.learn(id(2), id(102), 0, start);
        let later = start + LIFETIME;
        assert!(known.old_of(&id(101), later).is_some());
        known.learn(id(3), id(103), 0, later + Duration::from_secs(1));
        assert!(known.new_of(&id(1), later).is_some());
        assert_eq!((known.new_of(&id(2), later), known.forgotten()), (None, 1));
        // What is forgotten can be learned anew, with another partner.
        assert_eq!(known.learn(id(4), id(102), 0, later), Learned::Paired);
    }

    proptest! {
        /// Whatever is learned in whatever order: never more than the bound, always one to one, both ways alike.
        #[test]
        fn the_pairing_is_one_to_one_and_bounded(
            steps in prop::collection::vec((any::<u8>(), any::<u8>(), 0_u64..100), 0..300),
        ) {
            let mut known = pairings(20);
            let mut now = Instant::now();
            for (old, new, wait) in steps {
                now += Duration::from_secs(wait);
                let (old, new) = (id(old), id(new));
                if known.learn(old.clone(), new.clone(), 0, now) == Learned::Paired {
                    prop_assert_eq!(known.new_of(&old, now).unwrap(), new.text());
                    prop_assert_eq!(known.old_of(&new, now).unwrap(), old.text());
                }
                prop_assert!(known.by_old.len() <= 20);
                prop_assert_eq!(known.by_old.len(), known.by_new.len());
                for (old, pair) in &known.by_old {
                    prop_assert_eq!(known.by_new.get(&pair.new), Some(old));
                }
            }
        }
    }
}
