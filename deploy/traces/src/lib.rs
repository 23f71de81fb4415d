//! Tells a collector that speaks OTLP (`OpenTelemetry` over HTTP) what became of each request, so that one trace shows it in the
//! proxy, in the service, and in whatever else continues the trace.
//!
//! Off unless an address is given. What the collector does not take is dropped: no request waits for it.

pub mod trace_context;
mod collector;
mod span;

pub use collector::{Address, AddressError, Endpoint};
pub use opentelemetry::KeyValue;
pub use span::RequestSpan;

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use opentelemetry::trace::{SpanBuilder, SpanKind, TracerProvider as _};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use collector::CollectorClient;

/// How long the last spans may take when the program ends.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The thread that sends them.
    #[error("no thread can be started for traces")]
    Thread(#[from] std::io::Error),
    /// TLS, or the certificates of the system.
    #[error("the way to the collector of traces can't be set up")]
    Tls(#[source] std::io::Error),
    /// A setting that the library reads, such as `OTEL_EXPORTER_OTLP_HEADERS`.
    #[error("traces can't be sent as the variables OTEL_… say")]
    Exporter(#[from] ExporterBuildError),
}

/// The way to the collector. Cloning is cheap, and all clones are one.
#[derive(Debug, Clone)]
pub struct Traces {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

impl Traces {
    /// Begins to send what the program `name` (of the build `version`) does to the collector at `address`.
    ///
    /// What share of requests is traced, what else is said of the program, which headers the collector wants and how spans are
    /// put together is read by the library from the variables that `OpenTelemetry` has for it (`OTEL_TRACES_SAMPLER`,
    /// `OTEL_TRACES_SAMPLER_ARG`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_…`).
    ///
    /// # Errors
    /// A thread, TLS or one of those variables is not to be had.
    pub fn start(
        name: &'static str,
        version: &'static str,
        address: &Address,
    ) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(address)?)
            .with_endpoint(address.as_str())
            .build()?;
        let version = KeyValue::new("service.version", version);
        let resource = Resource::builder().with_service_name(name).with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        Ok(Self { tracer: provider.tracer("strangler"), provider })
    }

    /// Begins the span of a request that `started` then. A valid `traceparent` of the client is continued, also in whether the
    /// request is traced at all.
    pub fn begin(
        &self,
        name: String,
        received: Option<&HeaderValue>,
        started: SystemTime,
    ) -> RequestSpan {
        let span =
            SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_start_time(started);
        RequestSpan::begin(&self.tracer, span, received)
    }

    /// Sends what is left and ends; takes two seconds at most. Blocks.
    pub fn finish(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS) {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}
