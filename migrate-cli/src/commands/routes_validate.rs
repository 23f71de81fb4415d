//! `migrate routes validate`: is the table good, and if not, where and why.

use std::fmt::{self, Write as _};

use routes::RouteTable;
use routes::generation::Generation;
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::{Failure, ProblemShape, problem_report, problem_shapes};
use crate::output::{Format, Report};
use crate::style::{GOOD, paint};

/// The JSON shape, for good tables and bad ones.
#[derive(Debug, Serialize)]
pub(crate) struct Validation {
    file: String,
    valid: bool,
    generation: Option<Generation>,
    routes: Option<usize>,
    backends: Option<usize>,
    problems: Vec<ProblemShape>,
}

pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let file = context.home.path().display().to_string();
    let text = context.home.read()?;
    match RouteTable::parse(context.home.path(), &text) {
        Ok(table) => {
            context.printer.show(&Validation {
                file,
                valid: true,
                generation: Some(table.generation.clone()),
                routes: Some(table.routes.len()),
                backends: Some(table.backends.len()),
                problems: Vec::new(),
            });
            Ok(Exit::Done)
        }
        Err(problems) => {
            if context.printer.format() == Format::Json {
                context.printer.json(&Validation {
                    file,
                    valid: false,
                    generation: None,
                    routes: None,
                    backends: None,
                    problems: problem_shapes(&problems),
                });
                context.printer.note(problem_report(&problems, context.printer.coloured()));
                return Ok(Exit::Failed);
            }
            Err(problems.into())
        }
    }
}

impl Report for Validation {
    fn human(&self, page: &mut String) -> fmt::Result {
        write!(page, "{} {}", paint(GOOD, "valid:"), self.file)?;
        if let (Some(generation), Some(routes), Some(backends)) =
            (&self.generation, self.routes, self.backends)
        {
            write!(
                page,
                ", generation {} ({}), routes: {routes}, backends: {backends}",
                generation.number, generation.digest
            )?;
        }
        writeln!(page)
    }
}
