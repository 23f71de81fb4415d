//! What a journal says about the guard: which routes it took back, and where a route would go.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Action, Change, Entry, Journal, Move, Outcome};
use crate::admin::GuardReport;
use crate::generation::Digest;
use crate::stage::Stage;
use crate::table::RouteTable;

impl Journal {
    /// The routes that the guard took back and that nobody has flipped or acknowledged since, by name. `in_force`: the
    /// table as it is now, where it is good; a route that stands elsewhere in it was flipped.
    pub fn guarded(&self, in_force: Option<&RouteTable>) -> BTreeMap<String, GuardReport> {
        let digest = in_force.map(|table| &table.generation.digest);
        let mut guarded = BTreeMap::new();
        for change in self.history(digest).iter().filter(|change| stood(change)) {
            let Entry { action, at, moves, reason, .. } = &change.intent;
            for step in moves {
                if *action == Action::Guard {
                    let reason = reason.clone().unwrap_or_default();
                    let report = GuardReport {
                        at: *at,
                        from: step.from,
                        to: step.to,
                        reason,
                        written: true,
                    };
                    guarded.insert(step.route.clone(), report);
                } else {
                    guarded.remove(&step.route);
                }
            }
        }
        if let Some(table) = in_force {
            guarded.retain(|name, report| {
                table.route_named(name).is_some_and(|route| route.stage == report.to)
            });
        }
        guarded
    }

    /// Where a route of the table in force stood before it was moved forward to where it stands, and the canary percent
    /// it had there. A flip that is in force and not yet journaled done counts. `None` where the journal has no such move.
    pub fn stage_before(
        &self,
        path: &Path,
        in_force: &Digest,
        route: &str,
        stage: Stage,
    ) -> Option<(Stage, Option<f64>)> {
        let history = self.history(Some(in_force));
        let forward = |step: &&Move| step.route == route && step.to == stage && step.from < stage;
        let (change, step) =
            history.iter().rev().filter(|change| stood(change)).find_map(|change| {
                change.intent.moves.iter().find(forward).map(|step| (change, step))
            })?;
        let percent = if step.from == Stage::Canary {
            // A move only has the percent after it; the one before stands in the text before.
            self.percent_in(path, change, route)
        } else {
            None
        };
        Some((step.from, percent))
    }

    fn percent_in(&self, path: &Path, change: &Change, route: &str) -> Option<f64> {
        let before = change.intent.before.as_ref()?;
        let (_, text) = self.text_of(before.digest.as_str())?;
        let table = RouteTable::parse(path, text).ok()?;
        table.route_named(route).map(|route| route.canary.percent)
    }
}

fn stood(change: &Change) -> bool {
    matches!(change.outcome, Outcome::Done | Outcome::InterruptedAfterWrite)
}

#[cfg(test)]
mod tests {
    use super::super::{NO_LINE, Phase};
    use super::*;
    use crate::generation::Generation;

    fn entry(sequence: u64, action: Action, phase: Phase, from: Stage, to: Stage) -> Entry {
        let generation =
            |number: u64| Generation { number, digest: Digest::of(&number.to_string()) };
        Entry {
            sequence,
            at: chrono::DateTime::UNIX_EPOCH,
            who: "alice@host".to_owned(),
            action,
            phase,
            before: Some(generation(sequence)),
            after: generation(sequence + 1),
            moves: vec![Move { route: "w".to_owned(), from, to, percent: None }],
            reason: Some("error rate".to_owned()),
            text: None,
            text_before: None,
            previous: NO_LINE.to_owned(),
        }
    }

    fn journal(entries: &[(Action, Phase, Stage, Stage)]) -> Journal {
        let entries = entries.iter().zip(1..).map(|((action, phase, from, to), sequence)| {
            entry(sequence, *action, *phase, *from, *to)
        });
        Journal { entries: entries.collect(), findings: Vec::new() }
    }

    use Action::{Acknowledge, Cutover, Guard, Rollback};
    use Phase::{Done, Intent};
    use Stage::{Canary, Monolith, Service, Shadow};

    #[test]
    fn a_route_is_guarded_until_it_is_flipped_or_acknowledged() {
        let taken = (Guard, Done, Service, Shadow);
        let first = journal(&[(Cutover, Done, Shadow, Service), taken]).guarded(None);
        let report = &first["w"];
        assert_eq!((report.from, report.to, report.written), (Service, Shadow, true));
        assert_eq!(report.reason, "error rate");
        for next in [
            (Cutover, Done, Shadow, Canary),
            (Rollback, Done, Shadow, Monolith),
            (Acknowledge, Done, Shadow, Shadow),
        ] {
            assert!(journal(&[taken, next]).guarded(None).is_empty(), "{next:?}");
        }
    }

    #[test]
    fn what_was_never_written_is_not_guarded() {
        assert!(journal(&[(Guard, Phase::PutBack, Service, Shadow)]).guarded(None).is_empty());
        assert!(journal(&[(Guard, Intent, Service, Shadow)]).guarded(None).is_empty());
    }

    #[test]
    fn the_stage_before_is_where_the_last_step_forward_began() {
        let path = Path::new("routes.toml");
        let journal = journal(&[
            (Cutover, Done, Monolith, Shadow),
            (Cutover, Done, Shadow, Canary),
            (Cutover, Done, Canary, Canary),
            (Cutover, Done, Canary, Service),
            (Guard, Done, Service, Canary),
        ]);
        let before = |route, stage| journal.stage_before(path, &Digest::of("6"), route, stage);
        assert_eq!(before("w", Service), Some((Canary, None)));
        assert_eq!(before("w", Canary), Some((Shadow, None)));
        assert_eq!(before("w", Shadow), Some((Monolith, None)));
        assert_eq!(before("x", Canary), None);
    }

    #[test]
    fn a_flip_that_is_in_force_counts_before_it_is_done() {
        let path = Path::new("routes.toml");
        let journal = journal(&[(Cutover, Intent, Shadow, Service)]);
        let before = |digest: &str| journal.stage_before(path, &Digest::of(digest), "w", Service);
        assert_eq!(before("2"), Some((Shadow, None)));
        assert_eq!(before("1"), None, "never written, as far as can be told");
    }
}
