//! Counts what is going on, for the limit on requests and for draining at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::gauge::Gauge;

/// A count that goes down when what it counts is dropped, however it ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    count: AtomicUsize,
    gauge: Gauge,
}

/// One counted thing.
#[derive(Debug)]
pub(crate) struct InFlightGuard {
    all: Arc<Counted>,
    place: usize,
}

impl InFlight {
    /// Counts into a gauge as well.
    pub(crate) fn new(gauge: Gauge) -> Self {
        Self(Arc::new(Counted { count: AtomicUsize::new(0), gauge }))
    }

    /// Counts one more.
    pub(crate) fn enter(&self) -> InFlightGuard {
        let place = self.0.count.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        self.0.gauge.inc();
        InFlightGuard { all: Arc::clone(&self.0), place }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }
}

impl InFlightGuard {
    /// How many there were when this one began, itself included.
    pub(crate) fn place(&self) -> usize {
        self.place
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.all.count.fetch_sub(1, Ordering::AcqRel);
        self.all.gauge.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_counts_no_more() {
        let all = InFlight::default();
        let first = all.enter();
        let second = all.enter();
        assert_eq!((first.place(), second.place(), all.count()), (1, 2, 2));
        drop(first);
        assert_eq!(all.count(), 1);
        assert_eq!(all.enter().place(), 2);
        assert_eq!(all.count(), 1);
    }
}
