//! Tells alerts about the service to the operator: to a webhook, or to the log.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::clock::Clock;
use crate::config::Secret;
use crate::logic::alerts::{Alert, Book, Delivery, Figures, delivered};

/// Longest that a webhook may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Tells alerts and keeps those of late.
#[derive(Debug)]
pub struct Alerting {
    book: Mutex<Book>,
    webhook: Option<Webhook>,
}

/// Where alerts are posted.
#[derive(Debug)]
struct Webhook {
    client: reqwest::Client,
    /// Never logged: its path may be a secret.
    url: Secret,
}

impl Alerting {
    /// Tells alerts to `webhook`, or to the log without one.
    pub fn new(webhook: Option<&Secret>) -> Result<Self, reqwest::Error> {
        let webhook = match webhook {
            Some(url) => {
                let client = reqwest::Client::builder().timeout(LIMIT).build()?;
                Some(Webhook { client, url: url.clone() })
            }
            None => None,
        };
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
    /// Posts a notice. What it says when that fails does not show the address.
    async fn post(&self, notice: &Value) -> Result<(), String> {
        let sent = self.client.post(self.url.reveal()).json(notice).send().await;
        match sent.map_err(reqwest::Error::without_url) {
            Ok(answer)
                if answer.status().is_client_error() || answer.status().is_server_error() =>
            {
                Err(format!("the webhook answered with status {}", answer.status().as_u16()))
            }
            Ok(_) => Ok(()),
            Err(error) if error.is_timeout() => {
                Err(format!("the webhook did not answer within {} s", LIMIT.as_secs()))
            }
            Err(_) => Err("the webhook was not reached".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::clock::SystemClock;
    use crate::instances::ask::tests::serve;

    type Received = Arc<Mutex<Vec<Value>>>;

    fn failing() -> Figures {
        Figures { requests: 4, errors: 1, ..Figures::default() }
    }

    /// A webhook that keeps what it gets, and answers with this status.
    async fn webhook(status: StatusCode) -> (Secret, Received) {
        let received = Received::default();
        let take = async move |State(received): State<Received>, body: String| {
            received.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            status
        };
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&received));
        (Secret::new(&format!("{}/hook", serve(router).await)), received)
    }

    #[tokio::test]
    async fn an_alert_is_posted_once_and_then_held_back() {
        let (url, received) = webhook(StatusCode::OK).await;
        let alerting = Alerting::new(Some(&url)).unwrap();
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
        let alerting = Alerting::new(Some(&url)).unwrap();
        for _again in 0..2 {
            let told = alerting.tell(&failing(), &SystemClock).await;
            let error = "the webhook answered with status 500";
            assert_eq!(told["failed"], json!([{"name": "error_rate", "error": error}]));
        }
        assert_eq!(received.lock().unwrap().len(), 2);
        let nobody = Alerting::new(Some(&Secret::new("http://127.0.0.1:1/secret"))).unwrap();
        let told = nobody.tell(&failing(), &SystemClock).await;
        assert_eq!(told["failed"][0]["error"], "the webhook was not reached");
    }

    #[tokio::test]
    async fn without_a_webhook_alerts_are_logged_and_a_rehearsal_keeps_none() {
        let alerting = Alerting::new(None).unwrap();
        assert_eq!(alerting.rehearse(&failing(), &SystemClock)["channel"], "log");
        assert_eq!(alerting.recent(None, 50)["total_count"], 0);
        assert_eq!(alerting.tell(&failing(), &SystemClock).await["sent"], json!(["error_rate"]));
        assert_eq!(alerting.tell(&Figures::default(), &SystemClock).await["triggered_count"], 0);
    }
}
