//! Requests that must be refused, and how; the monolith says the same.

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::asking::{Asker, Body, member};
use super::places::Place;
use crate::checks::{Checks, Wrong};

/// A request that is refused.
struct Refusal {
    what: &'static str,
    method: Method,
    target: &'static str,
    body: Option<Value>,
    /// Sent as it stands instead.
    text: Option<&'static str>,
    status: u16,
}

/// No workflow has this identifier.
const UNKNOWN: &str = "/workflows/migrate-verify-none";
/// Nobody has this key.
const NO_KEY: HeaderValue = HeaderValue::from_static("migrate-verify-no-key");

fn refusals() -> Vec<Refusal> {
    let refusal = |what, method, target, body, status| Refusal {
        what,
        method,
        target,
        body,
        text: None,
        status,
    };
    let bad = json!({"name": 5, "tags": "a"});
    vec![
        refusal("an unknown workflow is 404", Method::GET, UNKNOWN, None, 404),
        refusal("a workflow without steps is 422", Method::POST, "/workflows", Some(bad), 422),
        Refusal {
            text: Some("{\"name\": "),
            ..refusal("malformed JSON is 422", Method::POST, "/workflows", None, 422)
        },
        refusal("an unknown method is 405", Method::PATCH, UNKNOWN, Some(json!({})), 405),
    ]
}

/// Asks for each of them.
pub(super) async fn refuse(asker: &Asker<'_>, checks: &mut Checks) {
    checks.group("error paths");
    for refusal in refusals() {
        checks.check(refusal.what, refused(asker, &refusal)).await;
    }
    let stranger = asker.with(HeaderName::from_static("x-api-key"), NO_KEY);
    let what = "an unknown key is 401";
    let service = &asker.places.service;
    match stranger.api(service, Method::GET, UNKNOWN, Body::None).await {
        Ok(answer) if answer.status == 404 => {
            checks.skip(what, "the service takes every key (APP_ENV=dev)");
        }
        _ => {
            let refusal = Refusal {
                what,
                method: Method::GET,
                target: UNKNOWN,
                body: None,
                text: None,
                status: 401,
            };
            checks.check(what, refused(&stranger, &refusal)).await;
        }
    }
}

async fn refused(asker: &Asker<'_>, refusal: &Refusal) -> Result<((), String), Wrong> {
    let places = asker.places;
    let said = said(asker, &places.service, refusal).await?;
    let Some(monolith) = &places.monolith else { return Ok(((), refusal.status.to_string())) };
    let old = self::said(asker, monolith, refusal).await?;
    if kind(&said) == kind(&old) {
        return Ok(((), format!("{}, as the monolith says it", refusal.status)));
    }
    let found = format!("the service says {said}, the monolith {old}");
    Err(Wrong::new(found, "clients that read errors would notice; see the contract"))
}

async fn said(asker: &Asker<'_>, place: &Place, refusal: &Refusal) -> Result<Value, Wrong> {
    let body = match (&refusal.body, refusal.text) {
        (_, Some(text)) => Body::Text(text),
        (Some(value), None) => Body::Json(value),
        (None, None) => Body::None,
    };
    let answer = asker.api(place, refusal.method.clone(), refusal.target, body).await?;
    let named = |wrong: Wrong| Wrong {
        found: format!("the {} {}", place.who.word(), wrong.found),
        ..wrong
    };
    answer.of(refusal.status).map_err(named)
}

/// What clients tell errors apart by: the detail, or the fields at fault with their codes.
fn kind(body: &Value) -> Value {
    let details = member(member(body, "error"), "details").as_array();
    let fields = details.map(|all| {
        let told = |one: &Value| {
            // The position in malformed JSON depends on the parser.
            let field = member(one, "field").as_str().unwrap_or_default();
            let is_position =
                field.rsplit('.').next().is_some_and(|end| end.parse::<u64>().is_ok());
            (
                if is_position { String::new() } else { field.to_owned() },
                member(one, "code").clone(),
            )
        };
        all.iter().map(told).map(|(field, code)| json!([field, code])).collect::<Vec<_>>()
    });
    json!([member(body, "detail"), member(member(body, "error"), "code"), fields])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_fields_and_codes_but_for_positions() {
        let error = |field: &str, code: &str, at: &str| json!({"error": {"code": "V", "details": [{"field": field, "message": at, "code": code}]}, "timestamp": at});
        assert_eq!(
            kind(&error("body.3", "json_invalid", "x")),
            kind(&error("body.9", "json_invalid", "y"))
        );
        assert_ne!(kind(&error("body.a", "missing", "")), kind(&error("body.b", "missing", "")));
        assert_ne!(kind(&error("body.a", "missing", "")), kind(&error("body.a", "dict_type", "")));
        assert_ne!(kind(&json!({"detail": "a"})), kind(&json!({"detail": "b"})));
    }
}
