//! The routes that the guard took back: what `/api/routes` tells, and what holds although the file does not say it yet.

use std::path::Path;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use routes::admin::GuardReport;
use routes::edit::{self, Change};
use routes::{RouteTable, Stage};

/// One route that was taken back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TakenBack {
    pub(crate) route: String,
    /// Where the file had it.
    pub(crate) from: Stage,
    pub(crate) to: Stage,
    /// Canary percent, at stage canary.
    pub(crate) percent: Option<f64>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) reason: String,
    /// Table and journal say so as well.
    pub(crate) is_written: bool,
}

impl TakenBack {
    pub(crate) fn change(&self) -> Change {
        Change::SetStage { route: self.route.clone(), stage: self.to, percent: self.percent }
    }
}

/// Every route that was taken back and that no operator has flipped or acknowledged since: at most one entry for each.
#[derive(Debug, Default)]
pub(crate) struct TakenBacks(ArcSwap<Vec<TakenBack>>);

impl TakenBacks {
    /// Notes a route. Where the file does not know of a step before this one, both become one.
    pub(crate) fn add(&self, new: &TakenBack) {
        self.0.rcu(|known| {
            let mut all = Vec::clone(known);
            let mut new = new.clone();
            if let Some(place) = all.iter().position(|one| one.route == new.route) {
                let before = all.swap_remove(place);
                if !before.is_written {
                    new.from = before.from;
                }
            }
            all.push(new);
            all
        });
    }

    /// What is told of a route.
    pub(crate) fn report(&self, route: &str) -> Option<GuardReport> {
        let all = self.0.load();
        let one = all.iter().find(|one| one.route == route)?;
        Some(GuardReport {
            at: one.at,
            from: one.from,
            to: one.to,
            reason: one.reason.clone(),
            written: one.is_written,
        })
    }

    /// What has yet to be written.
    pub(crate) fn unwritten(&self) -> Vec<TakenBack> {
        self.0.load().iter().filter(|one| !one.is_written).cloned().collect()
    }

    /// The text with everything that holds although it does not say so; `None` where it says all of it. What stands at
    /// another stage than the guard left was moved by an operator, whose word counts.
    pub(crate) fn hold(&self, path: &Path, text: &str) -> Option<String> {
        let unwritten = self.unwritten();
        if unwritten.is_empty() {
            return None;
        }
        let table = RouteTable::parse(path, text).ok()?;
        let stands = |one: &&TakenBack| {
            table.route_named(&one.route).is_some_and(|route| route.stage == one.from)
        };
        let changes: Vec<Change> = unwritten.iter().filter(stands).map(TakenBack::change).collect();
        if changes.is_empty() {
            return None;
        }
        match edit::apply(text, &changes, table.generation.number.saturating_add(1)) {
            Ok(held) => Some(held),
            Err(error) => {
                tracing::error!(%error, "what the guard took back can't be applied to the new table");
                None
            }
        }
    }

    /// Table and journal say that this route was taken back.
    pub(crate) fn written(&self, written: &TakenBack) {
        self.change(|all| {
            for one in all.iter_mut().filter(|one| one.route == written.route) {
                one.is_written |= one.to == written.to;
                // A further step was taken meanwhile; it starts from what the file says now.
                if !one.is_written {
                    one.from = written.to;
                }
            }
        });
    }

    /// Forgets a route that an operator moved.
    pub(crate) fn forget(&self, route: &str) {
        self.change(|all| all.retain(|one| one.route != route));
    }

    /// Forgets the routes that another table has elsewhere.
    pub(crate) fn published(&self, table: &RouteTable) {
        self.change(|all| {
            all.retain(|one| {
                table.route_named(&one.route).is_some_and(|route| route.stage == one.to)
            });
        });
    }

    /// Takes over what the journal says of routes whose last word here is written.
    pub(crate) fn learn(&self, journaled: &[TakenBack]) {
        self.change(|all| {
            all.retain(|one| !one.is_written);
            for one in journaled {
                if !all.iter().any(|known| known.route == one.route) {
                    all.push(one.clone());
                }
            }
        });
    }

    fn change(&self, change: impl Fn(&mut Vec<TakenBack>)) {
        self.0.rcu(|known| {
            let mut all = Vec::clone(known);
            change(&mut all);
            all
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(stage: &str) -> String {
        format!(
            "format = 1\ngeneration = 4\n[backends.a]\ntargets = [\"http://127.0.0.1:1\"]\n\
             [backends.b]\ntargets = [\"http://127.0.0.1:2\"]\n\
             [defaults]\nold = \"a\"\nnew = \"b\"\nfallback = \"a\"\n\
             [[routes]]\nname = \"w\"\npath = \"/w\"\nstage = \"{stage}\" # kept\n"
        )
    }

    fn step(from: Stage, to: Stage) -> TakenBack {
        TakenBack {
            route: "w".to_owned(),
            from,
            to,
            percent: (to == Stage::Canary).then_some(5.0),
            at: Utc::now(),
            reason: "error rate".to_owned(),
            is_written: false,
        }
    }

    fn held(taken: &TakenBacks, stage: &str) -> Option<String> {
        taken.hold(Path::new("routes.toml"), &table(stage))
    }

    #[test]
    fn an_edit_that_leaves_the_route_where_it_was_does_not_undo_the_guard() {
        let taken = TakenBacks::default();
        assert_eq!(held(&taken, "service"), None);
        taken.add(&step(Stage::Service, Stage::Canary));
        let text = held(&taken, "service").unwrap();
        assert!(text.contains("stage = \"canary\" # kept"), "{text}");
        assert!(text.contains("generation = 5"), "{text}");
        // A second step, with the first not written: the file still has the route at service.
        taken.add(&step(Stage::Canary, Stage::Shadow));
        assert!(held(&taken, "service").unwrap().contains("stage = \"shadow\""));
        assert_eq!(taken.report("w").unwrap().from, Stage::Service);
    }

    #[test]
    fn an_operator_who_moves_the_route_has_the_last_word() {
        let taken = TakenBacks::default();
        taken.add(&step(Stage::Service, Stage::Canary));
        assert_eq!(held(&taken, "monolith"), None);
        let moved = RouteTable::parse(Path::new("routes.toml"), &table("monolith")).unwrap();
        taken.published(&moved);
        assert_eq!(taken.report("w"), None);
    }

    #[test]
    fn what_is_written_is_held_no_more() {
        let taken = TakenBacks::default();
        let one = step(Stage::Service, Stage::Shadow);
        taken.add(&one);
        taken.written(&one);
        assert!(taken.report("w").unwrap().written);
        assert_eq!(held(&taken, "service"), None, "flipped again by an operator");
        taken.learn(&[]);
        assert_eq!(taken.report("w"), None, "acknowledged");
        taken.learn(&[TakenBack { is_written: true, ..one }]);
        assert!(taken.report("w").unwrap().written);
    }

    #[test]
    fn a_step_that_was_taken_while_the_one_before_was_written_is_still_to_be_written() {
        let taken = TakenBacks::default();
        let first = step(Stage::Service, Stage::Canary);
        taken.add(&first);
        taken.add(&step(Stage::Canary, Stage::Shadow));
        taken.written(&first);
        let [left] = &taken.unwritten()[..] else { panic!("one is left") };
        assert_eq!((left.from, left.to), (Stage::Canary, Stage::Shadow));
    }
}
