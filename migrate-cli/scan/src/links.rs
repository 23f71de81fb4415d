//! Which file imports which, what it uses of it, and how.

use std::collections::{BTreeMap, BTreeSet};

use crate::FileId;
use crate::facts::{Form, Import, Moment};
use crate::modules::Meaning;
use crate::names::{Monolith, Origin};

/// What an import is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Code uses what is imported.
    Uses,
    /// A router is taken in, nothing else.
    Mounts,
    /// A package's own file passes it on, nothing else.
    PassesOn,
}

/// One import of one file by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Who imports.
    pub from: FileId,
    /// 1-based, in `from`.
    pub line: usize,
    /// What is imported.
    pub to: FileId,
    /// How it is written.
    pub form: Form,
    /// When it takes place.
    pub moment: Moment,
    /// What it is for.
    pub role: Role,
    /// The names of `to` that are used, as `to` has them; none where only the module as a whole is.
    pub names: BTreeSet<String>,
    /// The files that pass the names on.
    pub through: Vec<FileId>,
    /// It can't be told which of several files is meant; each has a link.
    pub is_ambiguous: bool,
}

/// An import that leads to no file, though it should.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nowhere {
    /// Who imports.
    pub from: FileId,
    /// 1-based.
    pub line: usize,
    /// What is imported, with its dots.
    pub module: String,
}

/// All imports between the files of a monolith.
#[derive(Debug, Default)]
pub struct Links {
    /// By importer and line.
    pub all: Vec<Link>,
    /// Those that lead nowhere.
    pub nowhere: Vec<Nowhere>,
    /// Other people's packages (and the standard library's modules) by file.
    pub foreign: BTreeMap<FileId, BTreeSet<String>>,
}

/// Finds them.
pub fn between(monolith: Monolith<'_>) -> Links {
    let mut links = Links::default();
    for (from, facts) in monolith.facts.iter().enumerate() {
        for import in &facts.imports.all {
            if import.form == Form::Text {
                links.all.extend(named_by_text(monolith, from, import));
            } else {
                links.add(monolith, from, import);
            }
        }
    }
    links.all.sort();
    links.all.dedup();
    links.nowhere.sort();
    links.nowhere.dedup();
    links
}

impl Links {
    fn add(&mut self, monolith: Monolith<'_>, from: FileId, import: &Import) {
        let (origins, meaning) = monolith.targets(from, import);
        match meaning {
            Meaning::Files(_) => {}
            Meaning::Folder(_) => return,
            Meaning::Foreign => {
                let top = import.module.split('.').next().unwrap_or_default();
                self.foreign.entry(from).or_default().insert(top.to_owned());
                return;
            }
            Meaning::Nowhere => {
                let dots = ".".repeat(import.level);
                let module = format!("{dots}{}", import.module);
                self.nowhere.push(Nowhere { from, line: import.line, module });
                return;
            }
        }
        let is_ambiguous = origins.len() > 1;
        for origin in origins {
            let found = match import.form {
                Form::Star => star(monolith, from, import, &origin),
                _ => taken(monolith, from, import, &origin),
            };
            let found = found.into_iter().filter(|link| link.to != from);
            self.all.extend(found.map(|link| Link { is_ambiguous, ..link }));
        }
    }
}

fn link(from: FileId, to: FileId, import: &Import, role: Role) -> Link {
    Link {
        from,
        to,
        line: import.line,
        form: import.form,
        moment: import.moment,
        role,
        names: BTreeSet::new(),
        through: Vec::new(),
        is_ambiguous: false,
    }
}

/// What an import is for, by what the code does with the name that it gets.
fn role(monolith: Monolith<'_>, from: FileId, import: &Import) -> Role {
    let Some(facts) = monolith.facts(from) else { return Role::Uses };
    let mut taken = facts.imports.taken(&import.bound).map(|(_, elsewhere)| elsewhere).peekable();
    if import.bound.is_empty() || import.moment == Moment::Call {
        return Role::Uses;
    }
    if taken.peek().is_none() {
        let is_package = monolith.modules.is_package(from);
        return if is_package { Role::PassesOn } else { Role::Uses };
    }
    if taken.any(|elsewhere| elsewhere) { Role::Uses } else { Role::Mounts }
}

/// The links of an import that gives the code a name.
fn taken(monolith: Monolith<'_>, from: FileId, import: &Import, origin: &Origin) -> Vec<Link> {
    let role = role(monolith, from, import);
    let mut found = BTreeMap::new();
    let mut add = |origin: &Origin| {
        let entry = found.entry((origin.file, origin.through.clone()));
        let names: &mut BTreeSet<String> = entry.or_default();
        names.extend(origin.name.clone());
    };
    match (&origin.name, import.form) {
        // `import_module("a").b`
        (None, Form::Dynamic) if import.name.is_some() => {}
        (Some(_), _) => add(origin),
        (None, _) => {
            add(origin);
            let facts = monolith.facts(from);
            for (parts, _) in facts.into_iter().flat_map(|f| f.imports.taken(&import.bound)) {
                if let Some(last) = attribute(monolith, origin, &parts) {
                    add(&last);
                }
            }
        }
    }
    let mut links = Vec::new();
    for ((to, through), names) in found {
        // Whoever takes a name from a package loads the package.
        if let Some(first) = through.first().filter(|first| **first != to) {
            let there = import.name.clone().map(|name| [name].into());
            let there = there.unwrap_or_else(|| names.clone());
            links.push(Link { names: there, ..link(from, *first, import, role) });
        }
        links.push(Link { names, through, ..link(from, to, import, role) });
    }
    links
}

/// What `module.a.b` comes to.
fn attribute(monolith: Monolith<'_>, module: &Origin, parts: &[&str]) -> Option<Origin> {
    let mut at = module.clone();
    for part in parts {
        if at.name.is_some() {
            break;
        }
        let mut next = monolith.origin(at.file, part);
        next.through.splice(0..0, at.through);
        at = next;
    }
    (!parts.is_empty()).then_some(at)
}

/// `from a import *`: the names that the code reads and `a` exports.
fn star(monolith: Monolith<'_>, from: FileId, import: &Import, origin: &Origin) -> Vec<Link> {
    let is_package = monolith.modules.is_package(from);
    let mut whole = link(from, origin.file, import, Role::Uses);
    let Some(facts) = monolith.facts(from) else { return vec![whole] };
    let mut found: BTreeMap<(FileId, Vec<FileId>), BTreeSet<String>> = BTreeMap::new();
    let roots = facts.imports.used.keys().filter_map(|chain| chain.split('.').next());
    for name in roots.collect::<BTreeSet<_>>() {
        let is_own = facts.imports.defined.contains(name)
            || facts.imports.all.iter().any(|import| import.bound.split('.').next() == Some(name));
        if is_own || !monolith.brings(origin.file, name) {
            continue;
        }
        let Some(source) = monolith.known(origin.file, name) else { continue };
        let names = found.entry((source.file, source.through)).or_default();
        names.extend(source.name);
    }
    if found.is_empty() && is_package {
        whole.role = Role::PassesOn;
    }
    let mut links = vec![whole];
    for ((to, through), names) in found {
        if to == origin.file {
            if let Some(whole) = links.first_mut() {
                whole.names = names;
            }
        } else {
            links.push(Link { names, through, ..link(from, to, import, Role::Uses) });
        }
    }
    links
}

/// `"a.b"`, `"a.b:name"`, `"a.b.Name.method"`: the longest part of it that is a module, in a package of the monolith.
fn named_by_text(monolith: Monolith<'_>, from: FileId, import: &Import) -> Vec<Link> {
    let mut module = import.module.as_str();
    let mut rest: Vec<&str> = import.name.as_deref().into_iter().collect();
    loop {
        let meaning = monolith.modules.meaning(from, import.level, module);
        if let Meaning::Files(files) = meaning {
            let is_ambiguous = files.len() > 1;
            let made = |file: FileId| {
                let module = Origin { file, name: None, through: Vec::new() };
                let origin = attribute(monolith, &module, &rest).unwrap_or(module);
                Link {
                    names: origin.name.into_iter().collect(),
                    through: origin.through,
                    is_ambiguous,
                    ..link(from, origin.file, import, Role::Uses)
                }
            };
            return files.into_iter().map(made).filter(|link| link.to != from).collect();
        }
        // A single name is a word, not a module.
        match module.rsplit_once('.') {
            Some((shorter, last)) if shorter.contains('.') || import.level > 0 => {
                rest.insert(0, last);
                module = shorter;
            }
            _ => return Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
