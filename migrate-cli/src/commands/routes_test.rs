//! `migrate routes test`: what happens to one request, step by step, decided by the very code that the proxy runs.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use flip::standing::read_table;
use routes::decide::{decide, fallback};
use routes::explain::Explanation;
use routes::{Decision, RequestFacts, Route, RouteTable, Stage, StickyValue};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, STRONG, paint};

use super::routes_list::methods_text;
use super::routes_show::sticky_text;

const AFTER: &str = "\
Examples:
  migrate routes test GET /api/v1/agent/workflows/7
  migrate routes test GET /api/v1/agent/workflows --header 'x-api-key: k-1' --client-ip 10.0.0.7

No request is sent. Without the header or address that a canary tells clients apart by, the old backend answers.";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// Method of the request
    #[arg(value_parser = method)]
    method: String,

    /// Path of the request; a query is allowed and plays no part
    path: String,

    /// A header of the request; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,

    /// Address of the client
    #[arg(long, value_name = "ADDRESS")]
    client_ip: Option<IpAddr>,
}

fn method(word: &str) -> Result<String, String> {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
        Ok(word.to_ascii_uppercase())
    } else {
        Err("use a method like GET".to_owned())
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it like `x-api-key: k-1`")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

impl RequestFacts for Args {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.header.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_bytes())
    }

    fn client_ip(&self) -> Option<IpAddr> {
        self.client_ip
    }
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    /// How the route was found.
    matching: Explanation,
    /// The stage of the route; `null` with the fallback.
    stage: Option<Stage>,
    /// `null` where the path is refused.
    decision: Option<Decided>,
}

#[derive(Debug, Serialize)]
struct Decided {
    /// Who answers.
    primary: String,
    /// The path as it gets it.
    path: Option<String>,
    /// Where a repeatable request goes when it fails.
    failover: Option<String>,
    /// Who gets a copy of a sample of safe requests.
    mirror: Option<String>,
    /// Share of requests that are mirrored, 0 to 1.
    mirror_sample: Option<f64>,
    canary: Option<Bucket>,
}

#[derive(Debug, Serialize)]
struct Bucket {
    /// What tells clients apart.
    sticky: String,
    /// The client's bucket, 0 to 9999; `null` where the request has nothing that tells the client apart.
    #[serde(rename = "bucket")]
    place: Option<u16>,
    /// The new backend answers below it.
    limit: f64,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    context.printer.show(&test(&table, args));
    Ok(Exit::Done)
}

fn test(table: &RouteTable, args: &Args) -> Tested {
    let matching = table.explain(&args.method, &args.path);
    let route = matching.winner.as_deref().and_then(|name| table.route_named(name));
    let decision = if matching.refusal.is_some() {
        None
    } else {
        Some(match route {
            Some(route) => decided(table, Some(route), &decide(route, args), &matching),
            None => decided(table, None, &fallback(table), &matching),
        })
    };
    Tested { stage: route.map(|route| route.stage), decision, matching }
}

fn decided(
    table: &RouteTable,
    route: Option<&Route>,
    decision: &Decision,
    matching: &Explanation,
) -> Decided {
    let name = |id| table.backend(id).name.clone();
    let is_new = route.is_some_and(|route| decision.primary == route.new);
    let path = if is_new { &matching.new_path } else { &matching.old_path };
    Decided {
        primary: name(decision.primary),
        path: path.clone(),
        failover: decision.failover.map(name),
        mirror: decision.mirror.map(name),
        mirror_sample: decision.mirror.and(route.map(|route| route.mirror.sample)),
        canary: route.and_then(|route| bucket(route, decision.sticky)),
    }
}

fn bucket(route: &Route, sticky: StickyValue) -> Option<Bucket> {
    let place = match sticky {
        StickyValue::NotNeeded => return None,
        StickyValue::Bucket(bucket) => Some(bucket),
        StickyValue::Absent => None,
    };
    let limit = route.canary.percent * 100.0;
    Some(Bucket { sticky: sticky_text(&route.canary.sticky), place, limit })
}

/// What to add to the command so that a bucket can be told.
fn missing_fact(sticky: &str) -> String {
    match sticky.split_once(':') {
        Some(("header", name)) => format!("--header '{name}: …'"),
        Some(("cookie", name)) => format!("--header 'cookie: {name}=…'"),
        _ => "--client-ip ADDRESS".to_owned(),
    }
}

impl Report for Tested {
    fn human(&self, page: &mut String) -> fmt::Result {
        let matching = &self.matching;
        writeln!(page, "{}", paint(STRONG, format_args!("{} {}", matching.method, matching.path)))?;
        write!(page, "1 check    ")?;
        let Some(decision) = &self.decision else {
            return writeln!(page, "{}", paint(BAD, &matching.why));
        };
        writeln!(page, "{}", paint(GOOD, "the path may be matched"))?;
        self.match_human(page)?;
        writeln!(page, "3 choose   {}", self.choice(decision))?;
        writeln!(
            page,
            "4 forward  to {} as {} {}",
            paint(STRONG, &decision.primary),
            matching.method,
            decision.path.as_deref().unwrap_or(&matching.path)
        )?;
        if let Some(failover) = &decision.failover {
            writeln!(
                page,
                "           when that fails and the request may be repeated: {failover}"
            )?;
        }
        match (&decision.mirror, decision.mirror_sample) {
            (Some(mirror), Some(sample)) => writeln!(
                page,
                "5 mirror   {} % of safe requests → {mirror}, answers compared",
                sample * 100.0
            ),
            _ => writeln!(page, "5 mirror   {}", paint(DIM, "nothing")),
        }
    }
}

impl Tested {
    fn match_human(&self, page: &mut String) -> fmt::Result {
        let matching = &self.matching;
        writeln!(page, "2 match    {}", matching.why)?;
        let near = matching.considered.iter().filter(|route| route.path_matches);
        for route in near {
            let is_winner = matching.winner.as_ref() == Some(&route.route);
            let verdict = match (is_winner, route.method_matches) {
                (true, _) => paint(GOOD, "wins".to_owned()),
                (false, true) => paint(DIM, "passed over: less specific".to_owned()),
                (false, false) => paint(
                    DIM,
                    format!("passed over: only {}", methods_text(route.methods.as_deref())),
                ),
            };
            writeln!(
                page,
                "           {} (line {}) {}: {verdict}",
                route.route, route.line, route.path
            )?;
        }
        let others = matching.considered.iter().filter(|route| !route.path_matches).count();
        if others > 0 {
            let others = format!("routes whose pattern does not fit: {others}");
            writeln!(page, "           {}", paint(DIM, others))?;
        }
        for (name, value) in &matching.captured {
            writeln!(page, "           {{{name}}} is `{value}`")?;
        }
        Ok(())
    }

    fn choice(&self, decision: &Decided) -> String {
        let Some(stage) = self.stage else {
            return format!("{} is the fallback", decision.primary);
        };
        let Some(canary) = &decision.canary else {
            return format!("stage {stage}: {} answers", decision.primary);
        };
        let told = match canary.place {
            Some(bucket) => format!("bucket {bucket} of 10000 by {}", canary.sticky),
            None => format!(
                "no {} in the request (give {})",
                canary.sticky,
                missing_fact(&canary.sticky)
            ),
        };
        format!(
            "stage {stage}, below {} is new: {told}, so {} answers",
            canary.limit, decision.primary
        )
    }
}
