//! The gate: what must hold before a cutover, as a table of condition, wanted, found, and what to do.
//!
//! Every proxy is asked three things: whether it has the table in force, whether the new backend is healthy, and what
//! its evidence says of each route whose clients are about to be answered by the new backend.

use std::time::Duration;

use routes::admin::{GateCondition, GateReport, RoutesReport, Verdict as Word};
use routes::{RouteTable, Stage};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::admin::{AdminClient, AdminError};
use crate::plan::Plan;

/// How long a proxy may take to have a table in force that was written just before.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Most conditions that are named one by one where a refusal is gone past.
const MAX_NAMED: usize = 5;

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
    /// The same, with what is not known enough apart from what does not hold.
    pub verdict: Word,
    /// What to do when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_to_do: Option<String>,
    #[serde(skip)]
    reaches: bool,
}

impl Condition {
    /// A condition that is no proxy's word: how something must be, how it is, and what to do where it is not.
    pub fn new(
        what: impl Into<String>,
        wanted: impl Into<String>,
        found: impl Into<String>,
        verdict: Word,
        what_to_do: impl Into<String>,
    ) -> Self {
        let met = verdict == Word::Pass;
        Self {
            what: what.into(),
            wanted: wanted.into(),
            found: found.into(),
            met,
            verdict,
            what_to_do: (!met).then(|| what_to_do.into()),
            reaches: false,
        }
    }
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
        format!("forced past {}: {why}", self.unmet_in_short())
    }

    /// Names of the conditions that are not met.
    pub fn unmet(&self) -> Vec<&str> {
        self.conditions
            .iter()
            .filter(|condition| !condition.met)
            .map(|condition| condition.what.as_str())
            .collect()
    }

    /// The same in a few words, for the journal.
    pub fn unmet_in_short(&self) -> String {
        let unmet = self.unmet();
        let named = unmet.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
        match unmet.len().saturating_sub(MAX_NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }

    /// All that is missing is a proxy that answers: "not all followed" says it better than "refused".
    pub fn only_unreached(&self) -> bool {
        !self.passed() && self.conditions.iter().all(|condition| condition.met || condition.reaches)
    }
}

/// What is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// Routes whose evidence must allow it.
    routes: Vec<String>,
    /// Backends that must be healthy.
    backends: Vec<String>,
}

impl Subject {
    /// A planned cutover: every route that the new backend will answer for more clients than in `before`. Mirroring alone
    /// needs no evidence, and neither does a smaller share.
    pub fn of_cutover(before: &RouteTable, plan: &Plan) -> Self {
        let mut subject = Self::default();
        for step in plan.moves.iter().filter(|step| step.to >= Stage::Canary) {
            let Some(route) = before.route_named(&step.route) else { continue };
            let is_less = step.from == step.to
                && step.percent.is_some_and(|percent| percent <= route.canary.percent);
            subject.add(before, &step.route, !is_less);
        }
        subject
    }

    /// Routes as they stand.
    pub fn of_routes(table: &RouteTable, routes: &[String]) -> Self {
        let mut subject = Self::default();
        for route in routes {
            subject.add(table, route, true);
        }
        subject
    }

    /// Backends that must be healthy, and no evidence.
    pub fn of_backends(names: Vec<String>) -> Self {
        Self { routes: Vec::new(), backends: names }
    }

    fn add(&mut self, table: &RouteTable, name: &str, is_gated: bool) {
        let Some(route) = table.route_named(name) else { return };
        let backend = &table.backend(route.new).name;
        if !self.backends.contains(backend) {
            self.backends.push(backend.clone());
        }
        if is_gated && !self.routes.iter().any(|known| known == name) {
            self.routes.push(name.to_owned());
        }
    }
}

/// What one proxy answered.
#[derive(Debug)]
struct Answer {
    proxy: String,
    report: Result<RoutesReport, AdminError>,
    /// Of each route, in the order of the subject.
    gates: Vec<Result<GateReport, AdminError>>,
}

/// Asks every proxy, giving each a moment to have `table` (what is in the file) in force, and judges by what they answer.
pub async fn check(client: &AdminClient, table: &RouteTable, subject: &Subject) -> Verdict {
    let mut questions = JoinSet::new();
    for (place, proxy) in table.proxies.iter().cloned().enumerate() {
        let (client, digest) = (client.clone(), table.generation.digest.clone());
        let routes = subject.routes.clone();
        questions.spawn(async move {
            let report = client.routes_when(&proxy, &digest, CATCH_UP).await;
            let mut gates = Vec::new();
            // A proxy that does not answer is one condition that is not met, and no more.
            for route in routes.iter().filter(|_| report.is_ok()) {
                gates.push(client.gate(&proxy, route).await);
            }
            (place, Answer { proxy, report, gates })
        });
    }
    let mut answers = questions.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    let answers: Vec<Answer> = answers.into_iter().map(|(_, answer)| answer).collect();
    judge(table, subject, &answers)
}

fn judge(table: &RouteTable, subject: &Subject, answers: &[Answer]) -> Verdict {
    let mut conditions = Vec::new();
    for Answer { proxy, report, .. } in answers {
        conditions.push(reachable(proxy, report));
        if let Ok(report) = report {
            conditions.push(follows(table, proxy, report));
        }
    }
    for backend in &subject.backends {
        conditions.extend(healthy(backend, answers));
    }
    for (place, route) in subject.routes.iter().enumerate() {
        if answers.is_empty() {
            conditions.push(unasked(route));
        }
        conditions.extend(evidence(place, route, answers));
    }
    Verdict { conditions }
}

/// Without a proxy nobody knows of any evidence.
fn unasked(route: &str) -> Condition {
    Condition {
        what: format!("evidence of route {route}"),
        wanted: "a proxy that has it".to_owned(),
        found: "the table lists no `[proxies]`".to_owned(),
        met: false,
        verdict: Word::Inconclusive,
        what_to_do: Some(
            "name the admin address of each running proxy in `[proxies] admin`".to_owned(),
        ),
        reaches: false,
    }
}

/// What the proxies' evidence says of a route: once where all say the same (a store that they share), else for each.
fn evidence(place: usize, route: &str, answers: &[Answer]) -> Vec<Condition> {
    let gates: Vec<_> = answers
        .iter()
        .filter_map(|answer| Some((answer.proxy.as_str(), answer.gates.get(place)?)))
        .collect();
    let mut reports = gates.iter().filter_map(|(_, gate)| gate.as_ref().ok());
    let first = reports.next();
    let is_one = gates.len() == 1
        || gates.iter().all(|(_, gate)| gate.is_ok()) && reports.all(|other| Some(other) == first);
    let told = if is_one { gates.get(..1).unwrap_or_default() } else { &gates };
    let mut conditions = Vec::new();
    for (proxy, gate) in told {
        let at = if is_one { String::new() } else { format!(" at {proxy}") };
        match gate {
            Ok(report) => {
                // The health that the proxies see is a condition of its own already.
                let shown =
                    report.conditions.iter().filter(|condition| condition.condition != "health");
                conditions.extend(shown.map(|condition| of_report(condition, route, &at)));
            }
            Err(error) => conditions.push(Condition {
                what: format!("evidence of route {route} at {proxy}"),
                wanted: "told".to_owned(),
                found: error.line(),
                met: false,
                verdict: Word::Inconclusive,
                what_to_do: Some("make sure that it is a proxy of this version".to_owned()),
                reaches: false,
            }),
        }
    }
    conditions
}

fn of_report(condition: &GateCondition, route: &str, at: &str) -> Condition {
    let about = match &condition.operation {
        Some(operation) => operation.clone(),
        None => format!("route {route}"),
    };
    Condition {
        what: format!("{} of {about}{at}", condition.condition),
        wanted: condition.wanted.clone(),
        found: condition.found.clone(),
        met: condition.verdict == Word::Pass,
        verdict: condition.verdict,
        what_to_do: condition.what_to_do.clone(),
        reaches: false,
    }
}

/// Whether it holds is all that can be said of it.
const fn word(met: bool) -> Word {
    if met { Word::Pass } else { Word::Fail }
}

fn reachable(proxy: &str, answer: &Result<RoutesReport, AdminError>) -> Condition {
    let error = answer.as_ref().err();
    Condition {
        what: format!("proxy {proxy}"),
        wanted: "answers".to_owned(),
        found: error.map_or_else(|| "answers".to_owned(), AdminError::line),
        met: error.is_none(),
        verdict: word(error.is_none()),
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
        verdict: word(met),
        what_to_do: (!met).then(|| {
            "make sure that this proxy was started with this table, and see why it does not follow: \
             migrate status"
                .to_owned()
        }),
        reaches: false,
    }
}

fn healthy(backend: &str, answers: &[Answer]) -> Vec<Condition> {
    let reports =
        answers.iter().filter_map(|answer| Some((&answer.proxy, answer.report.as_ref().ok()?)));
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
                verdict: word(met),
                what_to_do: (!met).then(|| {
                    format!("start it, and check `[backends.{backend}] targets` and `health` in the table")
                }),
                reaches: false,
            }
        })
        .collect()
}
