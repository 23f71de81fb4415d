//! A collector of traces: it takes what `OTLP` says over HTTP, and shows it span by span.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::{LIMIT, wait};

/// One span, as it was told.
#[derive(Debug, Clone)]
pub struct Span {
    /// `service.name` of the program that told it.
    pub program: String,
    /// What it is called.
    pub name: String,
    /// 32 hex digits.
    pub trace: String,
    /// 16 hex digits.
    pub id: String,
    /// The same of the span that caused it; empty: none.
    pub parent: String,
    /// What else is said, each value as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether it counts as failed.
    pub has_failed: bool,
    /// Nanoseconds.
    pub took: u64,
}

impl Span {
    /// An attribute; empty when there is none.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

type Told = Arc<Mutex<Vec<Span>>>;

/// A running collector. It ends when dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    told: Told,
    server: AbortHandle,
}

impl Collector {
    /// Starts one on loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Told::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&told));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, told, server: server.abort_handle() }
    }

    /// What a program needs in its environment to tell it, soon.
    pub fn environment(&self) -> [(String, String); 2] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), format!("http://{}", self.address)),
            ("OTEL_BSP_SCHEDULE_DELAY".to_owned(), "50".to_owned()),
        ]
    }

    /// Every span so far.
    pub fn told(&self) -> Vec<Span> {
        self.told.lock().unwrap().clone()
    }

    /// Waits for spans of which `is_wanted` holds until there are as many.
    pub async fn spans(&self, count: usize, is_wanted: impl Fn(&Span) -> bool) -> Vec<Span> {
        wait::until("the collector is told of every request", LIMIT, async || {
            let mut wanted = self.told();
            wanted.retain(&is_wanted);
            (wanted.len() >= count).then_some(wanted)
        })
        .await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(told): State<Told>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for of_program in request.resource_spans {
        let resource = attributes(of_program.resource.unwrap().attributes);
        let spans = of_program.scope_spans.into_iter().flat_map(|scope| scope.spans);
        told.lock().unwrap().extend(spans.map(|span| Span {
            program: resource.get("service.name").cloned().unwrap(),
            name: span.name,
            trace: hex::encode(&span.trace_id),
            id: hex::encode(&span.span_id),
            parent: hex::encode(&span.parent_span_id),
            attributes: attributes(span.attributes),
            has_failed: span.status.is_some_and(|status| status.code == 2),
            took: span.end_time_unix_nano - span.start_time_unix_nano,
        }));
    }
}

fn attributes(given: Vec<KeyValue>) -> BTreeMap<String, String> {
    given.into_iter().map(|each| (each.key, text(each.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        other => format!("{other:?}"),
    }
}
