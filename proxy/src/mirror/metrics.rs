//! What the mirror counts for Prometheus.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::budget::Budgets;
use super::spare::Spare;
use evidence::DropReason;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: String,
    /// `matched`, `inconclusive`, `differed`, `failed` or `dropped`.
    outcome: &'static str,
    /// Why it failed or was dropped; else empty.
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ControlLabels {
    route: String,
    /// `same`, `differed` or `failed`.
    outcome: &'static str,
}

/// The mirror's metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    requests: Family<Labels, Counter>,
    controls: Family<ControlLabels, Counter>,
    held: Arc<Budgets>,
    spare: Arc<Spare>,
}

impl Metrics {
    pub(super) fn new(held: Arc<Budgets>, spare: Arc<Spare>) -> Self {
        Self { requests: Family::default(), controls: Family::default(), held, spare }
    }

    pub(super) fn count(&self, route: &str, outcome: &'static str, reason: &'static str) {
        let labels = Labels { route: route.to_owned(), outcome, reason };
        self.requests.get_or_create(&labels).inc();
    }

    /// The counter of requests of a route that were dropped for a reason.
    fn dropped(&self, route: &str, reason: DropReason) -> Counter {
        let (outcome, reason) = ("dropped", reason.as_str());
        self.requests.get_or_create_owned(&Labels { route: route.to_owned(), outcome, reason })
    }

    pub(super) fn count_control(&self, route: &str, outcome: &'static str) {
        self.controls.get_or_create(&ControlLabels { route: route.to_owned(), outcome }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "mirrored_requests",
            "Requests chosen for mirroring, by what became of them",
            self.requests.clone(),
        );
        registry.register(
            "mirror_control_requests",
            "Questions that the old backend was asked again, by how its two answers compare",
            self.controls.clone(),
        );
        registry
            .register_collector(Box::new(Held(Arc::clone(&self.held), Arc::clone(&self.spare))));
    }
}

/// The counters of one route's dropped requests, at hand: on a machine with nothing to spare nearly all are dropped, on
/// the client's path.
#[derive(Debug, Default)]
pub(super) struct DroppedCounters([OnceLock<Counter>; DropReason::ALL.len()]);

impl DroppedCounters {
    pub(super) fn count(&self, metrics: &Metrics, route: &str, reason: DropReason) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.get_or_init(|| metrics.dropped(route, reason)).inc();
        }
    }
}

/// Reads the budgets when asked, so that nothing is counted twice.
#[derive(Debug)]
struct Held(Arc<Budgets>, Arc<Spare>);

impl Collector for Held {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = [
            ("mirror_in_flight", "Mirrored exchanges in flight", self.0.slots.held()),
            ("mirror_in_flight_bytes", "Bytes held by mirrored exchanges", self.0.bytes.held()),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        let gauge = ConstGauge::new(self.1.share());
        let help = "Share of copies that is taken, 0 to 1; less than 1 where they might be felt";
        gauge.encode(encoder.encode_descriptor("mirror_share", help, None, gauge.metric_type())?)
    }
}
