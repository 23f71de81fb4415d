//! Which recorded exchanges are replayed, and where each goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use compare::Rules;
use evidence::Basis;
use http::Method;
use routes::RouteTable;

use crate::recording::{Exchange, Recording};

/// How the backend that is asked knows the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Paths {
    /// As the route's `new_path` says.
    #[default]
    New,
    /// As the route's `old_path` says.
    Old,
    /// As recorded.
    Client,
}

/// What is to be replayed.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) route: Option<&'a str>,
    /// Empty: every method that `writes` lets through.
    pub(super) methods: &'a [Method],
    pub(super) writes: bool,
    pub(super) paths: Paths,
}

/// One request to send.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) exchange: Exchange,
    pub(super) route: Arc<Compared>,
    /// Path and query as the backend knows them.
    pub(super) target: String,
}

/// What the answers of a route are compared by.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) name: Arc<str>,
    pub(super) rules: Rules,
    pub(super) basis: Arc<Basis>,
}

/// What is replayed, and how many exchanges are not, by reason.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) requests: Vec<Planned>,
    pub(super) skipped: BTreeMap<String, u64>,
}

impl Plan {
    pub(super) fn new(table: &RouteTable, recording: Recording, wish: &Wish<'_>) -> Self {
        let routes = table.routes.iter().map(|route| {
            let rules = Rules::new(route.compare.clone(), table.evidence.mask.clone());
            let basis = Arc::new(Basis::new(&route.compare, None));
            Arc::new(Compared { name: route.name.as_str().into(), rules, basis })
        });
        let routes: Vec<Arc<Compared>> = routes.collect();
        let mut plan = Self::default();
        for why in recording.left_out {
            plan.skip(&why.to_string());
        }
        for exchange in recording.exchanges {
            match place(table, &exchange, wish) {
                Ok((route, target)) => match routes.get(route) {
                    Some(route) => {
                        plan.requests.push(Planned { exchange, route: Arc::clone(route), target });
                    }
                    None => plan.skip("is of no route"),
                },
                Err(why) => plan.skip(why),
            }
        }
        plan
    }

    fn skip(&mut self, why: &str) {
        *self.skipped.entry(why.to_owned()).or_default() += 1;
    }
}

/// The place of the route in the table, and the target at the backend; else why the exchange is not replayed.
fn place(
    table: &RouteTable,
    exchange: &Exchange,
    wish: &Wish<'_>,
) -> Result<(usize, String), &'static str> {
    if !wish.writes && !exchange.method.is_safe() {
        return Err("is a write (see --include-writes)");
    }
    if !wish.methods.is_empty() && !wish.methods.contains(&exchange.method) {
        return Err("has a method that was not asked for");
    }
    let matched = table.match_route(exchange.method.as_str(), &exchange.path);
    let Ok(matched) = matched else { return Err("has a path that the proxy would refuse") };
    let matched = matched.ok_or("is of no route")?;
    let route = table.route(matched.route);
    if wish.route.is_some_and(|name| name != route.name) {
        return Err("is of another route");
    }
    let template = match wish.paths {
        Paths::New => route.new_path.as_ref(),
        Paths::Old => route.old_path.as_ref(),
        Paths::Client => None,
    };
    let mut target = String::new();
    match template {
        Some(template) => template.fill(&exchange.path, &matched, &mut target),
        None => target.push_str(&exchange.path),
    }
    if let Some(query) = &exchange.query {
        target.push('?');
        target.push_str(query);
    }
    Ok((matched.route.index(), target))
}
