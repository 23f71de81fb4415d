//! The extracted routes in groups: path patterns that take all of them and nothing that stays.
//!
//! A group is what begins with the path of a router and the first word after it: `/v1/agents/workflows` and all below. Where
//! something below it stays in the monolith, the group falls apart into its parts, down to single paths and methods.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::served::{Served, ServedPath};

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
}

/// The routes at a path and those below it.
#[derive(Default)]
struct Node<'s> {
    below: BTreeMap<&'s str, Self>,
    /// Leaving and staying, both also counting what is below.
    leaving: usize,
    staying: usize,
    here: Vec<&'s Served>,
    stays_here: bool,
}

/// Groups what is served at paths that can be told.
pub fn of(served: &[Served], rest: &[Served]) -> Vec<Group> {
    let mut root = Node::default();
    for (route, path) in told(rest) {
        root.add(&path.path, route, false);
    }
    let mut bases: BTreeSet<Vec<&str>> = BTreeSet::new();
    for (route, path) in told(served) {
        root.add(&path.path, route, true);
        bases.insert(base(path));
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut last: Option<Vec<&str>> = None;
    for base in bases {
        // What is below a group belongs to it.
        if last.as_ref().is_some_and(|last| base.starts_with(last)) {
            continue;
        }
        if let Some(node) = root.at(&base) {
            node.collect(&mut base.clone(), &mut groups);
        }
        last = Some(base);
    }
    for group in &mut groups {
        let others = told(rest).filter(|(_, path)| may_be_one(&group.path, &path.path));
        let place = |(route, path): (&Served, &ServedPath)| {
            format!("{} ({}:{})", path.path, route.file, route.line)
        };
        let others = others.filter(|(route, path)| {
            group.methods.is_empty()
                || route.methods.iter().any(|it| group.methods.contains(it))
                || !is_same(&group.path, &path.path)
        });
        group.contested = others.map(place).collect();
    }
    name(&mut groups);
    groups
}

fn told(all: &[Served]) -> impl Iterator<Item = (&Served, &ServedPath)> {
    let paths = all.iter().flat_map(|route| route.paths.iter().map(move |path| (route, path)));
    paths.filter(|(_, path)| path.is_told())
}

/// The router's path and the first word after it.
fn base(path: &ServedPath) -> Vec<&str> {
    let own = segments(&path.base).count();
    let more = segments(&path.path).nth(own).filter(|segment| !segment.starts_with('{'));
    segments(&path.path).take(own).chain(more).collect()
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// What a segment is sorted by: the name of a parameter says nothing.
fn key(segment: &str) -> &str {
    match segment.starts_with('{') {
        true if segment.starts_with("{*") || segment.ends_with(":path}") => "{*}",
        true => "{}",
        false => segment,
    }
}

impl<'s> Node<'s> {
    fn add(&mut self, path: &'s str, route: &'s Served, leaves: bool) {
        let mut at = self;
        at.count(leaves);
        for segment in segments(path) {
            at = at.below.entry(key(segment)).or_default();
            at.count(leaves);
        }
        if leaves {
            at.here.push(route);
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

    fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, segment| node.below.get(key(segment)))
    }

    fn collect(&self, path: &mut Vec<&'s str>, groups: &mut Vec<Group>) {
        if self.leaving == 0 {
            return;
        }
        if self.staying == 0 {
            let is_alone = self.below.is_empty();
            let files = self.files();
            return groups.push(group(path, !is_alone, Vec::new(), files, self.leaving));
        }
        if !self.here.is_empty() {
            let methods: BTreeSet<&String> =
                self.here.iter().flat_map(|route| &route.methods).collect();
            let methods = methods.into_iter().filter(|_| self.stays_here).cloned().collect();
            let files = self.here.iter().map(|route| route.file.clone()).collect();
            groups.push(group(path, false, methods, files, self.here.len()));
        }
        for (segment, node) in &self.below {
            path.push(segment);
            node.collect(path, groups);
            path.pop();
        }
    }

    fn files(&self) -> BTreeSet<String> {
        let here = self.here.iter().map(|route| route.file.clone());
        here.chain(self.below.values().flat_map(Self::files)).collect()
    }
}

fn group(
    path: &[&str],
    is_whole: bool,
    methods: Vec<String>,
    files: BTreeSet<String>,
    routes: usize,
) -> Group {
    let rest = is_whole && path.last() != Some(&"{*}");
    let mut parameters = 0;
    let segments = path.iter().copied().chain(rest.then_some("{*}"));
    let written = segments.map(|segment| match segment {
        "{}" => {
            parameters += 1;
            format!("/{{p{parameters}}}")
        }
        "{*}" => "/{*rest}".to_owned(),
        word => format!("/{word}"),
    });
    let mut text: String = written.collect();
    if text.is_empty() {
        text.push('/');
    }
    Group { name: String::new(), path: text, methods, files, routes, contested: Vec::new() }
}

/// Whether a request could mean both paths.
fn may_be_one(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (segments(one), segments(other));
    loop {
        match (one.next().map(key), other.next().map(key)) {
            (Some("{*}"), _) | (_, Some("{*}")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "{}" || b == "{}" => {}
            _ => return false,
        }
    }
}

fn is_same(one: &str, other: &str) -> bool {
    segments(one).map(key).eq(segments(other).map(key))
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

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn served(base: &str, paths: &[&str]) -> Vec<Served> {
        let one = |path: &&str| {
            let (method, path) = path.split_once(' ').unwrap();
            Served {
                file: "app/x.py".to_owned(),
                line: 1,
                handler: "h".to_owned(),
                router: "router".to_owned(),
                methods: vec![method.to_owned()],
                websocket: false,
                paths: vec![ServedPath {
                    path: format!("{base}{path}"),
                    base: base.to_owned(),
                    mounts: Vec::new(),
                    settings: Vec::new(),
                }],
            }
        };
        paths.iter().map(one).collect()
    }

    fn shown(served: &[Served], rest: &[Served]) -> String {
        let line = |group: Group| {
            format!(
                "{} {} {:?} {} {:?}",
                group.name, group.path, group.methods, group.routes, group.contested
            )
        };
        of(served, rest).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_first_word_after_the_router_makes_the_group() {
        let mut all =
            served("/v1/agents", &["GET /workflows", "POST /workflows/{id}", "GET /networks"]);
        all.extend(served("/api/v1/agents", &["GET /workflows"]));
        all.extend(served("/v1", &["GET /services/", "GET /services/{id}"]));
        all.extend(served("/v1/jobs", &["GET ", "GET /{id}", "GET /stats/all"]));
        let rest = served("/v1", &["GET /users", "GET /agentsmith"]);
        assert_snapshot!(shown(&all, &rest), @r"
        api-v1-agents-workflows /api/v1/agents/workflows [] 1 []
        networks /v1/agents/networks [] 1 []
        v1-agents-workflows /v1/agents/workflows/{*rest} [] 2 []
        jobs /v1/jobs/{*rest} [] 3 []
        services /v1/services/{*rest} [] 2 []
        ");
    }

    #[test]
    fn what_stays_is_not_taken() {
        let all = served(
            "/v1/agents",
            &["GET /a/{id}", "GET /a/{id}/x", "POST /a/b", "GET /a/c/d", "GET /a/c/e"],
        );
        let rest = served("/v1", &["GET /agents/a/b", "GET /agents/{kind}/c/d"]);
        assert_snapshot!(shown(&all, &rest), @r#"
        v1-agents-a-b-post /v1/agents/a/b ["POST"] 1 []
        c /v1/agents/a/c/{*rest} [] 2 ["/v1/agents/{kind}/c/d (app/x.py:1)"]
        a /v1/agents/a/{p1}/{*rest} [] 2 ["/v1/agents/a/b (app/x.py:1)", "/v1/agents/{kind}/c/d (app/x.py:1)"]
        "#);
    }
}
