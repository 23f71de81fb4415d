//! Whether each route is answered by the backend that the table names: asked through the proxy, and read off its counters.

use std::collections::BTreeMap;
use std::time::Duration;

use flip::admin::AdminClient;
use http::Method;
use routes::{Route, RouteTable, Stage};
use tokio::time::Instant;

use super::asking::{Asker, Body};
use crate::checks::{Checks, Wrong};
use crate::commands::harmless_path;
use crate::commands::status::proxy_addresses;

/// So many requests show it.
const REQUESTS: u64 = 3;
/// An answer is counted a little after it was sent.
const COUNTED: Duration = Duration::from_secs(3);
/// Between two looks at the counters.
const PAUSE: Duration = Duration::from_millis(50);

/// What stands for every parameter, and for what a wildcard stands for.
const UNKNOWN: &str = "migrate-verify-none";

/// Asks every proxy that the table lists what it has answered.
struct Counters<'c> {
    client: &'c AdminClient,
    proxies: Vec<String>,
}

/// What a route has been answered by so far.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Count {
    answered: BTreeMap<String, u64>,
    failovers: u64,
}

/// Checks the proxy: its table, and each route.
pub(super) async fn route(
    asker: &Asker<'_>,
    table: &RouteTable,
    client: &AdminClient,
    checks: &mut Checks,
) {
    checks.group("routes");
    let counters = Counters { client, proxies: proxy_addresses(table) };
    let in_force = checks.check("every proxy has the table in force", counters.follow(table)).await;
    for route in &table.routes {
        let what =
            format!("{} ({}) is answered by {}", route.name, route.stage, expected(route, table));
        let path = match harmless_path::of(table, route, UNKNOWN, Some(UNKNOWN)) {
            Ok((path, _)) => path,
            Err(why) => {
                checks.skip(what, why);
                continue;
            }
        };
        if in_force.is_none() {
            checks.skip(what, "the counters of the proxies can't be read");
            continue;
        }
        checks.check(what, answered(asker, table, &counters, route, &path)).await;
    }
}

/// Who should answer, in words.
fn expected(route: &Route, table: &RouteTable) -> String {
    let name = |id| table.backend(id).name.clone();
    match route.stage {
        Stage::Monolith | Stage::Shadow => name(route.old),
        Stage::Service => name(route.new),
        Stage::Canary => format!("{} or {}", name(route.old), name(route.new)),
    }
}

async fn answered(
    asker: &Asker<'_>,
    table: &RouteTable,
    counters: &Counters<'_>,
    route: &Route,
    path: &str,
) -> Result<((), String), Wrong> {
    let proxy = &asker.places.proxy;
    let before = counters.of(route).await?;
    let url = format!("{}{path}", proxy.base);
    for _ in 0..REQUESTS {
        asker.ask(proxy, Method::GET, &url, Body::None).await?;
    }
    let until = Instant::now() + COUNTED;
    loop {
        let more = counters.of(route).await?.since(&before);
        if more.answered.values().sum::<u64>() >= REQUESTS || Instant::now() >= until {
            return judge(route, table, &more, path);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn judge(
    route: &Route,
    table: &RouteTable,
    more: &Count,
    path: &str,
) -> Result<((), String), Wrong> {
    let by = |name: &str| more.answered.get(name).copied().unwrap_or_default();
    let (old, new) = (&table.backend(route.old).name, &table.backend(route.new).name);
    let told: Vec<String> =
        more.answered.iter().map(|(who, count)| format!("{who}: {count}")).collect();
    let told = format!(
        "GET {path}: {}",
        if told.is_empty() { "no answer counted".to_owned() } else { told.join(", ") }
    );
    if more.failovers > 0 {
        let found =
            format!("{told}; {} of them went to {old} because {new} failed", more.failovers);
        return Err(Wrong::new(
            found,
            format!("see why {new} fails: `migrate status`, the proxy's log"),
        ));
    }
    let fits = match route.stage {
        Stage::Monolith | Stage::Shadow => by(old) >= REQUESTS && by(new) == 0,
        Stage::Service => by(new) >= REQUESTS && by(old) == 0,
        Stage::Canary => by(old) + by(new) >= REQUESTS,
    };
    if fits {
        return Ok(((), told));
    }
    let help = format!(
        "see `migrate routes test GET {path}`, and whether other proxies stand before this one"
    );
    Err(Wrong::new(told, help))
}

impl Counters<'_> {
    /// Whether every proxy has this very table.
    async fn follow(&self, table: &RouteTable) -> Result<((), String), Wrong> {
        for proxy in &self.proxies {
            let report = self.client.routes(proxy).await;
            let report = report.map_err(|why| unread(proxy, &why.line()))?;
            if report.generation.digest != table.generation.digest {
                let found = format!("{proxy} has generation {} in force", report.generation.number);
                return Err(Wrong::new(found, "see `migrate status`: why it does not follow"));
            }
        }
        Ok(((), format!("generation {} at {}", table.generation.number, self.proxies.join(", "))))
    }

    async fn of(&self, route: &Route) -> Result<Count, Wrong> {
        let mut count = Count::default();
        for proxy in &self.proxies {
            let report = self.client.routes(proxy).await;
            let report = report.map_err(|why| unread(proxy, &why.line()))?;
            for counted in report.routes.iter().filter(|counted| counted.name == route.name) {
                for (backend, answered) in &counted.answered {
                    *count.answered.entry(backend.clone()).or_default() += answered;
                }
                count.failovers += counted.failovers;
            }
        }
        Ok(count)
    }
}

impl Count {
    fn since(&self, before: &Self) -> Self {
        let more = |(who, count): (&String, &u64)| {
            let before = before.answered.get(who).copied().unwrap_or_default();
            (*count > before).then(|| (who.clone(), count - before))
        };
        Self {
            answered: self.answered.iter().filter_map(more).collect(),
            failovers: self.failovers.saturating_sub(before.failovers),
        }
    }
}

fn unread(proxy: &str, why: &str) -> Wrong {
    let found = format!("{proxy}: {why}");
    Wrong::new(
        found,
        "see that the proxy runs, and give its token with --admin-token-file if it has one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(stage: &str) -> RouteTable {
        let text = crate::testing::TABLE
            .replace("PROXIES", "")
            .replace("\"shadow\"", &format!("\"{stage}\""));
        RouteTable::parse(std::path::Path::new("routes.toml"), &text).unwrap()
    }

    #[test]
    fn whoever_the_table_does_not_name_must_not_have_answered() {
        let count = |old: u64, new: u64, failovers: u64| {
            let all = [("monolith", old), ("agent-service", new)];
            let before =
                Count { answered: BTreeMap::from([("monolith".to_owned(), 5)]), failovers: 1 };
            let now = Count {
                answered: all
                    .map(|(who, more)| {
                        (who.to_owned(), if who == "monolith" { more + 5 } else { more })
                    })
                    .into(),
                failovers: failovers + 1,
            };
            now.since(&before)
        };
        for (stage, old, new, failovers, fits) in [
            ("shadow", 3, 0, 0, true),
            ("shadow", 2, 1, 0, false),
            ("service", 0, 4, 0, true),
            ("service", 3, 0, 0, false),
            ("service", 1, 3, 1, false),
            ("canary", 2, 1, 0, true),
            ("monolith", 0, 0, 0, false),
        ] {
            let table = table(stage);
            let judged = judge(&table.routes[0], &table, &count(old, new, failovers), "/x");
            assert_eq!(judged.is_ok(), fits, "{stage} {old} {new}: {judged:?}");
        }
    }
}
