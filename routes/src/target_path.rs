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
enum Part {
    /// As written in the file: sent to the backend byte for byte.
    Literal(String),
    /// What the pattern's parameter of that index captured.
    Captured { index: usize, name: String },
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
