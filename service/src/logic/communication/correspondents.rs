//! Agents that take part: who is authorised, whose they are, and how answers show them.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::Record as _;
use crate::tables::own::communication::{Correspondent, Relation, RelationKind};

/// Agents that one owner may have authorised, those revoked since among them: their names stay taken.
pub const MOST_AGENTS: i64 = 100;

/// Contacts and blocked agents of one agent, together.
pub const MOST_RELATIONS: i64 = 1000;

/// What the name of an agent looks like: it stands in paths, where `.` and `..` would mean another one, and in lines of event
/// streams.
pub static AGENT_ID: LazyLock<Regex> =
    LazyLock::new(|| pattern("^[A-Za-z0-9_][A-Za-z0-9._:@-]{0,99}$"));

/// What a public key looks like.
pub static PUBLIC_KEY: LazyLock<Regex> = LazyLock::new(|| pattern("^[0-9a-fA-F]{64}$"));

#[expect(clippy::expect_used, reason = "the patterns are constants, and a test uses each")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// An agent that is authorised from `now` on: a new one, or one that its owner authorises again. A key that is not given
/// stays as it is.
pub fn authorized(
    known: Option<Correspondent>,
    agent_id: String,
    owner: String,
    public_key: Option<String>,
    now: Stamp,
) -> Result<Correspondent, Denied> {
    let public_key = public_key.map(|key| key.to_ascii_lowercase());
    let Some(known) = known else {
        return Ok(Correspondent {
            agent_id,
            owner_id: owner,
            is_authorized: true,
            public_key,
            authorized_at: now,
            revoked_at: None,
        });
    };
    let known = owned(Some(known), &owner)?;
    let authorized_at = if known.is_authorized { known.authorized_at } else { now };
    let public_key = public_key.or(known.public_key.clone());
    Ok(Correspondent { is_authorized: true, public_key, authorized_at, revoked_at: None, ..known })
}

/// An agent that `caller` may look after, authorised or not.
pub fn owned(found: Option<Correspondent>, caller: &str) -> Result<Correspondent, Denied> {
    let agent = found.ok_or(Denied::NotFound("Agent"))?;
    if agent.owner_id == caller { Ok(agent) } else { Err(Denied::Forbidden) }
}

/// What an agent thinks of another from `now` on, unless that is itself.
pub fn relation(
    agent_id: &str,
    other_id: &str,
    kind: RelationKind,
    now: Stamp,
) -> Result<Relation, Denied> {
    if agent_id == other_id {
        return Err(Denied::Refused("An agent cannot have itself as a contact or block itself"));
    }
    if !AGENT_ID.is_match(other_id) {
        return Err(Denied::Refused("No agent can have this name"));
    }
    let (agent_id, other_id) = (agent_id.to_owned(), other_id.to_owned());
    Ok(Relation { agent_id, other_id, kind, created_at: now })
}

/// An agent as its owner sees it.
pub fn shown(agent: &Correspondent) -> Value {
    agent.to_json()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Stamp {
        Stamp::parse(text).unwrap()
    }

    #[test]
    fn names_and_keys_have_their_forms() {
        for (text, holds) in
            [("agent-1.x:y@z_A", true), ("", false), ("a/b", false), ("a\n", false), ("..", false)]
        {
            assert_eq!(AGENT_ID.is_match(text), holds, "{text:?}");
        }
        assert!(PUBLIC_KEY.is_match(&"0f".repeat(32)) && !PUBLIC_KEY.is_match(&"0g".repeat(32)));
    }

    #[test]
    fn what_no_agent_is_called_is_nobodys_contact() {
        let now = at("2026-01-01");
        let kind = RelationKind::Contact;
        assert!(relation("a", "b", kind, now).is_ok());
        for other in ["a", "..", "b c", &"b".repeat(101)] {
            assert!(relation("a", other, kind, now).is_err(), "{other}");
        }
    }

    #[test]
    fn who_comes_back_keeps_name_and_key_and_nobody_else_gets_them() {
        let (first, later) = (at("2026-01-01"), at("2026-02-01"));
        let new =
            authorized(None, "a".into(), "alice".into(), Some("AB".repeat(32)), first).unwrap();
        assert_eq!(new.public_key.as_deref(), Some("ab".repeat(32).as_str()));
        let again = authorized(Some(new.clone()), "a".into(), "alice".into(), None, later).unwrap();
        assert_eq!(again, new);
        let revoked =
            Correspondent { is_authorized: false, revoked_at: Some(later), ..new.clone() };
        let back =
            authorized(Some(revoked.clone()), "a".into(), "alice".into(), None, later).unwrap();
        assert_eq!((back.authorized_at, back.revoked_at), (later, None));
        let other = authorized(Some(revoked), "a".into(), "mallory".into(), None, later);
        assert_eq!(other, Err(Denied::Forbidden));
    }
}
