//! What each file that stays would lose with the extracted ones.

use std::collections::BTreeMap;

use crate::FileId;
use crate::border::Sides;
use crate::facts::{Facts, Form, Import};
use crate::lookup::Lookup;
use crate::modules::Meaning;
use crate::names::{Monolith, Origin};
use crate::offered::{Instead, Offered};
use crate::removal::Gone;
use crate::routes;

/// By files that lose something.
pub(super) fn of(
    monolith: Monolith<'_>,
    sides: &Sides,
    offered: Option<&Offered<'_>>,
) -> BTreeMap<FileId, Gone> {
    let is_gone = |file: &FileId| sides.extracted.contains(file);
    let look = Look { monolith, offered, is_gone: &is_gone };
    let staying = monolith.facts.iter().enumerate().filter(|(file, _)| !is_gone(file));
    let mut all: BTreeMap<FileId, Gone> =
        staying.map(|(file, facts)| (file, look.at(file, facts))).collect();
    for ((file, line, child), routers) in routes::taken_in(&Lookup::new(monolith)) {
        let goes = !routers.is_empty() && routers.iter().all(is_gone);
        if let Some(gone) = all.get_mut(&file).filter(|_| goes) {
            gone.taken_in.insert((line, child));
        }
    }
    all.retain(|_, gone| *gone != Gone::default());
    all
}

/// Looks at files that stay.
struct Look<'m> {
    monolith: Monolith<'m>,
    offered: Option<&'m Offered<'m>>,
    is_gone: &'m dyn Fn(&FileId) -> bool,
}

impl Look<'_> {
    fn at(&self, file: FileId, facts: &Facts) -> Gone {
        let mut gone = Gone::default();
        for import in &facts.imports.all {
            if matches!(import.form, Form::Text | Form::Dynamic) {
                continue;
            }
            let (origins, meaning) = self.monolith.targets(file, import);
            // A module that is gone, or a name that comes from one.
            let module_goes =
                matches!(&meaning, Meaning::Files(files) if files.iter().all(self.is_gone));
            let goes = module_goes || origins.iter().all(|origin| (self.is_gone)(&origin.file));
            if !goes || origins.is_empty() {
                self.lose(file, import, &origins, &mut gone);
                continue;
            }
            let place = (import.line, import.bound.clone());
            match self.offered.and_then(|it| it.instead(file, import, &origins, self.is_gone)) {
                None => {
                    gone.imports.insert(place);
                    gone.routers
                        .extend(origins.iter().flat_map(|it| self.routers(it, &import.bound)));
                }
                Some(Instead::From(source)) => drop(gone.rewired.insert(place, source)),
                Some(Instead::AsBefore) => {}
            }
        }
        // A package exports modules below it without an import.
        for name in facts.imports.exported.iter().flatten() {
            if self.monolith.modules.below(file, name).is_some_and(|file| (self.is_gone)(&file)) {
                gone.lost.insert(name.clone());
            }
        }
        gone
    }

    /// What an import that stays brings of modules that pass on what goes, or are packages of it.
    fn lose(&self, file: FileId, import: &Import, origins: &[Origin], gone: &mut Gone) {
        let Some(imports) = self.monolith.facts(file).map(|facts| &facts.imports) else { return };
        let modules = |origins: &[Origin]| -> Vec<FileId> {
            origins.iter().filter(|it| it.name.is_none()).map(|it| it.file).collect()
        };
        let mut brought = vec![(import.bound.as_str(), modules(origins))];
        // `import a.b` brings `a`.
        if let (Form::Import, Some((root, _))) = (import.form, import.bound.split_once('.'))
            && let Meaning::Files(files) = self.monolith.modules.meaning(file, 0, root)
        {
            brought.push((root, files));
        }
        for (bound, modules) in brought.into_iter().filter(|(bound, _)| !bound.is_empty()) {
            for (parts, _) in imports.taken(bound) {
                for module in &modules {
                    let Some((lost, origin)) = self.lost(*module, bound, &parts) else { continue };
                    gone.routers.extend(self.routers(&origin, &lost));
                    gone.lost.insert(lost);
                }
            }
        }
    }

    /// The chain of names up to the first that goes.
    fn lost(&self, module: FileId, bound: &str, parts: &[&str]) -> Option<(String, Origin)> {
        let mut chain = bound.to_owned();
        let mut at = Origin { file: module, name: None, through: Vec::new() };
        for part in parts {
            if at.name.is_some() {
                return None;
            }
            at = self.monolith.origin(at.file, part);
            chain = format!("{chain}.{part}");
            if (self.is_gone)(&at.file) {
                let is_passed_on =
                    self.offered.is_some_and(|offered| offered.is_passed_on(&at, self.is_gone));
                return (!is_passed_on).then_some((chain, at));
            }
        }
        None
    }

    /// The routers that come with something, as the code reaches them.
    fn routers(&self, origin: &Origin, bound: &str) -> Vec<String> {
        let known = self.monolith.facts(origin.file).into_iter();
        let known = known.flat_map(|facts| &facts.routing.routers).map(|router| &router.name);
        match &origin.name {
            Some(name) => known.filter(|known| *known == name).map(|_| bound.to_owned()).collect(),
            None => known.map(|name| format!("{bound}.{name}")).collect(),
        }
    }
}
