//! Tells alerts about the service to the operator: to a webhook, or to the log.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use trust::is_distrusted;
use url::Url;

use crate::clock::Clock;
use crate::config::Secret;
use crate::logic::alerts::{Alert, Book, Delivery, Figures, delivered};
use crate::outgoing::{Outgoing, OutgoingError, outgoing};

/// Longest that a webhook may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Tells alerts and keeps those of late.
#[derive(Debug)]
pub struct Alerting {
    book: Mutex<Book>,
    webhook: Option<Webhook>,
}

/// Where alerts are posted.
struct Webhook {
    client: Outgoing,
    /// Never logged: its path may be a secret.
    address: Uri,
    /// What the address says of a user and a password.
    authorization: Option<HeaderValue>,
}

/// Why alerts cannot be posted. The address is not shown.
#[derive(Debug, thiserror::Error)]
pub enum AlertingError {
    /// The address.
    #[error("AITBC_ALERT_WEBHOOK_URL does not lead to an address")]
    Address,
    /// The way there.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
}

impl Alerting {
    /// Tells alerts to `webhook`, or to the log without one. `authorities` is a file of certificates that are trusted besides
    /// the system's.
    pub fn new(
        webhook: Option<&Secret>,
        authorities: Option<&Path>,
    ) -> Result<Self, AlertingError> {
        let webhook = webhook.map(|url| Webhook::new(url, authorities)).transpose()?;
        Ok(Self { book: Mutex::default(), webhook })
    }

    /// Tells every figure that is past its threshold, unless it was told not long ago; says what became of each.
    pub async fn tell(&self, figures: &Figures, clock: &dyn Clock) -> Value {
        let mut deliveries = Vec::new();
        for alert in figures.alerts().into_iter().filter(|alert| alert.triggered) {
            let is_claimed = self.book().claim(alert.name, clock.now());
            let delivery =
                if is_claimed { self.deliver(&alert, clock).await } else { Delivery::Suppressed };
            self.book().keep(&alert, &delivery, self.channel(), clock.now());
            deliveries.push((alert, delivery));
        }
        delivered(&deliveries, self.channel())
    }

    /// What [`tell`](Self::tell) would answer, without telling or keeping anything.
    pub fn rehearse(&self, figures: &Figures, clock: &dyn Clock) -> Value {
        let triggered = figures.alerts().into_iter().filter(|alert| alert.triggered);
        let deliveries: Vec<(Alert, Delivery)> = triggered
            .map(|alert| {
                let is_suppressed = self.book().is_suppressed(alert.name, clock.now());
                (alert, if is_suppressed { Delivery::Suppressed } else { Delivery::Sent })
            })
            .collect();
        delivered(&deliveries, self.channel())
    }

    /// The alerts of late; see [`Book::recent`].
    pub fn recent(&self, severity: Option<&str>, limit: i64) -> Value {
        self.book().recent(severity, limit)
    }

    async fn deliver(&self, alert: &Alert, clock: &dyn Clock) -> Delivery {
        let Some(webhook) = &self.webhook else {
            tracing::warn!(
                name = alert.name,
                value = alert.value,
                threshold = alert.threshold,
                "alert"
            );
            return Delivery::Sent;
        };
        match webhook.post(&alert.notice(clock.now())).await {
            Ok(()) => {
                tracing::warn!(name = alert.name, "alert posted to the webhook");
                Delivery::Sent
            }
            Err(error) => {
                tracing::error!(name = alert.name, error, "alert not posted to the webhook");
                Delivery::Failed(error)
            }
        }
    }

    const fn channel(&self) -> &'static str {
        if self.webhook.is_some() { "webhook" } else { "log" }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Webhook {
    fn new(url: &Secret, authorities: Option<&Path>) -> Result<Self, AlertingError> {
        let mut url = Url::parse(url.reveal()).map_err(|_why| AlertingError::Address)?;
        let authorization = basic(&url);
        // What comes before the host is said in a header, and what comes after a # is nobody else's business.
        let is_plain = url.set_username("").is_ok() && url.set_password(None).is_ok();
        url.set_fragment(None);
        let address: Option<Uri> = url.as_str().parse().ok().filter(|_| is_plain);
        let address = address.ok_or(AlertingError::Address)?;
        Ok(Self { client: outgoing(url.scheme() == "https", authorities)?, address, authorization })
    }

    /// Posts a notice. What it says when that fails does not show the address.
    async fn post(&self, notice: &Value) -> Result<(), String> {
        let mut request = Request::new(Full::new(Bytes::from(notice.to_string())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.address.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("agent-service"));
        headers.extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
        match tokio::time::timeout(LIMIT, self.client.request(request)).await {
            Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
            Ok(Ok(answer)) => {
                Err(format!("the webhook answered with status {}", answer.status().as_u16()))
            }
            Ok(Err(error)) if is_distrusted(&error) => {
                let advice = "TLS_CA_FILE can name who vouches for it";
                Err(format!("the webhook's certificate is not trusted; {advice}"))
            }
            Ok(Err(_why)) => Err("the webhook was not reached".to_owned()),
            Err(_elapsed) => {
                Err(format!("the webhook did not answer within {} s", LIMIT.as_secs()))
            }
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// What `user:password@` of an address is in a header.
fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut words: Vec<u8> = percent_decode_str(url.username()).collect();
    words.push(b':');
    words.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(words))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;
    use crate::clock::SystemClock;
    use crate::instances::ask::tests::serve;
    use crate::outgoing::tests::{authority, serve_tls, stranger};

    type Received = Arc<Mutex<Vec<Value>>>;

    fn failing() -> Figures {
        Figures { requests: 4, errors: 1, ..Figures::default() }
    }

    /// A webhook that keeps what it gets, and answers with this status.
    fn hook(status: StatusCode) -> (Router, Received) {
        let received = Received::default();
        let take =
            async move |State(received): State<Received>, headers: HeaderMap, body: String| {
                let mut notice: Value = serde_json::from_str(&body).unwrap();
                notice["authorization"] =
                    headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap()).into();
                received.lock().unwrap().push(notice);
                status
            };
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&received));
        (router, received)
    }

    async fn webhook(status: StatusCode) -> (Secret, Received) {
        let (router, received) = hook(status);
        (Secret::new(&format!("{}/hook", serve(router).await)), received)
    }

    fn alerting_to(url: &Secret) -> Alerting {
        Alerting::new(Some(url), None).unwrap()
    }

    #[tokio::test]
    async fn an_alert_is_posted_once_and_then_held_back() {
        let (url, received) = webhook(StatusCode::OK).await;
        let alerting = alerting_to(&url);
        let rehearsed = alerting.rehearse(&failing(), &SystemClock);
        let first = alerting.tell(&failing(), &SystemClock).await;
        assert_eq!(rehearsed, first, "a rehearsal answers as the first real one");
        assert_eq!(
            first,
            json!({"triggered_count": 1, "sent": ["error_rate"], "suppressed": [], "failed": [],
                   "channel": "webhook"})
        );
        assert_eq!(
            alerting.tell(&failing(), &SystemClock).await["suppressed"],
            json!(["error_rate"])
        );
        let posted = received.lock().unwrap().clone();
        assert_eq!(posted.len(), 1);
        assert_eq!((&posted[0]["name"], &posted[0]["value"]), (&json!("error_rate"), &json!(25.0)));
        assert_eq!(alerting.recent(None, 50)["total_count"], 2);
    }

    #[tokio::test]
    async fn a_webhook_that_refuses_is_tried_again_and_its_address_is_not_told() {
        let (url, received) = webhook(StatusCode::INTERNAL_SERVER_ERROR).await;
        let alerting = alerting_to(&url);
        for _again in 0..2 {
            let told = alerting.tell(&failing(), &SystemClock).await;
            let error = "the webhook answered with status 500";
            assert_eq!(told["failed"], json!([{"name": "error_rate", "error": error}]));
        }
        assert_eq!(received.lock().unwrap().len(), 2);
        let nobody = alerting_to(&Secret::new("http://127.0.0.1:1/secret"));
        let told = nobody.tell(&failing(), &SystemClock).await;
        assert_eq!(told["failed"][0]["error"], "the webhook was not reached");
    }

    #[tokio::test]
    async fn an_alert_is_posted_over_tls_to_whom_somebody_vouches_for() {
        let (router, received) = hook(StatusCode::NO_CONTENT);
        let url = serve_tls(router).await.replace("://", "://us%65r:p%40ss@");
        let url = Secret::new(&format!("{url}/hook?key=1#part"));
        let told = async |vouching| {
            let alerting = Alerting::new(Some(&url), Some(vouching)).unwrap();
            assert!(!format!("{alerting:?}").contains("key=1"), "{alerting:?}");
            alerting.tell(&failing(), &SystemClock).await
        };
        let distrusted = told(stranger()).await;
        let error = distrusted["failed"][0]["error"].as_str().unwrap();
        assert!(error.contains("certificate is not trusted; TLS_CA_FILE"), "{error}");
        assert_eq!(received.lock().unwrap().len(), 0);
        assert_eq!(told(authority()).await["sent"], json!(["error_rate"]));
        let posted = received.lock().unwrap().clone();
        // user:p@ss
        assert_eq!(posted[0]["authorization"], "Basic dXNlcjpwQHNz");
    }

    #[tokio::test]
    async fn a_webhook_elsewhere_is_not_followed() {
        let (url, received) = webhook(StatusCode::FOUND).await;
        let told = alerting_to(&url).tell(&failing(), &SystemClock).await;
        let error = "the webhook answered with status 302";
        assert_eq!(told["failed"], json!([{"name": "error_rate", "error": error}]));
        assert_eq!(received.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn without_a_webhook_alerts_are_logged_and_a_rehearsal_keeps_none() {
        let alerting = Alerting::new(None, None).unwrap();
        assert_eq!(alerting.rehearse(&failing(), &SystemClock)["channel"], "log");
        assert_eq!(alerting.recent(None, 50)["total_count"], 0);
        assert_eq!(alerting.tell(&failing(), &SystemClock).await["sent"], json!(["error_rate"]));
        assert_eq!(alerting.tell(&Figures::default(), &SystemClock).await["triggered_count"], 0);
    }
}
