//! What is told of one request.

use http::HeaderValue;
use opentelemetry::trace::{Span as _, SpanBuilder, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

use crate::trace_context;

/// One request while it is under way. Ends when it is dropped, if not before.
#[derive(Debug)]
pub struct RequestSpan(Span);

impl RequestSpan {
    pub(crate) fn begin(
        tracer: &SdkTracer,
        span: SpanBuilder,
        received: Option<&HeaderValue>,
    ) -> Self {
        let parent = match received.and_then(trace_context::parse) {
            Some(caller) => Context::new().with_remote_span_context(caller),
            None => Context::new(),
        };
        Self(tracer.build_with_context(span, &parent))
    }

    /// The `traceparent` for whoever is asked next: this span is the parent.
    pub fn traceparent(&self) -> HeaderValue {
        trace_context::write(self.0.span_context())
    }

    /// The trace's id, 32 hex digits.
    pub fn trace_id(&self) -> String {
        self.0.span_context().trace_id().to_string()
    }

    /// Whether anything of it will be sent: else attributes need not be made.
    pub fn is_recorded(&self) -> bool {
        self.0.is_recording()
    }

    /// Ends it as an answer with `status` (0: none was given) under the name that it has by now.
    pub fn end(
        mut self,
        name: String,
        status: u16,
        attributes: impl IntoIterator<Item = KeyValue>,
    ) {
        self.0.update_name(name);
        self.0.set_attributes(attributes);
        if status == 0 {
            self.0.set_status(Status::error("no answer"));
        } else {
            self.0.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
            // Of what a server does, only 5xx counts as its failure (semantic conventions for HTTP spans).
            if status >= 500 {
                self.0.set_attribute(KeyValue::new("error.type", status.to_string()));
                self.0.set_status(Status::error(""));
            }
        }
        self.0.end();
    }
}
