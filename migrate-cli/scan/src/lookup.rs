//! What a name stands for at some place in a file: through assignments, calls, loops, parameters and imports, in other files too.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow::{self, Break, Continue};
use std::rc::Rc;

use crate::FileId;
use crate::facts::bindings::{Bindings, Item};
use crate::facts::routing::{Handed, Over, Place};
use crate::facts::text::{HOLE, Part, Text};
use crate::names::Monolith;

/// Longest chain of names that is followed.
const DEEPEST: usize = 24;
/// Longest text that is put together, about, in bytes.
const LONGEST: usize = 4_000;
/// Most turns and calls that one place is looked at in.
const MOST_SPOTS: usize = 500;
/// Most calls that lead to one another.
const MOST_CALLS: usize = 4;

/// A place, in one turn of the loops and one call of the functions around it.
#[derive(Debug, Clone)]
pub(crate) struct Spot<'m> {
    pub(crate) file: FileId,
    /// The functions and classes around, each with a dot behind.
    pub(crate) scope: Cow<'m, str>,
    /// What names of loops and parameters stand for.
    names: Rc<BTreeMap<&'m str, (Self, &'m Item)>>,
}

/// A text with what is known put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// A [`HOLE`] where nobody knows.
    pub(crate) text: String,
    /// Settings whose defaults were put in: where the environment says otherwise, the text is another.
    pub(crate) settings: BTreeSet<String>,
}

/// Something with a name in a file.
pub(crate) type Known = (FileId, String);

/// Whether a file has what is looked for under a full name.
type Wanted<'w> = &'w dyn Fn(&Bindings, FileId, &str) -> bool;

/// A name that is looked for in one scope of a file.
#[derive(Clone, Copy)]
struct Search<'s, 'm> {
    spot: &'s Spot<'m>,
    scope: &'s str,
    wanted: Wanted<'s>,
    depth: usize,
}

/// Who looks.
pub(crate) struct Lookup<'m> {
    pub(crate) monolith: Monolith<'m>,
    /// The calls that hand a router to a function.
    calls: BTreeMap<Known, Vec<(FileId, &'m Handed)>>,
}

impl<'m> Spot<'m> {
    /// Outside of every loop and call.
    pub(crate) fn new(file: FileId, scope: &'m str) -> Self {
        Self { file, scope: Cow::Borrowed(scope), names: Rc::default() }
    }

    fn with(&self, more: impl IntoIterator<Item = (&'m str, (Self, &'m Item))>) -> Self {
        let mut names = (*self.names).clone();
        names.extend(more);
        Self { names: Rc::new(names), ..self.clone() }
    }

    fn inside(&self, file: FileId, scope: &'m str) -> Self {
        // Names of a loop are known in the same file only.
        let names = if file == self.file { Rc::clone(&self.names) } else { Rc::default() };
        Self { file, scope: Cow::Borrowed(scope), names }
    }
}

impl<'m> Lookup<'m> {
    /// Over all files.
    pub(crate) fn new(monolith: Monolith<'m>) -> Self {
        let mut lookup = Self { monolith, calls: BTreeMap::new() };
        let mut calls: BTreeMap<Known, Vec<(FileId, &'m Handed)>> = BTreeMap::new();
        for (file, facts) in monolith.facts.iter().enumerate() {
            for call in &facts.routing.handed {
                let spot = Spot::new(file, &call.place.scope);
                let is_function: Wanted<'_> = &|bindings, _, name| {
                    bindings.parameters.contains_key(name) || bindings.classes.contains(name)
                };
                if let Some((to, mut name)) = lookup.find(&spot, &call.function, is_function) {
                    if lookup.bindings(to).is_some_and(|it| it.classes.contains(&name)) {
                        name.push_str(".__init__");
                    }
                    calls.entry((to, name)).or_default().push((file, call));
                }
            }
        }
        lookup.calls = calls;
        lookup
    }

    fn bindings(&self, file: FileId) -> Option<&'m Bindings> {
        self.monolith.facts(file).map(|facts| &facts.bindings)
    }

    /// Every turn of the loops around a place, in every call of the function around it.
    pub(crate) fn spots(&self, file: FileId, place: &'m Place) -> Vec<Spot<'m>> {
        self.spots_at(file, place, 0)
    }

    fn spots_at(&self, file: FileId, place: &'m Place, depth: usize) -> Vec<Spot<'m>> {
        let mut spots = self.called(file, place, depth);
        for turn in &place.turns {
            let mut turned = Vec::new();
            for spot in spots {
                let Some((elements, at)) = self.elements(&spot, &turn.over) else {
                    turned.push(spot);
                    continue;
                };
                turned.extend(elements.iter().map(|parts| {
                    let names = turn.names.iter().filter_map(|(name, part)| {
                        Some((name.as_str(), (at.clone(), parts.get(*part)?)))
                    });
                    spot.with(names)
                }));
            }
            turned.truncate(MOST_SPOTS);
            spots = turned;
        }
        spots
    }

    fn called(&self, file: FileId, place: &'m Place, depth: usize) -> Vec<Spot<'m>> {
        let here = Spot::new(file, &place.scope);
        if depth >= MOST_CALLS {
            return vec![here];
        }
        let mut spots = Vec::new();
        for scope in scopes(&place.scope) {
            let Some(function) = scope.strip_suffix('.') else { continue };
            let parameters = self.bindings(file).and_then(|it| it.parameters.get(function));
            let calls = self.calls.get(&(file, function.to_owned()));
            let (Some(parameters), Some(calls)) = (parameters, calls) else { continue };
            let own = usize::from(parameters.first().is_some_and(|name| name == "self"));
            for (from, call) in calls {
                for spot in self.spots_at(*from, &call.place, depth + 1) {
                    let names =
                        call.arguments.iter().enumerate().filter_map(|(at, (name, item))| {
                            let name = match name {
                                Some(name) => parameters.iter().find(|it| *it == name)?,
                                None => parameters.get(at + own)?,
                            };
                            Some((name.as_str(), (spot.clone(), item)))
                        });
                    spots.push(here.with(names.collect::<Vec<_>>()));
                }
                spots.truncate(MOST_SPOTS);
                if spots.len() == MOST_SPOTS {
                    break;
                }
            }
            break;
        }
        if spots.is_empty() { vec![here] } else { spots }
    }

    fn elements(&self, spot: &Spot<'m>, over: &'m Over) -> Option<(&'m [Vec<Item>], Spot<'m>)> {
        match over {
            Over::Written(elements) => Some((elements, spot.clone())),
            Over::Named(chain) => {
                let is_list: Wanted<'_> = &|bindings, _, name| bindings.lists.contains_key(name);
                let (file, name) = self.find(spot, chain, is_list)?;
                let (key, elements) = self.bindings(file)?.lists.get_key_value(&name)?;
                Some((elements, spot.inside(file, around(key))))
            }
        }
    }

    /// A text with what is known put in.
    pub(crate) fn text(&self, spot: &Spot<'m>, text: &Text) -> Told {
        let mut told = Told::default();
        self.put(spot, text, &mut told, 0);
        told
    }

    fn put(&self, spot: &Spot<'m>, text: &Text, told: &mut Told, depth: usize) {
        for part in &text.0 {
            // `line = line + line` doubles with each step that is followed.
            if told.text.len() > LONGEST {
                return;
            }
            match part {
                Part::Literal(text) => told.text.push_str(text),
                Part::Default { of, text } => {
                    told.settings.insert(of.clone());
                    told.text.push_str(text);
                }
                Part::Name(name) if depth < DEEPEST => self.put_name(spot, name, told, depth),
                Part::Name(_) | Part::Unknown => told.text.push(HOLE),
            }
        }
    }

    fn put_name(&self, spot: &Spot<'m>, name: &str, told: &mut Told, depth: usize) {
        if let Some((there, item)) = spot.names.get(name) {
            return self.put(there, &item.text, told, depth + 1);
        }
        let is_text: Wanted<'_> = &|bindings, _, name| bindings.texts.contains_key(name);
        let found = self.find(spot, name, is_text);
        let entry = found.and_then(|(file, key)| {
            let bindings = self.bindings(file)?;
            let (key, text) = bindings.texts.get_key_value(&key)?;
            Some((file, bindings, key, text))
        });
        let Some((file, bindings, key, text)) = entry else { return told.text.push(HOLE) };
        let scope = around(key);
        if scope.strip_suffix('.').is_some_and(|class| bindings.classes.contains(class)) {
            told.settings.insert(name.to_owned());
        }
        self.put(&spot.inside(file, scope), text, told, depth + 1);
    }

    /// The file and the full name there of what a chain of names stands for.
    pub(crate) fn find(&self, spot: &Spot<'m>, chain: &str, wanted: Wanted<'_>) -> Option<Known> {
        self.follow(spot, chain, wanted, 0)
    }

    fn follow(
        &self,
        spot: &Spot<'m>,
        chain: &str,
        wanted: Wanted<'_>,
        depth: usize,
    ) -> Option<Known> {
        if depth > DEEPEST {
            return None;
        }
        let (first, rest) = chain.split_once('.').unwrap_or((chain, ""));
        if let Some((there, item)) = spot.names.get(first) {
            let name = item.name.as_ref()?;
            return self.follow(there, &join(name, rest), wanted, depth + 1);
        }
        let bindings = self.bindings(spot.file)?;
        for scope in scopes(&spot.scope) {
            let own = chain.strip_prefix("self.");
            for name in [Some(chain), own].into_iter().flatten() {
                let name = format!("{scope}{name}");
                if wanted(bindings, spot.file, &name) {
                    return Some((spot.file, name));
                }
            }
            let search = Search { spot, scope, wanted, depth };
            for (head, rest) in heads(chain) {
                // A name hides those of the scopes around it, also where it leads nowhere.
                if let Break(found) = self.stands_for(search, head, rest) {
                    return found;
                }
            }
        }
        let (file, name) = self.monolith.imported(spot.file, chain)?;
        self.follow(&Spot::new(file, ""), &name, wanted, depth + 1)
    }

    /// What the beginning of a chain stands for in one scope of its file; goes on where the scope knows nothing of it.
    fn stands_for(
        &self,
        search: Search<'_, 'm>,
        head: &str,
        rest: &str,
    ) -> ControlFlow<Option<Known>> {
        let Search { spot, scope, wanted, depth } = search;
        let Some(bindings) = self.bindings(spot.file) else { return Continue(()) };
        let follow = |scope: String, chain: &str| {
            let there = Spot { scope: Cow::Owned(scope), ..spot.clone() };
            Break(self.follow(&there, chain, wanted, depth + 1))
        };
        if let Some(other) = bindings.same.get(&format!("{scope}{head}")) {
            return follow(scope.to_owned(), &join(other, rest));
        }
        let Some(called) = head.strip_suffix("()") else { return Continue(()) };
        let called = format!("{scope}{called}");
        if let Some(given) = bindings.returned.get(&called) {
            // The names inside a function are known below its own.
            return follow(format!("{called}."), &join(given, rest));
        }
        if rest.is_empty() || !bindings.classes.contains(&called) {
            return Continue(());
        }
        // What an object holds is set by its own methods, or stands in its class.
        for name in [format!("{called}.self.{rest}"), format!("{called}.{rest}")] {
            if wanted(bindings, spot.file, &name) {
                return Break(Some((spot.file, name)));
            }
            if let Some(other) = bindings.same.get(&name) {
                return follow(format!("{called}."), other);
            }
        }
        Continue(())
    }
}

/// Every scope from the innermost to that of the file.
fn scopes(scope: &str) -> impl Iterator<Item = &str> {
    let ends = scope.match_indices('.').map(|(at, _)| at + 1).rev();
    ends.filter_map(|end| scope.get(..end)).chain([""])
}

/// The scope of a full name.
fn around(name: &str) -> &str {
    name.rfind('.').and_then(|at| name.get(..=at)).unwrap_or_default()
}

/// A chain split at each dot, the longest head first.
fn heads(chain: &str) -> impl Iterator<Item = (&str, &str)> {
    let splits = chain.match_indices('.').map(|(at, _)| at).rev();
    [(chain, "")]
        .into_iter()
        .chain(splits.filter_map(|at| Some((chain.get(..at)?, chain.get(at + 1..)?))))
}

fn join(head: &str, rest: &str) -> String {
    if rest.is_empty() { head.to_owned() } else { format!("{head}.{rest}") }
}
