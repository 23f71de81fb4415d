//! Alerts about the service itself: when a figure is past its threshold, and which alerts are told, kept or held back.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::python::time::Stamp;

/// The most alerts that are kept.
const KEPT: usize = 100;

/// After an alert was told, the same is held back for so many seconds.
const COOL_DOWN: f64 = 300.0;

/// The memory that counts as all of it, in MB.
const WHOLE_MEMORY: f64 = 1024.0;

/// What the service knows of itself at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Requests since the start, the one that asks included.
    pub requests: u64,
    /// Those that were answered with 400 or above.
    pub errors: u64,
    /// How long the last of them took, in seconds; the oldest first.
    pub response_times: Vec<f64>,
    /// The most memory that the process has had, in MB.
    pub memory_mb: f64,
    /// How busy the machine is: its load, at most 100.
    pub cpu_percent: f64,
    /// Seconds since the start.
    pub uptime: f64,
}

/// How bad an alert that is kept may be.
pub const SEVERITIES: &[&str] = &[CRITICAL];

const CRITICAL: &str = "critical";

/// One figure beside its threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert {
    /// Which figure.
    pub name: &'static str,
    /// Whether it is past its threshold.
    pub triggered: bool,
    /// The figure, to two decimals.
    pub value: f64,
    /// Its threshold.
    pub threshold: f64,
}

impl Alert {
    fn above(name: &'static str, value: f64, threshold: f64) -> Self {
        Self { name, triggered: value > threshold, value: rounded(value), threshold }
    }

    /// The word for how bad it is.
    pub const fn status(&self) -> &'static str {
        if self.triggered { CRITICAL } else { "ok" }
    }

    fn to_json(self) -> Value {
        json!({
            "triggered": self.triggered,
            "value": self.value,
            "threshold": self.threshold,
            "status": self.status(),
        })
    }

    /// What a webhook gets.
    pub fn notice(&self, now: Stamp) -> Value {
        json!({
            "name": self.name,
            "status": self.status(),
            "value": self.value,
            "threshold": self.threshold,
            "timestamp": now.aware(),
        })
    }
}

fn rounded(value: f64) -> f64 {
    format!("{value:.2}").parse().unwrap_or(value)
}

impl Figures {
    fn mean_response_ms(&self) -> f64 {
        if self.response_times.is_empty() {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a hundred at most")]
        let count = self.response_times.len() as f64;
        self.response_times.iter().sum::<f64>() / count * 1000.0
    }

    fn error_percent(&self) -> f64 {
        if self.requests == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53")]
        let (errors, requests) = (self.errors as f64, self.requests as f64);
        errors / requests * 100.0
    }

    /// Every figure beside its threshold, in the monolith's order.
    pub fn alerts(&self) -> [Alert; 4] {
        let memory_percent = (self.memory_mb / WHOLE_MEMORY * 100.0).min(100.0);
        [
            Alert::above("error_rate", self.error_percent(), 1.0),
            Alert::above("avg_response_time", self.mean_response_ms(), 500.0),
            Alert::above("memory_usage", memory_percent, 90.0),
            // There is no cache here, and one that was never used is no reason for an alert.
            Alert { name: "cache_hit_rate", triggered: false, value: 0.0, threshold: 70.0 },
        ]
    }

    /// The answer of `/v1/metrics`, without what became of the alerts.
    pub fn to_json(&self, now: Stamp) -> Value {
        let alerts: serde_json::Map<String, Value> = self
            .alerts()
            .into_iter()
            .map(|alert| (alert.name.to_owned(), alert.to_json()))
            .collect();
        json!({
            "api_requests": self.requests,
            "api_errors": self.errors,
            "api_response_times": self.response_times,
            // What the monolith never counts, and what there is not here.
            "database_queries": 0,
            "database_errors": 0,
            "cache_hits": 0,
            "cache_misses": 0,
            "active_connections": 0,
            "memory_usage_mb": self.memory_mb,
            "cpu_usage_percent": self.cpu_percent,
            "avg_response_time_ms": self.mean_response_ms(),
            "cache_hit_rate_percent": 0.0,
            "error_rate_percent": self.error_percent(),
            "alerts": alerts,
            "uptime_seconds": self.uptime,
            "uptime_formatted": uptime(self.uptime),
            "timestamp": now.aware(),
        })
    }
}

/// `1d 2h 3m`.
fn uptime(seconds: f64) -> String {
    let minutes =
        std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs() / 60;
    format!("{}d {}h {}m", minutes / 1440, minutes / 60 % 24, minutes % 60)
}

/// What became of an alert that was triggered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It was told.
    Sent,
    /// It was told not long ago.
    Suppressed,
    /// It could not be told, and why.
    Failed(String),
}

impl Delivery {
    const fn word(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Suppressed => "suppressed",
            Self::Failed(_) => "failed",
        }
    }
}

/// The alerts of late, and when each was told. It is as long as it may get.
#[derive(Debug, Default)]
pub struct Book {
    told: BTreeMap<&'static str, Stamp>,
    history: VecDeque<Value>,
}

impl Book {
    /// Whether an alert is to be held back now.
    pub fn is_suppressed(&self, name: &str, now: Stamp) -> bool {
        self.told.get(name).is_some_and(|told| now.seconds_since(told) < COOL_DOWN)
    }

    /// Takes the right to tell an alert, unless it is to be held back: whoever else would tell it has to hold it back.
    pub fn claim(&mut self, name: &'static str, now: Stamp) -> bool {
        let is_free = !self.is_suppressed(name, now);
        if is_free {
            self.told.insert(name, now);
        }
        is_free
    }

    /// Keeps an alert and what became of it. One that could not be told is not held back the next time.
    pub fn keep(&mut self, alert: &Alert, delivery: &Delivery, channel: &str, now: Stamp) {
        let mut kept = json!({
            "id": format!("metrics_alert_{}_{}", alert.name, now.millis()),
            "deployment_id": null,
            "severity": alert.status(),
            "message": format!("Threshold triggered for {}", alert.name),
            "timestamp": now.aware(),
            "resolved": false,
            "source": "coordinator_metrics",
            "channel": channel,
            "delivery_status": delivery.word(),
            "value": alert.value,
            "threshold": alert.threshold,
        });
        if let (Delivery::Failed(error), Value::Object(map)) = (delivery, &mut kept) {
            self.told.remove(alert.name);
            map.insert("error".to_owned(), error.clone().into());
        }
        if self.history.len() == KEPT {
            self.history.pop_front();
        }
        self.history.push_back(kept);
    }

    /// The answer to who asks for the alerts of late: those of one severity, or all; the newest first, `limit` at most.
    pub fn recent(&self, severity: Option<&str>, limit: i64) -> Value {
        // An empty word is none, as it is to Python.
        let wanted = severity.filter(|severity| !severity.is_empty());
        let is_wanted = |alert: &&Value| {
            wanted.is_none_or(|severity| {
                alert.get("severity").and_then(Value::as_str) == Some(severity)
            })
        };
        let limit = usize::try_from(limit).unwrap_or(0);
        let alerts: Vec<&Value> = self.history.iter().rev().filter(is_wanted).take(limit).collect();
        json!({
            "alerts": alerts,
            "total_count": alerts.len(),
            "severity": severity,
            "source": "coordinator_metrics",
        })
    }
}

/// What became of all alerts that were triggered.
pub fn delivered(deliveries: &[(Alert, Delivery)], channel: &str) -> Value {
    let names = |wanted: &Delivery| -> Vec<&str> {
        let told = deliveries.iter().filter(|(_, delivery)| delivery == wanted);
        told.map(|(alert, _)| alert.name).collect()
    };
    let failed: Vec<Value> = deliveries
        .iter()
        .filter_map(|(alert, delivery)| match delivery {
            Delivery::Failed(error) => Some(json!({"name": alert.name, "error": error})),
            _ => None,
        })
        .collect();
    json!({
        "triggered_count": deliveries.len(),
        "sent": names(&Delivery::Sent),
        "suppressed": names(&Delivery::Suppressed),
        "failed": failed,
        "channel": channel,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Stamp {
        Stamp::parse("2026-11-22 11:45:35.761917").unwrap().plus_seconds(seconds)
    }

    fn figures() -> Figures {
        Figures { requests: 267, errors: 97, memory_mb: 92.09, ..Figures::default() }
    }

    #[test]
    fn the_contract_s_example() {
        let figures = Figures { response_times: vec![0.008, 0.010_52], uptime: 5.1, ..figures() };
        let alerts = figures.alerts();
        assert_eq!(
            alerts.map(|alert| (alert.name, alert.triggered, alert.value)),
            [
                ("error_rate", true, 36.33),
                ("avg_response_time", false, 9.26),
                ("memory_usage", false, 8.99),
                ("cache_hit_rate", false, 0.0),
            ]
        );
        let told = figures.to_json(at(0));
        assert_eq!(told["error_rate_percent"], 97.0 / 267.0 * 100.0);
        assert_eq!(told["uptime_formatted"], "0d 0h 0m");
        assert_eq!(
            told["alerts"]["error_rate"],
            json!({"triggered": true, "value": 36.33, "threshold": 1.0, "status": "critical"})
        );
    }

    #[test]
    fn thresholds_themselves_are_no_reason() {
        let figures = Figures { requests: 100, errors: 1, memory_mb: 921.6, ..Figures::default() };
        assert!(!figures.alerts()[0].triggered && !figures.alerts()[2].triggered);
        let figures = Figures { requests: 100, errors: 2, memory_mb: 5000.0, ..Figures::default() };
        assert!(figures.alerts()[0].triggered);
        assert_eq!((figures.alerts()[2].triggered, figures.alerts()[2].value), (true, 100.0));
        assert!(!Figures::default().alerts().iter().any(|alert| alert.triggered));
    }

    #[test]
    fn an_alert_that_was_told_is_held_back_for_five_minutes() {
        let mut book = Book::default();
        assert!(book.claim("error_rate", at(0)));
        assert!(!book.claim("error_rate", at(299)));
        assert!(book.claim("memory_usage", at(299)));
        assert!(book.claim("error_rate", at(300)));
    }

    #[test]
    fn an_alert_that_could_not_be_told_is_told_the_next_time() {
        let mut book = Book::default();
        let alert = figures().alerts()[0];
        assert!(book.claim(alert.name, at(0)));
        book.keep(&alert, &Delivery::Failed("no answer".to_owned()), "webhook", at(0));
        assert!(!book.is_suppressed(alert.name, at(1)));
        insta::assert_json_snapshot!(book.recent(None, 50)["alerts"][0], @r#"
        {
          "id": "metrics_alert_error_rate_1795347935761",
          "deployment_id": null,
          "severity": "critical",
          "message": "Threshold triggered for error_rate",
          "timestamp": "2026-11-22T11:45:35.761917+00:00",
          "resolved": false,
          "source": "coordinator_metrics",
          "channel": "webhook",
          "delivery_status": "failed",
          "value": 36.33,
          "threshold": 1.0,
          "error": "no answer"
        }
        "#);
    }

    #[test]
    fn the_newest_alerts_come_first_and_the_oldest_are_forgotten() {
        let mut book = Book::default();
        let alert = figures().alerts()[0];
        for second in 0..120 {
            book.keep(&alert, &Delivery::Suppressed, "log", at(second));
        }
        let all = book.recent(Some("critical"), i64::MAX);
        assert_eq!((&all["total_count"], &all["severity"]), (&json!(100), &json!("critical")));
        assert_eq!(all["alerts"][0]["timestamp"], at(119).aware());
        assert_eq!(all["alerts"][99]["timestamp"], at(20).aware());
        for (severity, limit, count) in [
            (None, 1, 1),
            (None, 0, 0),
            (None, -5, 0),
            (Some("warning"), 50, 0),
            (Some(""), 50, 50),
        ] {
            assert_eq!(book.recent(severity, limit)["total_count"], count, "{severity:?} {limit}");
        }
    }

    #[test]
    fn what_became_of_all() {
        let [first, second, third, _] = figures().alerts();
        let deliveries = [
            (first, Delivery::Sent),
            (second, Delivery::Suppressed),
            (third, Delivery::Failed("no".to_owned())),
        ];
        assert_eq!(
            delivered(&deliveries, "webhook"),
            json!({"triggered_count": 3, "sent": ["error_rate"], "suppressed": ["avg_response_time"],
                   "failed": [{"name": "memory_usage", "error": "no"}], "channel": "webhook"})
        );
    }

    #[test]
    fn days_hours_and_minutes() {
        for (seconds, text) in [(0.0, "0d 0h 0m"), (93_784.9, "1d 2h 3m"), (f64::NAN, "0d 0h 0m")] {
            assert_eq!(uptime(seconds), text);
        }
    }

    proptest! {
        #[test]
        fn percentages_stay_within_bounds(requests in any::<u32>(), share in 0.0..=1.0_f64, memory_mb in 0.0..1e12_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
            let errors = (f64::from(requests) * share) as u64;
            let figures = Figures { requests: requests.into(), errors, memory_mb, ..Figures::default() };
            for alert in figures.alerts() {
                prop_assert!((0.0..=100.0).contains(&alert.value), "{alert:?}");
                prop_assert_eq!(alert.status() == "critical", alert.triggered);
            }
        }
    }
}
