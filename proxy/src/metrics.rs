//! Every metric of the proxy: name, labels and help, once. Handles are looked up when a table is
//! published, so that counting a request takes no lookup, no formatting and no allocation.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::edge::EdgeMetrics;
use crate::edge::tls::ServedCertificate;
use crate::guard::Limit;
use crate::handover;
use crate::live_table::InForce;

/// Upper bounds of the latency buckets, seconds.
const LATENCY_BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The label of requests that no route names.
pub(crate) const NO_ROUTE: &str = "-";

/// Classes of answers; the last is a request whose client left before an answer began.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// Why an attempt failed, or was not made: the `reason` of failovers and of failed attempts.
pub(crate) const FAILURE_REASONS: [&str; 11] = [
    "connect_timeout",
    "connect_refused",
    "connect_failed",
    "no_socket",
    "tls",
    "timeout",
    "reset",
    "invalid_answer",
    "error_answer",
    "unhealthy",
    "other",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    backend: String,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    route: String,
    backend: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailedOver {
    route: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackendFailure {
    backend: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TakenBack {
    route: String,
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    backend: String,
    target: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabels {
    generation: u64,
    digest: String,
}

/// All metrics of one proxy.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    duration: Family<Served, Histogram, fn() -> Histogram>,
    failovers: Family<FailedOver, Counter>,
    backend_failures: Family<BackendFailure, Counter>,
    refused_paths: Family<Reason, Counter>,
    refused_requests: Family<Reason, Counter>,
    table: Family<TableLabels, Gauge>,
    target_healthy: Family<TargetLabels, Gauge>,
    taken_back: Family<TakenBack, Counter>,
    webhooks: Family<Outcome, Counter>,
    handovers: Family<Outcome, Counter>,
    /// What is counted at the edge towards clients.
    pub(crate) edge: Arc<EdgeMetrics>,
    /// Routes that the guard took back while the table does not say so yet.
    pub(crate) guard_unwritten: Gauge,
    /// Requests between their first hook and their last.
    pub(crate) in_flight: Gauge,
    /// Tables put in force since the start.
    pub(crate) tables_published: Counter,
    /// Tables that were refused.
    pub(crate) tables_rejected: Counter,
    /// 1 while the file is not what is in force.
    pub(crate) table_rejected: Gauge,
    /// Seconds since 1970 when the table's database was lost; 0 while it can be reached.
    pub(crate) table_source_lost: Gauge,
    /// Generation number in force.
    pub(crate) generation: Gauge,
    /// Seconds from noticing a change to having it in force.
    pub(crate) reload: Histogram,
}

/// The handles of one route and one backend that answers it.
#[derive(Debug, Clone)]
pub(crate) struct Handles {
    answered: [Counter; CLASSES.len()],
    duration: Histogram,
}

impl Handles {
    /// Counts one request. `status` is 0 when no answer began.
    pub(crate) fn record(&self, status: u16, seconds: f64) {
        let class = match status {
            100..=599 => usize::from(status / 100 - 1),
            _ => CLASSES.len() - 1,
        };
        if let Some(counter) = self.answered.get(class) {
            counter.inc();
        }
        self.duration.observe(seconds);
    }

    /// Requests answered so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.iter().take(CLASSES.len() - 1).map(Counter::get).sum()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

fn latency() -> Histogram {
    Histogram::new(LATENCY_BUCKETS)
}

impl Metrics {
    /// With whatever else is to stand in the registry.
    pub(crate) fn new(register_others: impl FnOnce(&mut Registry)) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("strangler"),
            answered: Family::default(),
            duration: Family::new_with_constructor(latency),
            failovers: Family::default(),
            backend_failures: Family::default(),
            refused_paths: Family::default(),
            refused_requests: Family::default(),
            edge: Arc::default(),
            table: Family::default(),
            target_healthy: Family::default(),
            taken_back: Family::default(),
            webhooks: Family::default(),
            handovers: Family::default(),
            guard_unwritten: Gauge::default(),
            in_flight: Gauge::default(),
            tables_published: Counter::default(),
            tables_rejected: Counter::default(),
            table_rejected: Gauge::default(),
            table_source_lost: Gauge::default(),
            generation: Gauge::default(),
            reload: latency(),
        };
        metrics.register_traffic();
        metrics.register_table();
        metrics.register_guard();
        metrics.register_process();
        metrics.edge.register(&mut metrics.registry);
        register_others(&mut metrics.registry);
        metrics
    }

    fn register_traffic(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests, by route, backend that answered, and class of the status",
            self.answered.clone(),
        );
        registry.register(
            "request_duration_seconds",
            "Time from the request's header to the end of the answer",
            self.duration.clone(),
        );
        registry.register(
            "failovers",
            "Requests that went to the old backend because the new one failed, by reason",
            self.failovers.clone(),
        );
        registry.register(
            "backend_failures",
            "Attempts that a backend failed, by reason; a request can make several",
            self.backend_failures.clone(),
        );
        registry.register(
            "refused_paths",
            "Requests answered 400 for their path, by reason",
            self.refused_paths.clone(),
        );
        registry.register(
            "refused_requests",
            "Requests answered by the proxy itself for a limit or for their framing, by reason",
            self.refused_requests.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
        registry.register(
            "backend_target_healthy",
            "1 for a target that gets requests, 0 for one that is down",
            self.target_healthy.clone(),
        );
    }

    fn register_table(&mut self) {
        let registry = &mut self.registry;
        registry.register("table_info", "The generation in force", self.table.clone());
        registry.register(
            "table_generation",
            "Number of the generation in force",
            self.generation.clone(),
        );
        registry.register(
            "tables_published",
            "Tables put in force since the start",
            self.tables_published.clone(),
        );
        registry.register(
            "tables_rejected",
            "Tables that did not parse or validate and changed nothing",
            self.tables_rejected.clone(),
        );
        registry.register(
            "table_rejected",
            "1 while the file is not what is in force because it is not valid",
            self.table_rejected.clone(),
        );
        registry.register(
            "table_source_lost_timestamp_seconds",
            "Since when the table's database can't be reached, Unix time; 0 while it can",
            self.table_source_lost.clone(),
        );
        registry.register(
            "table_reload_seconds",
            "Time from noticing a change of the file to having it in force",
            self.reload.clone(),
        );
    }

    fn register_guard(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "guard_taken_back",
            "Routes that the guard took back, by route and the limit that was passed",
            self.taken_back.clone(),
        );
        registry.register(
            "guard_unwritten",
            "Routes that the guard took back while the table does not say so yet",
            self.guard_unwritten.clone(),
        );
        registry.register(
            "guard_webhooks",
            "Notices for the guard's webhook: posted, failed after every attempt, dropped",
            self.webhooks.clone(),
        );
    }

    fn register_process(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "build",
            "The program that runs",
            Info::new([("version", stamp::VERSION)]),
        );
        for outcome in handover::Outcome::ALL {
            // All of them from the start, so that there is a zero to compare with.
            drop(self.handovers.get_or_create_owned(&Outcome { outcome: outcome.as_str() }));
        }
        registry.register(
            "handovers",
            "New processes: done (this one took over), failed or refused (this one serves on)",
            self.handovers.clone(),
        );
    }

    /// Counts a handover, or one that came to nothing.
    pub(crate) fn handover(&self, outcome: handover::Outcome) {
        self.handovers.get_or_create_owned(&Outcome { outcome: outcome.as_str() }).inc();
    }

    /// Handles for one route and one backend; [`NO_ROUTE`] for the fallback.
    pub(crate) fn handles(&self, route: &str, backend: &str) -> Handles {
        let answered = CLASSES.map(|code| {
            let labels = Answered { route: route.to_owned(), backend: backend.to_owned(), code };
            self.answered.get_or_create_owned(&labels)
        });
        let labels = Served { route: route.to_owned(), backend: backend.to_owned() };
        Handles { answered, duration: self.duration.get_or_create_owned(&labels) }
    }

    /// Forgets a route that is in the table no more, so that renaming routes adds no series for ever.
    pub(crate) fn forget(&self, route: &str, backend: &str) {
        for code in CLASSES {
            let labels = Answered { route: route.to_owned(), backend: backend.to_owned(), code };
            self.answered.remove(&labels);
        }
        for reason in FAILURE_REASONS {
            self.failovers.remove(&FailedOver { route: route.to_owned(), reason });
        }
        for limit in Limit::ALL.map(Limit::as_str) {
            self.taken_back.remove(&TakenBack { route: route.to_owned(), limit });
        }
        self.duration.remove(&Served { route: route.to_owned(), backend: backend.to_owned() });
    }

    /// Counts a failover. Off the usual path, so looked up each time.
    pub(crate) fn failed_over(&self, route: &str, reason: &'static str) {
        self.failovers.get_or_create_owned(&FailedOver { route: route.to_owned(), reason }).inc();
    }

    /// Failovers of a route so far, for every reason.
    pub(crate) fn failovers(&self, route: &str) -> u64 {
        FAILURE_REASONS
            .iter()
            .filter_map(|reason| {
                let labels = FailedOver { route: route.to_owned(), reason };
                self.failovers.get(&labels).map(|counter| counter.get())
            })
            .sum()
    }

    /// Counts a route that the guard took back.
    pub(crate) fn taken_back(&self, route: &str, limit: Limit) {
        let labels = TakenBack { route: route.to_owned(), limit: limit.as_str() };
        self.taken_back.get_or_create_owned(&labels).inc();
    }

    /// Counts a notice for the guard's webhook.
    pub(crate) fn webhook(&self, outcome: &'static str) {
        self.webhooks.get_or_create_owned(&Outcome { outcome }).inc();
    }

    /// Counts an attempt that a backend failed.
    pub(crate) fn backend_failed(&self, backend: &str, reason: &'static str) {
        let labels = BackendFailure { backend: backend.to_owned(), reason };
        self.backend_failures.get_or_create_owned(&labels).inc();
    }

    /// Counts a path answered 400.
    pub(crate) fn refused_path(&self, reason: &'static str) {
        self.refused_paths.get_or_create_owned(&Reason { reason }).inc();
    }

    /// Counts a request over a limit.
    pub(crate) fn refused_request(&self, reason: &'static str) {
        self.refused_requests.get_or_create_owned(&Reason { reason }).inc();
    }

    /// Notes which generation is in force.
    pub(crate) fn published(&self, in_force: &InForce) {
        let generation = &in_force.table.generation;
        self.table.clear();
        let labels = TableLabels {
            generation: generation.number,
            digest: generation.digest.as_str().to_owned(),
        };
        self.table.get_or_create_owned(&labels).set(1);
        self.generation.set(i64::try_from(generation.number).unwrap_or(i64::MAX));
        self.tables_published.inc();
        self.table_rejected.set(0);
    }

    /// The text of `/metrics`.
    pub(crate) fn encode(
        &self,
        in_force: &InForce,
        certificate: Option<&Arc<ServedCertificate>>,
    ) -> Result<String, std::fmt::Error> {
        self.edge.refresh(certificate);
        self.target_healthy.clear();
        for pool in &in_force.pools {
            for target in pool.targets() {
                let labels = TargetLabels {
                    backend: pool.name.to_string(),
                    target: target.label.to_string(),
                };
                self.target_healthy.get_or_create_owned(&labels).set(i64::from(target.is_usable()));
            }
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
