//! Whether both backends know the same clients: by an identity, by a wrong one of the same kind, by none.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::sides::{Pair, Sides};
use crate::asking::Answer;
use crate::checks::{Checks, Wrong};

/// What nobody's identity is.
const NOBODY: &str = "migrate-doctor-nobody";

/// Two answers to the same question.
#[derive(Debug)]
pub(super) struct Said {
    /// Who was asked.
    pub(super) names: [String; 2],
    pub(super) answers: [Answer; 2],
}

/// Asks for each route; returns what was answered, for whoever reads it for something else.
pub(super) async fn check(
    sides: &Sides,
    identities: &[(HeaderName, HeaderValue)],
    checks: &mut Checks,
) -> Vec<Said> {
    let mut all = Vec::new();
    checks.group("identity");
    if identities.is_empty() {
        let why = "give one with --header \"x-api-key: @FILE\", or `authorization`, or `cookie`";
        checks.skip("an identity is accepted by both", why);
    }
    for (route, why) in &sides.left_out {
        checks.skip(format_args!("route {route}"), why.as_str());
    }
    for pair in &sides.pairs {
        for (name, value) in identities {
            let what = format!("{} with the {name} given is accepted by both", pair.path);
            let with = |value: &HeaderValue| HeaderMap::from_iter([(name.clone(), value.clone())]);
            let asked = both(pair, with(value));
            all.extend(checks.check(what, async { asked.await.and_then(accepted) }).await);
            let what = format!("{} with a wrong {name} is refused by both", pair.path);
            stranger(what, both(pair, with(&wrong(name, value))).await, checks, &mut all);
        }
        let what = format!("{} without an identity is refused by both", pair.path);
        stranger(what, both(pair, HeaderMap::new()).await, checks, &mut all);
    }
    all
}

async fn both(pair: &Pair, headers: HeaderMap) -> Result<Said, Wrong> {
    let (old, new) = tokio::join!(pair.old.get(headers.clone()), pair.new.get(headers));
    let names = [pair.old.name.clone(), pair.new.name.clone()];
    Ok(Said { names, answers: [old?, new?] })
}

/// A value of the same kind that names nobody.
fn wrong(name: &HeaderName, value: &HeaderValue) -> HeaderValue {
    let text = value.to_str().unwrap_or_default();
    let kept = match name.as_str() {
        "authorization" => text.split_once(' ').map(|(scheme, _)| format!("{scheme} ")),
        "cookie" => text.split_once('=').map(|(cookie, _)| format!("{cookie}=")),
        _ => None,
    };
    let wrong = format!("{}{NOBODY}", kept.unwrap_or_default());
    HeaderValue::from_str(&wrong).unwrap_or(HeaderValue::from_static(NOBODY))
}

/// Whether an answer refuses whoever asks.
fn refuses(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403)
}

fn accepted(said: Said) -> Result<(Said, String), Wrong> {
    let [old, new] = &said.answers;
    let help = "give both the same keys, and see that the value is right";
    match (refuses(old), refuses(new)) {
        (true, true) => {
            let found = format!("both refuse it: {} and {}", old.status, new.status);
            Err(Wrong::new(found, "give an identity that works: --header \"NAME: @FILE\""))
        }
        (false, false) if old.status == new.status => {
            let found = format!("both answer {}", old.status);
            Ok((said, found))
        }
        _ => Err(Wrong::new(statuses(&said), help)),
    }
}

/// Whoever is not known must be refused in the same way.
fn stranger(what: String, said: Result<Said, Wrong>, checks: &mut Checks, all: &mut Vec<Said>) {
    let said = match said {
        Ok(said) => said,
        Err(wrong) => return checks.settle(what, Err(wrong)),
    };
    let [old, new] = &said.answers;
    match (refuses(old), refuses(new)) {
        (false, false) if old.status == new.status => {
            checks.skip(what, format!("both answer {}: nobody is refused there", old.status));
        }
        (true, true) if old.status == new.status && shape(&old.body) == shape(&new.body) => {
            checks.settle(what, Ok(format!("both answer {}", old.status)));
        }
        (true, true) if old.status == new.status => {
            let found = format!(
                "both answer {}, but {} with {} and {} with {}",
                old.status,
                said.names[0],
                shape(&old.body),
                said.names[1],
                shape(&new.body)
            );
            let help = "clients that read errors would notice";
            checks.settle(what, Err(Wrong::new(found, help)));
        }
        _ => {
            let help = "give both the same keys and the same mode (`APP_ENV`)";
            checks.settle(what, Err(Wrong::new(statuses(&said), help)));
        }
    }
    all.push(said);
}

fn statuses(said: &Said) -> String {
    let [old, new] = &said.answers;
    format!("{} answers {}, {} {}", said.names[0], old.status, said.names[1], new.status)
}

/// A document without its values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let shapes = members.iter().map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(shapes.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.first().map(shape).into_iter().collect()),
        Value::String(_) => Value::from("text"),
        Value::Number(_) => Value::from("number"),
        Value::Bool(_) => Value::from("true or false"),
        Value::Null => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_identity_is_of_the_same_kind() {
        let wrong = |name: &str, value: &str| {
            let wrong = wrong(&name.parse().unwrap(), &value.parse().unwrap());
            wrong.to_str().unwrap().to_owned()
        };
        assert_eq!(wrong("authorization", "Bearer abc"), format!("Bearer {NOBODY}"));
        assert_eq!(wrong("cookie", "session=abc; theme=dark"), format!("session={NOBODY}"));
        assert_eq!(wrong("x-api-key", "abc"), NOBODY);
    }

    #[test]
    fn shapes_are_told_apart_by_members_and_types_only() {
        assert_eq!(shape(&json!({"a": [1, 2], "b": "x"})), shape(&json!({"a": [3], "b": "y"})));
        assert_ne!(shape(&json!({"detail": "x"})), shape(&json!({"error": "x"})));
        assert_ne!(shape(&json!({"detail": "x"})), shape(&json!({"detail": null})));
    }
}
