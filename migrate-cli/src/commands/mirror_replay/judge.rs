//! Compares a recorded answer with the one of today; what was masked in the recording says nothing.

use std::borrow::Cow;

use compare::secret::MASK;
use compare::{DecodeError, Question, Side, compare, decode};
use evidence::{Answered, Compared, Failure, Verdict};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::Value;

use super::plan::Planned;
use super::send::Answer;

/// Why the two were not compared.
pub(super) const TOO_LARGE: &str = "has an answer that is too large to compare";
/// The recording itself is at fault.
const UNREADABLE: &str = "has a recorded answer that can't be decoded";

/// What comparing shows, or why there is nothing to compare.
pub(super) fn judge(
    planned: &Planned,
    answer: &Answer,
    max_body: usize,
) -> Result<Verdict, &'static str> {
    let exchange = &planned.exchange;
    let recorded = &exchange.answer;
    let covered = covered(&recorded.body, answer, max_body);
    let (old_body, new_body, new_headers) = match &covered {
        Some(Covered { old, new, headers }) => (&old[..], &new[..], headers),
        None => (&recorded.body[..], &answer.body[..], &answer.headers),
    };
    let question = Question {
        method: &exchange.method,
        path: &exchange.path,
        host: Some(exchange.host.as_str()).filter(|host| !host.is_empty()),
    };
    let old =
        compare::Answer { status: recorded.status, headers: &recorded.headers, body: old_body };
    let new = compare::Answer { status: answer.status, headers: new_headers, body: new_body };
    match compare(&question, &old, &new, &planned.route.rules, max_body) {
        Ok(comparison) => Ok(Verdict::Compared(Box::new(Compared {
            old: Answered { status: recorded.status, latency: recorded.latency },
            new: Answered { status: answer.status, latency: answer.latency },
            comparison,
            control: None,
            bodies: None,
        }))),
        Err(refused) => match refused.source {
            DecodeError::TooLarge { .. } => Err(TOO_LARGE),
            _ if refused.side == Side::New => Ok(Verdict::Failed(Failure::Undecodable)),
            _ => Err(UNREADABLE),
        },
    }
}

/// Both bodies with today's values covered where the recorded ones are.
struct Covered {
    old: Vec<u8>,
    new: Vec<u8>,
    /// Of the new body, which is decoded now.
    headers: HeaderMap,
}

/// `None` where nothing is masked, or where the bodies are no JSON: then they are compared byte for byte as they are.
fn covered(recorded: &[u8], answer: &Answer, max_body: usize) -> Option<Covered> {
    if !recorded.windows(MASK.len()).any(|part| part == MASK.as_bytes()) {
        return None;
    }
    let body: Cow<'_, [u8]> = decode::decode(&answer.headers, &answer.body, max_body).ok()?;
    let old: Value = serde_json::from_slice(recorded).ok()?;
    let mut new: Value = serde_json::from_slice(&body).ok()?;
    cover(&old, &mut new);
    let mut headers = answer.headers.clone();
    headers.remove(CONTENT_ENCODING);
    headers.entry(CONTENT_TYPE).or_insert(http::HeaderValue::from_static("application/json"));
    Some(Covered { old: old.to_string().into(), new: new.to_string().into(), headers })
}

fn cover(old: &Value, new: &mut Value) {
    match (old, new) {
        (Value::String(text), new @ Value::String(_)) if text.contains(MASK) => {
            *new = Value::String(text.clone());
        }
        (Value::Array(old), Value::Array(new)) => {
            old.iter().zip(new).for_each(|(old, new)| cover(old, new));
        }
        (Value::Object(old), Value::Object(new)) => {
            for (name, old) in old {
                if let Some(new) = new.get_mut(name) {
                    cover(old, new);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_masked_in_the_recording_says_nothing_and_the_rest_does() {
        let old = json!({"token": "***", "list": [{"api_key": "***", "n": 1}], "gone": "***"});
        let mut new =
            json!({"token": "abc", "list": [{"api_key": "def", "n": 2}, "***"], "id": "x"});
        cover(&old, &mut new);
        assert_eq!(
            new,
            json!({"token": "***", "list": [{"api_key": "***", "n": 2}, "***"], "id": "x"})
        );
        let mut number = json!({"token": 5});
        cover(&old, &mut number);
        assert_eq!(number, json!({"token": 5}), "another type is a difference");
    }
}
