//! What a flip would change, worked out before anything is written.

use std::path::Path;

use routes::edit::{self, Change};
use routes::generation::Generation;
use routes::journal::{Action, Move};
use routes::{RouteTable, Stage};

use crate::failure::FlipError;

/// One flip: the text before, the text after, and the moves between them.
#[derive(Debug)]
pub struct Plan {
    /// Cutover or rollback.
    pub action: Action,
    /// The generation in the file; `None` where the file is damaged.
    pub before: Option<Generation>,
    /// The text in the file; `None` where it can't be read.
    pub text_before: Option<String>,
    /// What the text after says.
    pub table: RouteTable,
    /// The text that is written.
    pub text: String,
    /// The routes that move.
    pub moves: Vec<Move>,
}

/// The text that a plan starts from, and what is in the file.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The table's path, named in problems.
    pub path: &'a Path,
    /// What is in the file; `None` where it can't be read.
    pub in_file: Option<&'a str>,
    /// Its generation; `None` where it is damaged.
    pub before: Option<&'a Generation>,
    /// The number that the new generation gets.
    pub number: u64,
}

impl Plan {
    /// Plans to write `base` with `changes` made and the new number; what comes out must be a valid table.
    pub fn new(
        action: Action,
        start: Start<'_>,
        base: &str,
        changes: &[Change],
        moves: Vec<Move>,
    ) -> Result<Self, FlipError> {
        let text = edit::apply(base, changes, start.number)?;
        let table = RouteTable::parse(start.path, &text)?;
        Ok(Self {
            action,
            before: start.before.cloned(),
            text_before: start.in_file.map(str::to_owned),
            table,
            text,
            moves,
        })
    }

    /// The generation after.
    pub fn after(&self) -> &Generation {
        &self.table.generation
    }
}

/// The moves between two tables, in order of the second; routes that only one of them has are no moves.
pub fn moves_between(before: &RouteTable, after: &RouteTable) -> Vec<Move> {
    after
        .routes
        .iter()
        .filter_map(|now| {
            let was = before.route_named(&now.name)?;
            let percent = percent_at(now.stage, now.canary.percent);
            let moved =
                was.stage != now.stage || percent != percent_at(was.stage, was.canary.percent);
            moved.then(|| Move { route: now.name.clone(), from: was.stage, to: now.stage, percent })
        })
        .collect()
}

/// The canary percent where it means something.
pub fn percent_at(stage: Stage, percent: f64) -> Option<f64> {
    (stage == Stage::Canary).then_some(percent)
}

/// A move in words: `shadow → canary 10 %`.
pub fn describe(step: &Move) -> String {
    match step.percent {
        Some(percent) => format!("{}: {} → {} {percent} %", step.route, step.from, step.to),
        None => format!("{}: {} → {}", step.route, step.from, step.to),
    }
}
