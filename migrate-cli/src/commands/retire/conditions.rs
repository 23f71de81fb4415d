//! What must hold before the proxy may go.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use flip::gate::{self, Condition, Subject, Verdict};
use routes::admin::{RoutesReport, Verdict as Word};
use routes::journal::{Action, Journal};
use routes::{Route, RouteTable, Stage};

use crate::context::Context;
use crate::failure::Failure;

/// Asks the proxies and the journal.
pub(super) async fn check(
    names: &[String],
    quiet_for: Duration,
    table: &RouteTable,
    context: &Context,
) -> Result<Verdict, Failure> {
    let journal = context.home.journal()?;
    let client = context.admin_client()?;
    let told = gate::check(&client, table, &Subject::of_backends(asked(table))).await;
    let mut verdict = Verdict { conditions: stages(names, table) };
    verdict.conditions.extend(told.conditions);
    let mut reports = Vec::new();
    for proxy in &table.proxies {
        // One that does not answer is a condition that is not met already.
        reports.extend(client.routes(proxy).await.ok());
    }
    if table.proxies.is_empty() {
        verdict.conditions.push(Condition::new(
            "proxies",
            "a proxy that is asked",
            "the table lists no `[proxies]`",
            Word::Inconclusive,
            "name the admin address of each running proxy in `[proxies] admin`",
        ));
    }
    verdict.conditions.push(taken_back(&journal, table, &reports));
    verdict.conditions.push(quiet(names, quiet_for, table, &journal, Utc::now()));
    Ok(verdict)
}

/// Backends that will be asked.
fn asked(table: &RouteTable) -> Vec<String> {
    let mut names = vec![table.backend(table.fallback).name.clone()];
    for route in &table.routes {
        let id = if route.stage == Stage::Service { route.new } else { route.old };
        let name = &table.backend(id).name;
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Each route that is not where it must be, or one line for all of them.
fn stages(names: &[String], table: &RouteTable) -> Vec<Condition> {
    let is_wanted = |route: &Route| names.is_empty() || names.contains(&route.name);
    let astray = table.routes.iter().filter_map(|route| {
        let (wanted, help) = match (is_wanted(route), route.stage) {
            (_, Stage::Service) | (false, Stage::Monolith) => return None,
            (true, _) => (
                "at service",
                format!(
                    "migrate cutover {0}; or leave it at `monolith` and name the other routes: \
                     migrate retire ROUTE…",
                    route.name
                ),
            ),
            (false, _) => ("at service or monolith", format!("migrate rollback {}", route.name)),
        };
        let found = format!("at {}", route.stage);
        Some(Condition::new(format!("route {}", route.name), wanted, found, Word::Fail, help))
    });
    let astray: Vec<Condition> = astray.collect();
    if !astray.is_empty() {
        return astray;
    }
    let moved = table.routes.iter().filter(|route| route.stage == Stage::Service).count();
    let found = format!("{moved} of {} at service, the others stay", table.routes.len());
    let (verdict, found) = match moved {
        0 => (Word::Fail, "none at service".to_owned()),
        _ if moved == table.routes.len() => (Word::Pass, format!("all {moved} at service")),
        _ => (Word::Pass, found),
    };
    vec![Condition::new("routes", "at service", found, verdict, "migrate cutover ROUTE")]
}

/// What the guard took back, and nobody has seen.
fn taken_back(journal: &Journal, table: &RouteTable, reports: &[RoutesReport]) -> Condition {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for (route, report) in journal.guarded(Some(table)) {
        taken.insert(route, report.reason);
    }
    for route in reports.iter().flat_map(|report| &report.routes) {
        if let Some(report) = &route.guard {
            taken.insert(route.name.clone(), report.reason.clone());
        }
    }
    let told: Vec<String> = taken.iter().map(|(route, why)| format!("{route} ({why})")).collect();
    let (verdict, found) = if told.is_empty() {
        (Word::Pass, "none".to_owned())
    } else {
        (Word::Fail, told.join(", "))
    };
    let help = "see to the reason, then: migrate guard acknowledge";
    Condition::new("routes that the guard took back", "none", found, verdict, help)
}

/// For how long the routes have stood at service without a word of the guard.
fn quiet(
    names: &[String],
    quiet_for: Duration,
    table: &RouteTable,
    journal: &Journal,
    now: DateTime<Utc>,
) -> Condition {
    let what = "quiet";
    let wanted = format!("for {}", routes::duration::print(quiet_for));
    let is_watched = |name: &str| {
        let is_wanted = names.is_empty() || names.iter().any(|wanted| wanted == name);
        is_wanted && table.route_named(name).is_some_and(|route| route.stage == Stage::Service)
    };
    let Some(first) = journal.entries.first() else {
        let help = "wait until a proxy has recorded the table, or go past it with --force --reason";
        let found = "the journal is empty: nothing says since when";
        return Condition::new(what, wanted, found, Word::Inconclusive, help);
    };
    // A route without a move has stood where it is since before the journal began.
    let mut last = (first.at, "the journal began".to_owned());
    for entry in journal.entries.iter().filter(|entry| entry.action != Action::Acknowledge) {
        for step in entry.moves.iter().filter(|step| is_watched(&step.route)) {
            let who = if entry.action == Action::Guard { "the guard moved" } else { "moved" };
            last = (entry.at, format!("{who} {} to {}", step.route, step.to));
        }
    }
    let (since, why) = last;
    let quiet = (now - since).to_std().unwrap_or_default();
    let found = format!("{why} {}", since.format("%Y-%m-%d %H:%M:%S"));
    let verdict = if quiet >= quiet_for { Word::Pass } else { Word::Fail };
    let help = "wait, or ask for less with --quiet-for";
    Condition::new(what, wanted, found, verdict, help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[tokio::test]
    async fn quiet_counts_from_the_last_move_and_an_empty_journal_says_nothing() {
        let folder = Folder::with_proxies(&[]);
        let table = folder.table();
        let (week, hour) = (Duration::from_hours(168), Duration::from_hours(1));
        let verdict =
            |journal: &Journal, wanted, now| quiet(&[], wanted, &table, journal, now).verdict;
        assert_eq!(verdict(&Journal::default(), week, Utc::now()), Word::Inconclusive);
        let out = folder.run(&["cutover", "executions", "--to", "shadow"]).await;
        assert_eq!(out.exit, crate::exit_code::Exit::Done, "{}", out.err);
        let journal = home::Home::file(folder.path()).journal().unwrap();
        let later = Utc::now() + chrono::Duration::hours(2);
        assert_eq!(verdict(&journal, hour, later), Word::Pass);
        assert_eq!(verdict(&journal, week, later), Word::Fail);
    }
}
