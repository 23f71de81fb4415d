//! What every act of the demo works with: the stand, the clients, the commands, and the promises that are kept or broken.

use std::time::{Duration, Instant};

use clap::Parser as _;
use flip::admin::AdminClient;
use routes::admin::{EvidenceReport, RoutesReport};
use tokio::time::sleep;

use crate::cli::{Cli, Command};
use crate::commands::flip_report::FlipReport;
use crate::commands::{cutover, gate, rollback};
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report as _;
use crate::style::{BAD, DIM, GOOD, PLACE, STRONG, paint};

use super::stand::Stand;
use super::summary::{Flip, Promise, Summary};
use super::table::ROUTE;
use super::traffic::Traffic;

/// Longest wait for anything in an act.
const LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for as many requests as an act would like.
const ENOUGH: Duration = Duration::from_secs(4);
/// The question to the gate.
const GATE: &str = "migrate gate workflows";
/// Time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(40);

/// A demo that is being played.
pub(super) struct Performance<'a> {
    pub(super) stand: Stand,
    pub(super) traffic: Traffic,
    outer: &'a Context,
    context: Context,
    client: AdminClient,
    began: Instant,
    promises: Vec<Promise>,
    flips: Vec<Flip>,
}

/// The evidence of the demo's route in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) compared: u64,
    pub(super) matched: u64,
    pub(super) failed: u64,
}

impl<'a> Performance<'a> {
    /// Lets the clients begin.
    pub(super) async fn start(stand: Stand, outer: &'a Context) -> Result<Self, Failure> {
        let context = Context {
            home: stand.home.clone(),
            printer: outer.printer.clone(),
            environment: outer.environment.clone(),
            admin_token_file: None,
            yes: true,
            dry_run: false,
        };
        let client = context.admin_client()?;
        let traffic = Traffic::start(stand.url()).await?;
        let began = Instant::now();
        let (promises, flips) = (Vec::new(), Vec::new());
        Ok(Self { stand, traffic, outer, context, client, began, promises, flips })
    }

    /// Stops the clients and sums up.
    pub(super) async fn end(self) -> (Stand, Summary) {
        let took = self.began.elapsed();
        let acts = self.traffic.stop().await;
        (self.stand, Summary::new(&acts, self.flips, self.promises, took))
    }

    /// Opens an act.
    pub(super) fn title(&self, title: &str) {
        self.outer.printer.line(format_args!("\n{}", paint(STRONG, title)));
    }

    /// Tells something.
    pub(super) fn tell(&self, text: impl std::fmt::Display) {
        for line in text.to_string().lines() {
            self.outer.printer.line(format_args!("  {line}"));
        }
    }

    /// Checks a promise, tells how it came out, and remembers it.
    pub(super) fn promise(&mut self, promise: &str, held: bool, found: String) {
        let mark = if held { paint(GOOD, "✓") } else { paint(BAD, "✗") };
        self.tell(format_args!("{mark} {promise}: {}", paint(DIM, &found)));
        self.promises.push(Promise { what: promise.to_owned(), held, found });
    }

    /// Types a command of `migrate` and carries it out, by the code that the operator's command runs.
    pub(super) async fn typed(&mut self, line: &str) -> Result<FlipReport, Failure> {
        self.tell(format_args!("{} {}", paint(DIM, "$"), paint(PLACE, line)));
        let (exit, report) = match parsed(line) {
            Some(Command::Cutover(args)) => cutover::flip(&args, &self.context).await?,
            Some(Command::Rollback(args)) => rollback::flip(&args, &self.context).await?,
            Some(_) | None => return Err(unplayable(format!("`{line}` is no flip"))),
        };
        let mut page = String::new();
        let _written = report.human(&mut page);
        self.tell(page);
        self.flips.push(Flip { command: line.to_owned(), followed_ms: report.followed_ms });
        match exit {
            Exit::Done => Ok(report),
            _ => Err(unplayable(format!("`{line}` did not succeed"))),
        }
    }

    /// Asks the gate, shows what it says, and tells whether it refuses.
    pub(super) async fn gate(&self) -> Result<(bool, String), Failure> {
        self.tell(format_args!("{} {}", paint(DIM, "$"), paint(PLACE, GATE)));
        let (refuses, page) = self.judged().await?;
        self.tell(&page);
        Ok((refuses, page))
    }

    /// Waits until the gate refuses no more; if it goes on refusing, showing it says why.
    pub(super) async fn allowed(&self) -> Result<(), Failure> {
        let progress =
            self.outer.printer.progress("comparing and rehearsing until the gate allows it");
        let began = Instant::now();
        while self.judged().await?.0 && began.elapsed() < LIMIT {
            progress.say("comparing and rehearsing until the gate allows it");
            sleep(LOOK * 5).await;
        }
        Ok(())
    }

    /// What the gate says, by the code that `migrate gate` runs.
    async fn judged(&self) -> Result<(bool, String), Failure> {
        let Some(Command::Gate(args)) = parsed(GATE) else {
            return Err(unplayable(format!("`{GATE}` is no question to the gate")));
        };
        let (exit, report) = gate::judged(&args, &self.context).await?;
        let mut page = String::new();
        let _written = report.human(&mut page);
        Ok((exit == Exit::Refused, page))
    }

    /// Waits until the act has so many requests; on a slow machine fewer must do.
    pub(super) async fn requests(&self, wanted: u64) -> Result<(), Failure> {
        let progress = self.outer.printer.progress("clients at work");
        let began = Instant::now();
        while self.traffic.requests() < wanted {
            if began.elapsed() > ENOUGH && self.traffic.requests() >= wanted / 10 {
                break;
            }
            progress.say(format_args!(
                "clients at work: {} of {wanted} requests",
                self.traffic.requests()
            ));
            let found = format!("{wanted} requests, but {} were answered", self.traffic.requests());
            in_time(began, &found)?;
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until the evidence of the demo's route is as wanted.
    pub(super) async fn evidence(
        &self,
        what: &str,
        wanted: impl Fn(&EvidenceReport) -> bool,
    ) -> Result<EvidenceReport, Failure> {
        let progress = self.outer.printer.progress("comparing");
        let began = Instant::now();
        loop {
            let evidence = self.client.evidence(&self.stand.admin_url(), Some(ROUTE)).await?;
            if wanted(&evidence) {
                return Ok(evidence);
            }
            progress.say(format_args!("comparing: {} pairs of answers", seen(&evidence).compared));
            in_time(began, what)?;
            sleep(LOOK).await;
        }
    }

    /// Waits until the proxy's own report is as wanted.
    pub(super) async fn proxy(
        &self,
        what: &str,
        wanted: impl Fn(&RoutesReport) -> bool,
    ) -> Result<RoutesReport, Failure> {
        let began = Instant::now();
        loop {
            let report = self.client.routes(&self.stand.admin_url()).await?;
            if wanted(&report) {
                return Ok(report);
            }
            in_time(began, what)?;
            sleep(LOOK).await;
        }
    }
}

/// The evidence in figures.
pub(super) fn seen(evidence: &EvidenceReport) -> Seen {
    let mut seen = Seen { compared: 0, matched: 0, failed: 0 };
    for operation in evidence.routes.iter().flat_map(|route| &route.operations) {
        seen.compared += operation.compared;
        seen.matched += operation.matched;
        seen.failed += operation.failed.values().sum::<u64>();
    }
    seen
}

/// The command of a line as an operator types it; a text between quotes is one word.
fn parsed(line: &str) -> Option<Command> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(place, part)| match place % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    Cli::try_parse_from(words).ok().map(|cli| cli.command)
}

fn in_time(began: Instant, what: &str) -> Result<(), Failure> {
    if began.elapsed() > LIMIT {
        return Err(unplayable(format!("{what}: not seen within {} s", LIMIT.as_secs())));
    }
    Ok(())
}

/// An act that can't go on.
pub(super) fn unplayable(message: String) -> Failure {
    Failure::Other {
        message,
        help: "the machine may be too busy: try again when it has less to do".to_owned(),
    }
}
