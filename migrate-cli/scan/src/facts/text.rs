//! Texts that code puts together: what is written out, what has a name, and what only a run would tell.

use ruff_python_ast::{Expr, ExprCall, FStringPart, InterpolatedStringElement, Operator};

use crate::classes::last_name;
use crate::python::{chain, dotted, text};

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Written out.
    Literal(String),
    /// The value of a name: `API`, `settings.prefix`, `get_settings().prefix`.
    Name(String),
    /// What it is unless the environment says otherwise: `os.getenv("PREFIX", "/v1")`.
    Default {
        /// `PREFIX`.
        of: String,
        /// `/v1`.
        text: String,
    },
    /// Something else.
    Unknown,
}

/// A text in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(pub Vec<Part>);

/// What stands for a part that nobody knows.
pub const HOLE: char = '\u{fffc}';

impl Text {
    /// The text that an expression puts together.
    pub fn of(expression: &Expr) -> Self {
        let mut parts = Vec::new();
        add(expression, &mut parts);
        Self(parts)
    }

    /// Whether anything of it is written out, or may be by somebody else.
    pub fn is_told(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Literal(_) | Part::Default { .. }))
    }

    /// Whether a part that is written out has this.
    pub fn has(&self, wanted: char) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Literal(text) if text.contains(wanted)))
    }
}

fn add(expression: &Expr, parts: &mut Vec<Part>) {
    match expression {
        Expr::StringLiteral(_) => {
            parts.extend(text(expression).map(|text| Part::Literal(text.to_owned())));
        }
        Expr::FString(formatted) => {
            for part in &formatted.value {
                match part {
                    FStringPart::Literal(literal) => {
                        parts.push(Part::Literal(literal.value.to_string()));
                    }
                    FStringPart::FString(formatted) => {
                        for element in &formatted.elements {
                            match element {
                                InterpolatedStringElement::Literal(literal) => {
                                    parts.push(Part::Literal(literal.value.to_string()));
                                }
                                InterpolatedStringElement::Interpolation(inserted) => {
                                    add(&inserted.expression, parts);
                                }
                            }
                        }
                    }
                }
            }
        }
        Expr::BinOp(sum) if sum.op == Operator::Add => {
            add(&sum.left, parts);
            add(&sum.right, parts);
        }
        Expr::Call(call) => parts.push(default(call).unwrap_or(Part::Unknown)),
        other => parts.push(chain(other).map_or(Part::Unknown, Part::Name)),
    }
}

/// `os.getenv("A", "b")`, `os.environ.get("A", "b")`, `Field("b")`, `Field(default="b")`.
fn default(call: &ExprCall) -> Option<Part> {
    let function = dotted(&call.func);
    let is_environment = function.as_deref().is_some_and(|name| {
        name == "getenv" || name.ends_with(".getenv") || name.ends_with("environ.get")
    });
    let given = &call.arguments;
    if is_environment {
        let of = given.find_argument_value("key", 0).and_then(text)?.to_owned();
        let text = given.find_argument_value("default", 1).and_then(text)?.to_owned();
        return Some(Part::Default { of, text });
    }
    let is_field = last_name(&call.func).is_some_and(|name| name == "Field");
    let written = given.find_argument_value("default", 0).and_then(text)?;
    is_field.then(|| Part::Literal(written.to_owned()))
}
