//! Which routes the files of a monolith serve, at which full paths, and who takes each router in.

use std::collections::{BTreeMap, BTreeSet};

use crate::FileId;
use crate::facts::routing::{Mount, Router};
use crate::facts::text::HOLE;
use crate::lookup::{Known, Lookup, Spot, Told};

/// Most paths of one router.
const MOST_PATHS: usize = 100;
/// Deepest nesting of routers that is followed.
const DEEPEST: usize = 20;
/// Most steps up from one router.
const MOST_STEPS: usize = 10_000;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The file that declares it.
    pub file: FileId,
    /// 1-based.
    pub line: usize,
    /// The function that answers.
    pub handler: String,
    /// The router, by its name in the file that makes it; the file's own word where that can't be told.
    pub router: String,
    /// Its methods; empty for every one.
    pub methods: Vec<String>,
    /// Whether it is a WebSocket.
    pub is_websocket: bool,
    /// Where it is served; empty where nobody takes the router in.
    pub paths: Vec<Path>,
}

/// A full path.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// With a [`HOLE`] where a part can't be told.
    pub text: String,
    /// How many bytes of that are the router's.
    pub base: usize,
    /// Who takes in whom, from the application on: file and line.
    pub mounts: Vec<(FileId, usize)>,
    /// Settings whose defaults stand in it.
    pub settings: BTreeSet<String>,
}

/// All of a monolith.
#[derive(Debug, Default)]
pub struct Routes {
    /// By file and line.
    pub all: Vec<Route>,
    /// Where a router is taken in that can't be told, or by somebody who can't be told: file, line, and what is written there.
    pub untold: Vec<(FileId, usize, String)>,
}

/// Who takes a router in, at which prefix.
struct Edge {
    /// `None` where it can't be told.
    parent: Option<Known>,
    prefix: Told,
    at: (FileId, usize),
}

struct Graph<'m> {
    routers: BTreeMap<Known, &'m Router>,
    above: BTreeMap<Known, Vec<Edge>>,
}

/// Finds them. Files for which `is_test` holds take nothing in: their applications serve nobody.
pub(crate) fn of(lookup: &Lookup<'_>, is_test: &dyn Fn(FileId) -> bool) -> Routes {
    let mut found = Routes::default();
    let graph = Graph::of(lookup, is_test, &mut found.untold);
    let mut known = BTreeMap::new();
    for (file, facts) in lookup.monolith.facts.iter().enumerate() {
        for route in &facts.routing.routes {
            for spot in lookup.spots(file, &route.place) {
                let path = lookup.text(&spot, &route.path);
                let router = graph.router(lookup, &spot, &route.router);
                // `@cache.get(key)` is no route.
                if router.is_none() && !path.text.starts_with('/') {
                    continue;
                }
                let above = router.as_ref().filter(|_| !is_test(file)).map(|router| {
                    known.entry(router.clone()).or_insert_with(|| graph.paths(lookup, router))
                });
                let paths = above
                    .into_iter()
                    .flatten()
                    .map(|above| Path { base: above.text.len(), ..above.then(&path, None) });
                found.all.push(Route {
                    file,
                    line: route.place.line,
                    handler: route.handler.clone(),
                    router: router.map_or_else(|| route.router.clone(), |(_, name)| name),
                    methods: route.methods.clone(),
                    is_websocket: route.is_websocket,
                    paths: paths.collect(),
                });
            }
        }
    }
    found.all.sort();
    found.all.dedup();
    found.untold.sort();
    found.untold.dedup();
    found
}

/// The files of the routers that each place takes in: the file of the place, its line, and what stands there.
pub(crate) fn taken_in(lookup: &Lookup<'_>) -> BTreeMap<(FileId, usize, String), BTreeSet<FileId>> {
    let graph = Graph::of(lookup, &|_| false, &mut Vec::new());
    let mut found: BTreeMap<_, BTreeSet<FileId>> = BTreeMap::new();
    for (file, facts) in lookup.monolith.facts.iter().enumerate() {
        for mount in &facts.routing.mounts {
            let Some(child) = &mount.child else { continue };
            for spot in lookup.spots(file, &mount.place) {
                if let Some((router, _)) = graph.router(lookup, &spot, child) {
                    let place = (file, mount.place.line, child.clone());
                    found.entry(place).or_default().insert(router);
                }
            }
        }
    }
    found
}

impl<'m> Graph<'m> {
    fn of(
        lookup: &Lookup<'m>,
        is_test: &dyn Fn(FileId) -> bool,
        untold: &mut Vec<(FileId, usize, String)>,
    ) -> Self {
        let mut graph = Self { routers: BTreeMap::new(), above: BTreeMap::new() };
        for (file, facts) in lookup.monolith.facts.iter().enumerate() {
            for router in &facts.routing.routers {
                graph.routers.insert((file, router.name.clone()), router);
            }
        }
        for (file, facts) in
            lookup.monolith.facts.iter().enumerate().filter(|(file, _)| !is_test(*file))
        {
            for mount in &facts.routing.mounts {
                for spot in lookup.spots(file, &mount.place) {
                    if let Err(what) = graph.add(lookup, &spot, mount) {
                        untold.push((file, mount.place.line, what));
                    }
                }
            }
        }
        graph
    }

    /// What is not told of the mount, as an error.
    fn add(&mut self, lookup: &Lookup<'m>, spot: &Spot<'m>, mount: &Mount) -> Result<(), String> {
        let written = || mount.child.clone().unwrap_or_else(|| "…".to_owned());
        let child = mount.child.as_ref().and_then(|child| self.router(lookup, spot, child));
        let Some(child) = child else {
            // Other people's applications are mounted, too (`StaticFiles()`).
            return if mount.is_mount {
                Ok(())
            } else {
                Err(format!("include_router({})", written()))
            };
        };
        let parent = self.router(lookup, spot, &mount.parent);
        let is_told = parent.is_some();
        let mut prefix = lookup.text(spot, &mount.prefix);
        if mount.is_mount {
            prefix.text.truncate(prefix.text.trim_end_matches('/').len());
        }
        let edge = Edge { parent, prefix, at: (spot.file, mount.place.line) };
        self.above.entry(child).or_default().push(edge);
        if is_told { Ok(()) } else { Err(format!("{} takes {} in", mount.parent, written())) }
    }

    /// The router that a name stands for.
    fn router(&self, lookup: &Lookup<'m>, spot: &Spot<'m>, name: &str) -> Option<Known> {
        lookup
            .find(spot, name, &|_, file, name| self.routers.contains_key(&(file, name.to_owned())))
    }

    /// The paths of a router, its own prefix at the end.
    fn paths(&self, lookup: &Lookup<'m>, router: &Known) -> Vec<Path> {
        self.paths_below(lookup, router, &mut Vec::new(), &mut 0)
    }

    fn paths_below(
        &self,
        lookup: &Lookup<'m>,
        router: &Known,
        below: &mut Vec<Known>,
        steps: &mut usize,
    ) -> Vec<Path> {
        let Some(made) = self.routers.get(router) else { return Vec::new() };
        if below.contains(router) || below.len() > DEEPEST || *steps > MOST_STEPS {
            return Vec::new();
        }
        let scope = made.name.rfind('.').and_then(|at| made.name.get(..=at)).unwrap_or_default();
        let own = lookup.text(&Spot::new(router.0, scope), &made.prefix);
        let edges = self.above.get(router).map(Vec::as_slice).unwrap_or_default();
        if made.is_app && edges.is_empty() {
            return vec![Path::default().then(&own, None)];
        }
        *steps += 1;
        below.push(router.clone());
        let mut paths = Vec::new();
        for edge in edges {
            let above = match &edge.parent {
                Some(parent) => self.paths_below(lookup, parent, below, steps),
                None => vec![Path { text: HOLE.to_string(), ..Path::default() }],
            };
            let here = above.iter().map(|path| path.then(&edge.prefix, Some(edge.at)));
            paths.extend(here.map(|path| path.then(&own, None)));
        }
        below.pop();
        paths.sort();
        paths.dedup();
        paths.truncate(MOST_PATHS);
        paths
    }
}

impl Path {
    /// Whether every part of it can be told.
    pub fn is_told(&self) -> bool {
        !self.text.contains(HOLE)
    }

    fn then(&self, more: &Told, mount: Option<(FileId, usize)>) -> Self {
        let mut longer = self.clone();
        longer.text.push_str(&more.text);
        longer.settings.extend(more.settings.iter().cloned());
        longer.mounts.extend(mount);
        longer
    }
}

#[cfg(test)]
mod tests;
