//! What the service counts, in Prometheus' text form.

use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: String,
}

/// Every figure. Labels have few values: routes are templates, never paths.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    in_flight: Gauge,
    rehearsals: Family<OutcomeLabels, Counter>,
    executions: Family<OutcomeLabels, Counter>,
    steps: Family<OutcomeLabels, Counter>,
    working: Gauge,
    trainings: Family<OutcomeLabels, Counter>,
    deliveries: Family<OutcomeLabels, Counter>,
    event_streams: Gauge,
}

/// Counts something as under way for as long as it lives.
#[derive(Debug)]
pub struct UnderWay(Gauge);

impl UnderWay {
    fn begin(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn histogram() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Metrics {
    /// Figures that start at zero.
    pub fn new(build_id: &str) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("agent_service"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram as fn() -> Histogram),
            in_flight: Gauge::default(),
            rehearsals: Family::default(),
            executions: Family::default(),
            steps: Family::default(),
            working: Gauge::default(),
            trainings: Family::default(),
            deliveries: Family::default(),
            event_streams: Gauge::default(),
        };
        metrics.register(build_id);
        metrics
    }

    fn register(&mut self, build_id: &str) {
        let registry = &mut self.registry;
        let build = Info::new(vec![("build_id".to_owned(), build_id.to_owned())]);
        registry.register("build", "The build that runs", build);
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time until the answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register("http_requests_in_flight", "Requests under way", self.in_flight.clone());
        registry.register(
            "rehearsals",
            "Rehearsed requests: rolled back, or given up because the database was busy or they took too long",
            self.rehearsals.clone(),
        );
        registry.register(
            "executions",
            "Executions that this process ended or gave back, by outcome",
            self.executions.clone(),
        );
        registry.register(
            "trainings",
            "Trainings that this process ended or gave back, by outcome",
            self.trainings.clone(),
        );
        registry.register(
            "message_deliveries",
            "Attempts of this process to deliver messages, by what became of the message",
            self.deliveries.clone(),
        );
        registry.register(
            "event_streams_open",
            "Event streams that have a place, those of clients that take nothing among them",
            self.event_streams.clone(),
        );
        registry.register("steps", "Steps that this process ran, by outcome", self.steps.clone());
        registry.register(
            "executions_in_flight",
            "Executions that this process works on",
            self.working.clone(),
        );
    }

    /// Counts an event stream as open.
    pub fn begin_event_stream(&self) -> UnderWay {
        UnderWay::begin(&self.event_streams)
    }

    /// Counts a request as under way.
    pub fn begin_request(&self) -> UnderWay {
        UnderWay::begin(&self.in_flight)
    }

    /// Counts an answered request. `route` is the template it matched.
    pub fn end_request(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        spent: Duration,
    ) {
        let route = route.unwrap_or("(none)").to_owned();
        // Extension methods are free text, and labels must stay few.
        let method = match method.as_str() {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS") => known,
            _ => "OTHER",
        };
        self.seconds
            .get_or_create(&RouteLabels { route: route.clone() })
            .observe(spent.as_secs_f64());
        let labels = RequestLabels { method: method.to_owned(), route, status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts a rehearsed request.
    pub fn end_rehearsal(&self, outcome: &str) {
        self.rehearsals.get_or_create(&OutcomeLabels { outcome: outcome.to_owned() }).inc();
    }

    /// Counts an execution as worked on.
    pub fn begin_execution(&self) -> UnderWay {
        UnderWay::begin(&self.working)
    }

    /// Counts an execution that ended or was given back.
    pub fn end_execution(&self, outcome: &str) {
        self.executions.get_or_create(&OutcomeLabels { outcome: outcome.to_owned() }).inc();
    }

    /// Counts a training that ended or was given back.
    pub fn end_training(&self, outcome: &str) {
        self.trainings.get_or_create(&OutcomeLabels { outcome: outcome.to_owned() }).inc();
    }

    /// Counts an attempt to deliver a message.
    pub fn end_delivery(&self, outcome: &str) {
        self.deliveries.get_or_create(&OutcomeLabels { outcome: outcome.to_owned() }).inc();
    }

    /// Counts a step that ended.
    pub fn end_step(&self, outcome: &str) {
        self.steps.get_or_create(&OutcomeLabels { outcome: outcome.to_owned() }).inc();
    }

    /// All figures as text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
