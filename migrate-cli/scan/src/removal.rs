//! Takes names out of a Python text by their exact places: imports, routers that are taken in, and elements of lists; or brings them
//! from somewhere else.
//!
//! A walk over the tree (`walk`) asks what each name stands for in its scope (`scopes`), and collects what goes with its commas, brackets
//! and lines (`layout`). All of that is put into the text at once (`splices`).

mod exports;
mod layout;
mod literals;
mod rewired;
mod scopes;
mod splices;
mod texts;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use crate::python::{self, Mistake};

pub use rewired::{Rewired, Source};

/// What goes out of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gone {
    /// Imports, by their line and the name that the code reaches them by; empty for a star.
    pub imports: BTreeSet<(usize, String)>,
    /// Routers that are taken in, by the line and as the code names them.
    pub taken_in: BTreeSet<(usize, String)>,
    /// What of them are routers, as the code reaches them: these go out of lists.
    pub routers: BTreeSet<String>,
    /// What imports that stay don't bring any more, as the code reaches it: `routers.agents` after `from app import routers`.
    pub lost: BTreeSet<String>,
    /// Imports that bring the same from somewhere else, by line and name as well.
    pub rewired: BTreeMap<(usize, String), Source>,
}

/// A file without them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The text.
    pub text: String,
    /// What went: the line of the old text, and what stood there.
    pub removed: Vec<(usize, String)>,
    /// Where a name is used that nothing binds any more: the line of the old text, and the name.
    pub left: Vec<(usize, String)>,
    /// What comes from somewhere else.
    pub rewired: Vec<Rewired>,
}

/// Edits a text.
///
/// # Errors
/// The text, or what would come out, is no Python.
pub fn edit(source: &str, gone: &Gone) -> Result<Edited, Mistake> {
    let parsed = python::parse(source)?;
    if let Some(mistake) = parsed.mistake {
        return Err(mistake);
    }
    let tokens = python::tokens(source);
    let (splices, mut edited) = walk::over(source, &parsed.module, &parsed.lines, &tokens, gone);
    edited.text = splices.apply(source).map_err(|offset| Mistake {
        line: parsed.lines.at(offset),
        what: "two changes would overlap here: make one of them by hand".to_owned(),
    })?;
    edited.removed.sort();
    edited.rewired.sort();
    edited.left.sort();
    edited.left.dedup();
    match python::parse(&edited.text)?.mistake {
        Some(mistake) => Err(mistake),
        None => Ok(edited),
    }
}

#[cfg(test)]
mod tests;
