//! `migrate mirror replay`: yesterday's traffic for today's build, before any client meets it.

mod plan;
mod send;
mod judge;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use evidence::{Evidence, Exchange, Outcome, Verdict, wilson};
use flip::cutover_plan::unknown;
use flip::standing::read_table;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use routes::RouteTable;
use routes::admin::{EvidenceReport, Trust};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::asking::Http;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Progress, Report};
use crate::recording::Recording;
use crate::signals::Signals;
use crate::style::{BAD, GOOD, STRONG, WARN, paint};

use self::plan::{Paths, Plan, Planned, Wish};
pub(crate) use self::send::header;
use self::send::{Missed, Sender};
use super::cutover::patience;
use super::mirror_report::human::{Detail, evidence_human, trust_text};

const AFTER: &str = "\
Only requests with safe methods are sent unless --include-writes; writes are sent one after the other, in their order, and change
the backend's data. What a recording has masked is not sent: give keys with --header.

Examples:
  migrate mirror replay yesterday.har --against http://127.0.0.1:8012 --header \"x-api-key: @key.txt\"
  migrate mirror replay yesterday.har --against http://127.0.0.1:8012 --route workflows --rate 20 --min-match 0.99

Exit code 3: the match rate is below --min-match, nothing was compared, or it was stopped.";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The HTTP Archive: from `migrate mirror record`, or saved by a browser
    file: PathBuf,

    /// Base URL of the backend that is asked. An `https://` server of the table has to prove who it is as the table says, any other
    /// by an authority that this machine trusts
    #[arg(long, value_name = "URL")]
    against: String,

    /// Only exchanges of this route
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,

    /// Most requests a second; absent: as fast as the backend answers
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,

    /// Most requests in flight
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,

    /// Only these methods
    #[arg(long, value_name = "METHOD,…", value_delimiter = ',')]
    methods: Vec<Method>,

    /// Send writes as well: they change the backend's data
    #[arg(long)]
    include_writes: bool,

    /// A header for each request, instead of the recorded one; `NAME: @FILE` reads the value from a file
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,

    /// How the backend knows the paths
    #[arg(long, value_enum, default_value_t)]
    paths: Paths,

    /// Longest wait for one answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    timeout: Duration,

    /// Least match rate, 0 to 1; below it the exit code is 3
    #[arg(long, value_name = "RATE", value_parser = share)]
    min_match: Option<f64>,

    /// Most kinds of difference shown for each route
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    limit: usize,
}

impl Args {
    /// Every request with a safe method of a recording, of which so many must match.
    pub(crate) fn of_reads(
        file: PathBuf,
        against: String,
        header: Vec<(HeaderName, HeaderValue)>,
        timeout: Duration,
        min_match: f64,
    ) -> Self {
        Self {
            file,
            against,
            route: None,
            rate: None,
            concurrency: 8,
            methods: Vec::new(),
            include_writes: false,
            header,
            paths: Paths::New,
            timeout,
            min_match: Some(min_match),
            limit: 0,
        }
    }
}

fn rate(word: &str) -> Result<f64, String> {
    let rate = word.parse::<f64>().ok().filter(|rate| (0.01..=1e6).contains(rate));
    rate.ok_or_else(|| "use a number from 0.01 to 1000000".to_owned())
}

pub(crate) fn share(word: &str) -> Result<f64, String> {
    let share = word.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "use a number from 0 to 1".to_owned())
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct Replayed {
    file: String,
    against: String,
    /// Requests that were sent.
    pub(crate) sent: u64,
    /// Exchanges that say nothing, by reason.
    skipped: BTreeMap<String, u64>,
    /// Of everything sent that says something; a request without an answer is a mismatch.
    pub(crate) matched: Trust,
    min_match: Option<f64>,
    /// A signal ended it before its end.
    pub(crate) stopped: bool,
    evidence: EvidenceReport,
    #[serde(skip)]
    detail: Detail,
}

/// Replays and compares.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    let http = Http::of_url(&args.against, &table, &context.home.folder(), args.timeout)?;
    let mut signals = Signals::listen();
    let report = replay(args, &table, http, &mut signals, context).await?;
    context.printer.show(&report);
    Ok(if report.is_enough() { Exit::Done } else { Exit::Refused })
}

/// The same without a word about what came out. `http`: the way to the backend.
pub(crate) async fn replay(
    args: &Args,
    table: &RouteTable,
    http: Http,
    signals: &mut Signals,
    context: &Context,
) -> Result<Replayed, Failure> {
    if let Some(name) = &args.route {
        table.route_named(name).ok_or_else(|| unknown(table, name))?;
    }
    let headers: HeaderMap = args.header.iter().cloned().collect();
    let max_body = table.mirroring.max_body_bytes;
    let sender = Sender::new(&args.against, http.clone(), headers, max_body)?;
    let wish = Wish {
        route: args.route.as_deref(),
        methods: &args.methods,
        writes: args.include_writes,
        paths: args.paths,
    };
    let plan = Plan::new(table, Recording::read(&args.file)?, &wish);
    warn_of_masked(args, context, &plan);
    let names: Vec<&str> = table.routes.iter().map(|route| route.name.as_str()).collect();
    let evidence = Evidence::new(Utc::now());
    evidence.keep(&names);
    let progress = context.printer.progress_of(plan.requests.len(), "replaying");
    let mut replay = Replay {
        evidence,
        skipped: plan.skipped,
        sent: 0,
        matched: 0,
        samples: 0,
        distrusted: None,
        max_body,
        progress,
    };
    let stopped = replay.all(plan.requests, &sender, args, signals).await;
    let report = Replayed {
        file: args.file.display().to_string(),
        against: args.against.clone(),
        sent: replay.sent,
        matched: wilson::trust(replay.matched, replay.samples),
        min_match: args.min_match,
        stopped,
        evidence: replay.evidence.report(&names).await,
        skipped: replay.skipped,
        detail: Detail { limit: args.limit, bodies: false },
    };
    drop(replay.progress);
    if let Some(why) = replay.distrusted {
        context.printer.warn(format_args!("{}: {why}; {}", args.against, http.help()));
    }
    Ok(report)
}

/// Says which headers the backend will miss.
fn warn_of_masked(args: &Args, context: &Context, plan: &Plan) {
    let mut missing: Vec<&str> = plan
        .requests
        .iter()
        .flat_map(|planned| &planned.exchange.masked)
        .map(String::as_str)
        .filter(|name| !args.header.iter().any(|(given, _)| given.as_str() == *name))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    for name in missing {
        context.printer.warn(format_args!(
            "the recording has `{name}` masked, and it is not sent; give it with --header \"{name}: @FILE\""
        ));
    }
}

/// A replay that goes on.
struct Replay {
    evidence: Evidence,
    skipped: BTreeMap<String, u64>,
    sent: u64,
    matched: u64,
    samples: u64,
    /// Why nobody vouches for the backend, if that is what kept an answer away.
    distrusted: Option<Arc<str>>,
    max_body: usize,
    progress: Progress,
}

type Ended = (Planned, Result<send::Answer, Missed>);

impl Replay {
    /// Sends everything; `true` where a signal ended it early. What is in flight then is given up.
    async fn all(
        &mut self,
        requests: Vec<Planned>,
        sender: &Sender,
        args: &Args,
        signals: &mut Signals,
    ) -> bool {
        // Writes depend on each other.
        let most = if args.include_writes { 1 } else { usize::from(args.concurrency) };
        let mut pace = args.rate.map(|rate| {
            let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pace
        });
        let mut in_flight: JoinSet<Ended> = JoinSet::new();
        for planned in requests {
            while in_flight.len() >= most {
                tokio::select! {
                    ended = in_flight.join_next() => self.ended(ended),
                    () = signals.next() => return true,
                }
            }
            if let Some(pace) = &mut pace {
                tokio::select! {
                    _ = pace.tick() => {}
                    () = signals.next() => return true,
                }
            }
            let sender = sender.clone();
            self.sent += 1;
            in_flight.spawn(async move {
                let answer = sender.ask(&planned).await;
                (planned, answer)
            });
        }
        while !in_flight.is_empty() {
            tokio::select! {
                ended = in_flight.join_next() => self.ended(ended),
                () = signals.next() => return true,
            }
        }
        false
    }

    fn ended(&mut self, ended: Option<Result<Ended, tokio::task::JoinError>>) {
        self.progress.step();
        let Some(Ok((planned, answer))) = ended else { return };
        let verdict = match answer {
            Ok(answer) => judge::judge(&planned, &answer, self.max_body),
            Err(Missed::Failed(failure)) => Ok(Verdict::Failed(failure)),
            Err(Missed::Distrusted(why)) => {
                self.distrusted = Some(why);
                Ok(Verdict::Failed(evidence::Failure::Connect))
            }
            Err(Missed::TooLarge) => Err(judge::TOO_LARGE),
        };
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(why) => {
                *self.skipped.entry(why.to_owned()).or_default() += 1;
                return;
            }
        };
        let is_match = matches!(&verdict, Verdict::Compared(compared) if compared.comparison.differences.is_empty());
        self.samples += 1;
        self.matched += u64::from(is_match);
        let exchange = Exchange {
            route: Arc::clone(&planned.route.name),
            basis: Arc::clone(&planned.route.basis),
            at: planned.exchange.at,
            method: planned.exchange.method.clone(),
            target: planned.exchange.target(),
            request_id: planned.exchange.request_id.clone(),
        };
        self.evidence.record(Outcome { exchange, verdict });
    }
}

impl Replayed {
    pub(crate) fn is_enough(&self) -> bool {
        let is_good = |least| self.matched.samples > 0 && self.matched.rate >= least;
        !self.stopped && self.min_match.is_none_or(is_good)
    }
}

impl Report for Replayed {
    fn human(&self, page: &mut String) -> fmt::Result {
        let head = format!("{} against {}", self.file, self.against);
        writeln!(page, "{}: {} requests sent", paint(STRONG, head), self.sent)?;
        for (why, count) in &self.skipped {
            writeln!(page, "{} {count} × {why}", paint(WARN, "skipped"))?;
        }
        if self.stopped {
            writeln!(page, "{} before its end", paint(WARN, "stopped"))?;
        }
        if self.matched.samples > 0 {
            evidence_human(&self.evidence, self.detail, page)?;
            page.push('\n');
        }
        let style = if self.is_enough() { GOOD } else { BAD };
        write!(page, "match rate {}", paint(style, trust_text(&self.matched)))?;
        match self.min_match {
            Some(least) => writeln!(page, ", wanted {:.2} %", least * 100.0),
            None => writeln!(page),
        }
    }
}
