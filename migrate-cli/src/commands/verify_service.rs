//! `migrate verify service`: does a service that runs do what the monolith does, straight and through the proxy?

mod places;
mod asking;
mod made;
mod abandoned;
mod life;
mod refusals;
mod routing;
mod logs;
mod leftovers;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use flip::admin::AdminClient;
use flip::standing::read_table;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use routes::RouteTable;

use super::cutover::patience;
use super::db::place::Place as DatabasePlace;
use super::mirror_replay::{self, header, replay, share};
use crate::checks::{Check, Checks, Tally, Wrong, junit};
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::signals::Signals;
use asking::{Asker, Body};
use leftovers::Leftover;
use logs::Log;
use made::Made;
use places::{Place, Places};
use report::{Planned, Verified};

const AFTER: &str = "\
Workflows are created, read, listed, updated, executed and deleted at the service, at the proxy and at the monolith, and each of the
backends has to see what the other wrote. Errors have to be those of the monolith, each route has to be answered by the backend that
the table names (by the proxies' counters), the logs must have no new error, and the reads of a recording (`migrate mirror record`)
have to be answered as they were. An `https://` server of the table has to prove who it is as the table says, any other by an authority
that this machine trusts.

What it makes is named migrate-verify-… and deleted again, also when a check fails or Ctrl-C ends it. The API deletes no executions: with
--database the rows that still name what was made are counted, and with --remove-rows deleted.

Exit code 3: a check failed, or it was stopped.

Examples:
  migrate verify service --header \"x-api-key: @key.txt\" --log /var/log/agent-service.log --junit verify.xml
  migrate verify service --service http://127.0.0.1:8012 --database postgres://app@db/shared --replay yesterday.har";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    #[command(flatten)]
    ends: Ends,
    /// A header for each request: `x-api-key: …`; `NAME: @FILE` reads the value from a file
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// A log of the service, the proxy or the monolith that must have no new line of level ERROR
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,
    /// The reads of this HTTP Archive have to be answered as they were
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Least match rate of these, 0 to 1
    #[arg(long, value_name = "RATE", value_parser = share, default_value = "1")]
    min_match: f64,
    /// The service's database, to look for rows that stay: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    /// Delete the rows that name what this run has made, and that the API does not delete
    #[arg(long, requires = "database")]
    remove_rows: bool,
    /// Write the checks to this file as well, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Longest wait for one answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    timeout: Duration,
}

/// Who is asked.
#[derive(Debug, clap::Args)]
struct Ends {
    /// Base URL of the service [default: the first target of the new backend in the table]
    #[arg(long, value_name = "URL")]
    service: Option<String>,
    /// Base URL of the proxy [default: where the table says that it listens]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Base URL of the monolith [default: the first target of the old backend in the table]
    #[arg(long, value_name = "URL", conflicts_with = "no_monolith")]
    monolith: Option<String>,
    /// There is none any more
    #[arg(long)]
    no_monolith: bool,
    /// The agent API as clients of the proxy know it
    #[arg(long, value_name = "PATH", default_value = "/api/v1/agents")]
    api: String,
}

/// Checks, and takes away what it made.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    let places = Places::new(&args.ends, &table, &context.home.folder(), args.timeout)?;
    let headers: HeaderMap = args.header.iter().cloned().collect();
    let asker = Asker::new(&places, headers);
    let database = args.database.as_deref();
    let database = database.map(|url| DatabasePlace::parse(url, "--database")).transpose()?;
    if context.dry_run {
        let requests = planned(&places, args);
        context.printer.show(&Planned { result: "planned", requests });
        return Ok(Exit::Done);
    }
    let question = format_args!("create, execute and delete workflows at {}?", places.service.base);
    let _confirmed = confirm::ask(context, question)?;
    let began = Utc::now();
    let logs: Vec<Log> = args.log.iter().map(|file| Log::new(file)).collect();
    let run = uuid::Uuid::new_v4().simple().to_string();
    let mut made = Made::new(run.get(..8).unwrap_or(&run));
    let mut checks = Checks::new(context.printer.progress("checking"));
    let client = context.admin_client()?;
    let mut signals = Signals::listen();
    let mut stopped = tokio::select! {
        biased;
        () = signals.next() => true,
        () = all(&asker, &table, &client, &mut made, &mut checks) => false,
    };
    checks.group("cleaning up");
    checks.check("what was made is deleted", cleaned(&mut made, &asker)).await;
    if !stopped {
        let what = "what killed runs have left is deleted";
        stopped = tokio::select! {
            biased;
            () = signals.next() => true,
            _ = checks.check(what, abandoned::remove(&asker, &made)) => false,
        };
    }
    if !stopped {
        stopped = replayed(args, &places, &table, &mut signals, context, &mut checks).await;
    }
    let looked = tokio::select! {
        biased;
        () = signals.next() => None,
        leftovers = look_for_rows(args, database.as_ref(), &made, &mut checks) => Some(leftovers),
    };
    stopped |= looked.is_none();
    logs::look(&logs, &mut checks);
    let report = verified(&places, made, checks.end(), looked.unwrap_or_default(), stopped);
    context.printer.show(&report);
    let exit = if report.result == "good" { Exit::Done } else { Exit::Refused };
    let title = "migrate verify service";
    Ok(junit::write_too(
        args.junit.as_deref(),
        title,
        &report.checks,
        began,
        &context.printer,
        exit,
    ))
}

/// Everything that asks.
async fn all(
    asker: &Asker<'_>,
    table: &RouteTable,
    client: &AdminClient,
    made: &mut Made,
    checks: &mut Checks,
) {
    let places = asker.places;
    checks.group("health");
    for place in std::iter::once(&places.service).chain(&places.monolith) {
        let what = format!("the {} is well", place.who.word());
        checks.check(what, healthy(asker, place)).await;
    }
    for place in [&places.service, &places.proxy].into_iter().chain(&places.monolith) {
        life::live(asker, place, made, checks).await;
    }
    refusals::refuse(asker, checks).await;
    routing::route(asker, table, client, checks).await;
}

async fn healthy(asker: &Asker<'_>, place: &Place) -> Result<((), String), Wrong> {
    let url = format!("{}{}", place.base, place.health);
    let answer = asker.ask(place, Method::GET, &url, Body::None).await?;
    let build = answer.headers.get("x-build-id").and_then(|build| build.to_str().ok());
    let build = build.map_or(String::new(), |build| format!(", build {build}"));
    answer.of(200).map(|_| ((), format!("{url}{build}")))
}

async fn cleaned(made: &mut Made, asker: &Asker<'_>) -> Result<((), String), Wrong> {
    let count = made.remove(asker).await?;
    let found = match count {
        0 => "nothing was left to delete".to_owned(),
        1 => "1 workflow that was left".to_owned(),
        count => format!("{count} workflows that were left"),
    };
    Ok(((), found))
}

/// Sends the reads of a recording to the service; whether a signal ended that early.
async fn replayed(
    args: &Args,
    places: &Places<'_>,
    table: &RouteTable,
    signals: &mut Signals,
    context: &Context,
    checks: &mut Checks,
) -> bool {
    checks.group("recording");
    let Some(file) = &args.replay else {
        checks.skip("recorded reads are answered as they were", "name one with --replay FILE");
        return false;
    };
    let what = format!("the reads of {} are answered as they were", file.display());
    let Place { base, http, .. } = &places.service;
    let (file, header) = (file.clone(), args.header.clone());
    let of_reads =
        mirror_replay::Args::of_reads(file, base.clone(), header, args.timeout, args.min_match);
    let mut stopped = false;
    let ask = async {
        let replayed = replay(&of_reads, table, http.clone(), signals, context).await?;
        let (rate, samples) = (replayed.matched.rate * 100.0, replayed.matched.samples);
        let found = format!("{} sent, {rate:.2} % of {samples} match", replayed.sent);
        stopped = replayed.stopped;
        if stopped {
            return Err(Wrong::new(format!("stopped before its end: {found}"), "run it again"));
        }
        let help = "see which differ: `migrate mirror replay` with the same file";
        if replayed.is_enough() { Ok(((), found)) } else { Err(Wrong::new(found, help)) }
    };
    checks.check(what, ask).await;
    stopped
}

/// Counts the rows that stay, or takes them away.
async fn look_for_rows(
    args: &Args,
    database: Option<&DatabasePlace>,
    made: &Made,
    checks: &mut Checks,
) -> Vec<Leftover> {
    checks.group("database");
    let what = "no row is left of what was made";
    let Some(place) = database else {
        checks.skip(what, "the API deletes no executions; with --database they are looked for");
        return Vec::new();
    };
    let left = match leftovers::look(place, &made.identifiers, args.remove_rows).await {
        Ok(left) => left,
        Err(failure) => {
            checks.settle(what, Err(failure.into()));
            return Vec::new();
        }
    };
    let told: Vec<String> =
        left.iter().map(|left| format!("{} of {}", left.rows, left.table)).collect();
    let told = told.join(", ");
    if left.is_empty() {
        checks.settle(what, Ok(place.to_string()));
    } else if args.remove_rows {
        checks.settle(what, Ok(format!("removed: {told}")));
    } else {
        checks.skip(what, format!("{told}: the API deletes none of these; --remove-rows does"));
    }
    left
}

fn verified(
    places: &Places<'_>,
    made: Made,
    checks: Vec<Check>,
    leftovers: Vec<Leftover>,
    stopped: bool,
) -> Verified {
    let tally = Tally::of(&checks);
    Verified {
        result: if stopped {
            "stopped"
        } else if tally.failed == 0 {
            "good"
        } else {
            "bad"
        },
        service: places.service.base.clone(),
        proxy: places.proxy.base.clone(),
        monolith: places.monolith.as_ref().map(|place| place.base.clone()),
        mark: made.mark,
        tally,
        checks,
        leftovers,
    }
}

/// What would be asked, in order.
fn planned(places: &Places<'_>, args: &Args) -> Vec<String> {
    let health = |place: &Place| format!("GET {}{}", place.base, place.health);
    let mut all = vec![health(&places.service)];
    all.extend(places.monolith.iter().map(health));
    for place in [&places.service, &places.proxy].into_iter().chain(&places.monolith) {
        let url = |method: Method, rest: &str| {
            let url = places.url(place, &method, rest);
            format!("{method} {url}")
        };
        let others: Vec<&str> = places.others(place.who).map(|other| other.who.word()).collect();
        all.push(format!("{} (named {}…)", url(Method::POST, "/workflows"), made::PREFIX));
        all.push(url(Method::GET, "/workflows/ID"));
        all.push(url(Method::GET, "/workflows?tags=…"));
        all.push(format!(
            "{}, and see it at: {}",
            url(Method::PUT, "/workflows/ID"),
            others.join(", ")
        ));
        all.push(url(Method::POST, "/workflows/ID/execute"));
        all.push(url(Method::GET, "/executions/ID/status"));
        all.push(url(Method::DELETE, "/workflows/ID"));
    }
    all.push("requests that have to be refused: 404, 422, 405, 401".to_owned());
    all.push(format!(
        "three times GET of something that is not there, by each route, at {}",
        places.proxy.base
    ));
    all.push(format!(
        "GET /workflows?tags={}, and DELETE what a killed run has left",
        abandoned::TAG
    ));
    all.extend(args.replay.iter().map(|file| format!("the reads of {}", file.display())));
    all
}
