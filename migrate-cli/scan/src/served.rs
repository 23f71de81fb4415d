//! The routes of a monolith by the side of the border that serves them, as a report says it.

use serde::Serialize;

use crate::FileId;
use crate::border::{Place, Sides};
use crate::facts::text::HOLE;
use crate::lookup::Lookup;
use crate::routes::{self, Path, Route};

/// What stands for a part that can't be told.
pub const UNTOLD: char = '…';

/// What is served.
#[derive(Debug, Default, Serialize)]
pub struct Serving {
    /// The routes of the extracted files.
    pub served: Vec<Served>,
    /// The routes of the rest, which a report leaves out.
    #[serde(skip)]
    pub rest: Vec<Served>,
    /// Where a router is taken in that can't be told, or by somebody who can't be told.
    pub untold: Vec<Place>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// The file.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The function that answers.
    pub handler: String,
    /// The router that it is on.
    pub router: String,
    /// Its methods; empty for every one.
    pub methods: Vec<String>,
    /// Whether it is a WebSocket.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub websocket: bool,
    /// Where it is served; empty where nobody takes the router in.
    pub paths: Vec<ServedPath>,
}

/// A full path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServedPath {
    /// With [`UNTOLD`] where a part can't be told.
    pub path: String,
    /// What of it the router begins with.
    pub base: String,
    /// Who takes in whom, from the application on: `FILE:LINE`.
    pub mounts: Vec<String>,
    /// Settings whose defaults stand in the path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
}

/// Finds what is served.
pub(crate) fn of(
    lookup: &Lookup<'_>,
    paths: &[String],
    sides: &Sides,
    is_test: &dyn Fn(FileId) -> bool,
) -> Serving {
    let name = |file: FileId| paths.get(file).map(String::as_str).unwrap_or_default();
    let found = routes::of(lookup, is_test);
    let (inside, outside): (Vec<Route>, Vec<Route>) =
        found.all.into_iter().partition(|route| sides.extracted.contains(&route.file));
    let served = |all: Vec<Route>| all.into_iter().map(|route| served(route, &name)).collect();
    let untold = found.untold.into_iter();
    let untold = untold.map(|(file, line, what)| Place { file: name(file).to_owned(), line, what });
    Serving { served: served(inside), rest: served(outside), untold: untold.collect() }
}

fn served<'n>(route: Route, name: &impl Fn(FileId) -> &'n str) -> Served {
    let path = |path: Path| {
        let shown = |text: &str| text.replace(HOLE, &UNTOLD.to_string());
        let mounts = path.mounts.iter().map(|(file, line)| format!("{}:{line}", name(*file)));
        ServedPath {
            path: shown(&path.text),
            base: shown(path.text.get(..path.base).unwrap_or_default()),
            mounts: mounts.collect(),
            settings: path.settings.into_iter().collect(),
        }
    };
    Served {
        file: name(route.file).to_owned(),
        line: route.line,
        handler: route.handler,
        router: route.router,
        methods: route.methods,
        websocket: route.is_websocket,
        paths: route.paths.into_iter().map(path).collect(),
    }
}

impl ServedPath {
    /// Whether every part of it can be told.
    pub fn is_told(&self) -> bool {
        !self.path.contains(UNTOLD)
    }
}
