//! Rewrites identifiers: old to new in what is sent to the twin, new to old in what it answers.
//!
//! Only whole values are rewritten, never a piece of a longer text: a segment of a path, a value of a query, a string (or
//! a number under the name of an identifier) in JSON. In answers, a text that is itself a path is taken segment by segment.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::identifier::{Identifier, names_identifier};

/// What stays as it is in a path or a query (RFC 3986, unreserved).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What the other side calls a thing, where that is known.
pub(super) trait Names {
    /// The other side's text for an identifier.
    fn other(&self, identifier: &Identifier) -> Option<String>;
}

impl<F: Fn(&Identifier) -> Option<String>> Names for F {
    fn other(&self, identifier: &Identifier) -> Option<String> {
        self(identifier)
    }
}

/// Path and query of a request.
pub(super) fn target(target: &str, names: &impl Names) -> String {
    let (path, query) =
        target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut out = segments(path, names);
    if let Some(query) = query {
        out.push('?');
        for (index, pair) in query.split('&').enumerate() {
            out.push_str(if index == 0 { "" } else { "&" });
            match pair.split_once('=') {
                Some((key, value)) => {
                    out.extend([key, "=", &piece(value, Some(key), names)]);
                }
                None => out.push_str(pair),
            }
        }
    }
    out
}

/// The segments of a path, each as a whole.
fn segments(path: &str, names: &impl Names) -> String {
    let mut out = String::with_capacity(path.len());
    let mut before = None;
    for (index, segment) in path.split('/').enumerate() {
        out.push_str(if index == 0 { "" } else { "/" });
        out.push_str(&piece(segment, before, names));
        before = Some(segment);
    }
    out
}

fn piece<'t>(text: &'t str, place: Option<&str>, names: &impl Names) -> Cow<'t, str> {
    let Ok(decoded) = percent_decode_str(text).decode_utf8() else { return text.into() };
    let other =
        Identifier::of_text(&decoded, place).and_then(|identifier| names.other(&identifier));
    other.map_or(text.into(), |other| utf8_percent_encode(&other, ESCAPED).to_string().into())
}

/// A header that holds a path or a URL.
pub(super) fn location(text: &str, names: &impl Names) -> String {
    target(text, names)
}

/// Which texts of a JSON document are rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// One that is sent: whole values.
    Sent,
    /// One that was answered: texts that are paths as well, and members named by an identifier.
    Answered,
}

/// A JSON document with its identifiers rewritten and every other byte as it was; `None` where nothing is to be rewritten.
pub(super) fn json(
    text: &str,
    body: Body,
    collection: Option<&str>,
    names: &impl Names,
) -> Option<String> {
    let (mut out, mut copied, mut member) = (String::new(), 0, None);
    let mut tokens = Tokens { text, at: 0 };
    while let Some((token, start)) = tokens.next() {
        let place = place(member.as_deref(), collection);
        let other = match &token {
            Token::Name(name) => {
                let own = Identifier::of_text(name, None).filter(|_| body == Body::Answered);
                own.and_then(|own| names.other(&own)).map(Value::String)
            }
            Token::Text(value) => {
                text_value(value, place.as_deref(), body, names).map(Value::String)
            }
            Token::Number(digits) => {
                let own = place.and_then(|place| Identifier::of_text(digits, Some(&place)));
                let other = own.and_then(|own| names.other(&own));
                other.and_then(|other| other.parse::<u64>().ok()).map(Value::from)
            }
        };
        if let Some(other) = other {
            out.push_str(text.get(copied..start).unwrap_or_default());
            out.push_str(&other.to_string());
            copied = tokens.at;
        }
        if let Token::Name(name) = token {
            member = Some(name);
        }
    }
    (copied > 0).then(|| out + text.get(copied..).unwrap_or_default())
}

/// Every identifier that a JSON document mentions, at most `limit`.
pub(super) fn mentioned(text: &str, collection: Option<&str>, limit: usize) -> Vec<Identifier> {
    let (mut found, mut member) = (Vec::new(), None);
    let mut tokens = Tokens { text, at: 0 };
    while let Some((token, _)) = tokens.next()
        && found.len() < limit
    {
        let place = place(member.as_deref(), collection);
        match token {
            Token::Name(name) => member = Some(name),
            Token::Text(value) => found.extend(Identifier::of_text(&value, place.as_deref())),
            Token::Number(digits) => {
                found.extend(place.and_then(|place| Identifier::of_text(digits, Some(&place))));
            }
        }
    }
    found
}

/// What a member's name says about the kind of its value; a bare `id` is of the kind that the collection holds.
fn place<'m>(member: Option<&'m str>, collection: Option<&str>) -> Option<Cow<'m, str>> {
    let name = member.filter(|name| names_identifier(name))?;
    if name.eq_ignore_ascii_case("id") {
        return collection.map(|collection| format!("{collection}_id").into());
    }
    Some(name.into())
}

fn text_value(value: &str, place: Option<&str>, body: Body, names: &impl Names) -> Option<String> {
    if let Some(own) = Identifier::of_text(value, place) {
        return names.other(&own);
    }
    let is_path = body == Body::Answered && (value.starts_with('/') || value.contains("://"));
    let rewritten = is_path.then(|| target(value, names))?;
    (rewritten != value).then_some(rewritten)
}

/// A piece of a JSON document that may be an identifier.
enum Token<'t> {
    Name(String),
    Text(String),
    /// Digits only.
    Number(&'t str),
}

/// Finds texts and numbers in a JSON document. What is no JSON ends it early or gives pieces that are no identifiers.
struct Tokens<'t> {
    text: &'t str,
    /// After the last token.
    at: usize,
}

impl<'t> Tokens<'t> {
    /// The next token, and where it starts.
    fn next(&mut self) -> Option<(Token<'t>, usize)> {
        loop {
            let rest = self.text.get(self.at..)?;
            let skipped =
                rest.find(|sign: char| sign == '"' || sign == '-' || sign.is_ascii_digit())?;
            let start = self.at + skipped;
            let rest = rest.get(skipped..)?;
            if rest.starts_with('"') {
                let length = string_length(rest)?;
                self.at = start + length;
                let Ok(value) = serde_json::from_str(rest.get(..length)?) else { continue };
                let is_name = rest.get(length..)?.trim_ascii_start().starts_with(':');
                return Some((
                    if is_name { Token::Name(value) } else { Token::Text(value) },
                    start,
                ));
            }
            let is_of_number =
                |sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '+' | '.' | 'e' | 'E');
            let length = rest.find(|sign| !is_of_number(sign)).unwrap_or(rest.len());
            self.at = start + length;
            let number = rest.get(..length)?;
            if number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Some((Token::Number(number), start));
            }
        }
    }
}

/// Bytes of a JSON string at the beginning of a text, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const OLD: &str = "agent_0a1b2c";
    const NEW: &str = "agent_ffee01";

    fn forth(identifier: &Identifier) -> Option<String> {
        (identifier.text() == OLD).then(|| NEW.to_owned())
    }

    #[test]
    fn segments_and_query_values_are_rewritten_as_wholes() {
        for (from, to) in [
            ("/v1/workflows/agent_0a1b2c/execute", "/v1/workflows/agent_ffee01/execute"),
            ("/v1/workflows/agent%5F0a1b2c", "/v1/workflows/agent_ffee01"),
            ("/v1/x?workflow_id=agent_0a1b2c&y=%2F&z", "/v1/x?workflow_id=agent_ffee01&y=%2F&z"),
            ("/v1/workflows/agent_0a1b2c9", "/v1/workflows/agent_0a1b2c9"),
            (
                "/v1/workflow_agent_0a1b2c?q=agent_0a1b2c,b",
                "/v1/workflow_agent_0a1b2c?q=agent_0a1b2c,b",
            ),
            ("/a//b/?", "/a//b/?"),
            ("/%ff/agent_0a1b2c", "/%ff/agent_ffee01"),
        ] {
            assert_eq!(target(from, &forth), to);
        }
    }

    fn rewritten(value: &Value, body: Body, collection: Option<&str>, names: &impl Names) -> Value {
        let text = value.to_string();
        serde_json::from_str(&json(&text, body, collection, names).unwrap_or(text)).unwrap()
    }

    #[test]
    fn bodies_are_rewritten_as_wholes() {
        let sent = json!({
            "workflow_id": OLD, "name": format!("copy of {OLD}"), "url": format!("/w/{OLD}"), "list": [OLD, 7], OLD: 1,
        });
        assert_eq!(
            rewritten(&sent, Body::Sent, None, &forth),
            json!({
                "workflow_id": NEW, "name": format!("copy of {OLD}"), "url": format!("/w/{OLD}"), "list": [NEW, 7], OLD: 1,
            })
        );
    }

    #[test]
    fn answers_are_rewritten_in_paths_and_names_of_members_too() {
        let answered =
            json!({"path": format!("/w/{OLD}?x=1"), "by_step": {OLD: {"id": OLD}}, "b": 1});
        assert_eq!(
            rewritten(&answered, Body::Answered, None, &forth),
            json!({"path": format!("/w/{NEW}?x=1"), "by_step": {NEW: {"id": NEW}}, "b": 1})
        );
        assert_eq!(location("http://h/w/agent_0a1b2c", &forth), "http://h/w/agent_ffee01");
    }

    #[test]
    fn every_other_byte_stays() {
        let text = r#" {"a" : 1.0e0, "a":12345678901234567890123, "\u00e9": "\"agent_0a1b2c\"", "id":"agent\u005f0a1b2c"} "#;
        assert_eq!(
            json(text, Body::Sent, None, &forth).unwrap(),
            r#" {"a" : 1.0e0, "a":12345678901234567890123, "\u00e9": "\"agent_0a1b2c\"", "id":"agent_ffee01"} "#
        );
        for text in ["", "\"agent_0a1b2c", "{\"a\": [1, 2", "\"\\", "no json, agent_0a1b2c"] {
            assert_eq!(json(text, Body::Answered, None, &forth), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_rewritten_only_where_a_name_says_what_they_are() {
        let seven = Identifier::of_text("7", Some("workflows")).unwrap();
        let names = |identifier: &Identifier| (*identifier == seven).then(|| "9".to_owned());
        assert_eq!(
            target("/workflows/7?limit=7&workflow_id=7", &names),
            "/workflows/9?limit=7&workflow_id=9"
        );
        let value = json!({"id": 7, "workflow_id": 7, "count": 7, "execution_id": 7, "workflowId": "7", "x": -7});
        assert_eq!(
            rewritten(&value, Body::Answered, Some("workflows"), &names),
            json!({"id": 9, "workflow_id": 9, "count": 7, "execution_id": 7, "workflowId": "9", "x": -7})
        );
    }

    #[test]
    fn what_a_body_mentions_is_bounded() {
        let text = json!({"a": [{"workflow_id": OLD}, "text"], "n": 7}).to_string();
        let found = mentioned(&text, None, 10);
        assert_eq!(found.iter().map(Identifier::text).collect::<Vec<_>>(), [OLD]);
        assert_eq!(mentioned(&json!(vec![OLD; 100]).to_string(), None, 3).len(), 3);
    }

    proptest! {
        /// There and back again is where it began, whatever stands around the identifiers.
        #[test]
        fn translating_back_undoes_translating(
            pairs in prop::collection::btree_map("[a-f]{2}_[0-9]{6}[a-f]", "[g-k]{2}_[0-9]{6}[a-f]", 1..8),
            segments in prop::collection::vec("[a-z0-9%?=&]{0,9}", 0..6),
        ) {
            let back: BTreeMap<String, String> = pairs.iter().map(|(old, new)| (new.clone(), old.clone())).collect();
            prop_assume!(back.len() == pairs.len());
            let to_new = |id: &Identifier| pairs.get(id.text()).cloned();
            let to_old = |id: &Identifier| back.get(id.text()).cloned();
            let ids: Vec<&String> = pairs.keys().collect();
            let path = segments.iter().enumerate().map(|(i, s)| format!("/{s}/{}", ids[i % ids.len()]));
            let path: String = path.collect();
            prop_assert_eq!(target(&target(&path, &to_new), &to_old), path);
            let text = json!({"ids": ids, "text": segments, "more": {"id": ids[0]}}).to_string();
            let turned = json(&text, Body::Sent, None, &to_new).unwrap();
            prop_assert!(turned != text);
            prop_assert_eq!(json(&turned, Body::Sent, None, &to_old).unwrap(), text);
        }

        /// Whatever is read: no panic, and nothing rewritten where nothing is known.
        #[test]
        fn any_text_can_be_read(text in "[a-f0-9{}:,\"\\\\ é-]{0,60}") {
            prop_assert_eq!(json(&text, Body::Answered, Some("x"), &|_: &Identifier| None), None);
            prop_assert!(mentioned(&text, Some("x"), 5).len() <= 5);
        }
    }
}
