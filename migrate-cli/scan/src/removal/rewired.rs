//! Imports that bring the same names from somewhere else: the module changes, what the code calls them does not.

use std::collections::BTreeMap;

use ruff_python_ast::{Alias, Expr, StmtImport, StmtImportFrom};
use ruff_text_size::Ranged;

use super::Walk;
use crate::python::dotted;

/// Where a name is to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The module, with its dots: `..clients.agents`.
    pub module: String,
    /// What is taken from it; nothing where the module itself is imported (`import a.b`).
    pub name: Option<String>,
}

/// What was changed in a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rewired {
    /// 1-based, in the old text.
    pub line: usize,
    /// What stood there.
    pub from: String,
    /// What stands there now.
    pub to: String,
}

impl<'a> Walk<'a> {
    /// Where an alias is to come from, if that is somewhere else.
    fn source(&self, alias: &Alias) -> Option<&'a Source> {
        let line = self.lines.at(alias.range.start().to_usize());
        let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
        self.gone.rewired.get(&(line, bound))
    }

    /// `import a.b`, `import a.b as c`: the rest of the statement stays.
    pub(super) fn rewire_modules(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let Some(source) = self.source(alias) else { continue };
            let range = alias.name.range;
            self.splice(range.start().to_usize(), range.end().to_usize(), &source.module);
            let line = self.lines.at(range.start().to_usize());
            let (from, to) = (alias.name.to_string(), source.module.clone());
            if alias.asname.is_none() {
                self.renamed.insert(from.clone(), to.clone());
            }
            self.found.rewired.push(Rewired { line, from, to });
        }
    }

    /// `from a import b, c as d`; gives back whether any of them is to come from somewhere else.
    pub(super) fn rewire_names(&mut self, import: &StmtImportFrom) -> bool {
        let mut by_module: BTreeMap<&str, Vec<(&Alias, &str)>> = BTreeMap::new();
        for alias in &import.names {
            if let Some(Source { module, name: Some(name) }) = self.source(alias) {
                by_module.entry(module).or_default().push((alias, name));
            }
        }
        if by_module.is_empty() {
            return false;
        }
        let all: usize = by_module.values().map(Vec::len).sum();
        match by_module.first_key_value() {
            Some((module, names)) if names.len() == import.names.len() => {
                self.rewire_whole(import, module, names);
            }
            _ => self.rewire_apart(import, &by_module, all),
        }
        true
    }

    /// All of it comes from one other module: only that and changed names are written anew.
    fn rewire_whole(&mut self, import: &StmtImportFrom, module: &str, names: &[(&Alias, &str)]) {
        let start = import.range.start().to_usize() + "from".len();
        let known = import.module.as_ref().map_or(start, |name| name.range.end().to_usize());
        let rest = self.source.get(known..).unwrap_or_default();
        let end = rest.find("import").map_or(known, |at| known + at);
        self.splice(start, end, &format!(" {module} "));
        for (alias, name) in names.iter().filter(|(alias, name)| alias.name.as_str() != *name) {
            let range = alias.name.range;
            let with = match &alias.asname {
                Some(_) => (*name).to_owned(),
                None => format!("{name} as {}", alias.name),
            };
            self.splice(range.start().to_usize(), range.end().to_usize(), &with);
        }
        let to = statement(module, names);
        let line = self.lines.at(import.range.start().to_usize());
        self.found.rewired.push(Rewired { line, from: self.shown(import.range()), to });
    }

    /// Some of it stays or goes: the rest becomes statements of their own before it.
    fn rewire_apart(
        &mut self,
        import: &StmtImportFrom,
        by_module: &BTreeMap<&str, Vec<(&Alias, &str)>>,
        rewired: usize,
    ) {
        let statements: Vec<String> =
            by_module.iter().map(|(module, names)| statement(module, names)).collect();
        let (start, end) = (import.range.start().to_usize(), import.range.end().to_usize());
        let before = self.source.get(..start).unwrap_or_default();
        let indent = before.rsplit('\n').next().unwrap_or_default();
        let between =
            if indent.trim().is_empty() { format!("\n{indent}") } else { "; ".to_owned() };
        let new = statements.join(&between);
        let gone = import.names.iter().filter(|alias| self.alias_goes(alias)).count();
        let line = self.lines.at(start);
        self.found.rewired.push(Rewired {
            line,
            from: self.shown(import.range()),
            to: new.clone(),
        });
        if gone + rewired == import.names.len() {
            self.splice(start, end, &new);
            return;
        }
        let goes: Vec<bool> = import
            .names
            .iter()
            .map(|alias| self.alias_goes(alias) || self.source(alias).is_some())
            .collect();
        let ranges: Vec<_> = import.names.iter().map(|alias| alias.range).collect();
        let noted = self.found.removed.len();
        self.take(&ranges, &goes);
        // They stand among the rewired ones.
        self.found.removed.truncate(noted);
        self.splice(start, start, &format!("{new}{between}"));
    }

    /// A use of a module by its own name, which is another one now; gives back whether it is one.
    pub(super) fn rename(&mut self, expression: &Expr) -> bool {
        if self.renamed.is_empty() {
            return false;
        }
        let Some(chain) = dotted(expression) else { return false };
        let is_it = |old: &&String| {
            chain
                .strip_prefix(old.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let Some(old) = self.renamed.keys().find(is_it).cloned() else { return false };
        let new = self.renamed.get(&old).cloned().unwrap_or_default();
        let start = expression.range().start().to_usize();
        let end = start + old.len();
        if self.source.get(start..end) == Some(old.as_str()) {
            self.splice(start, end, &new);
        } else {
            self.found.left.push((self.lines.at(start), old));
        }
        true
    }

    fn splice(&mut self, start: usize, end: usize, with: &str) {
        self.splices.insert(start, (end, with.to_owned()));
    }
}

fn statement(module: &str, names: &[(&Alias, &str)]) -> String {
    let names = names.iter().map(|(alias, name)| {
        let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        if bound == *name { bound.to_owned() } else { format!("{name} as {bound}") }
    });
    format!("from {module} import {}", names.collect::<Vec<_>>().join(", "))
}
