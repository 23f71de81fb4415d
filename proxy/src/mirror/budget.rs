//! Bounds on what is held at the same time: taken without waiting, given back on drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is held of one thing. The limit comes with each request for more, because a reload may change it.
#[derive(Debug, Default)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    /// Takes an amount, or nothing where it does not fit.
    pub(super) fn take(self: &Arc<Self>, amount: usize, limit: usize) -> Option<Lease> {
        let mut lease = Lease { budget: Arc::clone(self), amount: 0 };
        lease.grow(amount, limit).then_some(lease)
    }

    pub(super) fn held(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// An amount of a budget; given back on drop.
#[derive(Debug)]
pub(super) struct Lease {
    budget: Arc<Budget>,
    amount: usize,
}

impl Lease {
    /// Takes more, or leaves things as they are where it does not fit.
    pub(super) fn grow(&mut self, amount: usize, limit: usize) -> bool {
        let more = |held: usize| held.checked_add(amount).filter(|sum| *sum <= limit);
        // Only the sum matters; nothing else is ordered by it.
        let is_taken =
            self.budget.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if is_taken {
            self.amount += amount;
        }
        is_taken
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

/// What is held by mirrored exchanges: of one route, or of all.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    /// Exchanges.
    pub(super) slots: Arc<Budget>,
    /// Bytes of their requests and answers.
    pub(super) bytes: Arc<Budget>,
}

/// Limits to go with [`Budgets`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) slots: usize,
    pub(super) bytes: usize,
}

/// One exchange's share of two budgets: that of its route and that of all.
#[derive(Debug)]
pub(super) struct Share {
    _slots: [Lease; 2],
    bytes: [(Lease, usize); 2],
}

impl Share {
    /// Takes a slot of each, or nothing.
    pub(super) fn take(held: [(&Budgets, Limits); 2]) -> Option<Self> {
        let [(route, route_limits), (all, all_limits)] = held;
        Some(Self {
            _slots: [
                route.slots.take(1, route_limits.slots)?,
                all.slots.take(1, all_limits.slots)?,
            ],
            bytes: [
                (route.bytes.take(0, route_limits.bytes)?, route_limits.bytes),
                (all.bytes.take(0, all_limits.bytes)?, all_limits.bytes),
            ],
        })
    }

    /// Takes more bytes of each. Where they do not fit into one, the other may keep them until the share is dropped, as
    /// it should be then.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.bytes.iter_mut().all(|(lease, limit)| lease.grow(bytes, *limit))
    }
}

/// Whoever pays for bytes before they are held.
pub(super) trait Pay {
    /// Takes more bytes; whether they fit.
    #[must_use]
    fn pay(&mut self, bytes: usize) -> bool;
}

impl Pay for Share {
    fn pay(&mut self, bytes: usize) -> bool {
        self.grow(bytes)
    }
}

/// Bytes of one budget; given back on drop.
#[derive(Debug)]
pub(super) struct Paid {
    lease: Lease,
    limit: usize,
}

impl Paid {
    /// Takes the first bytes, or nothing where they do not fit.
    pub(super) fn take(budget: &Arc<Budget>, bytes: usize, limit: usize) -> Option<Self> {
        budget.take(bytes, limit).map(|lease| Self { lease, limit })
    }

    /// Pays for as much as is missing to this many bytes; whether it fits.
    #[must_use]
    pub(super) fn cover(&mut self, bytes: usize) -> bool {
        self.pay(bytes.saturating_sub(self.lease.amount))
    }
}

impl Pay for Paid {
    fn pay(&mut self, bytes: usize) -> bool {
        self.lease.grow(bytes, self.limit)
    }
}

/// A body that is held, and paid for before it grows.
#[derive(Debug, Default)]
pub(super) struct HeldBody(Vec<u8>);

/// Why a body could not be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotHeld {
    /// It is longer than one body may be.
    TooLarge,
    /// All bodies together are.
    NoBudget,
}

impl HeldBody {
    /// Adds a chunk.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        max_body: usize,
        payer: &mut impl Pay,
    ) -> Result<(), NotHeld> {
        let length = self.0.len().saturating_add(chunk.len());
        if length > max_body {
            return Err(NotHeld::TooLarge);
        }
        if length > self.0.capacity() {
            // What is paid for is the memory, which doubles to keep copying linear.
            let capacity = length.max(self.0.capacity().saturating_mul(2)).min(max_body);
            if !payer.pay(capacity - self.0.capacity()) {
                return Err(NotHeld::NoBudget);
            }
            self.0.reserve_exact(capacity - self.0.len());
        }
        self.0.extend_from_slice(chunk);
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Puts another body of about the same length in its place.
    pub(super) fn replace(&mut self, body: Vec<u8>) {
        self.0 = body;
    }

    /// Takes the body out. It stays paid for until the share is dropped.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROUTE: Limits = Limits { slots: 2, bytes: 600 };
    const ALL: Limits = Limits { slots: 3, bytes: 1000 };

    #[test]
    fn what_does_not_fit_takes_nothing_and_drop_gives_back() {
        let (route, all) = (Budgets::default(), Budgets::default());
        let take = || Share::take([(&route, ROUTE), (&all, ALL)]);
        let first = take().unwrap();
        let mut second = take().unwrap();
        assert!(take().is_none());
        assert_eq!((route.slots.held(), all.slots.held()), (2, 2));
        assert!(second.grow(600));
        assert!(!second.grow(1));
        drop((first, second));
        assert_eq!((route.slots.held(), route.bytes.held()), (0, 0));
        assert_eq!((all.slots.held(), all.bytes.held()), (0, 0));
    }

    #[test]
    fn a_lowered_limit_only_refuses_more() {
        let budget = Arc::<Budget>::default();
        let mut lease = budget.take(10, 10).unwrap();
        assert!(!lease.grow(1, 5));
        assert!(budget.take(usize::MAX, usize::MAX).is_none());
        drop(lease);
        assert_eq!(budget.held(), 0);
    }

    proptest! {
        /// Whatever is begun, grown and ended in whatever order: no budget is ever exceeded, none leaks, and every
        /// byte that is held is paid for.
        #[test]
        fn budgets_are_never_exceeded(
            steps in prop::collection::vec((0..3_u8, 0..6_usize, 0..400_usize), 0..200),
        ) {
            let (routes, all) = ([Budgets::default(), Budgets::default()], Budgets::default());
            let mut open: Vec<(Share, HeldBody)> = Vec::new();
            for (step, index, size) in steps {
                match step {
                    0 => {
                        let route = &routes[index % 2];
                        if let Some(share) = Share::take([(route, ROUTE), (&all, ALL)]) {
                            open.push((share, HeldBody::default()));
                        }
                    }
                    1 if index < open.len() => {
                        let (share, body) = &mut open[index];
                        if body.push(&vec![7; size], 500, share).is_err() {
                            drop(open.swap_remove(index));
                        }
                    }
                    2 if index < open.len() => drop(open.swap_remove(index)),
                    _ => {}
                }
                let bytes: usize = open.iter().map(|(_, body)| body.0.capacity()).sum();
                prop_assert!(bytes <= all.bytes.held() && all.bytes.held() <= ALL.bytes);
                prop_assert_eq!(all.slots.held(), open.len());
                prop_assert!(open.len() <= ALL.slots);
                for route in &routes {
                    prop_assert!(route.slots.held() <= ROUTE.slots);
                    prop_assert!(route.bytes.held() <= ROUTE.bytes);
                }
            }
            drop(open);
            prop_assert_eq!((all.slots.held(), all.bytes.held()), (0, 0));
        }
    }
}
