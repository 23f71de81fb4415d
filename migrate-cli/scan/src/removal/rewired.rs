//! Imports that bring the same names from somewhere else: the module changes, what the code calls them does not.

use std::collections::BTreeMap;

use ruff_python_ast::{Alias, Expr, StmtImport, StmtImportFrom};
use ruff_text_size::Ranged;

use super::layout::{Holder, end, start};
use super::walk::Walk;

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
    pub(super) fn source(&self, alias: &Alias) -> Option<&'a Source> {
        let line = self.line(alias.range);
        let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
        self.gone.rewired.get(&(line, bound))
    }

    /// `import a.b`, `import a.b as c`: the rest of the statement stays.
    pub(super) fn rewire_modules(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let Some(source) = self.source(alias) else { continue };
            let range = alias.name.range;
            self.splices.put(start(range)..end(range), &source.module);
            let line = self.line(range);
            let (from, to) = (alias.name.to_string(), source.module.clone());
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
        let from = start(import.range) + "from".len();
        let known = import.module.as_ref().map_or(from, |name| end(name.range));
        let rest = self.layout.source.get(known..).unwrap_or_default();
        let to = rest.find("import").map_or(known, |at| known + at);
        self.splices.put(from..to, &format!(" {module} "));
        for (alias, name) in names.iter().filter(|(alias, name)| alias.name.as_str() != *name) {
            let range = alias.name.range;
            let with = match &alias.asname {
                Some(_) => (*name).to_owned(),
                None => format!("{name} as {}", alias.name),
            };
            self.splices.put(start(range)..end(range), &with);
        }
        let to = statement(module, names);
        let line = self.line(import.range);
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
        let whole = start(import.range)..end(import.range);
        let before = self.layout.source.get(..whole.start).unwrap_or_default();
        let indent = before.rsplit('\n').next().unwrap_or_default();
        let between =
            if indent.trim().is_empty() { format!("\n{indent}") } else { "; ".to_owned() };
        let new = statements.join(&between);
        let gone = import.names.iter().filter(|alias| self.alias_goes(alias)).count();
        let line = self.line(import.range);
        self.found.rewired.push(Rewired {
            line,
            from: self.shown(import.range()),
            to: new.clone(),
        });
        if gone + rewired == import.names.len() {
            self.splices.put(whole, &new);
            return;
        }
        let goes: Vec<bool> = import
            .names
            .iter()
            .map(|alias| self.alias_goes(alias) || self.source(alias).is_some())
            .collect();
        let ranges: Vec<_> = import.names.iter().map(|alias| alias.range).collect();
        let noted = self.found.removed.len();
        self.take(&ranges, &goes, Holder::Names);
        // They stand among the rewired ones.
        self.found.removed.truncate(noted);
        self.splices.put(whole.start..whole.start, &format!("{new}{between}"));
    }

    /// A use of a module by its own name, which is another one now.
    pub(super) fn rename(&mut self, expression: &Expr, old: &str, new: &str) {
        let from = start(expression.range());
        let range = from..from + old.len();
        if self.layout.source.get(range.clone()) == Some(old) {
            self.splices.put(range, new);
        } else {
            self.left(expression.range(), old.to_owned());
        }
    }
}

fn statement(module: &str, names: &[(&Alias, &str)]) -> String {
    let names = names.iter().map(|(alias, name)| {
        let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        if bound == *name { bound.to_owned() } else { format!("{name} as {bound}") }
    });
    format!("from {module} import {}", names.collect::<Vec<_>>().join(", "))
}
