//! Finds, in the answers of both sides to the same create, the identifiers that they gave to the new thing.

use serde_json::Value;

use super::identifier::{Identifier, names_identifier};

/// Most identifiers taken from one pair of answers.
const MAX_LEARNED: usize = 256;
/// Deepest place that is looked at.
const MAX_DEPTH: usize = 32;

/// Two identifiers at the same place of two answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// `$.steps[*].id`.
    pub(super) path: String,
    /// `$.steps[3].id`.
    pub(super) at: String,
    pub(super) old: Identifier,
    pub(super) new: Identifier,
}

/// Walks both documents in parallel. Only members whose names say so are taken for identifiers: a checksum that differs
/// is a difference and no pairing. `collection` names the kind of a bare `id` that is a number.
pub(super) fn from_bodies(old: &Value, new: &Value, collection: Option<&str>) -> Vec<Found> {
    let mut walk = Walk { found: Vec::new(), collection };
    walk.visit(old, new, None, &mut (String::from("$"), String::from("$")), 0);
    walk.found
}

/// The last segments of two `Location` headers.
pub(super) fn from_locations(old: &str, new: &str) -> Option<Found> {
    let last = |location: &str| {
        let path = location.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let (before, last) = path.rsplit_once('/')?;
        Identifier::of_text(last, before.rsplit('/').next())
    };
    let (old, new) = (last(old)?, last(new)?);
    let place = || "location".to_owned();
    old.is_like(&new).then(|| Found { path: place(), at: place(), old, new })
}

struct Walk<'c> {
    found: Vec<Found>,
    collection: Option<&'c str>,
}

impl Walk<'_> {
    /// `path` is the general and the exact one.
    fn visit(
        &mut self,
        old: &Value,
        new: &Value,
        member: Option<&str>,
        path: &mut (String, String),
        depth: usize,
    ) {
        if depth > MAX_DEPTH || self.found.len() >= MAX_LEARNED {
            return;
        }
        let lengths = (path.0.len(), path.1.len());
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                for (name, old) in old {
                    let Some(new) = new.get(name) else { continue };
                    path.0.extend([".", name]);
                    path.1.extend([".", name]);
                    self.visit(old, new, Some(name), path, depth + 1);
                    path.0.truncate(lengths.0);
                    path.1.truncate(lengths.1);
                }
            }
            (Value::Array(old), Value::Array(new)) => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    path.0.push_str("[*]");
                    path.1.extend(["[", &index.to_string(), "]"]);
                    self.visit(old, new, member, path, depth + 1);
                    path.0.truncate(lengths.0);
                    path.1.truncate(lengths.1);
                }
            }
            _ => self.take(old, new, member, path),
        }
    }

    fn take(&mut self, old: &Value, new: &Value, member: Option<&str>, path: &(String, String)) {
        let Some(name) = member.filter(|name| names_identifier(name)) else { return };
        // A bare `id` is of the kind that the collection holds.
        let place = if name.eq_ignore_ascii_case("id") {
            self.collection.map(|kind| format!("{kind}_id"))
        } else {
            None
        };
        let place = place.as_deref().unwrap_or(name);
        let pair = (Identifier::of_json(old, Some(place)), Identifier::of_json(new, Some(place)));
        if let (Some(old), Some(new)) = pair
            && old.is_like(&new)
        {
            self.found.push(Found { path: path.0.clone(), at: path.1.clone(), old, new });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(found: &[Found]) -> Vec<(&str, &str, &str)> {
        found.iter().map(|found| (found.at.as_str(), found.old.text(), found.new.text())).collect()
    }

    #[test]
    fn identifiers_at_the_same_place_are_found_and_nothing_else() {
        let old = json!({
            "id": "agent_0a1b2c", "owner_id": "alice", "name": "x1y2z3", "checksum": "0a1b2c3d4e5f",
            "steps": [{"step_id": "s_01f3aa"}, {"step_id": "s_02f3aa"}], "at": "2026-01-31T00:00:00", "run_id": "run_77aa",
        });
        let new = json!({
            "id": "agent_ffee01", "owner_id": "alice", "name": "other1", "checksum": "ffffffffffff",
            "steps": [{"step_id": "s_91f3aa"}, {"step_id": "s_92f3aa"}], "at": "2026-01-31T00:00:01", "run_id": null,
        });
        let found = from_bodies(&old, &new, Some("workflows"));
        assert_eq!(
            texts(&found),
            [
                ("$.id", "agent_0a1b2c", "agent_ffee01"),
                ("$.steps[0].step_id", "s_01f3aa", "s_91f3aa"),
                ("$.steps[1].step_id", "s_02f3aa", "s_92f3aa"),
            ]
        );
        assert_eq!(found[1].path, "$.steps[*].step_id");
    }

    #[test]
    fn numbers_are_of_the_kind_that_their_name_or_the_collection_says() {
        let found = from_bodies(
            &json!({"id": 7, "count": 3}),
            &json!({"id": 9, "count": 4}),
            Some("workflows"),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(Some(&found[0].old), Identifier::of_text("7", Some("workflows")).as_ref());
        assert_eq!(from_bodies(&json!({"id": 7}), &json!({"id": 9}), None), []);
    }

    #[test]
    fn locations_end_with_the_new_thing() {
        let found = from_locations("/v1/jobs/job_0a1b/?x=1", "http://h/v1/jobs/job_9f8e").unwrap();
        assert_eq!((found.old.text(), found.new.text()), ("job_0a1b", "job_9f8e"));
        assert_eq!(from_locations("/v1/jobs", "/v1/jobs"), None);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep = (0..200).fold(json!({"id": "a_01f3aa"}), |inner, _| json!({"in": inner}));
        assert_eq!(from_bodies(&deep, &deep, None), []);
        let many = json!(vec![json!({"id": "a_01f3aa"}); 1000]);
        assert_eq!(from_bodies(&many, &many, None).len(), MAX_LEARNED);
    }
}
