//! Whether the database is as the new backend needs it: asked of the backend itself, which alone knows.

use std::time::Duration;

use evidence::gate::Schema;
use http::StatusCode;
use serde::Deserialize;

use super::ask_backend::{Lately, get};
use crate::backends::Pool;

/// How long an answer counts: somebody who has just mended the database wants to see it.
const KEPT: Duration = Duration::from_secs(1);
/// Most findings that are told.
const MAX_TOLD: usize = 3;

/// What backends said of their databases lately.
#[derive(Debug)]
pub(super) struct SchemaChecks(Lately<Schema>);

/// A refusal with reasons. A backend of another make may refuse without any.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    message: String,
}

impl SchemaChecks {
    pub(super) fn new() -> Self {
        Self(Lately::new(KEPT))
    }

    /// What the backend says now; it is not asked where the table does not say how.
    pub(super) async fn of(&self, pool: &Pool) -> Schema {
        let Some(path) = &pool.backend.schema else { return Schema::Unasked };
        let ask = async {
            match get(pool, path).await {
                Ok((status, body)) => read(path, status, &body),
                Err(why) => Schema::Unknown(why),
            }
        };
        self.0.answer(pool, ask).await
    }
}

/// 2xx: as needed. 503 or 409: not, with reasons. Anything else is no answer to the question.
fn read(path: &str, status: StatusCode, body: &[u8]) -> Schema {
    if status.is_success() {
        return Schema::AsNeeded;
    }
    if !matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT) {
        return Schema::Unknown(format!("{path} is answered with {}", status.as_u16()));
    }
    let Refusal { findings } = serde_json::from_slice(body).unwrap_or_default();
    let mut told: Vec<String> =
        findings.iter().take(MAX_TOLD).map(|finding| finding.message.clone()).collect();
    match findings.len() {
        0 => told.push(format!("{path} is answered with {}", status.as_u16())),
        all if all > MAX_TOLD => told.push(format!("and {} more", all - MAX_TOLD)),
        _ => {}
    }
    Schema::Drifted(told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_its_first_reasons() {
        let drifted = |count: usize| {
            let findings: Vec<_> =
                (1..=count).map(|n| serde_json::json!({"message": format!("m{n}")})).collect();
            let body = serde_json::json!({"status": "drifted", "findings": findings}).to_string();
            read("/s", StatusCode::SERVICE_UNAVAILABLE, body.as_bytes())
        };
        assert_eq!(drifted(1), Schema::Drifted("m1".to_owned()));
        assert_eq!(drifted(5), Schema::Drifted("m1; m2; m3; and 2 more".to_owned()));
        assert_eq!(drifted(0), Schema::Drifted("/s is answered with 503".to_owned()));
        let plain = read("/s", StatusCode::CONFLICT, b"no");
        assert_eq!(plain, Schema::Drifted("/s is answered with 409".to_owned()));
    }

    #[test]
    fn only_success_is_as_needed() {
        assert_eq!(read("/s", StatusCode::NO_CONTENT, b""), Schema::AsNeeded);
        for status in [StatusCode::NOT_FOUND, StatusCode::FOUND, StatusCode::BAD_GATEWAY] {
            assert!(matches!(read("/s", status, b"{}"), Schema::Unknown(_)), "{status}");
        }
    }
}
