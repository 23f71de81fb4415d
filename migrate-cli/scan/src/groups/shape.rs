//! What the path of a route looks like to whoever matches requests with it.

/// A part of a path, between slashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step<'p> {
    /// Written out.
    Word(&'p str),
    /// A parameter beside text (`e-{id}`) or of a kind (`{id:int}`): FastAPI knows it, a route table does not.
    Narrow(&'p str),
    /// `{id}`.
    Parameter,
    /// `{rest:path}`: all that is left, and what may come after it.
    Rest,
    /// Nothing: the path ends with a slash.
    Slash,
}

/// The parts of a path; none where it has an empty part that is not its last, which no route table can name.
pub(super) fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut steps = Vec::new();
    if path.is_empty() {
        return Some(steps);
    }
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let step = match part {
            "" if parts.peek().is_none() => Step::Slash,
            "" => return None,
            word if !word.contains(['{', '}']) => Step::Word(word),
            one if kind(one) == Some("path") => Step::Rest,
            one if kind(one).is_some_and(|kind| matches!(kind, "" | "str")) => Step::Parameter,
            other => Step::Narrow(other),
        };
        steps.push(step);
        if step == Step::Rest {
            break;
        }
    }
    Some(steps)
}

/// The kind of a parameter that fills its part, empty where it says none.
fn kind(part: &str) -> Option<&str> {
    let inside = part.strip_prefix('{')?.strip_suffix('}')?;
    let (_, kind) = inside.split_once(':').unwrap_or((inside, ""));
    (!inside.contains(['{', '}'])).then_some(kind)
}

impl Step<'_> {
    /// The same as a route table can say it.
    pub(super) fn widened(self) -> Self {
        match self {
            Step::Narrow(_) => Step::Parameter,
            other => other,
        }
    }

    fn may_be(self, other: Self) -> bool {
        match (self, other) {
            (Step::Slash, other) | (other, Step::Slash) => other == Step::Slash,
            (Step::Word(one), Step::Word(two)) => one == two,
            (Step::Narrow(narrow), Step::Word(word)) | (Step::Word(word), Step::Narrow(narrow)) => {
                fits(narrow, word)
            }
            _ => true,
        }
    }
}

/// Whether a word is one that a narrow parameter takes.
fn fits(narrow: &str, word: &str) -> bool {
    match kind(narrow) {
        Some("int") => word.bytes().all(|byte| byte.is_ascii_digit()),
        Some("float") => word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'),
        Some("uuid") => {
            word.len() >= 32 && word.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
        }
        Some(_) => true,
        None => {
            let before = narrow.split('{').next().unwrap_or_default();
            let after = narrow.rsplit('}').next().unwrap_or_default();
            word.len() > before.len() + after.len()
                && word.starts_with(before)
                && word.ends_with(after)
        }
    }
}

/// Whether a request could mean both paths, as FastAPI reads them.
pub(super) fn meet(one: &[Step<'_>], other: &[Step<'_>]) -> bool {
    compare(one, other, false)
}

/// Whether a request could mean a path that a pattern of a route table takes: `/a/{*rest}` takes `/a` as well.
pub(super) fn takes(pattern: &[Step<'_>], path: &[Step<'_>]) -> bool {
    compare(pattern, path, true)
}

fn compare(one: &[Step<'_>], other: &[Step<'_>], is_pattern: bool) -> bool {
    let (mut one, mut other) = (one.iter(), other.iter());
    loop {
        match (one.next(), other.next()) {
            (None, None) | (Some(Step::Rest), Some(_)) | (Some(_), Some(Step::Rest)) => {
                return true;
            }
            (Some(Step::Rest), None) => return is_pattern,
            (Some(one), Some(other)) if one.may_be(*other) => {}
            _ => return false,
        }
    }
}

/// The pattern as a route table writes it. A slash at the end is what is left after the rest of the path.
pub(super) fn pattern(steps: &[Step<'_>]) -> String {
    let mut parameters = 0;
    let written = steps.iter().map(|step| match step {
        Step::Word(word) => format!("/{word}"),
        Step::Narrow(_) | Step::Parameter => {
            parameters += 1;
            format!("/{{p{parameters}}}")
        }
        Step::Rest | Step::Slash => "/{*rest}".to_owned(),
    });
    let text: String = written.collect();
    if text.is_empty() { "/".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_what_fastapi_takes_it_for() {
        use Step::{Narrow, Parameter, Rest, Slash, Word};
        let shape = |path| steps(path).unwrap();
        assert_eq!(shape("/"), []);
        assert_eq!(shape("/a/{id}/"), [Word("a"), Parameter, Slash]);
        assert_eq!(
            shape("/e-{id}/{n:int}/{s:str}"),
            [Narrow("e-{id}"), Narrow("{n:int}"), Parameter]
        );
        assert_eq!(shape("/{a}-{b}"), [Narrow("{a}-{b}")]);
        assert_eq!(shape("/f/{p:path}/meta"), [Word("f"), Rest]);
        assert_eq!(steps("/a//b"), None);
    }

    #[test]
    fn a_request_means_what_fits() {
        let both = |one, other| meet(&steps(one).unwrap(), &steps(other).unwrap());
        assert!(both("/a/{id}", "/a/b") && both("/e-{id}", "/e-1") && both("/{n:int}", "/12"));
        assert!(!both("/e-{id}", "/f-1") && !both("/e-{id}", "/e-") && !both("/{n:int}", "/all"));
        assert!(!both("/a", "/a/") && !both("/{id}", "/") && both("/a/{p:path}", "/a/"));
        assert!(!both("/a/{p:path}", "/a"));
        assert!(takes(&steps("/a/{p:path}").unwrap(), &steps("/a").unwrap()));
    }
}
