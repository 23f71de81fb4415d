//! What a generated client offers in place of names of extracted files, and how an import is to be written that takes it from there.

use std::collections::BTreeMap;

use crate::FileId;
use crate::facts::text::{Part, Text};
use crate::facts::{Form, Import};
use crate::modules::Meaning;
use crate::names::{Monolith, Origin};
use crate::removal::Source;

/// The table in a client that says what its functions stand for: `FILE:NAME` and the function.
pub const TABLE: &str = "REPLACES";

/// A client's offer.
#[derive(Debug)]
pub(crate) struct Offered<'m> {
    monolith: Monolith<'m>,
    /// The client.
    file: FileId,
    /// Functions by what they stand for.
    functions: BTreeMap<(FileId, String), String>,
}

/// What becomes of an import.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// It is taken from the client.
    From(Source),
    /// It stays: a file that stays passes on what it takes from the client itself.
    AsBefore,
}

impl<'m> Offered<'m> {
    /// That of the client in a file.
    pub(crate) fn by(monolith: Monolith<'m>, paths: &[String], client: &str) -> Option<Self> {
        let file = paths.iter().position(|path| path == client)?;
        let table = monolith.facts(file)?.bindings.lists.get(TABLE)?;
        let functions = table.iter().filter_map(|pair| {
            let [stands_for, function] = &pair[..] else { return None };
            let (path, name) = written(&stands_for.text)?.rsplit_once(':')?;
            let of = paths.iter().position(|known| known == path)?;
            Some(((of, name.to_owned()), written(&function.text)?.to_owned()))
        });
        Some(Self { monolith, file, functions: functions.collect() })
    }

    /// What becomes of an import of extracted files; nothing where the client does not offer all that is used of it.
    pub(crate) fn instead(
        &self,
        file: FileId,
        import: &Import,
        origins: &[Origin],
        is_gone: &dyn Fn(&FileId) -> bool,
    ) -> Option<Instead> {
        let [origin] = origins else { return None };
        if import.bound.is_empty() || !matches!(import.form, Form::Import | Form::From) {
            return None;
        }
        let Some(name) = &origin.name else {
            return self.module(file, import, origin).map(Instead::From);
        };
        let function = self.functions.get(&(origin.file, name.clone()))?;
        let meaning = self.monolith.modules.meaning(file, import.level, &import.module);
        let Meaning::Files(direct) = meaning else { return None };
        if !direct.iter().all(is_gone) {
            return self.is_passed_on(origin, is_gone).then_some(Instead::AsBefore);
        }
        let module = self.module_from(file, import)?;
        Some(Instead::From(Source { module, name: Some(function.clone()) }))
    }

    /// Whether a name that the client offers comes through files that take it from there.
    pub(crate) fn is_passed_on(&self, origin: &Origin, is_gone: &dyn Fn(&FileId) -> bool) -> bool {
        let Some(name) = &origin.name else { return false };
        let passes_on = |file: &FileId| is_gone(file) || self.passes_on(*file, origin);
        self.functions.contains_key(&(origin.file, name.clone()))
            && origin.through.iter().any(|file| !is_gone(file))
            && origin.through.iter().all(passes_on)
    }

    /// Whether a file gets a name by an import that says so: what a star brings, it would lose.
    fn passes_on(&self, file: FileId, origin: &Origin) -> bool {
        let imports = self.monolith.facts(file).map(|facts| &facts.imports.all);
        imports.into_iter().flatten().filter(|it| it.form == Form::From).any(|import| {
            let (origins, _) = self.monolith.targets(file, import);
            origins.iter().any(|it| it.file == origin.file && it.name == origin.name)
        })
    }

    /// An import of a module as a whole: the client takes its place where it has all that is used of it under the same names.
    fn module(&self, file: FileId, import: &Import, origin: &Origin) -> Option<Source> {
        let taken = self.monolith.facts(file)?.imports.taken(&import.bound);
        let used: Vec<_> =
            taken.filter(|(_, elsewhere)| *elsewhere).map(|(parts, _)| parts).collect();
        let is_offered = |parts: &Vec<&str>| {
            let Some(part) = parts.first() else { return false };
            let there = self.monolith.origin(origin.file, part);
            let function = there.name.and_then(|name| self.functions.get(&(there.file, name)));
            function.is_some_and(|function| function == part)
        };
        if used.is_empty() || !used.iter().all(is_offered) {
            return None;
        }
        let module = self.module_from(file, import)?;
        if import.form == Form::Import {
            return Some(Source { module, name: None });
        }
        let (parent, name) = match module.rsplit_once('.') {
            // `.agents` lies in `.`.
            Some((parent, name)) if parent.chars().all(|it| it == '.') => {
                (format!("{parent}."), name)
            }
            Some((parent, name)) => (parent.to_owned(), name),
            None => return None,
        };
        Some(Source { module: parent, name: Some(name.to_owned()) })
    }

    /// The client's name as a module, said in the way in which an import says its own.
    fn module_from(&self, file: FileId, import: &Import) -> Option<String> {
        let modules = self.monolith.modules;
        let client = modules.key(self.file);
        if import.level > 0 {
            return self.relative(file, import.level);
        }
        let path = import.module.replace('.', "/");
        let root = match modules.meaning(file, 0, &import.module) {
            Meaning::Files(files) => modules.key(*files.first()?).strip_suffix(&path)?.to_owned(),
            Meaning::Folder(folder) => folder.strip_suffix(&path)?.to_owned(),
            _ => return None,
        };
        Some(client.strip_prefix(&root)?.replace('/', "."))
    }

    fn relative(&self, file: FileId, level: usize) -> Option<String> {
        let modules = self.monolith.modules;
        let home: Vec<&str> = modules.home(file).split('/').filter(|it| !it.is_empty()).collect();
        let client: Vec<&str> = modules.key(self.file).split('/').collect();
        let shared = home.iter().zip(&client).take_while(|(one, other)| one == other).count();
        let dots = home.len() - shared + 1;
        let folder = home.get(..shared)?.join("/");
        // Python goes up within packages only.
        let is_reached = dots <= level || modules.has_init(&folder);
        is_reached.then(|| {
            format!("{}{}", ".".repeat(dots), client.get(shared..).unwrap_or_default().join("."))
        })
    }
}

/// A text that is written out whole.
fn written(text: &Text) -> Option<&str> {
    match &text.0[..] {
        [Part::Literal(text)] => Some(text),
        _ => None,
    }
}
