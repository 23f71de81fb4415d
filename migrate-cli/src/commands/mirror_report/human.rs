//! The evidence as people read it in a terminal.

use std::fmt::{self, Write as _};

use routes::admin::{
    DifferenceExample, DifferenceGroup, DifferenceKind, EvidenceReport, Grade, Latency,
    OperationEvidence, RouteEvidence, StoreReport, Trust,
};

use super::MirrorReport;
use crate::diff;
use crate::grid::{bad, good, grid, lines, plain, warn};
use crate::output::Report;
use crate::style::{BAD, DIM, PLACE, STRONG, WARN, paint};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Detail {
    /// Most kinds of difference of one route.
    pub(crate) limit: usize,
    /// Whole answers side by side.
    pub(crate) bodies: bool,
}

impl Report for MirrorReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        for proxy in &self.proxies {
            write!(page, "{}", paint(STRONG, format_args!("proxy {}", proxy.address)))?;
            match (&proxy.evidence, &proxy.error) {
                (Some(evidence), _) => {
                    writeln!(page, ", since {} UTC", evidence.since.format("%Y-%m-%d %H:%M:%S"))?;
                    evidence_human(evidence, self.detail, page)?;
                }
                (None, error) => {
                    writeln!(page, ": {}", paint(BAD, error.as_deref().unwrap_or("no answer")))?;
                }
            }
        }
        Ok(())
    }
}

/// Whether anything is known of a route.
pub(crate) fn has_evidence(route: &RouteEvidence) -> bool {
    !route.operations.is_empty() || !route.dropped.is_empty() || route.writes_off.is_some()
}

/// The evidence of one proxy.
pub(crate) fn evidence_human(
    evidence: &EvidenceReport,
    detail: Detail,
    page: &mut String,
) -> fmt::Result {
    store_human(&evidence.store, page)?;
    let mut seen = evidence.routes.iter().filter(|route| has_evidence(route)).peekable();
    if seen.peek().is_none() {
        return writeln!(
            page,
            "no exchange was mirrored yet; mirroring begins at stage shadow: migrate cutover ROUTE --to shadow"
        );
    }
    for route in seen {
        route_human(route, detail, page)?;
    }
    Ok(())
}

fn store_human(store: &StoreReport, page: &mut String) -> fmt::Result {
    if let Some(why) = &store.degraded {
        let head = paint(WARN, "evidence is kept in memory only:");
        writeln!(page, "{head} {why} ({})", store.url)?;
    }
    if store.lost > 0 {
        writeln!(page, "{} {} outcomes were never stored", paint(WARN, "lost"), store.lost)?;
    }
    Ok(())
}

fn route_human(route: &RouteEvidence, detail: Detail, page: &mut String) -> fmt::Result {
    write!(page, "\n{}", paint(STRONG, format_args!("route {}", route.route)))?;
    if let Some(basis) = &route.basis {
        let build = basis.build.as_deref().unwrap_or("build unknown");
        let since = basis.since.format("%Y-%m-%d %H:%M:%S");
        write!(page, "  {}", paint(DIM, format_args!("{build}, same rules since {since} UTC")))?;
    }
    page.push('\n');
    let mut table = grid(&[
        "OPERATION",
        "COMPARED",
        "MATCHED (95 % INTERVAL)",
        "INCONCLUSIVE",
        "OLD p50 / p99 ms",
        "NEW p50 / p99 ms",
    ]);
    for operation in &route.operations {
        let matched = trust_text(&operation.trust);
        let latency = |of: &Latency| plain(format!("{:.1} / {:.1}", of.p50, of.p99));
        table.add_row(vec![
            plain(&operation.operation),
            plain(operation.compared),
            match operation.mismatched {
                0 if operation.trust.samples == 0 => warn(matched),
                0 => good(matched),
                _ => bad(matched),
            },
            plain(operation.inconclusive),
            latency(&operation.old_latency),
            latency(&operation.new_latency),
        ]);
    }
    page.push_str(&lines(&table));
    for (reason, count) in &route.dropped {
        writeln!(page, "{} {count} not compared: {reason}", paint(WARN, "dropped"))?;
    }
    if let Some(why) = &route.writes_off {
        writeln!(page, "{} writes are not mirrored: {why}", paint(BAD, "off"))?;
    }
    for operation in &route.operations {
        one_sided_human(operation, page)?;
    }
    differences_human(route, detail, page)
}

/// `99.80 % (99.12–99.96)`.
pub(crate) fn trust_text(trust: &Trust) -> String {
    if trust.samples == 0 {
        return "no sample".to_owned();
    }
    let percent = |share: f64| share * 100.0;
    let (lower, upper) = (percent(trust.lower), percent(trust.upper));
    format!("{:.2} % ({lower:.2}–{upper:.2})", percent(trust.rate))
}

fn one_sided_human(operation: &OperationEvidence, page: &mut String) -> fmt::Result {
    let name = &operation.operation;
    for (reason, count) in &operation.failed {
        let head = paint(BAD, "failed");
        writeln!(page, "{head} {name}: {count} mirrored requests got no answer: {reason}")?;
    }
    let sides = [("new", operation.new_failed_alone), ("old", operation.old_failed_alone)];
    for (side, count) in sides.into_iter().filter(|(_, count)| *count > 0) {
        let head = paint(if side == "new" { BAD } else { WARN }, "failed");
        writeln!(page, "{head} {name}: {count} times a server error on the {side} side alone")?;
    }
    Ok(())
}

/// Every difference of a route, most frequent first; what is only noise comes last.
pub(crate) fn by_frequency(route: &RouteEvidence) -> Vec<(&str, &DifferenceGroup)> {
    let named = route.operations.iter().flat_map(|operation| {
        operation.differences.iter().map(|group| (operation.operation.as_str(), group))
    });
    let mut groups: Vec<_> = named.collect();
    groups.sort_by_key(|(_, group)| {
        (std::cmp::Reverse((group.count, group.inconclusive)), group.grade)
    });
    groups
}

fn differences_human(route: &RouteEvidence, detail: Detail, page: &mut String) -> fmt::Result {
    let groups = by_frequency(route);
    for (operation, group) in groups.iter().take(detail.limit) {
        difference_human(operation, group, detail, page)?;
    }
    if groups.len() > detail.limit {
        let hidden = groups.len() - detail.limit;
        writeln!(page, "{}", paint(DIM, format_args!("and {hidden} more; see --limit")))?;
    }
    Ok(())
}

/// One kind of difference with its newest example.
pub(crate) fn difference_human(
    operation: &str,
    group: &DifferenceGroup,
    detail: Detail,
    page: &mut String,
) -> fmt::Result {
    let (head, count) = if group.count == 0 {
        (paint(WARN, "noise"), group.inconclusive)
    } else {
        (paint(grade_style(group.grade), "difference"), group.count)
    };
    let mut remarks = vec![grade_text(group.grade).to_owned()];
    remarks.extend(group.gap.map(|gap| gap.as_str().to_owned()));
    if group.count > 0 && group.inconclusive > 0 {
        remarks.push(format!("inconclusive besides: {}", group.inconclusive));
    }
    let kind = paint(STRONG, kind_text(group.kind));
    let path = paint(PLACE, &group.path);
    let origin = paint(DIM, format!("{operation}, {}", group.fingerprint));
    writeln!(page, "\n{head} {count} × {kind} at {path} ({})  {origin}", remarks.join(", "))?;
    match group.examples.first() {
        Some(example) => example_human(example, detail, page),
        None => Ok(()),
    }
}

/// Both sides of an example, one over the other, what differs marked.
fn example_human(example: &DifferenceExample, detail: Detail, page: &mut String) -> fmt::Result {
    let (old, new) = diff::inline(&example.old, &example.new);
    let DifferenceExample { request, at, request_id, .. } = example;
    let place = format!("{request} at {at}, request {request_id}");
    writeln!(page, "  {}", paint(DIM, place))?;
    writeln!(page, "  old  {old}")?;
    writeln!(page, "  new  {new}")?;
    if detail.bodies
        && let (Some(old), Some(new)) = (&example.old_body, &example.new_body)
    {
        page.push_str(&diff::side_by_side(old, new));
    }
    Ok(())
}

fn grade_style(grade: Grade) -> anstyle::Style {
    match grade {
        Grade::Breaking | Grade::Value => BAD,
        Grade::Additive => WARN,
        Grade::Cosmetic => DIM,
    }
}

/// The word for a grade.
pub(crate) const fn grade_text(grade: Grade) -> &'static str {
    match grade {
        Grade::Breaking => "breaking",
        Grade::Value => "value",
        Grade::Additive => "additive",
        Grade::Cosmetic => "cosmetic",
    }
}

/// The word for a kind.
pub(crate) const fn kind_text(kind: DifferenceKind) -> &'static str {
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
