//! What one file says, without a look at any other.

pub mod imports;
pub mod text;
pub mod bindings;
pub mod routing;
pub mod rows;
pub mod urls;
pub mod elsewhere;

use crate::python::{self, Mistake};

pub use imports::{Form, Import, Moment};

/// Everything that one Python file says.
#[derive(Debug, Default)]
pub struct Facts {
    /// How many lines it has.
    pub lines: usize,
    /// Where it is no Python.
    pub mistake: Option<Mistake>,
    /// What it imports, and what it does with that.
    pub imports: imports::Imports,
    /// What its names stand for.
    pub bindings: bindings::Bindings,
    /// Its routers and routes.
    pub routing: routing::Routing,
    /// Its tables, and the rows that it touches.
    pub rows: rows::Rows,
    /// Texts that may be the path of a request.
    pub urls: Vec<urls::Url>,
}

impl Facts {
    /// Reads a file's text.
    pub fn of(text: &str) -> Self {
        let source = match python::parse(text) {
            Ok(source) => source,
            Err(mistake) => return Self { mistake: Some(mistake), ..Self::default() },
        };
        Self {
            lines: source.lines.count(text),
            imports: imports::of(&source.module.body, text, &source.lines),
            bindings: bindings::of(&source.module.body),
            routing: routing::of(&source.module.body, &source.lines),
            rows: rows::of(&source.module.body, &source.lines),
            urls: urls::of(&source.module.body, &source.lines),
            mistake: source.mistake,
        }
    }
}
