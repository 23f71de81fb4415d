//! From what was written to what is meant: references resolved, defaults applied, every rule about the whole checked.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use crate::backend::{Backend, BackendId, MirrorWrites};
use crate::compare::CompareRules;
use crate::document::{Document, Written, listed, nearest};
use crate::file::{BackendEntry, File, RouteEntry};
use crate::generation::{Digest, Generation};
use crate::matcher::Matcher;
use crate::pattern::{Pattern, PatternError};
use crate::problem::{Problem, Problems};
use crate::settings::{self, Settings};
use crate::stage::Stage;
use crate::syntax;
use crate::table::{Canary, Route, RouteId, RouteTable, Sticky};
use crate::target_path::TargetPath;

/// See [`RouteTable::parse`].
pub(crate) fn parse(file: &Path, text: &str) -> Result<RouteTable, Problems> {
    let refuse = |problems| Problems { file: file.to_owned(), text: text.to_owned(), problems };
    let tree = syntax::parse(text).map_err(refuse)?;
    let document = Document::new(text);
    let file = File::read(&document, tree.get_ref());
    let table = resolve(&document, file);
    let problems = document.into_problems();
    match table {
        Some(table) if problems.is_empty() => Ok(table),
        _ => Err(refuse(problems)),
    }
}

/// `None` only when something was reported.
fn resolve(document: &Document<'_>, file: File) -> Option<RouteTable> {
    let names: Vec<Written<String>> =
        file.backends.iter().map(|entry| entry.name.clone()).collect();
    let resolver = Resolver { document, backends: &names, defaults: &file.defaults };
    let fallback = resolver.fallback(file.fallback.as_ref());
    let routes: Vec<Option<(Route, Range<usize>)>> =
        file.routes.iter().map(|entry| resolver.route(entry)).collect();
    check_names(document, &file.routes);
    check_unambiguous(document, routes.iter().flatten());
    check_twins(document, routes.iter().flatten(), &file.backends);
    let routes: Vec<Route> =
        routes.into_iter().map(|route| route.map(|(route, _)| route)).collect::<Option<_>>()?;
    let matcher =
        Matcher::compile(routes.iter().enumerate().map(|(index, route)| (RouteId(index), route)));
    let generation =
        Generation { number: file.generation.unwrap_or(0), digest: Digest::of(document.text) };
    Some(RouteTable {
        generation,
        listen: file.listen,
        proxies: file.proxies,
        backends: file.backends.into_iter().map(backend).collect(),
        limits: file.limits,
        mirroring: file.mirroring,
        evidence: file.evidence,
        admin: file.admin,
        fallback: fallback?,
        routes,
        matcher,
    })
}

fn backend(entry: BackendEntry) -> Backend {
    let second = Duration::from_secs(1);
    Backend {
        name: entry.name.value,
        targets: entry.targets,
        tls: entry.tls,
        http2: entry.http2,
        health: entry.health,
        schema: entry.schema,
        health_interval: entry.health_interval.unwrap_or(second),
        connect_timeout: entry.connect_timeout.unwrap_or(second),
        response_timeout: entry.response_timeout.unwrap_or(Duration::from_secs(30)),
        mirror_writes: entry.mirror_writes.unwrap_or_default(),
        twin: entry.twin,
    }
}

/// What the rules about one route look up.
struct Resolver<'a> {
    document: &'a Document<'a>,
    backends: &'a [Written<String>],
    defaults: &'a Settings,
}

impl Resolver<'_> {
    /// The backend that every unnamed path goes to. A wrong default is told once, where it stands.
    fn fallback(&self, written: Option<&Written<String>>) -> Option<BackendId> {
        for default in [&self.defaults.old, &self.defaults.new].into_iter().flatten() {
            self.backend(default);
        }
        match (written, &self.defaults.old) {
            (Some(written), _) => self.backend(written),
            (None, Some(default)) => self.find(default),
            (None, None) => {
                let message = "nothing says where a path goes that no route names";
                let help = "write `fallback = \"monolith\"` under `[defaults]`";
                self.document.report(Problem::new(0..0, message).help(help));
                None
            }
        }
    }

    /// The backend that the route or else the defaults name.
    fn side(
        &self,
        entry: &RouteEntry,
        key: &str,
        of: impl Fn(&Settings) -> Option<&Written<String>>,
    ) -> Option<BackendId> {
        match (of(&entry.settings), of(self.defaults)) {
            (Some(own), _) => self.backend(own),
            (None, Some(default)) => self.find(default),
            (None, None) => {
                let message = format!("the route has no `{key}` backend");
                let help = format!("write `{key} = \"…\"` here or under `[defaults]`");
                self.document.report(Problem::new(entry.span.clone(), message).help(help));
                None
            }
        }
    }

    fn find(&self, written: &Written<String>) -> Option<BackendId> {
        let mut names = self.backends.iter();
        names.position(|backend| backend.value == written.value).map(BackendId)
    }

    /// The backend of that name; an unknown one is reported.
    fn backend(&self, written: &Written<String>) -> Option<BackendId> {
        let found = self.find(written);
        if found.is_none() {
            let names = || self.backends.iter().map(|backend| backend.value.as_str());
            let help = nearest(&written.value, names()).map_or_else(
                || format!("known are {}; add `[backends.{}]`", listed(names()), written.value),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("unknown backend `{}`", written.value);
            self.document.report(Problem::new(written.span.clone(), message).help(help));
        }
        found
    }

    /// The route as meant, with its place; `None` when something was reported.
    fn route(&self, entry: &RouteEntry) -> Option<(Route, Range<usize>)> {
        let own = &entry.settings;
        let old = self.side(entry, "old", |settings| settings.old.as_ref());
        let new = self.side(entry, "new", |settings| settings.new.as_ref());
        if let (Some(old), Some(new)) = (old, new)
            && old == new
        {
            let problem = Problem::new(
                entry.span.clone(),
                "the route's `old` and `new` backend are the same",
            );
            self.document.report(problem.help("name the backend that the route moves to as `new`"));
        }
        let path = entry.path.as_ref()?;
        let pattern = self.checked(path, path.value.parse::<Pattern>())?;
        let target = |written: Option<&Written<String>>| {
            written.map_or(Some(None), |written| {
                self.checked(written, TargetPath::parse(&written.value, &pattern))
            })
        };
        let (old_path, new_path) =
            (target(entry.old_path.as_ref()), target(entry.new_path.as_ref()));
        let route = Route {
            name: entry.name.as_ref()?.value.clone(),
            methods: entry.methods.as_ref().map(|methods| methods.value.clone()),
            old: old?,
            new: new?,
            old_path: old_path?,
            new_path: new_path?,
            stage: entry.stage.unwrap_or(Stage::Monolith),
            canary: self.canary(own),
            mirror: settings::mirror(own, self.defaults),
            gate: settings::gate(own, self.defaults),
            guard: settings::guard(own, self.defaults),
            compare: self.compare(own),
            line: self.document.line(entry.span.start),
            path: pattern,
        };
        Some((route, path.span.clone()))
    }

    fn checked<T>(&self, written: &Written<String>, parsed: Result<T, PatternError>) -> Option<T> {
        parsed
            .map_err(|error| {
                let place = self.document.part(written, error.span);
                self.document.report(Problem::new(place, error.message).help(error.help));
            })
            .ok()
    }

    fn canary(&self, own: &Settings) -> Canary {
        let sticky = own.canary_sticky.as_ref().or(self.defaults.canary_sticky.as_ref());
        Canary {
            percent: own.canary_percent.or(self.defaults.canary_percent).unwrap_or(10.0),
            sticky: sticky.cloned().unwrap_or(Sticky::ClientIp),
        }
    }

    fn compare(&self, own: &Settings) -> CompareRules {
        fn given<T: Clone + Default>(own: Option<&T>, default: Option<&T>) -> T {
            own.or(default).cloned().unwrap_or_default()
        }
        let defaults = self.defaults;
        CompareRules {
            ignore: given(own.ignore.as_ref(), defaults.ignore.as_ref()),
            timestamp: given(own.timestamp.as_ref(), defaults.timestamp.as_ref()),
            identifier: given(own.identifier.as_ref(), defaults.identifier.as_ref()),
            number: given(own.number.as_ref(), defaults.number.as_ref()),
            unordered: given(own.unordered.as_ref(), defaults.unordered.as_ref()),
            tolerance: own.tolerance.or(defaults.tolerance).unwrap_or(0.0),
            headers: given(own.headers.as_ref(), defaults.headers.as_ref()),
            allow: given(own.allow.as_ref(), defaults.allow.as_ref()),
        }
    }
}

/// Reports each route whose clients would be answered from a clone: what they write there is nowhere else.
fn check_twins<'r>(
    document: &Document<'_>,
    routes: impl Iterator<Item = &'r (Route, Range<usize>)>,
    backends: &[BackendEntry],
) {
    for (route, place) in routes.filter(|(route, _)| route.stage > Stage::Shadow) {
        let new = backends.get(route.new.index());
        if let Some(new) = new.filter(|new| new.mirror_writes == Some(MirrorWrites::Twin)) {
            let message = format!(
                "the route is at stage {}, but `{}` is a twin: it writes to a clone",
                route.stage, new.name.value
            );
            let help = "start that backend on the shared database and remove `mirror_writes = \"twin\"`, or take the \
                        route back to `shadow`";
            document.report(Problem::new(place.clone(), message).help(help));
        }
    }
}

/// Reports each name that an earlier route has.
fn check_names(document: &Document<'_>, routes: &[RouteEntry]) {
    let mut seen = BTreeMap::new();
    for name in routes.iter().filter_map(|entry| entry.name.as_ref()) {
        if let Some(first) = seen.get(&name.value) {
            let first: &Range<usize> = first;
            let line = document.line(first.start);
            let message =
                format!("two routes are named `{}` (the other in line {line})", name.value);
            let problem =
                Problem::new(name.span.clone(), message).help("give one of them another name");
            document.report(problem.related(first.clone(), "the first of the two"));
        } else {
            seen.insert(&name.value, name.span.clone());
        }
    }
}

/// Reports every pair of routes that no request could tell apart: the same path but for the names of parameters, and a
/// method in common (or none named by either).
fn check_unambiguous<'r>(
    document: &Document<'_>,
    routes: impl Iterator<Item = &'r (Route, Range<usize>)>,
) {
    let mut by_shape: BTreeMap<String, Vec<&(Route, Range<usize>)>> = BTreeMap::new();
    for entry in routes {
        let (route, span) = entry;
        let same_shape = by_shape.entry(route.path.shape()).or_default();
        for (first, first_span) in same_shape.iter().copied() {
            let Some(common) = common_methods(first, route) else { continue };
            let line = document.line(first_span.start);
            let own_line = document.line(span.start);
            let message = format!(
                "routes `{}` (line {line}) and `{}` (line {own_line}) can't be told apart for {common}",
                first.name, route.name
            );
            let help = "change the path of one, or give each its own `methods`";
            let problem = Problem::new(span.clone(), message).help(help);
            document.report(problem.related(first_span.clone(), "names the same requests"));
            break;
        }
        same_shape.push(entry);
    }
}

/// The methods that both would answer with equal right, in words.
fn common_methods(one: &Route, two: &Route) -> Option<String> {
    match (&one.methods, &two.methods) {
        (None, None) => Some("any method".to_owned()),
        (Some(one), Some(two)) => {
            let common: Vec<&str> =
                one.iter().filter(|method| two.contains(method)).map(String::as_str).collect();
            (!common.is_empty()).then(|| listed(common))
        }
        // The one with methods goes first.
        _ => None,
    }
}
