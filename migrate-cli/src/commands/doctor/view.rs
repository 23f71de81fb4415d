//! Whether each proxy sees the backends as they are seen from here.

use flip::admin::AdminClient;
use http::{HeaderMap, Method};
use routes::admin::{BackendReport, RoutesReport};
use routes::{Backend, RouteTable, Target};

use crate::asking::{Http, url_of};
use crate::checks::{Checks, Wrong};
use crate::commands::status::proxy_addresses;

/// A server and whether it is well, seen from here.
type Seen = (String, bool);

/// Looks, asks the proxies, and compares; returns what these said.
pub(super) async fn look(
    table: &RouteTable,
    client: &AdminClient,
    servers: &[Http],
    checks: &mut Checks,
) -> Vec<RoutesReport> {
    checks.group("backends");
    let mut own = Vec::new();
    for (backend, http) in table.backends.iter().zip(servers) {
        let mut seen: Vec<Seen> = Vec::new();
        for target in &backend.targets {
            let what = format!("{} at {target} is well", backend.name);
            let well = checks.check(what, well(backend, target, http)).await;
            seen.push((target.to_string(), well.is_some()));
        }
        own.push(seen);
    }
    checks.group("proxies");
    let mut reports = Vec::new();
    for address in proxy_addresses(table) {
        let what = format!("{address} answers");
        let help = "start it, or correct `[proxies] admin`";
        let asked = async {
            let report = client.routes(&address).await;
            let report = report.map_err(|why| Wrong::new(why.line(), help))?;
            let found = format!("version {}, process {}", report.proxy.version, report.proxy.pid);
            Ok((report, found))
        };
        let Some(report) = checks.check(what, asked).await else { continue };
        checks.settle(format_args!("{address} has this table in force"), in_step(table, &report));
        for (backend, seen) in table.backends.iter().zip(&own) {
            let what = format!("{address} sees {} as it is seen from here", backend.name);
            let theirs = report.backends.iter().find(|known| known.name == backend.name);
            checks.settle(what, same(seen, theirs));
        }
        reports.push(report);
    }
    reports
}

async fn well(backend: &Backend, target: &Target, http: &Http) -> Result<((), String), Wrong> {
    let help = format!("start it, or correct `[backends.{}] targets`", backend.name);
    let Some(path) = &backend.health else {
        http.connect(&url_of(backend, target), backend.connect_timeout, &help).await?;
        return Ok(((), "takes connections".to_owned()));
    };
    let url = format!("{}{path}", url_of(backend, target));
    let answer = http.ask(Method::GET, &url, HeaderMap::new(), None, &help).await?;
    let build = answer.headers.get("x-build-id").and_then(|build| build.to_str().ok());
    let build = build.map_or(String::new(), |build| format!(", build {build}"));
    if (200..300).contains(&answer.status) {
        return Ok(((), format!("{path} {}{build}", answer.status)));
    }
    let help = format!("see what its log says, or correct `[backends.{}] health`", backend.name);
    Err(Wrong::new(format!("{url} answers {}", answer.status), help))
}

fn in_step(table: &RouteTable, report: &RoutesReport) -> Result<String, Wrong> {
    if report.generation.digest == table.generation.digest {
        return Ok(format!("generation {}", report.generation));
    }
    let found = format!("generation {} of {}", report.generation, report.proxy.table);
    Err(Wrong::new(found, "see why it does not follow: migrate status"))
}

fn same(own: &[Seen], theirs: Option<&BackendReport>) -> Result<String, Wrong> {
    let help =
        "see that both have the same table, resolve names to the same servers, and may reach them";
    let Some(theirs) = theirs else { return Err(Wrong::new("it does not know it", help)) };
    let word = |healthy: bool| if healthy { "well" } else { "unwell" };
    let mut odd = Vec::new();
    for (address, healthy) in own {
        match theirs.targets.iter().find(|target| target.address == *address) {
            None => odd.push(format!("{address} is unknown there")),
            Some(target) if *healthy != target.healthy => {
                let (there, here) = (word(target.healthy), word(*healthy));
                odd.push(format!("{address} is {there} there and {here} here"));
            }
            Some(_) => {}
        }
    }
    let known = |address: &str| own.iter().any(|(own, _)| own == address);
    odd.extend(
        theirs
            .targets
            .iter()
            .filter(|target| !known(&target.address))
            .map(|target| format!("{} is unknown here", target.address)),
    );
    if odd.is_empty() {
        return Ok(format!("{} servers", own.len()));
    }
    Err(Wrong::new(odd.join("; "), help))
}
