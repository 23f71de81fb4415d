//! Asking a proxy's admin interface.

use std::fmt;
use std::iter::successors;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, InvalidHeaderValue};
use routes::Digest;
use routes::admin::{EvidenceReport, GateReport, NoiseReport, RoutesReport, Timeline};
use serde::de::DeserializeOwned;
use url::Url;

/// Longest a proxy may take for an answer that waits for nothing.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Longest answer that is read, bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Why a proxy could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is no URL.
    #[error("`{base}` is no address of a proxy; write it like http://127.0.0.1:8081")]
    Address {
        /// As given.
        base: String,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// Nobody answers there, or not in time.
    #[error("no proxy answers at {url}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Somebody answers, but no.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// Somebody else answers there.
    #[error("{url} answered something that is no report of a proxy")]
    Shape {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// More than anybody would want to know.
    #[error("{url} answered more than {MAX_ANSWER} bytes")]
    TooLong {
        /// What was asked.
        url: String,
    },
}

impl AdminError {
    /// The error and its first cause on one line; what lies between only says that a request was sent.
    pub fn line(&self) -> String {
        let causes = successors(std::error::Error::source(self), |cause| cause.source());
        match causes.last() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The token can't be sent.
    #[error("the token has characters that no header can carry")]
    Token(#[from] InvalidHeaderValue),
    /// The library refused.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// Asks proxies; keeps their connections open between questions.
#[derive(Debug, Clone)]
pub struct AdminClient {
    http: reqwest::Client,
}

impl AdminClient {
    /// A client that goes to the addresses of the table and nowhere else (no proxy of the environment, no redirects).
    ///
    /// Fails where the token can't be sent.
    pub fn new(token: Option<&Secret>) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        if let Some(Secret(token)) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(ANSWER_LIMIT)
            .build()?;
        Ok(Self { http })
    }

    /// The generation in force at the proxy and what it says.
    pub async fn routes(&self, base: &str) -> Result<RoutesReport, AdminError> {
        self.get(&address(base, "/api/routes")?, ANSWER_LIMIT).await
    }

    /// The same, as soon as the generation is in force, or refused, or `patience` is over.
    pub async fn routes_when(
        &self,
        base: &str,
        digest: &Digest,
        patience: Duration,
    ) -> Result<RoutesReport, AdminError> {
        let mut url = address(base, "/api/routes")?;
        url.query_pairs_mut()
            .append_pair("wait", digest.as_str())
            .append_pair("timeout", &patience.as_millis().to_string());
        self.get(&url, patience + ANSWER_LIMIT).await
    }

    /// What comparing has shown so far, of one route or of all.
    pub async fn evidence(
        &self,
        base: &str,
        route: Option<&str>,
    ) -> Result<EvidenceReport, AdminError> {
        let mut url = address(base, "/api/evidence")?;
        if let Some(route) = route {
            url.query_pairs_mut().append_pair("route", route);
        }
        self.get(&url, ANSWER_LIMIT).await
    }

    /// What stands against a cutover of a route; the proxy may have to ask the new backend for it.
    pub async fn gate(&self, base: &str, route: &str) -> Result<GateReport, AdminError> {
        let mut url = address(base, "/api/gate")?;
        url.query_pairs_mut().append_pair("route", route);
        self.get(&url, 3 * ANSWER_LIMIT).await
    }

    /// What is noise in a route's evidence, and what would silence it.
    pub async fn noise(&self, base: &str, route: &str) -> Result<NoiseReport, AdminError> {
        let mut url = address(base, "/api/noise")?;
        url.query_pairs_mut().append_pair("route", route);
        self.get(&url, ANSWER_LIMIT).await
    }

    /// Evidence of a route by the minute, over the last day.
    pub async fn timeline(&self, base: &str, route: &str) -> Result<Timeline, AdminError> {
        let mut url = address(base, "/api/timeline")?;
        url.query_pairs_mut().append_pair("route", route).append_pair("minutes", "1440");
        self.get(&url, ANSWER_LIMIT).await
    }

    /// Exchanges as they pass, of one route or of all: JSON lines (`routes::admin::RecordingLine`) without an end of its
    /// own. The caller sets the time and the size.
    pub async fn exchanges(
        &self,
        base: &str,
        route: Option<&str>,
    ) -> Result<reqwest::Response, AdminError> {
        let mut url = address(base, "/api/exchanges")?;
        if let Some(route) = route {
            url.query_pairs_mut().append_pair("route", route);
        }
        let unreachable = |source| AdminError::Unreachable { url: url.to_string(), source };
        let response = self.http.get(url.clone()).send().await.map_err(unreachable)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(AdminError::Status { url: url.to_string(), status });
        }
        Ok(response)
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url, limit: Duration) -> Result<T, AdminError> {
        let unreachable = |source| AdminError::Unreachable { url: url.to_string(), source };
        let mut response =
            self.http.get(url.clone()).timeout(limit).send().await.map_err(unreachable)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(AdminError::Status { url: url.to_string(), status });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(AdminError::TooLong { url: url.to_string() });
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body)
            .map_err(|source| AdminError::Shape { url: url.to_string(), source })
    }
}

fn address(base: &str, path: &str) -> Result<Url, AdminError> {
    let text = format!("{}{path}", base.trim_end_matches('/'));
    Url::parse(&text).map_err(|source| AdminError::Address { base: base.to_owned(), source })
}
