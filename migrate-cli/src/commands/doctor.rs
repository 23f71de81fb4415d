//! `migrate doctor`: before a first flip, whether both backends take the same clients, and the machine is as it must be.

mod sides;
mod identity;
mod alike;
mod clocks;
mod holders;
mod ports;
mod files;
mod view;

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use flip::standing::read_table;
use http::{HeaderName, HeaderValue};
use routes::Backend;
use serde::Serialize;

use super::cutover::patience;
use super::mirror_replay::header;
use crate::asking::Http;
use crate::checks::{Check, Checks, Tally, junit, page};
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{BAD, GOOD, WARN, paint};
use sides::Sides;

const AFTER: &str = "\
Both backends of each route are asked the same, directly, and have to answer alike: with each identity (--header), with a wrong one of the
same kind and with none; under the public host name (--host); with long headers, targets and bodies. Then clocks and time zone, the ports
of `[listen]`, owners and modes of files, and whether each proxy sees the backends as they are seen from here. Backends with TLS have to
prove who they are as the table says.

Only GET and OPTIONS are sent, to a path of each route that names nothing that exists (a wildcard stands for nothing, a parameter for
`migrate-doctor`). What is not looked at is named with the reason. `partial` is said instead of `good` where no identity was given, or
no route could be asked for. Exit code 3: a check failed.

Examples:
  migrate doctor --header \"x-api-key: @key.txt\" --host app.example.com
  migrate doctor --header \"authorization: @bearer.txt\" --header \"cookie: @cookie.txt\" --secret /etc/strangler/secrets --junit doctor.xml";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// An identity that both backends must accept: `x-api-key: …`, `authorization: Bearer …`, `cookie: …`; `NAME: @FILE` reads the value
    /// from a file. Each is tried alone
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// The host name that clients use
    #[arg(long, value_name = "HOST")]
    host: Option<HeaderValue>,
    /// A file with secrets, or a folder of such files, that nobody but its owner may read
    #[arg(long, value_name = "PATH")]
    secret: Vec<PathBuf>,
    /// How far a clock may be off
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = patience)]
    max_skew: Duration,
    /// Send nothing long: leave out what long headers, targets and bodies show
    #[arg(long)]
    no_limits: bool,
    /// Write the checks to this file as well, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Longest wait for one answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    timeout: Duration,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct Doctored {
    /// `good`, `bad`, or `partial`: nothing failed, and what matters most was not looked at.
    result: &'static str,
    #[serde(flatten)]
    tally: Tally,
    checks: Vec<Check>,
}

/// Asks and looks.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    let client = context.admin_client()?;
    let began = Utc::now();
    let mut checks = Checks::new(context.printer.progress("looking"));
    let folder = context.home.folder();
    let way = |backend: &Backend| Http::of_backend(backend, &folder, args.timeout);
    let servers: Vec<Http> = table.backends.iter().map(way).collect();
    let sides = Sides::of(&table, &servers).await;
    let seen = view::look(&table, &client, &servers, &mut checks).await;
    let said = identity::check(&sides, &args.header, &mut checks).await;
    let identity = args.header.first();
    alike::host(&sides, args.host.as_ref(), identity, &mut checks).await;
    if args.no_limits {
        checks.group("limits");
        checks.skip("what is long is taken alike", "--no-limits leaves it out");
    } else {
        alike::limits(&sides, &table.limits, identity, &mut checks).await;
    }
    clocks::check(&sides, args.max_skew, &said, &mut checks).await;
    ports::check(&table, &seen, &mut checks);
    files::check(&table, context, &args.secret, &seen, &mut checks);
    let checks = checks.end();
    let tally = Tally::of(&checks);
    let result = if tally.failed > 0 {
        "bad"
    } else if args.header.is_empty() || sides.pairs.is_empty() {
        "partial"
    } else {
        "good"
    };
    let report = Doctored { result, tally, checks };
    context.printer.show(&report);
    let exit = if result == "bad" { Exit::Refused } else { Exit::Done };
    let junit = args.junit.as_deref();
    Ok(junit::write_too(junit, "migrate doctor", &report.checks, began, &context.printer, exit))
}

impl Report for Doctored {
    fn human(&self, out: &mut String) -> fmt::Result {
        page::human(&self.checks, out)?;
        let word = match self.result {
            "good" => paint(GOOD, "good:"),
            "partial" => paint(WARN, "partial:"),
            _ => paint(BAD, "bad:"),
        };
        writeln!(out, "{word} {}", self.tally)
    }
}
