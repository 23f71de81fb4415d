//! `migrate routes show`: everything about one route, defaults applied.

use std::fmt::{self, Write as _};

use flip::cutover_plan::unknown;
use flip::standing::read_table;
use routes::table::Sticky;
use routes::{Backend, RouteTable, Stage};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{DIM, STRONG, paint};

use super::routes_list::methods_text;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  migrate routes show workflows")]
pub(crate) struct Args {
    /// Name of the route
    name: String,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct RouteDetails {
    name: String,
    file: String,
    line: usize,
    path: String,
    methods: Option<Vec<String>>,
    stage: Stage,
    old: BackendDetails,
    new: BackendDetails,
    canary: CanaryDetails,
    mirror_sample: f64,
    compare: CompareDetails,
}

#[derive(Debug, Serialize)]
struct BackendDetails {
    name: String,
    targets: Vec<String>,
    health: Option<String>,
    rewritten_path: Option<String>,
}

#[derive(Debug, Serialize)]
struct CanaryDetails {
    percent: f64,
    sticky: String,
}

#[derive(Debug, Serialize)]
struct CompareDetails {
    ignore: Vec<String>,
    timestamp: Vec<String>,
    unordered: Vec<String>,
    headers: Vec<String>,
    tolerance: f64,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    let details = details(&table, &args.name, &context.home.path().display().to_string())?;
    context.printer.show(&details);
    Ok(Exit::Done)
}

fn details(table: &RouteTable, name: &str, file: &str) -> Result<RouteDetails, Failure> {
    let route = table.route_named(name).ok_or_else(|| unknown(table, name))?;
    let rules = &route.compare;
    Ok(RouteDetails {
        name: route.name.clone(),
        file: file.to_owned(),
        line: route.line,
        path: route.path.to_string(),
        methods: route.methods.clone(),
        stage: route.stage,
        old: backend(table.backend(route.old), route.old_path.as_ref().map(ToString::to_string)),
        new: backend(table.backend(route.new), route.new_path.as_ref().map(ToString::to_string)),
        canary: CanaryDetails {
            percent: route.canary.percent,
            sticky: sticky_text(&route.canary.sticky),
        },
        mirror_sample: route.mirror.sample,
        compare: CompareDetails {
            ignore: rules.ignore.iter().map(ToString::to_string).collect(),
            timestamp: rules.timestamp.iter().map(ToString::to_string).collect(),
            unordered: rules.unordered.iter().map(unordered_text).collect(),
            headers: rules.headers.clone(),
            tolerance: rules.tolerance,
        },
    })
}

fn backend(backend: &Backend, rewritten_path: Option<String>) -> BackendDetails {
    BackendDetails {
        name: backend.name.clone(),
        targets: backend
            .targets
            .iter()
            .map(|target| format!("{}:{}", target.host, target.port))
            .collect(),
        health: backend.health.clone(),
        rewritten_path,
    }
}

fn unordered_text((path, key): &(impl ToString, String)) -> String {
    let path = path.to_string();
    if key.is_empty() { path } else { format!("{path} by {key}") }
}

/// The word that `routes.toml` has for it.
pub(crate) fn sticky_text(sticky: &Sticky) -> String {
    match sticky {
        Sticky::Header(name) => format!("header:{name}"),
        Sticky::Cookie(name) => format!("cookie:{name}"),
        Sticky::ClientIp => "client-ip".to_owned(),
    }
}

impl Report for RouteDetails {
    fn human(&self, page: &mut String) -> fmt::Result {
        let place = format!("{}:{}", self.file, self.line);
        writeln!(page, "{}  {}", paint(STRONG, &self.name), paint(DIM, place))?;
        writeln!(page, "  path      {}", self.path)?;
        writeln!(page, "  methods   {}", methods_text(self.methods.as_deref()))?;
        writeln!(page, "  stage     {}", self.stage)?;
        for (role, backend) in [("old", &self.old), ("new", &self.new)] {
            let known_as = backend.rewritten_path.as_deref().unwrap_or("the same path");
            writeln!(
                page,
                "  {role}       {} ({}) as {known_as}",
                backend.name,
                backend.targets.join(", ")
            )?;
        }
        writeln!(page, "  canary    {} % by {}", self.canary.percent, self.canary.sticky)?;
        writeln!(
            page,
            "  mirrored  {} % of requests at shadow and canary",
            self.mirror_sample * 100.0
        )?;
        let rules = [
            ("ignore", &self.compare.ignore),
            ("timestamp", &self.compare.timestamp),
            ("unordered", &self.compare.unordered),
            ("headers", &self.compare.headers),
        ];
        for (rule, paths) in rules.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            writeln!(page, "  compare   {rule}: {}", paths.join(", "))?;
        }
        if self.compare.tolerance > 0.0 {
            writeln!(
                page,
                "  compare   numbers equal within {} of each other",
                self.compare.tolerance
            )?;
        }
        Ok(())
    }
}
