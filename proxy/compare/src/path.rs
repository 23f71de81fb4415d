//! Where in a JSON document the comparison stands, and how that place is written exactly and in general.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::secret::is_secret_name;

/// Longest part of a member name that a path shows, in characters.
const MAX_NAME: usize = 64;

/// One step down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'v> {
    /// Into a member of an object.
    Member(&'v str),
    /// Into an element of an array.
    Element(usize),
}

/// The steps from the root. Carries a hash of its general form, so that a thousand differences of one kind at one
/// general path cost a thousand look-ups and one rendering.
#[derive(Debug, Default)]
pub(super) struct Path<'v> {
    steps: Vec<(Step<'v>, u64)>,
}

impl<'v> Path<'v> {
    pub(super) fn push(&mut self, step: Step<'v>) {
        let above = self.general_hash();
        let hash = match step {
            Step::Member(name) if !looks_generated(name) => {
                xxh3_64_with_seed(name.as_bytes(), above)
            }
            Step::Member(_) => above.rotate_left(7) ^ 0x9E37_79B9_7F4A_7C15,
            Step::Element(_) => above.rotate_left(11) ^ 0xC2B2_AE3D_27D4_EB4F,
        };
        self.steps.push((step, hash));
    }

    pub(super) fn pop(&mut self) {
        self.steps.pop();
    }

    pub(super) fn general_hash(&self) -> u64 {
        self.steps.last().map_or(0, |(_, hash)| *hash)
    }

    /// Whether a step leads into a secret.
    pub(super) fn is_secret(&self) -> bool {
        self.steps
            .iter()
            .any(|(step, _)| matches!(step, Step::Member(name) if is_secret_name(name)))
    }

    /// `$.steps[3].name`.
    pub(super) fn exact(&self) -> String {
        self.render(|step, out| match step {
            Step::Member(name) => push_member(name, out),
            Step::Element(index) => out.extend(["[", &index.to_string(), "]"]),
        })
    }

    /// `$.steps[*].name`: array indexes and generated member names become wildcards, so the path is also a rule that
    /// could be written into `compare.ignore`.
    pub(super) fn general(&self) -> String {
        self.render(|step, out| match step {
            Step::Member(name) if looks_generated(name) => out.push_str(".*"),
            Step::Member(name) => push_member(name, out),
            Step::Element(_) => out.push_str("[*]"),
        })
    }

    fn render(&self, write: impl Fn(Step<'v>, &mut String)) -> String {
        let mut out = String::from("$");
        for (step, _) in &self.steps {
            write(*step, &mut out);
        }
        out
    }
}

fn push_member(name: &str, out: &mut String) {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if name.starts_with(|first: char| !first.is_ascii_digit()) && name.chars().all(is_word) {
        out.push('.');
        out.extend(name.chars().take(MAX_NAME));
        return;
    }
    out.push_str("['");
    for character in name.chars().take(MAX_NAME) {
        match character {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => out.extend(control.escape_unicode()),
            plain => out.push(plain),
        }
    }
    out.push_str("']");
}

/// Whether a member name was made by a machine for one object: a UUID, a long number, or long hex. Such maps
/// would otherwise give a kind of difference for each object.
fn looks_generated(name: &str) -> bool {
    let hex = name.rsplit(['_', ':']).next().unwrap_or(name);
    let digits = hex.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_number = digits == name.len() && digits > 0;
    is_number || (is_hex && hex.len() >= 12 && digits > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &'static [Step<'static>]) -> Path<'static> {
        let mut path = Path::default();
        for step in steps {
            path.push(*step);
        }
        path
    }

    #[test]
    fn paths_are_written_as_json_paths() {
        use Step::{Element, Member};
        let odd = path(&[Member("steps"), Element(3), Member("it's"), Member("_ok1")]);
        assert_eq!(odd.exact(), r"$.steps[3]['it\'s']._ok1");
        assert_eq!(odd.general(), r"$.steps[*]['it\'s']._ok1");
        assert_eq!(Path::default().exact(), "$");
        assert!(serde_json_path::JsonPath::parse(&odd.general()).is_ok());
        let by_id = path(&[Member("by_id"), Member("wf_0123456789abcdef"), Member("1st")]);
        assert_eq!(by_id.general(), "$.by_id.*['1st']");
        assert_eq!(by_id.exact(), "$.by_id.wf_0123456789abcdef['1st']");
    }

    #[test]
    fn the_hash_is_that_of_the_general_path() {
        use Step::{Element, Member};
        let hash = |steps| path(steps).general_hash();
        assert_eq!(hash(&[Member("a"), Element(1)]), hash(&[Member("a"), Element(9)]));
        assert_eq!(hash(&[Member("1"), Member("x")]), hash(&[Member("77"), Member("x")]));
        assert_ne!(hash(&[Member("a"), Element(1)]), hash(&[Member("b"), Element(1)]));
        assert_ne!(hash(&[Member("a"), Member("b")]), hash(&[Member("b"), Member("a")]));
        assert_ne!(hash(&[Element(1)]), hash(&[]));
    }

    #[test]
    fn names_are_generated_only_when_plainly_so() {
        for name in
            ["42", "550e8400-e29b-41d4-a716-446655440000", "deadbeef00112233", "agent_00ff00ff00ff"]
        {
            assert!(looks_generated(name), "{name}");
        }
        for name in ["name", "step_1", "sha256", "address2", "", "decade", "md5_hash"] {
            assert!(!looks_generated(name), "{name}");
        }
    }
}
