//! `migrate mirror report`: the evidence that the proxies have gathered.

use std::fmt::{self, Write as _};

use flip::cutover_plan::unknown;
use flip::standing::read_table;
use routes::admin::{
    DifferenceExample, DifferenceGroup, DifferenceKind, EvidenceReport, OperationEvidence,
    RouteEvidence,
};
use serde::Serialize;

use crate::context::Context;
use crate::diff;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{bad, good, grid, lines, plain};
use crate::output::Report;
use crate::style::{BAD, DIM, PLACE, STRONG, WARN, paint};

use super::status::proxy_addresses;
use super::status_report::percent_text;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  migrate mirror report\n  migrate mirror report workflows --limit 3\n\n\
    Several proxies are shown one after the other: each has evidence of its own."
)]
pub(crate) struct Args {
    /// Name of the route; absent: every route with evidence
    route: Option<String>,

    /// Most differences shown for each operation
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10)]
    limit: usize,
}

/// The JSON shape: the evidence as each proxy has it.
#[derive(Debug, Serialize)]
pub(crate) struct MirrorReport {
    proxies: Vec<ProxyEvidence>,
    #[serde(skip)]
    limit: usize,
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
    let table = read_table(&context.file)?;
    if let Some(name) = &args.route {
        table.route_named(name).ok_or_else(|| unknown(&table, name))?;
    }
    let client = context.admin_client()?;
    let progress = context.printer.progress("asking the proxies");
    let mut proxies = Vec::new();
    for address in proxy_addresses(&table) {
        let (evidence, error) = match client.evidence(&address, args.route.as_deref()).await {
            Ok(evidence) => (Some(evidence), None),
            Err(error) => (None, Some(error.line())),
        };
        proxies.push(ProxyEvidence { address, evidence, error });
    }
    // Gone before anything else is written to the terminal.
    drop(progress);
    if proxies.iter().all(|proxy| proxy.evidence.is_none()) {
        let tried = proxies.into_iter().filter_map(|proxy| proxy.error).collect();
        return Err(Failure::NoProxy { tried });
    }
    context.printer.show(&MirrorReport { proxies, limit: args.limit });
    Ok(Exit::Done)
}

impl Report for MirrorReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        for proxy in &self.proxies {
            write!(page, "{}", paint(STRONG, format_args!("proxy {}", proxy.address)))?;
            match (&proxy.evidence, &proxy.error) {
                (Some(evidence), _) => {
                    writeln!(page, ", since {} UTC", evidence.since.format("%Y-%m-%d %H:%M:%S"))?;
                    evidence_human(evidence, self.limit, page)?;
                }
                (None, error) => {
                    writeln!(page, ": {}", paint(BAD, error.as_deref().unwrap_or("no answer")))?;
                }
            }
        }
        Ok(())
    }
}

/// The evidence of one proxy.
pub(crate) fn evidence_human(
    evidence: &EvidenceReport,
    limit: usize,
    page: &mut String,
) -> fmt::Result {
    let mut seen = evidence
        .routes
        .iter()
        .filter(|route| !route.operations.is_empty() || !route.dropped.is_empty())
        .peekable();
    if seen.peek().is_none() {
        return writeln!(
            page,
            "no exchange was mirrored yet; mirroring begins at stage shadow: migrate cutover ROUTE --to shadow"
        );
    }
    for route in seen {
        route_human(route, limit, page)?;
    }
    Ok(())
}

fn route_human(route: &RouteEvidence, limit: usize, page: &mut String) -> fmt::Result {
    writeln!(page, "\n{}", paint(STRONG, format_args!("route {}", route.route)))?;
    let mut table =
        grid(&["OPERATION", "COMPARED", "MATCHED", "OLD p50 / p99 ms", "NEW p50 / p99 ms"]);
    for operation in &route.operations {
        let matched = percent_text(operation.matched, operation.compared);
        let latency = |of: &routes::admin::Latency| plain(format!("{:.1} / {:.1}", of.p50, of.p99));
        table.add_row(vec![
            plain(&operation.operation),
            plain(operation.compared),
            if operation.matched < operation.compared { bad(matched) } else { good(matched) },
            latency(&operation.old_latency),
            latency(&operation.new_latency),
        ]);
    }
    page.push_str(&lines(&table));
    for (reason, count) in &route.dropped {
        writeln!(page, "{} {count} not compared: {reason}", paint(WARN, "dropped"))?;
    }
    for operation in &route.operations {
        operation_human(operation, limit, page)?;
    }
    Ok(())
}

fn operation_human(operation: &OperationEvidence, limit: usize, page: &mut String) -> fmt::Result {
    for (reason, count) in &operation.failed {
        writeln!(
            page,
            "{} {}: {count} mirrored requests got no answer: {reason}",
            paint(BAD, "failed"),
            operation.operation
        )?;
    }
    let mut groups: Vec<&DifferenceGroup> = operation.differences.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    for group in groups.iter().take(limit) {
        difference_human(&operation.operation, group, page)?;
    }
    if groups.len() > limit {
        let more = format!("and {} more kinds of difference; see --limit", groups.len() - limit);
        writeln!(page, "{}", paint(DIM, more))?;
    }
    Ok(())
}

fn difference_human(operation: &str, group: &DifferenceGroup, page: &mut String) -> fmt::Result {
    writeln!(
        page,
        "\n{} {} × {} at {}  {}",
        paint(BAD, "difference"),
        group.count,
        paint(STRONG, kind_text(group.kind)),
        paint(PLACE, &group.path),
        paint(DIM, format_args!("{operation}, {}", group.fingerprint))
    )?;
    if let Some(example) = group.examples.first() {
        example_human(example, page)?;
    }
    Ok(())
}

/// Both sides of an example, one over the other, what differs marked.
fn example_human(example: &DifferenceExample, page: &mut String) -> fmt::Result {
    let (old, new) = diff::inline(&example.old, &example.new);
    writeln!(
        page,
        "  {}",
        paint(
            DIM,
            format_args!("{} at {}, request {}", example.request, example.at, example.request_id)
        )
    )?;
    writeln!(page, "  old  {old}")?;
    writeln!(page, "  new  {new}")
}

/// The word for a kind.
fn kind_text(kind: DifferenceKind) -> &'static str {
    match kind {
        DifferenceKind::Status => "status",
        DifferenceKind::Header => "header",
        DifferenceKind::Missing => "missing",
        DifferenceKind::Extra => "extra",
        DifferenceKind::Type => "type",
        DifferenceKind::Value => "value",
        DifferenceKind::Order => "order",
        DifferenceKind::Length => "length",
        DifferenceKind::Pairing => "pairing",
        DifferenceKind::Row => "row",
    }
}
