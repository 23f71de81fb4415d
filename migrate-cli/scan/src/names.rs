//! Where a name comes from: through re-exports, stars and modules, to the file that defines it.

use crate::FileId;
use crate::facts::{Facts, Form, Import, Moment};
use crate::modules::{Meaning, Modules};

/// Longest chain of re-exports that is followed.
const LONGEST: usize = 50;

/// All files of a monolith.
#[derive(Debug, Clone, Copy)]
pub struct Monolith<'m> {
    /// Their facts, by [`FileId`].
    pub facts: &'m [Facts],
    /// Their names.
    pub modules: &'m Modules,
}

/// What a name is in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file that defines it.
    pub file: FileId,
    /// Its name there; `None` for the file as a module.
    pub name: Option<String>,
    /// The files that pass it on, the first one first.
    pub through: Vec<FileId>,
}

impl<'m> Monolith<'m> {
    /// What a file says; nothing for one that there is not.
    pub fn facts(&self, file: FileId) -> Option<&'m Facts> {
        self.facts.get(file)
    }

    /// Where `name` of the module `file` comes from; the file itself where nothing else is known.
    pub fn origin(&self, file: FileId, name: &str) -> Origin {
        let mut through = Vec::new();
        let known = self.follow(file, name, &mut through);
        let mut origin = known.unwrap_or_else(|| Origin {
            file,
            name: Some(name.to_owned()),
            through: Vec::new(),
        });
        // A package that imports the module below it passes nothing on.
        if origin.name.is_none() && self.modules.below(file, name) == Some(origin.file) {
            origin.through.clear();
        }
        origin
    }

    /// Where a name comes from, if the module knows it.
    pub(crate) fn known(&self, file: FileId, name: &str) -> Option<Origin> {
        self.follow(file, name, &mut Vec::new())
    }

    /// The file, and the full name there, of what a chain of names (`jobs.router`, `make()`) stands for that begins with
    /// something imported; `None` where it begins with nothing that is, or is a file as a whole.
    pub(crate) fn imported(&self, file: FileId, chain: &str) -> Option<(FileId, String)> {
        let facts = &self.facts(file)?.imports;
        let plain = chain.replace("()", "");
        let is_head = |import: &&Import| {
            let rest = plain.strip_prefix(&import.bound);
            !import.bound.is_empty()
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let import = facts.all.iter().filter(is_head).max_by_key(|import| import.bound.len());
        let (mut at, taken) = match import {
            Some(import) => {
                let origin = self.targets(file, import).0.into_iter().next()?;
                (origin, import.bound.split('.').count())
            }
            None => (self.known(file, plain.split('.').next()?)?, 1),
        };
        if at.file == file {
            return None;
        }
        let parts: Vec<&str> = chain.split('.').collect();
        let (mut known, mut rest) = parts.split_at_checked(taken)?;
        while at.name.is_none() && !rest.is_empty() {
            (known, rest) = rest.split_at_checked(1)?;
            at = self.origin(at.file, known.first()?.trim_end_matches("()"));
        }
        let mut name = at.name?;
        if known.last()?.ends_with("()") {
            name.push_str("()");
        }
        for part in rest {
            name.push('.');
            name.push_str(part);
        }
        Some((at.file, name))
    }

    /// All that an import may bring, and what its module means.
    pub fn targets(&self, file: FileId, import: &Import) -> (Vec<Origin>, Meaning) {
        let meaning = self.modules.meaning(file, import.level, &import.module);
        let whole = |file: FileId| Origin { file, name: None, through: Vec::new() };
        match (&meaning, &import.name) {
            (Meaning::Files(files), None) => {
                (files.iter().map(|file| whole(*file)).collect(), meaning)
            }
            (Meaning::Files(files), Some(name)) => {
                (files.iter().map(|package| self.origin(*package, name)).collect(), meaning)
            }
            (Meaning::Folder(folder), Some(name)) => match self.modules.in_folder(folder, name) {
                Some(file) => (vec![whole(file)], Meaning::Files(vec![file])),
                None => (Vec::new(), Meaning::Nowhere),
            },
            _ => (Vec::new(), meaning),
        }
    }

    /// None where the file knows nothing of the name.
    fn follow(&self, file: FileId, name: &str, through: &mut Vec<FileId>) -> Option<Origin> {
        if through.len() > LONGEST || through.contains(&file) {
            return None;
        }
        let facts = &self.facts(file)?.imports;
        let found = |name: Option<String>, through: &[FileId]| {
            Some(Origin { file, name, through: through.to_vec() })
        };
        let binding = facts.all.iter().rev().find(|import| import.binds(name));
        if let Some(import) = binding
            && import.form != Form::Star
        {
            through.push(file);
            let next = self.bound(file, import, name, through);
            through.pop();
            // A name of somebody else's package is this file's for everybody who takes it from here.
            return next.or_else(|| found(Some(name.to_owned()), through));
        }
        if facts.defined.contains(name) {
            return found(Some(name.to_owned()), through);
        }
        if let Some(module) = self.modules.below(file, name) {
            return Some(Origin { file: module, name: None, through: through.clone() });
        }
        for star in facts.all.iter().filter(|i| i.form == Form::Star && i.moment != Moment::Call) {
            let Meaning::Files(files) = self.modules.meaning(file, star.level, &star.module) else {
                continue;
            };
            for target in files {
                through.push(file);
                let next = self.brings(target, name).then(|| self.follow(target, name, through));
                through.pop();
                if let Some(Some(origin)) = next {
                    return Some(origin);
                }
            }
        }
        None
    }

    fn bound(
        &self,
        file: FileId,
        import: &Import,
        name: &str,
        through: &mut Vec<FileId>,
    ) -> Option<Origin> {
        let whole =
            |file, through: &[FileId]| Some(Origin { file, name: None, through: through.to_vec() });
        // `import a.b` binds `a`.
        let module = if import.form == Form::Import && import.bound.contains('.') {
            name
        } else {
            &import.module
        };
        match (self.modules.meaning(file, import.level, module), &import.name) {
            (Meaning::Files(files), None) => whole(*files.first()?, through),
            (Meaning::Files(files), Some(taken)) => {
                let target = *files.first()?;
                // `from . import a` in a package's own file means the module below it.
                if target == file {
                    return self.modules.below(file, taken).and_then(|file| whole(file, through));
                }
                // Two files that pass a name on to each other define it nowhere.
                let is_circle = through.contains(&target);
                let there =
                    || Origin { file: target, name: Some(taken.clone()), through: through.clone() };
                let unknown = (!is_circle).then(there);
                self.follow(target, taken, through).or(unknown)
            }
            (Meaning::Folder(folder), Some(taken)) => {
                whole(self.modules.in_folder(&folder, taken)?, through)
            }
            _ => None,
        }
    }

    /// Whether `from file import *` brings a name, maybe by a star of its own.
    pub(crate) fn brings(&self, file: FileId, name: &str) -> bool {
        self.facts(file).is_some_and(|facts| {
            let has_stars = facts.imports.all.iter().any(|import| import.form == Form::Star);
            facts.imports.exports(name) || (has_stars && facts.imports.exported.is_none())
        })
    }
}
