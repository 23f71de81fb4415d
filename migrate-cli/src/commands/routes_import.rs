//! `migrate routes import`: routes for what the extracted files of a monolith serve, as a change of the table.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::time::Duration;

use flip::plan::{Plan, Start};
use flip::standing::Standing;
use routes::edit::{Change, NewRoute};
use routes::journal::Action;
use routes::pattern::Pattern;
use routes::{Route, RouteTable};
use scan::groups::{self, Group};
use scan::survey;
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::monolith::read::{self, Source};
use crate::output::Report;
use crate::style::{DIM, GOOD, STRONG, WARN, paint};

use super::cutover::{patience, plan_diff};
use super::flip_report::{FlipReport, Result as Came};
use super::table_edit::{Edit, carry_out};

const AFTER: &str = "\
One route for each group: what begins with the path of a router and the first word after it. Where something that stays in the
monolith lies below, the group falls apart into smaller ones, down to single paths and methods. All begin at stage `monolith`, so
nothing changes for clients. A group that the table covers already is left out, so that it is safe to run twice.
`migrate rollback --to GENERATION` takes the routes away again.

Examples:
  migrate routes import ./coordinator --extract 'src/app/services/agent_*.py'     what would be added
  migrate routes import ./coordinator --write                                     with the globs of migration.toml

Exit codes: 0 done, or nothing to add; 1 the table would not be valid; 4 not every proxy followed (nothing was added)";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    #[command(flatten)]
    monolith: read::Monolith,

    /// Add the routes to the table
    #[arg(long)]
    write: bool,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT", requires = "write")]
    reason: Option<String>,

    /// How long to wait for the proxies to follow
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    wait: Duration,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct Imported {
    groups: Vec<Proposed>,
    /// Extracted routes that no group takes, with the reason.
    left_out: Vec<String>,
    /// The change of the table, and what came of it.
    change: FlipReport,
}

/// A group, and how it stands to the table.
#[derive(Debug, Serialize)]
struct Proposed {
    #[serde(flatten)]
    group: Group,
    standing: Stands,
    /// The route of the table that stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Stands {
    /// It can be added.
    New,
    /// The table has it.
    There,
    /// A wider route of the table takes its requests; a narrower one beside it would take them away.
    Covered,
    /// Another route has its name.
    NameTaken,
    /// A route of the table has some of its methods on the same path.
    MethodsTaken,
}

/// Shows the routes, and adds them where that was asked for.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let wanted = args.monolith.border()?;
    let (groups, mut left_out) = {
        let _progress = context.printer.progress("reading the source");
        let source = Source::read(&args.monolith.dir).await?;
        let sides = source.sides(&wanted)?;
        let serving = survey::of(&source.paths, &source.facts, &[], &sides).routes;
        let mut left_out: Vec<String> = serving.served.iter().flat_map(left_out).collect();
        let grouped = groups::of(&serving.served, &serving.rest);
        left_out.extend(grouped.left_out);
        (sayable(grouped.groups, &mut left_out), left_out)
    };
    let (_, table) = Standing::of(&context.home).into_good()?;
    let proposed: Vec<Proposed> = groups.iter().map(|group| proposed(group, &table)).collect();
    let plan = plan(context, &groups)?;
    let after: &RouteTable = plan.as_ref().map_or(&*table, |plan| &plan.table);
    left_out.extend(proposed.iter().flat_map(|it| unreached(it, after)));
    let (exit, change) = match plan {
        None => (Exit::Done, FlipReport::empty(Action::Edit, Came::NothingToDo)),
        Some(plan) if !args.write || context.dry_run => (Exit::Done, shown(context, &plan)),
        Some(plan) => {
            let edit = Edit {
                command: "routes import".to_owned(),
                reason: args.reason.clone().unwrap_or_else(|| {
                    format!("routes of the extracted files below {}", args.monolith.dir.display())
                }),
                wait: args.wait,
            };
            carry_out(context, edit, &plan, || self::plan(context, &groups)).await?
        }
    };
    context.printer.show(&Imported { groups: proposed, left_out, change });
    Ok(exit)
}

fn shown(context: &Context, plan: &Plan) -> FlipReport {
    FlipReport {
        diff: Some(plan_diff(context, plan)),
        notes: vec!["to add the routes: --write".to_owned()],
        ..FlipReport::of(plan, Came::Planned)
    }
}

/// Plans the edit from the table as it is; `None` where there is nothing to add.
fn plan(context: &Context, groups: &[Group]) -> Result<Option<Plan>, Failure> {
    let (text, table) = Standing::of(&context.home).into_good()?;
    let new = groups.iter().filter(|group| proposed(group, &table).standing == Stands::New);
    let changes: Vec<Change> = new.map(|group| Change::AddRoute { route: route(group) }).collect();
    if changes.is_empty() {
        return Ok(None);
    }
    let start = Start {
        path: context.home.path(),
        in_file: Some(&text),
        before: Some(&table.generation),
        number: context.home.journal()?.next_number(Some(table.generation.number)),
    };
    Ok(Some(Plan::new(Action::Edit, start, &text, &changes, Vec::new())?))
}

fn route(group: &Group) -> NewRoute {
    let files: Vec<&str> = group.files.iter().map(String::as_str).collect();
    NewRoute {
        name: group.name.clone(),
        path: group.path.clone(),
        methods: group.methods.clone(),
        origin: format!("served by {}", files.join(", ")),
    }
}

fn proposed(group: &Group, table: &RouteTable) -> Proposed {
    let stands = |standing, route: &Route| Proposed {
        group: group.clone(),
        standing,
        route: Some(route.name.clone()),
    };
    let has_methods = |route: &Route, all: bool| match (&route.methods, &group.methods[..]) {
        (None, _) => true,
        (Some(_), []) => false,
        (Some(theirs), own) if all => own.iter().all(|method| theirs.contains(method)),
        (Some(theirs), own) => own.iter().any(|method| theirs.contains(method)),
    };
    if let Ok(path) = group.path.parse::<Pattern>() {
        let wider = table.routes.iter().filter(|route| route.path.covers(&path));
        let mut by_width: Vec<&Route> = wider.collect();
        // The narrowest of them takes the requests.
        by_width.sort_by_key(|route| std::cmp::Reverse(route.path.segments().len()));
        for route in by_width {
            let is_same = path.covers(&route.path);
            if has_methods(route, true) {
                return stands(if is_same { Stands::There } else { Stands::Covered }, route);
            }
            if is_same && has_methods(route, false) {
                return stands(Stands::MethodsTaken, route);
            }
        }
    }
    match table.route_named(&group.name) {
        Some(route) => stands(Stands::NameTaken, route),
        None => Proposed { group: group.clone(), standing: Stands::New, route: None },
    }
}

/// The groups whose paths a table can have; the others are left out, each with all that it is there for.
fn sayable(groups: Vec<Group>, left_out: &mut Vec<String>) -> Vec<Group> {
    let (good, bad): (Vec<_>, Vec<_>) = groups
        .into_iter()
        .map(|group| (group.path.parse::<Pattern>().err(), group))
        .partition(|(problem, _)| problem.is_none());
    for (problem, group) in bad {
        let why = problem.map(|it| it.to_string()).unwrap_or_default();
        left_out.extend(group.takes.iter().map(|it| {
            format!("{}: a route table can't have its path {}: {why}", it.place, it.path)
        }));
    }
    good.into_iter().map(|(_, group)| group).collect()
}

/// Requests that a group is there for and that the table gives to somebody else.
fn unreached(proposed: &Proposed, table: &RouteTable) -> Vec<String> {
    let route = match proposed.standing {
        Stands::New => Some(proposed.group.name.as_str()),
        Stands::There => proposed.route.as_deref(),
        _ => None,
    };
    let Some(route) = route else { return Vec::new() };
    let each = proposed.group.takes.iter().flat_map(|taken| {
        let any = ["GET".to_owned()];
        let methods = if taken.methods.is_empty() { &any } else { &taken.methods[..] };
        let path = example(&taken.path);
        let lost = methods.iter().filter_map(|method| {
            let other = match table.match_route(method, &path) {
                Ok(Some(found)) => match table.route(found.route).name.as_str() {
                    name if name == route => return None,
                    other => format!("route `{other}` takes it"),
                },
                Ok(None) => "no route takes it".to_owned(),
                Err(refusal) => refusal.to_string(),
            };
            Some(format!("{}: {method} {path} is not reached by `{route}`: {other}", taken.place))
        });
        lost.collect::<Vec<_>>()
    });
    each.collect()
}

/// A path with something in place of each parameter.
fn example(path: &str) -> String {
    let mut rest = path;
    let mut made = String::new();
    while let Some((before, (inside, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        made.push_str(before);
        made.push_str(match inside.rsplit_once(':') {
            Some((_, "int" | "float")) => "1",
            Some((_, "uuid")) => "00000000-0000-4000-8000-000000000000",
            _ => "x",
        });
        rest = after;
    }
    made + rest
}

/// Why no group takes a route, or one of its paths.
fn left_out(route: &scan::served::Served) -> Vec<String> {
    let place = format!("{}:{} {}", route.file, route.line, route.handler);
    if route.paths.is_empty() {
        return vec![format!("{place}: nobody takes its router in")];
    }
    let untold = route.paths.iter().filter(|path| !path.is_told());
    untold.map(|path| format!("{place}: a part of its path can't be told: {}", path.path)).collect()
}

impl Report for Imported {
    fn human(&self, page: &mut String) -> fmt::Result {
        for Proposed { group, standing, route } in &self.groups {
            let route = route.as_deref().unwrap_or_default();
            let word = match standing {
                Stands::New => paint(GOOD, "new".to_owned()),
                Stands::There => paint(DIM, format!("there already, as `{route}`")),
                Stands::Covered => paint(
                    WARN,
                    format!(
                        "left out: `{route}` takes these requests, and a route beside it would take them away"
                    ),
                ),
                Stands::NameTaken => {
                    paint(WARN, format!("left out: another route is named `{route}`"))
                }
                Stands::MethodsTaken => {
                    paint(WARN, format!("left out: `{route}` has some of its methods"))
                }
            };
            let routes = if group.routes == 1 {
                "1 route".to_owned()
            } else {
                format!("{} routes", group.routes)
            };
            writeln!(page, "{} {} ({routes}): {word}", paint(STRONG, &group.name), group.path)?;
            for other in &group.contested {
                writeln!(page, "  {} {other}", paint(WARN, "a request may also mean"))?;
            }
        }
        for line in &self.left_out {
            writeln!(page, "{} {line}", paint(WARN, "not taken:"))?;
        }
        self.change.human(page)
    }
}
