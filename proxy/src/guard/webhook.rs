//! Posts a notice to the operator's webhook: a few attempts, each with a time limit, and none in the way of anything.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use tokio::sync::mpsc;

use super::taken_back::TakenBack;
use crate::in_flight::InFlightGuard;
use crate::metrics::Metrics;

/// Most notices that wait to be posted.
pub(super) const WAITING: usize = 64;
/// Longest wait for a connection and an answer, each attempt.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Waits between the attempts.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// What is posted, and where.
#[derive(Debug)]
pub(super) struct Notice {
    /// Never logged whole: its path may be a secret.
    pub(super) url: String,
    pub(super) body: Body,
    /// Until it is posted, or given up.
    pub(super) _pending: InFlightGuard,
}

/// The JSON that is posted.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Body {
    /// Always `guard`.
    event: &'static str,
    route: String,
    from: routes::Stage,
    to: routes::Stage,
    at: chrono::DateTime<chrono::Utc>,
    reason: String,
    /// Who took it back: `proxy@host`.
    who: String,
}

impl Body {
    pub(super) fn of(taken: &TakenBack, who: &str) -> Self {
        Self {
            event: "guard",
            route: taken.route.clone(),
            from: taken.from,
            to: taken.to,
            at: taken.at,
            reason: taken.reason.clone(),
            who: who.to_owned(),
        }
    }
}

/// Posts notices as they come, one after the other, until nobody can send more.
pub(super) async fn post_all(mut notices: mpsc::Receiver<Notice>, metrics: &Metrics) {
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    while let Some(notice) = notices.recv().await {
        let is_posted = post(&client, &notice).await;
        metrics.webhook(if is_posted { "posted" } else { "failed" });
    }
}

async fn post(client: &Client<HttpConnector, Full<Bytes>>, notice: &Notice) -> bool {
    let Ok(body) = serde_json::to_vec(&notice.body).map(Bytes::from) else { return false };
    let pauses = PAUSES.iter().map(Some).chain([None]);
    for pause in pauses {
        let why = match attempt(client, &notice.url, body.clone()).await {
            Ok(()) => return true,
            Err(why) => why,
        };
        let route = &notice.body.route;
        let host = host(&notice.url);
        let Some(pause) = pause else {
            tracing::error!(%route, %host, why, "the guard's webhook was not reached; given up");
            return false;
        };
        tracing::warn!(%route, %host, why, "the guard's webhook was not reached; trying again");
        tokio::time::sleep(*pause).await;
    }
    false
}

async fn attempt(
    client: &Client<HttpConnector, Full<Bytes>>,
    url: &str,
    body: Bytes,
) -> Result<(), String> {
    let request = Request::post(url)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    match tokio::time::timeout(TIMEOUT, client.request(request)).await {
        Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
        Ok(Ok(answer)) => Err(refused(answer.status())),
        Ok(Err(error)) => Err(crate::live_table::watch::describe(&error)),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

fn refused(status: StatusCode) -> String {
    format!("it answered {status}")
}

fn host(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
