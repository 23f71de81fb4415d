//! What a request touches: which objects, and whether it reads, makes or changes them.

use http::Method;
use xxhash_rust::xxh3::xxh3_64;

use super::identifier::{Identifier, names_identifier};

/// Most identifiers of one request that count.
const MAX_IDENTIFIERS: usize = 32;

/// How a request touches what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// GET, HEAD, OPTIONS.
    Read,
    /// POST: it may make something that nobody knows yet.
    Create,
    /// Any other write.
    Change,
}

/// What a request touches, in the words of the old side.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) access: Access,
    /// Of its path, its query and, once that is known, its body.
    identifiers: Vec<Identifier>,
    /// Whether its path names an object, rather than a collection.
    is_of_object: bool,
    /// The last word of the path before its first identifier: `workflows`.
    pub(super) collection: Option<Box<str>>,
}

/// A scope with its identifiers looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    access: Access,
    /// The families that are touched; of a create without identifiers, its collection.
    pub(super) families: Vec<u64>,
    /// The only family is a collection: a create that names nothing.
    pub(super) is_of_collection: bool,
    /// It names nothing, so it may read or change anything.
    pub(super) is_wide: bool,
    /// It names something that is not paired: a thing of before the clone, or one whose create is still on its way.
    pub(super) has_stranger: bool,
}

impl Scope {
    /// From the head of a request.
    pub(super) fn new(method: &Method, path: &str, query: Option<&str>) -> Self {
        let access = match *method {
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE => Access::Read,
            Method::POST => Access::Create,
            _ => Access::Change,
        };
        let mut identifiers = Vec::new();
        let (mut collection, mut before) = (None, None);
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
            match Identifier::of_text(&decoded, before) {
                Some(identifier) => {
                    collection = collection.or(before.map(Box::from));
                    identifiers.push(identifier);
                }
                None => before = Some(segment),
            }
        }
        let is_of_object = !identifiers.is_empty();
        let collection = collection.or_else(|| before.map(Box::from));
        for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let place = names_identifier(&key).then_some(&*key);
            identifiers.extend(Identifier::of_text(&value, place));
        }
        identifiers.truncate(MAX_IDENTIFIERS);
        Self { access, identifiers, is_of_object, collection }
    }

    /// Adds what its body mentions.
    pub(super) fn mention(&mut self, more: Vec<Identifier>) {
        for identifier in more {
            if self.identifiers.len() < MAX_IDENTIFIERS && !self.identifiers.contains(&identifier) {
                self.identifiers.push(identifier);
            }
        }
    }

    pub(super) fn is_write(&self) -> bool {
        self.access != Access::Read
    }

    pub(super) fn is_create(&self) -> bool {
        self.access == Access::Create
    }

    pub(super) fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// With each identifier's family looked up; one that has none is a family of its own.
    pub(super) fn reach(&self, family: impl Fn(&Identifier) -> Option<u64>) -> Reach {
        let mut families = Vec::with_capacity(self.identifiers.len().max(1));
        let mut has_stranger = false;
        for identifier in &self.identifiers {
            let known = family(identifier);
            has_stranger |= known.is_none();
            families.push(known.unwrap_or_else(|| own_family(identifier)));
        }
        let is_bare = families.is_empty();
        if is_bare && self.access == Access::Create {
            families.extend(self.collection.as_deref().map(|name| xxh3_64(name.as_bytes())));
        }
        let is_of_collection = is_bare && self.access == Access::Create;
        // A list that is filtered by something unknown, such as an owner, may show anything.
        let is_list = self.access == Access::Read && !self.is_of_object && has_stranger;
        let is_wide = is_list || (is_bare && self.access != Access::Create);
        Reach { access: self.access, families, is_of_collection, is_wide, has_stranger }
    }
}

/// The family of a thing that belongs to no other.
pub(super) fn own_family(identifier: &Identifier) -> u64 {
    xxh3_64(identifier.text().as_bytes())
}

impl Reach {
    pub(super) fn is_create(&self) -> bool {
        self.access == Access::Create
    }

    pub(super) fn is_write(&self) -> bool {
        self.access != Access::Read
    }

    /// Whether the later request must wait for the earlier one.
    pub(super) fn waits_for(&self, earlier: &Self) -> bool {
        self.touches(earlier) || (self.has_stranger && earlier.access == Access::Create)
    }

    /// Whether both touch the same thing, and one of them writes.
    pub(super) fn touches(&self, other: &Self) -> bool {
        let both_read = self.access == Access::Read && other.access == Access::Read;
        let shares = || self.families.iter().any(|family| other.families.contains(family));
        !both_read && (self.is_wide || other.is_wide || shares())
    }

    /// Where two requests were at the primary at the same time, whose answer says nothing sure: this one's and the
    /// other's.
    pub(super) fn blurs(&self, other: &Self) -> (bool, bool) {
        // Two creates make two things, in whatever order.
        if !self.touches(other) || (self.access == Access::Create && other.access == Access::Create)
        {
            return (false, false);
        }
        (other.access != Access::Read, self.access != Access::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(method: &Method, target: &str) -> Reach {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Scope::new(method, path, Some(query)).reach(|_| None)
    }

    #[test]
    fn a_request_touches_what_its_path_and_query_name() {
        let scope = Scope::new(
            &Method::POST,
            "/v1/workflows/agent_0a1b2c/execute",
            Some("of=run_77aa&limit=50"),
        );
        let texts: Vec<_> = scope.identifiers().iter().map(Identifier::text).collect();
        assert_eq!(texts, ["agent_0a1b2c", "run_77aa"]);
        assert_eq!(scope.collection.as_deref(), Some("workflows"));
        assert_eq!(
            Scope::new(&Method::POST, "/v1/workflows", None).collection.as_deref(),
            Some("workflows")
        );
        assert_eq!(Scope::new(&Method::GET, "/", None).collection, None);
    }

    #[test]
    fn reads_wait_for_writes_and_writes_for_both() {
        let waits = |later: (Method, &str), earlier: (Method, &str)| {
            reach(&later.0, later.1).waits_for(&reach(&earlier.0, earlier.1))
        };
        let (a, b) = ("/w/agent_0a1b2c", "/w/agent_ffee01");
        assert!(waits((Method::GET, a), (Method::PUT, a)));
        assert!(waits((Method::DELETE, a), (Method::GET, a)));
        assert!(!waits((Method::GET, a), (Method::GET, a)));
        assert!(!waits((Method::PUT, b), (Method::PUT, a)));
        assert!(waits((Method::GET, "/w"), (Method::PUT, a)), "a list may show it");
        assert!(waits((Method::PUT, a), (Method::GET, "/w")));
        assert!(waits((Method::POST, "/w"), (Method::POST, "/w")), "in the order of a collection");
        assert!(!waits((Method::POST, "/w"), (Method::POST, "/x")));
        assert!(waits((Method::GET, a), (Method::POST, "/w")), "it may be the one that is made");
        assert!(waits((Method::DELETE, "/w"), (Method::POST, "/x")));
    }

    #[test]
    fn a_known_thing_waits_for_its_family_only() {
        let scope = Scope::new(&Method::GET, "/executions/exec_01f3", None);
        let known = scope.reach(|_| Some(42));
        assert!(!known.waits_for(&reach(&Method::POST, "/w")));
        let of_family = Scope::new(&Method::DELETE, "/w/agent_0a1b2c", None).reach(|_| Some(42));
        assert!(known.waits_for(&of_family));
    }

    #[test]
    fn what_overlaps_a_write_is_blurred() {
        let blurs = |one: Reach, other: Reach| one.blurs(&other);
        let (a, b) = ("/w/agent_0a1b2c", "/w/agent_ffee01");
        assert_eq!(blurs(reach(&Method::GET, a), reach(&Method::PUT, a)), (true, false));
        assert_eq!(blurs(reach(&Method::PUT, a), reach(&Method::PUT, a)), (true, true));
        assert_eq!(blurs(reach(&Method::POST, "/w"), reach(&Method::POST, "/w")), (false, false));
        assert_eq!(blurs(reach(&Method::GET, "/w"), reach(&Method::POST, "/w")), (true, false));
        assert_eq!(blurs(reach(&Method::GET, b), reach(&Method::PUT, a)), (false, false));
    }
}
