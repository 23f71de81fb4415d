//! What a file imports, in every form there is, and which names it uses.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

pub use read::of;

/// How an import is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `import a.b`, `import a.b as c`.
    Import,
    /// `from a import b`, `from . import b`.
    From,
    /// `from a import *`.
    Star,
    /// `importlib.import_module("a.b")`, `__import__("a.b")`.
    Dynamic,
    /// A text that names a module: `"a.b"`, `"a.b:app"`, `"a.b.Class"`.
    Text,
}

/// When an import takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// When the file is loaded.
    Load,
    /// When a function runs.
    Call,
    /// Never: under `TYPE_CHECKING`.
    Typing,
}

/// One name that is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// 1-based.
    pub line: usize,
    /// How it is written.
    pub form: Form,
    /// How many dots stand before the module.
    pub level: usize,
    /// The module without these dots; empty in `from . import a`.
    pub module: String,
    /// What is taken from it: a name or a module below it; `None` for the module as a whole.
    pub name: Option<String>,
    /// How the file's code reaches it: `a.b` of `import a.b`, `c` of `import a as c`; empty where no name does.
    pub bound: String,
    /// When.
    pub moment: Moment,
    /// Whether it stands outside of functions and classes, so that others can take the name from the file.
    pub is_top: bool,
}

/// A dynamic import of something that the text does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// 1-based.
    pub line: usize,
    /// What stands between the brackets, shortened.
    pub what: String,
}

/// Everything about imports in one file.
#[derive(Debug, Default)]
pub struct Imports {
    /// In the order of the text.
    pub all: Vec<Import>,
    /// Dynamic imports that can't be followed.
    pub untold: Vec<Untold>,
    /// Names, and names with what is taken of them (`a.b.c`), that the code reads; whether anywhere else than to take a router in.
    pub used: BTreeMap<String, bool>,
    /// What the top of the file defines by itself.
    pub defined: BTreeSet<String>,
    /// `__all__`, where it is written out.
    pub exported: Option<BTreeSet<String>>,
}

impl Imports {
    /// The names that the code takes of `bound`, as lists (`[c, d]` of `bound.c.d`; empty for `bound` itself), and whether
    /// each is used anywhere else than to take a router in.
    pub fn taken<'i>(&'i self, bound: &'i str) -> impl Iterator<Item = (Vec<&'i str>, bool)> {
        let from = self.used.range::<str, _>((Bound::Included(bound), Bound::Unbounded));
        from.take_while(move |(chain, _)| chain.starts_with(bound)).filter_map(
            move |(chain, elsewhere)| match chain.get(bound.len()..)? {
                "" => Some((Vec::new(), *elsewhere)),
                rest => Some((rest.strip_prefix('.')?.split('.').collect(), *elsewhere)),
            },
        )
    }

    /// Whether `from this import *` would bring a name.
    pub fn exports(&self, name: &str) -> bool {
        match &self.exported {
            Some(names) => names.contains(name),
            None => {
                !name.starts_with('_')
                    && (self.defined.contains(name)
                        || self.all.iter().any(|import| import.binds(name)))
            }
        }
    }
}

impl Import {
    /// Whether it gives the top of the file this name.
    pub fn binds(&self, name: &str) -> bool {
        self.is_top && self.bound.split('.').next() == Some(name) && self.form != Form::Text
    }
}
