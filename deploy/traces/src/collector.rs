//! The way to the collector: an HTTP client with a thread of its own, which no request shares.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use rustls::crypto::ring;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::TracesError;

/// Where the protocol has spans, below the address of a collector.
const SPANS: &str = "v1/traces";
/// How long the collector may take for one batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer that is read; it says at most what was not taken.
const MAX_ANSWER: usize = 64 * 1024;

/// Where a collector takes spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

/// A text that is no address of a collector.
#[derive(Debug, thiserror::Error)]
#[error("is no http:// or https:// URL of a collector, such as http://127.0.0.1:4318")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    /// Reads what `OTEL_EXPORTER_OTLP_ENDPOINT` holds: the collector's address, to which the path of spans is added.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(text).map_err(|_why| AddressError)?;
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            return Err(AddressError);
        }
        let path = format!("{}/{SPANS}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }
}

/// What `OTEL_EXPORTER_OTLP_ENDPOINT` holds: an address, or nothing, which says as much as a variable that is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Option<Address>);

impl FromStr for Endpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.trim().is_empty() { Ok(Self(None)) } else { Ok(Self(Some(text.parse()?))) }
    }
}

impl Endpoint {
    /// Where a collector takes spans; `None`: nobody is told.
    pub fn address(&self) -> Option<&Address> {
        self.0.as_ref()
    }
}

impl Address {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for Address {
    /// Without user and password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.0.origin().ascii_serialization(), self.0.path())
    }
}

/// Sends batches of spans.
#[derive(Debug)]
pub(crate) struct CollectorClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Runtime,
    /// For the log.
    address: Address,
    /// Whether the last batch was taken: an outage is told once, not with every batch.
    is_down: AtomicBool,
}

impl CollectorClient {
    pub(crate) fn new(address: &Address) -> Result<Self, TracesError> {
        let connector = HttpsConnectorBuilder::new();
        // Without https no certificate will be looked at, so a machine without any will do.
        let connector = if address.is_https() {
            connector
                .with_provider_and_native_roots(ring::default_provider())
                .map_err(TracesError::Tls)?
        } else {
            connector.with_tls_config(no_authorities()?)
        };
        let connector = connector.https_or_http().enable_http1().build();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("traces")
            .enable_all()
            .build()?;
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, runtime, address: address.clone(), is_down: AtomicBool::new(false) })
    }

    fn note(&self, outcome: Result<(), String>) {
        let address = &self.address;
        match outcome {
            Ok(()) if self.is_down.swap(false, Ordering::Relaxed) => {
                tracing::info!(%address, "the collector takes traces again");
            }
            Err(error) if !self.is_down.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%address, error, "the collector takes no traces; they are dropped until it does");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// An error with its causes on one line: the client itself says only that it could not connect.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn no_authorities() -> Result<rustls::ClientConfig, TracesError> {
    let config = rustls::ClientConfig::builder_with_provider(ring::default_provider().into());
    let config = config
        .with_safe_default_protocol_versions()
        .map_err(|error| TracesError::Tls(std::io::Error::other(error)))?;
    Ok(config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

#[async_trait]
impl HttpClient for CollectorClient {
    /// Asked on the library's thread, which has no runtime.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let answer = self.runtime.spawn(async move {
            let answered = async {
                let answer = client.request(request.map(Full::new)).await?;
                let (head, body) = answer.into_parts();
                let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
                Ok::<_, HttpError>(Response::from_parts(head, body))
            };
            tokio::time::timeout(PATIENCE, answered).await?
        });
        let answer = answer.await.map_err(HttpError::from).flatten();
        match &answer {
            Ok(answer) if answer.status().is_success() => self.note(Ok(())),
            Ok(answer) => self.note(Err(format!("it answered {}", answer.status()))),
            Err(error) => self.note(Err(with_causes(&**error))),
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_spans_is_added() {
        let cases = [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://collector.example/", "https://collector.example/v1/traces"),
            ("http://gateway:80/otel/", "http://gateway/otel/v1/traces"),
        ];
        for (given, asked) in cases {
            assert_eq!(given.parse::<Address>().unwrap().as_str(), asked);
        }
    }

    #[test]
    fn a_text_that_is_no_address_is_refused() {
        for text in ["", "localhost:4318", "grpc://localhost:4317", "/v1/traces", "http://"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_is_no_address_and_no_mistake() {
        for text in ["", " "] {
            assert_eq!(text.parse::<Endpoint>().unwrap().address(), None);
        }
        let endpoint: Endpoint = "http://127.0.0.1:4318".parse().unwrap();
        assert_eq!(endpoint.address().unwrap().as_str(), "http://127.0.0.1:4318/v1/traces");
        assert!("localhost:4318".parse::<Endpoint>().is_err());
    }

    #[test]
    fn a_password_is_not_shown() {
        let address: Address = "https://me:secret@collector.example".parse().unwrap();
        assert_eq!(address.to_string(), "https://collector.example/v1/traces");
    }
}
