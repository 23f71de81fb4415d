//! The gate: what must hold before a cutover, as a table of condition, wanted, found, and what to do.
//!
//! So far it asks the proxies and the health of the new backend; evidence joins as further conditions.

use std::time::Duration;

use routes::admin::RoutesReport;
use routes::{RouteTable, Stage};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::admin::{AdminClient, AdminError};
use crate::plan::Plan;

/// How long a proxy may take to have a table in force that was written just before.
const CATCH_UP: Duration = Duration::from_secs(1);

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// What is looked at.
    #[serde(rename = "condition")]
    pub what: String,
    /// How it must be.
    pub wanted: String,
    /// How it is.
    pub found: String,
    /// Whether it is as it must be.
    pub met: bool,
    /// What to do when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_to_do: Option<String>,
    #[serde(skip)]
    reaches: bool,
}

/// All conditions of one cutover.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// In the order in which they were looked at.
    pub conditions: Vec<Condition>,
}

impl Verdict {
    /// Nothing stands against the cutover.
    pub fn passed(&self) -> bool {
        self.conditions.iter().all(|condition| condition.met)
    }

    /// The reason for the journal; what was gone past is told as well.
    pub fn reason(&self, why: &str) -> String {
        if self.passed() {
            return why.to_owned();
        }
        format!("forced past {}: {why}", self.unmet().join(", "))
    }

    /// Names of the conditions that are not met.
    pub fn unmet(&self) -> Vec<&str> {
        self.conditions
            .iter()
            .filter(|condition| !condition.met)
            .map(|condition| condition.what.as_str())
            .collect()
    }

    /// All that is missing is a proxy that answers: "not all followed" says it better than "refused".
    pub fn only_unreached(&self) -> bool {
        !self.passed() && self.conditions.iter().all(|condition| condition.met || condition.reaches)
    }
}

/// What one proxy answered.
pub type Answer = (String, Result<RoutesReport, AdminError>);

/// Asks every proxy for its report, giving each a moment to have `table` in force.
pub async fn ask(client: &AdminClient, table: &RouteTable) -> Vec<Answer> {
    let mut questions = JoinSet::new();
    for (place, proxy) in table.proxies.iter().cloned().enumerate() {
        let (client, digest) = (client.clone(), table.generation.digest.clone());
        questions.spawn(async move {
            let answer = client.routes_when(&proxy, &digest, CATCH_UP).await;
            (place, (proxy, answer))
        });
    }
    let mut answers = questions.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Judges a planned cutover by what the proxies answered; `before` is the table in the file.
pub fn judge(before: &RouteTable, plan: &Plan, answers: &[Answer]) -> Verdict {
    let mut conditions = Vec::new();
    for (proxy, answer) in answers {
        conditions.push(reachable(proxy, answer));
        if let Ok(report) = answer {
            conditions.push(follows(before, proxy, report));
        }
    }
    for backend in new_backends(plan) {
        conditions.extend(healthy(&backend, answers));
    }
    Verdict { conditions }
}

fn reachable(proxy: &str, answer: &Result<RoutesReport, AdminError>) -> Condition {
    let error = answer.as_ref().err();
    Condition {
        what: format!("proxy {proxy}"),
        wanted: "answers".to_owned(),
        found: error.map_or_else(|| "answers".to_owned(), AdminError::line),
        met: error.is_none(),
        what_to_do: error.map(|_| {
            "start it, or take its address out of `[proxies] admin` if it is gone for good"
                .to_owned()
        }),
        reaches: true,
    }
}

fn follows(before: &RouteTable, proxy: &str, report: &RoutesReport) -> Condition {
    let met = report.generation.digest == before.generation.digest;
    let found = match &report.rejected {
        Some(rejected) if !met => format!("rejected it: {}", rejected.problems.join("; ")),
        _ => format!(
            "generation {} ({}) of {}",
            report.generation.number, report.generation.digest, report.proxy.table
        ),
    };
    Condition {
        what: format!("table at {proxy}"),
        wanted: format!("generation {} ({})", before.generation.number, before.generation.digest),
        found,
        met,
        what_to_do: (!met).then(|| {
            "make sure that this proxy was started with this table, and see why it does not follow: \
             migrate status"
                .to_owned()
        }),
        reaches: false,
    }
}

/// Names of the backends that will answer clients more than before.
fn new_backends(plan: &Plan) -> Vec<String> {
    let mut names = Vec::new();
    for step in plan.moves.iter().filter(|step| step.to >= Stage::Canary) {
        if let Some(route) = plan.table.route_named(&step.route) {
            let name = plan.table.backend(route.new).name.clone();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn healthy(backend: &str, answers: &[Answer]) -> Vec<Condition> {
    let reports = answers.iter().filter_map(|(proxy, answer)| Some((proxy, answer.as_ref().ok()?)));
    reports
        .map(|(proxy, report)| {
            let seen = report.backends.iter().find(|seen| seen.name == backend);
            let met = seen.is_some_and(|seen| seen.healthy);
            let found = match seen {
                Some(seen) if seen.healthy => "healthy".to_owned(),
                Some(seen) => {
                    let targets: Vec<&str> =
                        seen.targets.iter().map(|target| target.address.as_str()).collect();
                    format!("unhealthy: {}", targets.join(", "))
                }
                None => "unknown to this proxy".to_owned(),
            };
            Condition {
                what: format!("backend {backend} seen from {proxy}"),
                wanted: "healthy".to_owned(),
                found,
                met,
                what_to_do: (!met).then(|| {
                    format!("start it, and check `[backends.{backend}] targets` and `health` in the table")
                }),
                reaches: false,
            }
        })
        .collect()
}
