//! `migrate mirror report`: the evidence that the proxies have gathered.

pub(crate) mod human;
mod html;
mod plot;

use std::path::PathBuf;
use std::time::Duration;

use flip::admin::AdminClient;
use flip::cutover_plan::unknown;
use flip::standing::read_table;
use routes::RouteTable;
use routes::admin::{EvidenceReport, Timeline};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::status::proxy_addresses;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  migrate mirror report\n  migrate mirror report workflows --limit 3 --bodies\n  \
    migrate mirror report workflows --html report.html\n  migrate mirror report --watch\n\n\
    Several proxies are shown one after the other, unless they keep their evidence in one PostgreSQL database."
)]
pub(crate) struct Args {
    /// Name of the route; absent: every route with evidence
    route: Option<String>,

    /// Most kinds of difference shown for each route
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    limit: usize,

    /// Show both answers of each example side by side, as far as they were kept
    #[arg(long)]
    bodies: bool,

    /// Write one self-contained page to this file instead
    #[arg(long, value_name = "FILE", conflicts_with = "watch")]
    html: Option<PathBuf>,

    /// Show it again and again until Ctrl-C
    #[arg(long)]
    watch: bool,

    /// Seconds between two looks with --watch
    #[arg(long, value_name = "SECONDS", default_value_t = 2, requires = "watch",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
}

/// The JSON shape: the evidence as each proxy has it.
#[derive(Debug, Serialize)]
pub(crate) struct MirrorReport {
    proxies: Vec<ProxyEvidence>,
    #[serde(skip)]
    detail: human::Detail,
}

#[derive(Debug, Serialize)]
struct ProxyEvidence {
    address: String,
    /// `null` where it could not be asked.
    evidence: Option<EvidenceReport>,
    error: Option<String>,
}

/// Shows the evidence.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    if let Some(name) = &args.route {
        table.route_named(name).ok_or_else(|| unknown(&table, name))?;
    }
    let client = context.admin_client()?;
    let progress = context.printer.progress("asking the proxies");
    let report = ask(args, &table, &client).await?;
    // Gone before anything else is written to the terminal.
    drop(progress);
    if let Some(file) = &args.html {
        let timelines = timelines(&report, &table, &client).await;
        html::write(file, &report, &timelines)?;
        context.printer.note(format_args!("wrote {}", file.display()));
        return Ok(Exit::Done);
    }
    context.printer.show(&report);
    if args.watch {
        watch(args, context, &table, &client).await?;
    }
    Ok(Exit::Done)
}

/// Asks every proxy of the table; at least one must answer.
async fn ask(
    args: &Args,
    table: &RouteTable,
    client: &AdminClient,
) -> Result<MirrorReport, Failure> {
    let mut proxies = Vec::new();
    for address in proxy_addresses(table) {
        let (evidence, error) = match client.evidence(&address, args.route.as_deref()).await {
            Ok(evidence) => (Some(evidence), None),
            Err(error) => (None, Some(error.line())),
        };
        proxies.push(ProxyEvidence { address, evidence, error });
    }
    if proxies.iter().all(|proxy| proxy.evidence.is_none()) {
        let tried = proxies.into_iter().filter_map(|proxy| proxy.error).collect();
        return Err(Failure::NoProxy { tried });
    }
    let detail = human::Detail { limit: args.limit, bodies: args.bodies };
    Ok(MirrorReport { proxies, detail })
}

/// Shows the evidence again until Ctrl-C. A proxy that is gone for a while is no reason to stop looking.
async fn watch(
    args: &Args,
    context: &Context,
    table: &RouteTable,
    client: &AdminClient,
) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(Duration::from_secs(args.interval));
    ticks.tick().await;
    loop {
        tokio::select! {
            _stopped = tokio::signal::ctrl_c() => return Ok(()),
            _time = ticks.tick() => {}
        }
        match ask(args, table, client).await {
            Ok(report) => {
                context.printer.clear();
                context.printer.show(&report);
            }
            Err(problem) => problem.report(&context.printer),
        }
    }
}

/// Evidence by the minute of every route with evidence, from each proxy; what a proxy does not tell is left out.
async fn timelines(
    report: &MirrorReport,
    table: &RouteTable,
    client: &AdminClient,
) -> Vec<(String, Timeline)> {
    let mut timelines = Vec::new();
    for proxy in report.proxies.iter().filter(|proxy| proxy.evidence.is_some()) {
        let seen = proxy.evidence.iter().flat_map(|evidence| &evidence.routes);
        let names = seen.filter(|route| human::has_evidence(route)).map(|route| &route.route);
        for name in names.filter(|name| table.route_named(name).is_some()) {
            if let Ok(timeline) = client.timeline(&proxy.address, name).await {
                timelines.push((proxy.address.clone(), timeline));
            }
        }
    }
    timelines
}
