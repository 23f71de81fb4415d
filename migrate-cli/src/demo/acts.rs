//! The five acts: on the monolith, mirrored, cut over, killed, rolled back.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flip::standing::read_table;
use reqwest::Client;
use routes::decide::decide;
use routes::{RequestFacts, StickyValue};
use serde_json::json;

use crate::commands::mirror_report::human::{Detail, evidence_human};
use crate::failure::Failure;

use super::stage::{Performance, seen, unplayable};
use super::table::ROUTE;
use super::tally::{Side, Tally};
use super::traffic::{READERS, key};

/// The field that the stand-in is told to answer otherwise.
const PLANTED: &str = "$.max_execution_time";
/// Requests of an act, enough for a p99.
const MANY: u64 = 900;
/// Pairs of answers that an act compares.
const PAIRS: u64 = 250;

impl Performance<'_> {
    /// Act 1.
    pub(super) async fn all_on_the_monolith(&mut self) -> Result<(), Failure> {
        self.title("1  All on the monolith");
        self.tell(format_args!(
            "{READERS} keep-alive clients read workflows through the proxy, one more creates some"
        ));
        self.proxy("both backends healthy", |report| {
            report.backends.iter().all(|backend| backend.healthy)
        })
        .await?;
        self.traffic.begin("all on the monolith");
        self.requests(MANY).await?;
        let tally = self.tally()?;
        let all = tally.answered_by(Side::New) == 0;
        self.promise("the monolith answers everything", all && tally.failed() == 0, told(&tally));
        Ok(())
    }

    /// Act 2.
    pub(super) async fn shadow(&mut self) -> Result<(), Failure> {
        self.title("2  Shadow: reads are mirrored to the service, and the answers compared");
        self.tell(format_args!(
            "a difference is planted: the stand-in monolith is told to answer `{PLANTED}` as text"
        ));
        self.switch(json!({
            "paths": "/api/v1/agents/workflows/[^/]+$",
            "alter": [{"path": PLANTED, "value": "3600"}],
        }))
        .await?;
        self.typed(&format!("migrate cutover {ROUTE}")).await?;
        self.traffic.begin("shadow");
        let evidence = self
            .evidence("a difference", |evidence| {
                let found = evidence.routes.iter().flat_map(|route| &route.operations);
                let mut kinds = found.flat_map(|operation| &operation.differences);
                seen(evidence).compared >= PAIRS && kinds.next().is_some()
            })
            .await?;
        self.tell("$ migrate mirror report");
        let mut page = String::new();
        let _written = evidence_human(&evidence, Detail { limit: 3, bodies: false }, &mut page);
        self.tell(page.trim_start());
        let operations = evidence.routes.iter().flat_map(|route| &route.operations);
        let paths: BTreeSet<&str> = operations
            .flat_map(|operation| &operation.differences)
            .map(|difference| difference.path.as_str())
            .collect();
        self.promise(
            "comparing finds the planted difference and no other",
            paths.iter().eq([&PLANTED]),
            format!("differences at {}", paths.into_iter().collect::<Vec<_>>().join(", ")),
        );
        let tally = self.tally()?;
        let unseen = tally.failed() == 0 && tally.answered_by(Side::New) == 0;
        self.promise("clients see nothing of it", unseen, told(&tally));
        Ok(())
    }

    /// Act 3, first half.
    pub(super) async fn fixed(&mut self) -> Result<(), Failure> {
        self.title("3  Fixed, then through a canary to the service");
        let (refuses, page) = self.gate().await?;
        self.promise(
            "the gate refuses what evidence speaks against",
            refuses && page.contains(PLANTED),
            "it names the planted path".to_owned(),
        );
        self.tell("the planted difference is taken away, and the service replaced by another build: its evidence starts anew");
        self.traffic.begin("another build");
        self.switch(json!({})).await?;
        self.stand.replace_service("fixed").await?;
        self.tell(format_args!(
            "reads are compared, and each write is rehearsed: tried on the service first, in a transaction that it rolls back"
        ));
        self.allowed().await?;
        let (refuses, _) = self.gate().await?;
        let evidence = self.evidence("the evidence", |_| true).await?;
        let found = seen(&evidence);
        let operations = evidence.routes.iter().map(|route| route.operations.len()).sum::<usize>();
        self.promise(
            "the gate allows what evidence speaks for",
            !refuses,
            format!(
                "{} of {} pairs match, over {operations} operations",
                found.matched, found.compared
            ),
        );
        let tally = self.tally()?;
        let unseen = tally.failed() == 0 && tally.answered_by(Side::New) == 0;
        self.promise("clients see nothing of rehearsals", unseen, told(&tally));
        Ok(())
    }

    /// Act 3, second half.
    pub(super) async fn canary(&mut self) -> Result<(), Failure> {
        for (percent, act) in [(10, "canary 10 %"), (50, "canary 50 %")] {
            self.typed(&format!("migrate cutover {ROUTE} --to canary --percent {percent}")).await?;
            self.traffic.begin(act);
            self.requests(MANY).await?;
            let tally = self.tally()?;
            let wanted = sides(&self.stand.home)?;
            let new = (0..READERS).filter(|number| wanted(&key(*number)) == Side::New).count();
            let astray = tally.astray(&wanted);
            self.promise(
                "each client stays on its side",
                astray == 0 && tally.failed() == 0,
                format!(
                    "{new} of {READERS} readers are on the new side; of {} clients {astray} went astray; {}",
                    tally.clients(),
                    told(&tally)
                ),
            );
        }
        self.typed(&format!("migrate cutover {ROUTE} --to service")).await?;
        self.traffic.begin("service");
        self.requests(MANY).await?;
        let tally = self.tally()?;
        let all = tally.answered_by(Side::Old) == 0 && tally.failed() == 0;
        self.promise("the service answers everything, writes too", all, told(&tally));
        Ok(())
    }

    /// Act 4.
    pub(super) async fn killed(&mut self) -> Result<(), Failure> {
        self.title("4  The service is killed under load (kill -9)");
        self.tell("the writer pauses: only what may be repeated can go to the monolith instead");
        self.traffic.write(false);
        self.traffic.begin("before the kill");
        self.requests(MANY / 3).await?;
        self.traffic.begin("service killed");
        self.stand.kill_service();
        self.requests(MANY).await?;
        let tally = self.tally()?;
        let report = self.proxy("its report", |_| true).await?;
        let failovers = report.routes.iter().find(|route| route.name == ROUTE);
        let guard = failovers.and_then(|route| route.guard.as_ref());
        if let Some(guard) = guard {
            self.tell(format_args!(
                "the guard took the route back by itself, {} → {}: {}",
                guard.from, guard.to, guard.reason
            ));
        }
        let failovers = failovers.map_or(0, |route| route.failovers);
        self.promise(
            "no client sees an error",
            tally.failed() == 0,
            format!("{}; {failovers} requests failed over", told(&tally)),
        );
        for failure in &tally.failures {
            self.tell(failure);
        }
        Ok(())
    }

    /// Act 5.
    pub(super) async fn rolled_back(&mut self) -> Result<(), Failure> {
        self.title("5  Rolled back, with the service still dead");
        let flip = self.typed("migrate rollback --to 1").await?;
        self.traffic.begin("rolled back");
        self.traffic.write(true);
        self.requests(MANY).await?;
        let tally = self.tally()?;
        let all = tally.answered_by(Side::New) == 0 && tally.failed() == 0;
        self.promise("the monolith answers everything again", all, told(&tally));
        let followed = flip.followed_ms.unwrap_or(f64::INFINITY);
        self.promise(
            "the proxy follows the rollback at once",
            followed < 1000.0,
            format!("{followed:.1} ms after the write"),
        );
        Ok(())
    }

    fn tally(&self) -> Result<Tally, Failure> {
        self.traffic.tally().ok_or_else(|| unplayable("nothing was counted".to_owned()))
    }

    /// Turns the stand-in's switches.
    async fn switch(&self, switches: serde_json::Value) -> Result<(), Failure> {
        let url = format!("{}/__switch", self.stand.monolith_url());
        let answer = Client::new().put(&url).json(&switches).send().await;
        match answer.and_then(reqwest::Response::error_for_status) {
            Ok(_) => Ok(()),
            Err(problem) => {
                Err(unplayable(format!("the stand-in's switch could not be turned: {problem}")))
            }
        }
    }
}

/// The figures of an act in a few words.
fn told(tally: &Tally) -> String {
    let figures = tally.figures();
    format!(
        "{} requests, {} failed, {} from the monolith, {} from the service, p50 {:.1} ms, p99 {:.1} ms",
        figures.requests,
        figures.failed,
        figures.answered_by_old,
        figures.answered_by_new,
        figures.p50_ms,
        figures.p99_ms
    )
}

/// Which side the table puts a client on, by the code that the proxy decides with.
fn sides(home: &home::Home) -> Result<impl Fn(&str) -> Side + use<>, Failure> {
    let table = read_table(home)?;
    Ok(move |key: &str| {
        let bucket = table.route_named(ROUTE).map(|route| decide(route, &Facts(key)).sticky);
        let percent = table.route_named(ROUTE).map_or(0.0, |route| route.canary.percent);
        match bucket {
            Some(StickyValue::Bucket(bucket)) if f64::from(bucket) < percent * 100.0 => Side::New,
            _ => Side::Old,
        }
    })
}

/// All that the demo's canary looks at: the client's key.
struct Facts<'a>(&'a str);

impl RequestFacts for Facts<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        (name == "x-api-key").then_some(self.0.as_bytes())
    }

    fn client_ip(&self) -> Option<IpAddr> {
        None
    }
}
