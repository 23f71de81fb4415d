//! `migrate routes list`: every route in order of the file.

use std::fmt::{self, Write as _};

use flip::plan::percent_at;
use flip::standing::read_table;
use routes::generation::Generation;
use routes::{RouteTable, Stage};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{good, grid, lines, plain, warn};
use crate::output::Report;

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct RouteList {
    generation: Generation,
    fallback: String,
    routes: Vec<RouteLine>,
}

#[derive(Debug, Serialize)]
struct RouteLine {
    name: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<Vec<String>>,
    stage: Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary_percent: Option<f64>,
    old: String,
    new: String,
    line: usize,
}

pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    context.printer.show(&list(&table));
    Ok(Exit::Done)
}

fn list(table: &RouteTable) -> RouteList {
    let routes = table.routes.iter().map(|route| RouteLine {
        name: route.name.clone(),
        path: route.path.to_string(),
        methods: route.methods.clone(),
        stage: route.stage,
        canary_percent: percent_at(route.stage, route.canary.percent),
        old: table.backend(route.old).name.clone(),
        new: table.backend(route.new).name.clone(),
        line: route.line,
    });
    RouteList {
        generation: table.generation.clone(),
        fallback: table.backend(table.fallback).name.clone(),
        routes: routes.collect(),
    }
}

/// A stage as a cell: green where the new backend answers, yellow on the way.
pub(crate) fn stage_cell(stage: Stage, percent: Option<f64>) -> comfy_table::Cell {
    match (stage, percent) {
        (Stage::Monolith, _) => plain(stage),
        (Stage::Service, _) => good(stage),
        (_, Some(percent)) => warn(format!("{stage} {percent} %")),
        (_, None) => warn(stage),
    }
}

/// Methods in words.
pub(crate) fn methods_text(methods: Option<&[String]>) -> String {
    methods.map_or_else(|| "every method".to_owned(), |methods| methods.join(" "))
}

impl Report for RouteList {
    fn human(&self, page: &mut String) -> fmt::Result {
        let mut table = grid(&["ROUTE", "STAGE", "PATH", "METHODS", "OLD → NEW"]);
        for route in &self.routes {
            table.add_row(vec![
                plain(&route.name),
                stage_cell(route.stage, route.canary_percent),
                plain(&route.path),
                plain(methods_text(route.methods.as_deref())),
                plain(format!("{} → {}", route.old, route.new)),
            ]);
        }
        page.push_str(&lines(&table));
        writeln!(
            page,
            "\ngeneration {} ({}); every other path goes to {}",
            self.generation.number, self.generation.digest, self.fallback
        )
    }
}
