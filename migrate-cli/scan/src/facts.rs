//! What one file says, without a look at any other.

pub mod imports;

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
            mistake: source.mistake,
        }
    }
}
