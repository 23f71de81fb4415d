//! What a rollback brings back, from the table and the journal alone: no network, and no good file needed.

use std::path::Path;

use routes::edit::Change;
use routes::journal::{Action, Change as Flipped, Journal, Move, Outcome};
use routes::{Route, RouteTable, Stage};

use crate::failure::FlipError;

use crate::cutover_plan::unknown;
use crate::plan::{Plan, Start, moves_between, percent_at};
use crate::standing::Standing;

/// What the operator asked for.
#[derive(Debug, Clone)]
pub enum Target {
    /// Undo the last cutover that still stands.
    Last,
    /// Take these routes back to where they stood before their last cutover.
    Routes(Vec<String>),
    /// The whole text of a generation, by number or digest.
    Generation(String),
}

/// A planned rollback and what the operator should know of how it was made.
#[derive(Debug)]
pub struct Rollback {
    /// What is written.
    pub plan: Plan,
    /// In sentences.
    pub notes: Vec<String>,
}

/// Plans a rollback; `None` when there is nothing to take back.
pub fn plan(
    path: &Path,
    standing: &Standing,
    journal: &Journal,
    target: &Target,
) -> Result<Option<Rollback>, FlipError> {
    let start = Start {
        path,
        in_file: standing.text(),
        before: standing.generation(),
        number: journal.next_number(standing.generation().map(|generation| generation.number)),
    };
    match (target, standing) {
        (Target::Generation(which), _) => to_generation(start, standing, journal, which).map(Some),
        (_, Standing::Good { text, table }) => {
            let back = steps_back(table, journal, path, target)?;
            if back.changes.is_empty() {
                return Ok(None);
            }
            let plan = Plan::new(Action::Rollback, start, text, &back.changes, back.moves)?;
            Ok(Some(Rollback { plan, notes: back.notes }))
        }
        (_, Standing::Damaged { problem, .. }) => repair(start, journal, target, problem).map(Some),
    }
}

fn to_generation(
    start: Start<'_>,
    standing: &Standing,
    journal: &Journal,
    which: &str,
) -> Result<Rollback, FlipError> {
    let Some((generation, text)) = journal.text_of(which) else {
        return Err(FlipError::Journal {
            message: format!("the journal has no text of a generation `{which}`"),
            help: "see which generations there are: migrate history".to_owned(),
        });
    };
    let mut plan = Plan::new(Action::Rollback, start, text, &[], Vec::new())?;
    if let Standing::Good { table, .. } = standing {
        plan.moves = moves_between(table, &plan.table);
    }
    let notes = vec![format!(
        "the whole table is that of generation {} ({}), under a new number",
        generation.number, generation.digest
    )];
    Ok(Rollback { plan, notes })
}

/// The last good text of the journal instead of a damaged file.
fn repair(
    start: Start<'_>,
    journal: &Journal,
    target: &Target,
    problem: &FlipError,
) -> Result<Rollback, FlipError> {
    let Some((generation, text)) = journal.last_in_force() else {
        return Err(FlipError::Journal {
            message: format!("{problem}, and the journal has no good table to put in its place"),
            help: "correct the file by hand; its problems: migrate routes validate".to_owned(),
        });
    };
    let good = RouteTable::parse(start.path, text)?;
    let mut back = match target {
        Target::Routes(_) => steps_back(&good, journal, start.path, target)?,
        Target::Last | Target::Generation(_) => Back::default(),
    };
    let restored = format!(
        "{problem}; it is replaced by generation {} ({}) of the journal, under a new number",
        generation.number, generation.digest
    );
    back.notes.insert(0, restored);
    let plan = Plan::new(Action::Rollback, start, text, &back.changes, back.moves)?;
    Ok(Rollback { plan, notes: back.notes })
}

#[derive(Debug, Default)]
struct Back {
    changes: Vec<Change>,
    moves: Vec<Move>,
    notes: Vec<String>,
}

impl Back {
    fn take(&mut self, route: &Route, to: Stage, percent: Option<f64>) {
        self.changes.push(Change::SetStage { route: route.name.clone(), stage: to, percent });
        self.moves.push(Move {
            route: route.name.clone(),
            from: route.stage,
            to,
            percent: percent_at(to, percent.unwrap_or(route.canary.percent)),
        });
    }
}

fn steps_back(
    table: &RouteTable,
    journal: &Journal,
    path: &Path,
    target: &Target,
) -> Result<Back, FlipError> {
    let changes = journal.history(Some(&table.generation.digest));
    let mut cutovers = changes.iter().rev().filter(|change| stood(change));
    let mut back = Back::default();
    if let Target::Routes(names) = target {
        for name in names {
            let route = table.route_named(name).ok_or_else(|| unknown(table, name))?;
            if back.moves.iter().any(|step| step.route == *name) {
                continue;
            }
            let before = cutovers.clone().find_map(|change| before(route, change, journal, path));
            if let Some((stage, percent)) = before {
                back.take(route, stage, percent);
            } else if route.stage > Stage::Monolith {
                back.take(route, Stage::Monolith, None);
                back.notes.push(format!(
                    "the journal has no cutover that brought `{name}` to {}: it goes back to {}",
                    route.stage,
                    Stage::Monolith
                ));
            }
        }
        return Ok(back);
    }
    let last = cutovers.find_map(|change| {
        let mut back = Back::default();
        for route in &table.routes {
            if let Some((stage, percent)) = before(route, change, journal, path) {
                back.take(route, stage, percent);
            }
        }
        (!back.changes.is_empty()).then_some(back)
    });
    Ok(last.unwrap_or_default())
}

/// A cutover that came into force.
fn stood(change: &Flipped) -> bool {
    change.intent.action == Action::Cutover
        && matches!(change.outcome, Outcome::Done | Outcome::InterruptedAfterWrite)
}

/// Where a route stood before a cutover, if it stands further now.
fn before(
    route: &Route,
    change: &Flipped,
    journal: &Journal,
    path: &Path,
) -> Option<(Stage, Option<f64>)> {
    let step = change.intent.moves.iter().find(|step| step.route == route.name)?;
    let percent = if step.from == Stage::Canary {
        // A move only has the percent after it; the one before stands in the text before.
        let digest = &change.intent.before.as_ref()?.digest;
        let (_, text) = journal.text_of(digest.as_str())?;
        let was = RouteTable::parse(path, text).ok()?;
        was.route_named(&route.name).map(|route| route.canary.percent)
    } else {
        None
    };
    let lower_percent = route.stage == Stage::Canary
        && step.from == Stage::Canary
        && percent.is_some_and(|percent| percent < route.canary.percent);
    (step.from < route.stage || lower_percent).then_some((step.from, percent))
}
