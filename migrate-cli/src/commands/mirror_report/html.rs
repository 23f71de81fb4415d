//! The evidence as one self-contained page: no script, nothing loaded, so that it can be sent to a colleague.

use std::path::Path;

use askama::Template;
use chrono::Utc;
use routes::admin::{
    DifferenceExample, DifferenceGroup, OperationEvidence, RouteEvidence, StoreReport, Timeline,
};

use super::human::{by_frequency, grade_text, has_evidence, kind_text, trust_text};
use super::plot::{Line, svg};
use super::{MirrorReport, ProxyEvidence};
use crate::diff::{Row, rows};
use crate::failure::Failure;
use crate::whole_file;

/// Most kinds of difference of one route on a page.
const MAX_DIFFERENCES: usize = 200;

/// Writes the page, all of it or nothing.
pub(super) fn write(
    file: &Path,
    report: &MirrorReport,
    timelines: &[(String, Timeline)],
) -> Result<(), Failure> {
    let failed = |problem: &dyn std::fmt::Display| Failure::Other {
        message: format!("{} can't be written: {problem}", file.display()),
        help: "name a file in a folder that exists and that you may write to".to_owned(),
    };
    let text = page(report, timelines).render().map_err(|problem| failed(&problem))?;
    whole_file::write(file, |out| out.write_all(text.as_bytes())).map_err(|e| failed(&e))
}

#[derive(Template)]
#[template(path = "mirror_report.html")]
struct Page<'a> {
    made_at: String,
    version: &'static str,
    proxies: Vec<Proxy<'a>>,
}

struct Proxy<'a> {
    address: &'a str,
    since: String,
    error: Option<&'a str>,
    store: Option<&'a StoreReport>,
    routes: Vec<Route<'a>>,
}

struct Route<'a> {
    evidence: &'a RouteEvidence,
    basis: String,
    operations: Vec<Operation<'a>>,
    /// SVG made by this program; everything else is escaped by the template.
    match_rate: String,
    latency: String,
    differences: Vec<Difference<'a>>,
    hidden: usize,
}

struct Operation<'a> {
    evidence: &'a OperationEvidence,
    trust: String,
    is_good: bool,
    old_latency: String,
    new_latency: String,
    failed: u64,
}

struct Difference<'a> {
    operation: &'a str,
    group: &'a DifferenceGroup,
    kind: &'static str,
    grade: &'static str,
    gap: &'static str,
    example: Option<Example<'a>>,
}

struct Example<'a> {
    example: &'a DifferenceExample,
    rows: Vec<Row>,
}

fn page<'a>(report: &'a MirrorReport, timelines: &'a [(String, Timeline)]) -> Page<'a> {
    Page {
        made_at: Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        version: env!("CARGO_PKG_VERSION"),
        proxies: report.proxies.iter().map(|one| proxy(one, timelines)).collect(),
    }
}

fn proxy<'a>(proxy: &'a ProxyEvidence, timelines: &'a [(String, Timeline)]) -> Proxy<'a> {
    let evidence = proxy.evidence.as_ref();
    let timeline = |route: &RouteEvidence| {
        let mut known = timelines.iter().filter(|(address, _)| *address == proxy.address);
        known.find(|(_, timeline)| timeline.route == route.route).map(|(_, timeline)| timeline)
    };
    let routes = evidence.iter().flat_map(|evidence| &evidence.routes);
    Proxy {
        address: &proxy.address,
        since: evidence
            .map(|evidence| evidence.since.format("%Y-%m-%d %H:%M UTC").to_string())
            .unwrap_or_default(),
        error: proxy.error.as_deref(),
        store: evidence.map(|evidence| &evidence.store),
        routes: routes
            .filter(|route| has_evidence(route))
            .map(|one| route(one, timeline(one)))
            .collect(),
    }
}

fn route<'a>(route: &'a RouteEvidence, timeline: Option<&Timeline>) -> Route<'a> {
    let groups = by_frequency(route);
    let basis = route.basis.as_ref().map(|basis| {
        let build = basis.build.as_deref().unwrap_or("build unknown");
        format!("{build}, same rules since {}", basis.since.format("%Y-%m-%d %H:%M UTC"))
    });
    Route {
        evidence: route,
        basis: basis.unwrap_or_default(),
        operations: route.operations.iter().map(operation).collect(),
        match_rate: timeline.map(match_rate).unwrap_or_default(),
        latency: timeline.map(latency).unwrap_or_default(),
        hidden: groups.len().saturating_sub(MAX_DIFFERENCES),
        differences: groups
            .into_iter()
            .take(MAX_DIFFERENCES)
            .map(|(operation, group)| difference(operation, group))
            .collect(),
    }
}

fn operation(evidence: &OperationEvidence) -> Operation<'_> {
    let latency = |of: &routes::admin::Latency| format!("{:.1} / {:.1}", of.p50, of.p99);
    Operation {
        evidence,
        trust: trust_text(&evidence.trust),
        is_good: evidence.mismatched == 0,
        old_latency: latency(&evidence.old_latency),
        new_latency: latency(&evidence.new_latency),
        failed: evidence.failed.values().sum::<u64>() + evidence.new_failed_alone,
    }
}

fn difference<'a>(operation: &'a str, group: &'a DifferenceGroup) -> Difference<'a> {
    Difference {
        operation,
        group,
        kind: kind_text(group.kind),
        grade: grade_text(group.grade),
        gap: group.gap.map(routes::admin::Gap::as_str).unwrap_or_default(),
        example: group.examples.first().map(|example| Example {
            example,
            rows: match (&example.old_body, &example.new_body) {
                (Some(old), Some(new)) => rows(old, new),
                _ => Vec::new(),
            },
        }),
    }
}

fn match_rate(timeline: &Timeline) -> String {
    let minutes = timeline.minutes.iter().filter(|minute| minute.matched + minute.mismatched > 0);
    let points = minutes.map(|minute| {
        let rate = wide(minute.matched) / wide(minute.matched + minute.mismatched);
        (wide_time(minute), rate * 100.0)
    });
    let points: Vec<_> = points.collect();
    let least = points.iter().map(|(_, rate)| *rate).fold(100.0, f64::min);
    svg(
        "match rate by the minute",
        " %",
        (least - 1.0).floor().max(0.0),
        &[Line { class: "new", points }],
    )
}

fn latency(timeline: &Timeline) -> String {
    let side = |class, p99: fn(&routes::admin::Minute) -> f64| Line {
        class,
        points: timeline.minutes.iter().map(|minute| (wide_time(minute), p99(minute))).collect(),
    };
    let lines = [
        side("old", |minute| minute.old_latency.p99),
        side("new", |minute| minute.new_latency.p99),
    ];
    svg("p99 of both backends by the minute", " ms", 0.0, &lines)
}

fn wide_time(minute: &routes::admin::Minute) -> f64 {
    wide(u64::try_from(minute.at.timestamp()).unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "counts and seconds stay far below 2^53")]
fn wide(number: u64) -> f64 {
    number as f64
}
