//! Remembers which objects are not the same on both sides any more.

use std::num::NonZeroUsize;

use lru::LruCache;

use super::scope::Reach;

/// Most families that are remembered one by one.
const MAX_FAMILIES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(100_000 - 1);

/// What has diverged.
#[derive(Debug)]
pub(super) struct Diverged {
    families: LruCache<u64, ()>,
    /// Anything at all: lists may show it.
    any: bool,
    /// A create was missed: the old side has things that the new one has not.
    has_missed_creates: bool,
    /// So much that the beginning is forgotten.
    all: bool,
}

impl Default for Diverged {
    fn default() -> Self {
        Self {
            families: LruCache::new(MAX_FAMILIES),
            any: false,
            has_missed_creates: false,
            all: false,
        }
    }
}

impl Diverged {
    /// What a write touched has diverged; whether it is the first.
    pub(super) fn add(&mut self, reach: &Reach) -> bool {
        self.all |= reach.is_wide;
        self.has_missed_creates |= reach.is_create();
        // A create without identifiers has a collection for its family, which is no thing that could differ.
        let families = reach.families.iter().filter(|_| !reach.is_of_collection);
        for family in families {
            self.all |= self
                .families
                .push(*family, ())
                .is_some_and(|(pushed_out, ())| pushed_out != *family);
        }
        !std::mem::replace(&mut self.any, true)
    }

    /// Whether two answers to a request of this reach can be told to be equal or not.
    pub(super) fn is_comparable(&self, reach: &Reach) -> bool {
        let is_any = |family: &u64| self.families.contains(family);
        !(self.all || (reach.is_wide && self.any) || reach.families.iter().any(is_any))
    }

    /// Whether a thing that only the old side knows may be one whose create was missed.
    pub(super) fn may_lack(&self, reach: &Reach) -> bool {
        reach.has_stranger && self.has_missed_creates
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::scope::Scope;
    use super::*;

    fn reach(method: &Method, path: &str) -> Reach {
        Scope::new(method, path, None).reach(|_| None)
    }

    #[test]
    fn what_diverged_is_not_compared_and_the_rest_is() {
        let mut diverged = Diverged::default();
        let (a, b) =
            (reach(&Method::GET, "/w/agent_0a1b2c"), reach(&Method::GET, "/w/agent_ffee00"));
        let (list, create) = (reach(&Method::GET, "/w"), reach(&Method::POST, "/w"));
        assert!(diverged.is_comparable(&list));
        assert!(diverged.add(&reach(&Method::PUT, "/w/agent_0a1b2c")));
        assert!(!diverged.add(&reach(&Method::PUT, "/w/agent_0a1b2c")), "said once");
        assert!(!diverged.is_comparable(&a) && !diverged.is_comparable(&list));
        assert!(diverged.is_comparable(&b) && diverged.is_comparable(&create));
        assert!(!diverged.may_lack(&b));
        diverged.add(&create);
        assert!(diverged.is_comparable(&create), "further creates are as good as ever");
        assert!(diverged.is_comparable(&b) && diverged.may_lack(&b));
        diverged.add(&reach(&Method::DELETE, "/w"));
        assert!(!diverged.is_comparable(&b));
    }
}
