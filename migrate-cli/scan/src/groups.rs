//! The extracted routes in groups: path patterns that take all of them and nothing that stays.
//!
//! A group is what begins with the path of a router and the first word after it: `/v1/agents/workflows` and all below. Where
//! something below it stays in the monolith, the group falls apart into its parts, down to single paths and methods. What a pattern
//! can't say without taking something that stays is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::served::{Served, ServedPath};

mod shape;
#[cfg(test)]
mod tests;

use shape::{Step, steps};

/// A pattern of paths, as a route table has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// A name that no other group has.
    pub name: String,
    /// `/v1/agents/workflows/{*rest}`, or one path.
    pub path: String,
    /// Empty for every one.
    pub methods: Vec<String>,
    /// The files that serve what it takes.
    pub files: BTreeSet<String>,
    /// How many routes it takes.
    pub routes: usize,
    /// Paths of what stays that a request could mean as well: `PATH (FILE:LINE)`. The monolith asks in the order of its routers,
    /// a route table knows the more specific path only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contested: Vec<String>,
    /// What it is there for.
    #[serde(skip)]
    pub takes: Vec<Taken>,
}

/// A route at one of its paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// `FILE:LINE HANDLER`.
    pub place: String,
    /// Empty for every one.
    pub methods: Vec<String>,
    /// As FastAPI has it.
    pub path: String,
}

/// All routes at paths that can be told.
#[derive(Debug, Default)]
pub struct Grouped {
    /// By their paths.
    pub groups: Vec<Group>,
    /// Routes that no pattern can take alone, and why.
    pub left_out: Vec<String>,
}

/// A route at one of its paths, in its parts.
#[derive(Clone)]
struct At<'s> {
    route: &'s Served,
    path: &'s ServedPath,
    steps: Vec<Step<'s>>,
}

/// A pattern that may become a group.
struct Wish<'s> {
    pattern: Vec<Step<'s>>,
    /// Whether nothing at or below its path stays.
    is_whole: bool,
    /// Whether something stays at the very path.
    is_shared: bool,
    routes: Vec<At<'s>>,
}

/// The routes at a path and those below it.
#[derive(Default)]
struct Node<'s> {
    below: BTreeMap<Step<'s>, Self>,
    /// Leaving and staying, both also counting what is below.
    leaving: usize,
    staying: usize,
    here: Vec<At<'s>>,
    stays_here: bool,
}

/// Groups what is served at paths that can be told.
pub fn of(served: &[Served], rest: &[Served]) -> Grouped {
    let mut grouped = Grouped::default();
    let mut root = Node::default();
    let (stays, _) = told(rest);
    for one in &stays {
        root.add(one, false);
    }
    let (leaves, unsaid) = told(served);
    grouped.left_out.extend(unsaid.iter().map(|(route, path)| {
        format!("{}: no route table can name {}, with its empty part", place(route), path.path)
    }));
    let mut bases: BTreeSet<Vec<Step<'_>>> = BTreeSet::new();
    for one in &leaves {
        root.add(one, true);
        bases.insert(base(one));
    }
    let mut wishes: Vec<Wish<'_>> = Vec::new();
    let mut last: Option<Vec<Step<'_>>> = None;
    for base in bases {
        // What is below a group belongs to it.
        if last.as_ref().is_some_and(|last| base.starts_with(last)) {
            continue;
        }
        if let Some(node) = root.at(&base) {
            node.collect(&mut base.clone(), &mut wishes);
        }
        last = Some(base);
    }
    for wish in merged(wishes) {
        match wish.group(&stays) {
            Ok(group) => grouped.groups.push(group),
            Err(why) => grouped.left_out.extend(why),
        }
    }
    name(&mut grouped.groups);
    grouped
}

/// Those whose paths can be told, and of these the ones that no pattern can say.
fn told(all: &[Served]) -> (Vec<At<'_>>, Vec<(&Served, &ServedPath)>) {
    let paths = all.iter().flat_map(|route| route.paths.iter().map(move |path| (route, path)));
    let (mut found, mut unsaid) = (Vec::new(), Vec::new());
    for (route, path) in paths.filter(|(_, path)| path.is_told()) {
        match steps(&path.path) {
            Some(steps) => found.push(At { route, path, steps }),
            None => unsaid.push((route, path)),
        }
    }
    (found, unsaid)
}

fn place(route: &Served) -> String {
    format!("{}:{} {}", route.file, route.line, route.handler)
}

/// The router's path and the first word after it.
fn base<'s>(at: &At<'s>) -> Vec<Step<'s>> {
    let own = steps(&at.path.base).unwrap_or_default();
    let own = own.iter().filter(|step| **step != Step::Slash).count();
    let more = at.steps.get(own).filter(|step| matches!(step, Step::Word(_)));
    at.steps.iter().take(own).chain(more).map(|step| step.widened()).collect()
}

impl<'s> Node<'s> {
    fn add(&mut self, one: &At<'s>, leaves: bool) {
        let mut at = self;
        at.count(leaves);
        for step in &one.steps {
            at = at.below.entry(step.widened()).or_default();
            at.count(leaves);
        }
        if leaves {
            at.here.push(one.clone());
        } else {
            at.stays_here = true;
        }
    }

    fn count(&mut self, leaves: bool) {
        if leaves {
            self.leaving += 1;
        } else {
            self.staying += 1;
        }
    }

    fn at(&self, path: &[Step<'s>]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| node.below.get(step))
    }

    fn collect(&self, path: &mut Vec<Step<'s>>, wishes: &mut Vec<Wish<'s>>) {
        if self.leaving == 0 {
            return;
        }
        if self.staying == 0 && !self.below.is_empty() {
            let mut pattern = path.clone();
            pattern.push(Step::Rest);
            let mut routes = Vec::new();
            self.all(&mut routes);
            return wishes.push(Wish { pattern, is_whole: true, is_shared: false, routes });
        }
        if !self.here.is_empty() {
            wishes.push(Wish {
                pattern: path.clone(),
                is_whole: false,
                is_shared: self.stays_here,
                routes: self.here.clone(),
            });
        }
        for (step, node) in &self.below {
            path.push(*step);
            node.collect(path, wishes);
            path.pop();
        }
    }

    fn all(&self, routes: &mut Vec<At<'s>>) {
        routes.extend(self.here.iter().cloned());
        for node in self.below.values() {
            node.all(routes);
        }
    }
}

/// Paths that a table says in one way are one: `/a/` and `/a/{rest:path}`.
fn merged(wishes: Vec<Wish<'_>>) -> Vec<Wish<'_>> {
    let mut merged: Vec<Wish<'_>> = Vec::new();
    for mut wish in wishes {
        if let Some(last) = wish.pattern.last_mut().filter(|last| **last == Step::Slash) {
            *last = Step::Rest;
        }
        match merged.iter_mut().find(|known| known.pattern == wish.pattern) {
            Some(known) => {
                known.is_shared |= wish.is_shared;
                known.routes.extend(wish.routes);
            }
            None => merged.push(wish),
        }
    }
    merged
}

impl Wish<'_> {
    /// As a group; as an error why it would take what stays.
    fn group(self, stays: &[At<'_>]) -> Result<Group, Vec<String>> {
        let of_routes = || -> Vec<String> {
            // One that takes every method has none to list.
            if self.routes.iter().any(|it| it.route.methods.is_empty()) {
                return Vec::new();
            }
            let all: BTreeSet<&String> =
                self.routes.iter().flat_map(|it| &it.route.methods).collect();
            all.into_iter().cloned().collect()
        };
        let mut methods = if self.is_shared { of_routes() } else { Vec::new() };
        if !self.is_whole && self.robbed(&methods, stays).is_some() {
            methods = of_routes();
            if let Some(robbed) = self.robbed(&methods, stays) {
                return Err(self.refused(robbed));
            }
        }
        let contested = stays.iter().filter(|other| self.may_take(&methods, other));
        let shown = |other: &At<'_>| {
            let At { route, path, .. } = other;
            format!("{} ({}:{})", path.path, route.file, route.line)
        };
        let taken = |one: &At<'_>| Taken {
            place: place(one.route),
            methods: one.route.methods.clone(),
            path: one.path.path.clone(),
        };
        Ok(Group {
            name: String::new(),
            path: shape::pattern(&self.pattern),
            files: self.routes.iter().map(|one| one.route.file.clone()).collect(),
            routes: self.routes.len(),
            contested: contested.map(shown).collect(),
            takes: self.routes.iter().map(taken).collect(),
            methods,
        })
    }

    fn may_take(&self, methods: &[String], other: &At<'_>) -> bool {
        share(methods, &other.route.methods) && shape::takes(&self.pattern, &other.steps)
    }

    /// Something that stays, that the pattern would take and that none of the routes could have answered.
    fn robbed<'o>(&self, methods: &[String], stays: &'o [At<'o>]) -> Option<&'o At<'o>> {
        stays.iter().find(|other| {
            self.may_take(methods, other)
                && !self.routes.iter().any(|own| {
                    share(&own.route.methods, &other.route.methods)
                        && shape::meet(&own.steps, &other.steps)
                })
        })
    }

    fn refused(&self, robbed: &At<'_>) -> Vec<String> {
        let pattern = shape::pattern(&self.pattern);
        let At { route, path, .. } = robbed;
        let other = format!("{} ({}:{})", path.path, route.file, route.line);
        let each = self.routes.iter().map(|one| {
            format!(
                "{}: {} would be {pattern} in a route table, and that takes {other}, which stays",
                place(one.route),
                one.path.path
            )
        });
        each.collect()
    }
}

/// Whether a method is in both; empty is every one.
fn share(one: &[String], other: &[String]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|method| other.contains(method))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The last word of each path; where several have it, the whole path.
fn name(groups: &mut [Group]) {
    let slug = |segment: &str| -> String {
        let known = segment
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        known.collect::<String>().trim_matches('-').to_owned()
    };
    let words = |group: &Group| -> Vec<String> {
        let words = segments(&group.path).filter(|segment| !segment.starts_with('{'));
        let words = words.map(slug).filter(|word| !word.is_empty());
        let methods = group.methods.iter().map(|method| slug(method));
        let words: Vec<String> = words.chain(methods).collect();
        if words.is_empty() { vec!["root".to_owned()] } else { words }
    };
    let short = |group: &Group| words(group).pop().unwrap_or_default();
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for group in groups.iter() {
        *uses.entry(short(group)).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    for group in groups.iter_mut() {
        let is_only = uses.get(&short(group)) == Some(&1) && group.methods.is_empty();
        let wish = if is_only { short(group) } else { words(group).join("-") };
        let more = (2..).map(|number| format!("{wish}-{number}"));
        let free = [wish.clone()].into_iter().chain(more).find(|name| !taken.contains(name));
        group.name = free.unwrap_or(wish);
        taken.insert(group.name.clone());
    }
}
