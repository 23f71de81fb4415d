//! Where questions go: the service, the monolith and the proxy before them, and how each knows the paths of the agent API.

use std::path::Path;
use std::time::Duration;

use http::Method;
use routes::backend::BackendId;
use routes::{Route, RouteTable};

use super::Ends;
use crate::asking::{Http, url_of};
use crate::failure::Failure;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Service,
    Proxy,
    Monolith,
}

/// One of them, and where it is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) who: Who,
    /// Base URL, without a slash at its end.
    pub(super) base: String,
    /// The path that says whether it is well.
    pub(super) health: String,
    pub(super) http: Http,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Places<'t> {
    pub(super) service: Place,
    pub(super) proxy: Place,
    /// Where there is one any more.
    pub(super) monolith: Option<Place>,
    /// The agent API as clients of the proxy know it.
    api: &'t str,
    table: &'t RouteTable,
}

impl Who {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Proxy => "proxy",
            Self::Monolith => "monolith",
        }
    }
}

impl<'t> Places<'t> {
    /// What the command line says, else the table, whose paths are relative to `folder`. `limit`: the longest wait for an answer.
    pub(super) fn new(
        ends: &'t Ends,
        table: &'t RouteTable,
        folder: &Path,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let of_agents = matched(table, &Method::GET, &format!("{}/workflows", ends.api));
        let route = of_agents.or_else(|| table.routes.first()).ok_or_else(|| Failure::Usage {
            message: "the route table has no route, so there is no service to ask".to_owned(),
            help: "name a table with --routes".to_owned(),
        })?;
        let place = |who, given: Option<&String>, id: BackendId| {
            let backend = table.backend(id);
            let (base, http) = if let Some(url) = given {
                (url.clone(), Http::of_url(url, table, folder, limit)?)
            } else {
                let of_table = backend.targets.first().map(|target| url_of(backend, target));
                (of_table.unwrap_or_default(), Http::of_backend(backend, folder, limit))
            };
            let health = backend.health.clone().unwrap_or_else(|| "/health".to_owned());
            Ok::<_, Failure>(Place {
                who,
                base: base.trim_end_matches('/').to_owned(),
                health,
                http,
            })
        };
        let listens = format!("http://{}", table.listen.http);
        let proxy = ends.proxy.as_ref().unwrap_or(&listens);
        let monolith = || place(Who::Monolith, ends.monolith.as_ref(), route.old);
        Ok(Self {
            service: place(Who::Service, ends.service.as_ref(), route.new)?,
            proxy: place(Who::Proxy, Some(proxy), route.new)?,
            monolith: (!ends.no_monolith).then(monolith).transpose()?,
            api: ends.api.trim_end_matches('/'),
            table,
        })
    }

    /// The URL of something of the agent API, as that place knows it.
    pub(super) fn url(&self, place: &Place, method: &Method, rest: &str) -> String {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = format!("{}{path}", self.api);
        let mut target = String::new();
        match self.rewritten(place, method, &path) {
            Some(known) => target.push_str(&known),
            None => target.push_str(&path),
        }
        if !query.is_empty() {
            target.push('?');
            target.push_str(query);
        }
        format!("{}{target}", place.base)
    }

    /// Those that are asked directly, but for one.
    pub(super) fn others(&self, who: Who) -> impl Iterator<Item = &Place> {
        let all = std::iter::once(&self.service).chain(&self.monolith);
        all.filter(move |place| place.who != who)
    }

    /// One of them, then those that are asked directly.
    pub(super) fn beginning_with(&self, who: Who) -> impl Iterator<Item = &Place> {
        let all = [&self.service, &self.proxy].into_iter().chain(&self.monolith);
        all.filter(move |place| place.who == who).chain(self.others(who))
    }

    fn rewritten(&self, place: &Place, method: &Method, path: &str) -> Option<String> {
        let found = self.table.match_route(method.as_str(), path).ok()??;
        let route = self.table.route(found.route);
        let template = match place.who {
            Who::Proxy => None,
            Who::Service => route.new_path.as_ref(),
            Who::Monolith => route.old_path.as_ref(),
        }?;
        let mut target = String::new();
        template.fill(path, &found, &mut target);
        Some(target)
    }
}

fn matched<'t>(table: &'t RouteTable, method: &Method, path: &str) -> Option<&'t Route> {
    let found = table.match_route(method.as_str(), path).ok()??;
    Some(table.route(found.route))
}
