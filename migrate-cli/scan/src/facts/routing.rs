//! The routers of a file, the routes on them, and which router is taken in where.

mod read;

use super::bindings::Item;
use super::text::Text;

pub use read::of;

/// A router or an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Router {
    /// The functions and classes around it, and its name: `create_app.app`, `router`.
    pub name: String,
    /// 1-based.
    pub line: usize,
    /// Whether requests reach it by themselves.
    pub is_app: bool,
    /// What stands before the path of each of its routes.
    pub prefix: Text,
}

/// What is true of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// 1-based.
    pub line: usize,
    /// The functions and classes around, each with a dot behind.
    pub scope: String,
    /// The loops around, the outermost first.
    pub turns: Vec<Turn>,
}

/// A loop over a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its names, and which part of an element each stands for.
    pub names: Vec<(String, usize)>,
    /// Over what.
    pub over: Over,
}

/// What a loop goes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// A list that has a name.
    Named(String),
    /// A list that is written out.
    Written(Vec<Vec<Item>>),
}

/// A path that a function answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it says so.
    pub place: Place,
    /// The router, as the code names it.
    pub router: String,
    /// The methods in the order of the text; empty for a route that takes every one.
    pub methods: Vec<String>,
    /// Whether it is a WebSocket.
    pub is_websocket: bool,
    /// Its path on the router.
    pub path: Text,
    /// The function.
    pub handler: String,
}

/// A router that is taken in, or an application that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub place: Place,
    /// Who takes it in, as the code names it.
    pub parent: String,
    /// Who is taken in; `None` where the code does not name it.
    pub child: Option<String>,
    /// What comes before its prefix.
    pub prefix: Text,
    /// Whether it is `mount`, which takes other people's applications as well.
    pub is_mount: bool,
}

/// A call that hands a router over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// Where.
    pub place: Place,
    /// The function, as the code names it.
    pub function: String,
    /// The arguments, with their names where they have one.
    pub arguments: Vec<(Option<String>, Item)>,
}

/// All of a file.
#[derive(Debug, Default)]
pub struct Routing {
    /// Routers and applications.
    pub routers: Vec<Router>,
    /// Their routes.
    pub routes: Vec<Route>,
    /// Who takes in whom.
    pub mounts: Vec<Mount>,
    /// Who is handed over to whom.
    pub handed: Vec<Handed>,
}
