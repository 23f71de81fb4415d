//! Which URLs of the two backends are asked: one path of each route, as each of them knows it.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, Method};
use routes::backend::BackendId;
use routes::target_path::TargetPath;
use routes::{Route, RouteTable};

use crate::asking::{Answer, Http, url_of};
use crate::checks::Wrong;
use crate::commands::harmless_path;

/// Most routes that are asked for.
const MOST: usize = 32;
/// What stands for a parameter: nothing is named so.
const NOBODY: &str = "migrate-doctor";

/// One backend, and what is asked of it.
#[derive(Debug, Clone)]
pub(super) struct Side {
    /// The backend's name.
    pub(super) name: String,
    /// `http://host:port` of its first server, or `https://…`.
    pub(super) base: String,
    /// The path as it knows it.
    pub(super) path: String,
    http: Http,
}

/// A route's two.
#[derive(Debug, Clone)]
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
    pub(super) left_out: Vec<(String, String)>,
}

impl Sides {
    /// Of the table's routes; two that come to the same URLs are asked for once. `servers`: the way to each backend, in their order.
    pub(super) async fn of(table: &RouteTable, servers: &[Http]) -> Self {
        let mut sides = Self::default();
        let silent = silent(table, servers).await;
        let mut known = BTreeSet::new();
        for route in &table.routes {
            match pair(table, route, servers, &silent) {
                Ok(pair) if !known.insert([pair.old.key(), pair.new.key()]) => {}
                Ok(_) if sides.pairs.len() >= MOST => {
                    let why = "enough routes are asked for already";
                    sides.left_out.push((route.name.clone(), why.to_owned()));
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
            if known.insert((&pair.old.name, &pair.new.name)) {
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
            if known.insert(&side.name) {
                chosen.push(side);
            }
        }
        chosen
    }
}

/// Backends that take no connection. Each question to them would wait as long again, to the same end.
async fn silent(table: &RouteTable, servers: &[Http]) -> BTreeSet<BackendId> {
    let ids: BTreeSet<BackendId> =
        table.routes.iter().flat_map(|route| [route.old, route.new]).collect();
    let mut silent = BTreeSet::new();
    for id in ids {
        let backend = table.backend(id);
        let server = backend.targets.first().zip(servers.get(id.index()));
        let Some((target, http)) = server else { continue };
        if http.connect(&url_of(backend, target), backend.connect_timeout, "").await.is_err() {
            silent.insert(id);
        }
    }
    silent
}

fn pair(
    table: &RouteTable,
    route: &Route,
    servers: &[Http],
    silent: &BTreeSet<BackendId>,
) -> Result<Pair, String> {
    let (path, found) = harmless_path::of(table, route, NOBODY, None)?;
    let side = |id: BackendId, template: Option<&TargetPath>| {
        let backend = table.backend(id);
        if silent.contains(&id) {
            return Err(format!("{} could not be connected to", backend.name));
        }
        let server = backend.targets.first().zip(servers.get(id.index()));
        let (target, http) = server.ok_or("one of its backends has no server")?;
        let mut known = String::new();
        match template {
            Some(template) => template.fill(&path, &found, &mut known),
            None => known.clone_from(&path),
        }
        let (name, base) = (backend.name.clone(), url_of(backend, target));
        Ok::<_, String>(Side { name, base, path: known, http: http.clone() })
    };
    Ok(Pair {
        old: side(route.old, route.old_path.as_ref())?,
        new: side(route.new, route.new_path.as_ref())?,
        path,
    })
}

impl Side {
    /// What tells it from others.
    fn key(&self) -> (String, String) {
        (self.name.clone(), self.path.clone())
    }

    /// `GET` of its path.
    pub(super) async fn get(&self, headers: HeaderMap) -> Result<Answer, Wrong> {
        self.ask(Method::GET, "", headers, None).await
    }

    /// Asks for its path with a query.
    pub(super) async fn ask(
        &self,
        method: Method,
        query: &str,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Answer, Wrong> {
        let url = format!("{}{}{query}", self.base, self.path);
        let help = format!("see that {} runs and answers at {}", self.name, self.base);
        self.http.ask(method, &url, headers, body, &help).await
    }
}
