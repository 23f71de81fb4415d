//! How one backend knows a path: a template filled with what a pattern captured.

use std::fmt;

use crate::matcher::RouteMatch;
use crate::pattern::{Pattern, PatternError, Segment, check_name, literal, split};

/// `old_path` / `new_path`: literal segments and `{parameter}` segments, each named by the route's pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPath {
    parts: Vec<Part>,
}

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As written in the file: sent to the backend byte for byte.
    Literal(String),
    /// What a parameter captured.
    Captured {
        /// The parameter, counted in the pattern from 0.
        index: usize,
        /// Its name.
        name: String,
    },
}

impl TargetPath {
    /// Reads a template for the paths of `pattern`. `None`: the template is the pattern itself, so nothing is rewritten.
    ///
    /// # Errors
    /// The text is no path, or names a parameter that the pattern lacks.
    pub fn parse(text: &str, pattern: &Pattern) -> Result<Option<Self>, PatternError> {
        let mut parts = Vec::new();
        for (span, part) in split(text)? {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                literal(part, &span)?;
                parts.push(Part::Literal(part.to_owned()));
                continue;
            };
            let name = name.strip_prefix('*').unwrap_or(name);
            check_name(name, &span)?;
            let Some(index) = pattern.parameters().position(|parameter| parameter == name) else {
                let message = format!("the route's path has no parameter `{name}`");
                return Err(PatternError::new(span, message, known(pattern)));
            };
            parts.push(Part::Captured { index, name: name.to_owned() });
        }
        let template = Self { parts };
        Ok((!template.is_identity(pattern)).then_some(template))
    }

    /// The segments in order; none at all: the template is `/`.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn is_identity(&self, pattern: &Pattern) -> bool {
        let mut captured = 0;
        self.parts.len() == pattern.segments.len()
            && self.parts.iter().zip(&pattern.segments).all(|pair| match pair {
                (Part::Literal(part), Segment::Literal(segment)) => {
                    literal(part, &(0..0)).is_ok_and(|part| part == *segment)
                }
                (Part::Captured { index, .. }, Segment::Parameter(_) | Segment::Wildcard(_)) => {
                    captured += 1;
                    *index + 1 == captured
                }
                _ => false,
            })
    }

    /// Appends the path for one request to `out`: what was captured is inserted as the client sent it (still
    /// percent-encoded). An empty wildcard takes the slash before it along (`/a/{rest}` with nothing captured is `/a`);
    /// a lone trailing slash stays. `path` is the path that `captured` was matched from.
    pub fn fill(&self, path: &str, captured: &RouteMatch, out: &mut String) {
        let start = out.len();
        for (position, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(text) => {
                    out.push('/');
                    out.push_str(text);
                }
                Part::Captured { index, .. } => {
                    let value = captured.value(*index, path);
                    let last = position + 1 == self.parts.len();
                    if !value.is_empty() || last && captured.is_after_slash(*index, path) {
                        out.push('/');
                        out.push_str(value);
                    }
                }
            }
        }
        if out.len() == start {
            out.push('/');
        }
    }
}

impl TargetPath {
    /// The client's path for a path of this backend, the reverse of [`TargetPath::fill`]. Also for templates: a segment such
    /// as `{id}` is taken for a text. A parameter that this template leaves out stands as `{name}`. `None`: `path` is none
    /// that this template makes.
    pub fn reverse(&self, pattern: &Pattern, path: &str) -> Option<String> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let mut rest = segments.as_slice();
        let mut captured: Vec<Option<String>> = vec![None; pattern.parameters().count()];
        let parameters: Vec<&Segment> =
            pattern.segments.iter().filter(|segment| segment.parameter().is_some()).collect();
        for (position, part) in self.parts.iter().enumerate() {
            let after = self.parts.len() - position - 1;
            let index = match part {
                Part::Literal(text) => {
                    let (first, more) = rest.split_first()?;
                    if first != text {
                        return None;
                    }
                    rest = more;
                    continue;
                }
                Part::Captured { index, .. } => *index,
            };
            let taken = match parameters.get(index)? {
                Segment::Wildcard(_) => rest.len().checked_sub(after)?,
                _ => 1,
            };
            let (values, more) = rest.split_at_checked(taken)?;
            *captured.get_mut(index)? = Some(values.join("/"));
            rest = more;
        }
        let mut parameters = captured.into_iter();
        let mut out = String::new();
        for segment in &pattern.segments {
            let text = match segment {
                Segment::Literal(_) => segment.to_string(),
                Segment::Parameter(name) | Segment::Wildcard(name) => {
                    parameters.next()?.unwrap_or_else(|| format!("{{{name}}}"))
                }
            };
            if !text.is_empty() || !matches!(segment, Segment::Wildcard(_)) {
                out.push('/');
                out.push_str(&text);
            }
        }
        rest.is_empty().then(|| if out.is_empty() { "/".to_owned() } else { out })
    }
}

fn known(pattern: &Pattern) -> String {
    let names: Vec<String> = pattern.parameters().map(|name| format!("`{{{name}}}`")).collect();
    if names.is_empty() {
        "write a path without parameters, or give the route's path one".to_owned()
    } else {
        format!("it has {}", names.join(", "))
    }
}

/// Prints what was parsed.
impl fmt::Display for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return f.write_str("/");
        }
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => write!(f, "/{text}"),
            Part::Captured { name, .. } => write!(f, "/{{{name}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backends_path_leads_back_to_the_clients() {
        let wildcard = ("/api/v1/agent/workflows/{*rest}", "/api/v1/agents/workflows/{rest}");
        let parameters = ("/a/{x}/b/{y}", "/n/{y}/{x}");
        for ((pattern, template), path, expected) in [
            (wildcard, "/api/v1/agents/workflows/{id}", Some("/api/v1/agent/workflows/{id}")),
            (wildcard, "/api/v1/agents/workflows", Some("/api/v1/agent/workflows")),
            (
                wildcard,
                "/api/v1/agents/workflows/{id}/run",
                Some("/api/v1/agent/workflows/{id}/run"),
            ),
            (wildcard, "/api/v1/agents", None),
            (wildcard, "/health", None),
            (parameters, "/n/2/1", Some("/a/1/b/2")),
            (parameters, "/n/2", None),
            (parameters, "/n/2/1/0", None),
            (("/a/{x}", "/n"), "/n", Some("/a/{x}")),
            (("/{*rest}", "/n/{rest}"), "/n", Some("/")),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            let template = TargetPath::parse(template, &pattern).unwrap().unwrap();
            assert_eq!(template.reverse(&pattern, path).as_deref(), expected, "{template} {path}");
        }
    }
}
