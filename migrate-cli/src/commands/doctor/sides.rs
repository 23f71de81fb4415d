//! Which URLs of the two backends are asked: one path of each route, as each of them knows it.

use std::collections::BTreeSet;

use http::{HeaderMap, Method};
use reqwest::Body;
use routes::pattern::Segment;
use routes::{Backend, Route, RouteTable};

use crate::asking::{Answer, Http};
use crate::checks::Wrong;

/// Most routes that are asked for.
const MOST: usize = 32;
/// What stands for a parameter: nothing is named so.
const NOBODY: &str = "migrate-doctor";

/// One backend, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Side {
    /// The backend's name.
    pub(super) name: String,
    /// `http://host:port` of its first server.
    pub(super) base: String,
    /// The path as it knows it.
    pub(super) path: String,
}

/// A route's two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// The path as clients know it.
    pub(super) path: String,
    pub(super) old: Side,
    pub(super) new: Side,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sides {
    pub(super) pairs: Vec<Pair>,
    /// Routes that can't be asked for, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
}

impl Sides {
    /// Of the table's routes; two that come to the same URLs are asked for once.
    pub(super) fn of(table: &RouteTable) -> Self {
        let mut sides = Self::default();
        let mut known = BTreeSet::new();
        for route in &table.routes {
            match pair(table, route) {
                Ok(pair) if !known.insert((pair.old.clone(), pair.new.clone())) => {}
                Ok(_) if sides.pairs.len() >= MOST => {
                    sides
                        .left_out
                        .push((route.name.clone(), "enough routes are asked for already"));
                }
                Ok(pair) => sides.pairs.push(pair),
                Err(why) => sides.left_out.push((route.name.clone(), why)),
            }
        }
        sides
    }

    /// One pair for each two backends.
    pub(super) fn one_for_each(&self) -> Vec<&Pair> {
        let mut known = BTreeSet::new();
        let mut chosen = Vec::new();
        for pair in &self.pairs {
            if known.insert((&pair.old.base, &pair.new.base)) {
                chosen.push(pair);
            }
        }
        chosen
    }

    /// Each backend once.
    pub(super) fn each(&self) -> Vec<&Side> {
        let mut known = BTreeSet::new();
        let mut chosen = Vec::new();
        for side in self.pairs.iter().flat_map(|pair| [&pair.old, &pair.new]) {
            if known.insert(&side.base) {
                chosen.push(side);
            }
        }
        chosen
    }
}

fn pair(table: &RouteTable, route: &Route) -> Result<Pair, &'static str> {
    let path = bare(route);
    let Ok(Some(found)) = table.match_route("GET", &path) else {
        return Err("it takes no GET, and nothing else can be asked without writing");
    };
    if table.route(found.route).name != route.name {
        return Err("another route takes what would be asked");
    }
    let side = |backend: &Backend, template: Option<&routes::target_path::TargetPath>| {
        if backend.tls.is_some() {
            return Err("one of its backends is asked with TLS, which this command does not speak");
        }
        let target = backend.targets.first().ok_or("one of its backends has no server")?;
        let mut known = String::new();
        match template {
            Some(template) => template.fill(&path, &found, &mut known),
            None => known.clone_from(&path),
        }
        Ok(Side { name: backend.name.clone(), base: format!("http://{target}"), path: known })
    };
    Ok(Pair {
        old: side(table.backend(route.old), route.old_path.as_ref())?,
        new: side(table.backend(route.new), route.new_path.as_ref())?,
        path,
    })
}

/// A path of a route that names nothing that exists.
fn bare(route: &Route) -> String {
    let mut path = String::new();
    for segment in route.path.segments() {
        match segment {
            Segment::Literal(_) => path.extend(["/", &segment.to_string()]),
            Segment::Parameter(_) => path.extend(["/", NOBODY]),
            Segment::Wildcard(_) => {}
        }
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

impl Side {
    /// `GET` of its path.
    pub(super) async fn get(&self, headers: HeaderMap, http: &Http) -> Result<Answer, Wrong> {
        self.ask(Method::GET, "", headers, None, http).await
    }

    /// Asks for its path with a query.
    pub(super) async fn ask(
        &self,
        method: Method,
        query: &str,
        headers: HeaderMap,
        body: Option<Body>,
        http: &Http,
    ) -> Result<Answer, Wrong> {
        let url = format!("{}{}{query}", self.base, self.path);
        let help = format!("see that {} runs and answers at {}", self.name, self.base);
        http.ask(method, &url, headers, body, &help).await
    }
}
