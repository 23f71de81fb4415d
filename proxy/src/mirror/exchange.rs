//! One mirrored exchange, on the mirror's runtime: send, compare, record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Mirror;
use super::capture::{Captured, compared_headers};
use super::client::{MirroredAnswer, NoAnswer};
use super::table::RouteMirror;
use crate::compare::{Answer, DecodeError, Side, compare};
use crate::evidence::{DropReason, Failure, Outcome, Verdict};

/// Sends the mirrored request and records what came of it. Everything held is given back at the end.
pub(super) async fn run(
    mirror: Arc<Mirror>,
    route: Arc<RouteMirror>,
    mut captured: Box<Captured>,
    primary_latency: Duration,
) {
    let started = Instant::now();
    let Captured { request, share, bounds, .. } = &mut *captured;
    let sending = mirror.client.exchange(request, &mirror.mark, bounds.max_body, share);
    let answer = match tokio::time::timeout(bounds.timeout, sending).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(NoAnswer::Failed(Failure::Timeout)),
    };
    let verdict = match answer {
        Ok(answer) => verdict(&captured, &answer, &route, started.elapsed()),
        Err(no_answer) => Err(no_answer),
    };
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(NoAnswer::Failed(failure)) => Verdict::Failed(failure),
        Err(NoAnswer::Dropped(reason)) => return route.dropped(reason),
    };
    count(&route, &verdict);
    let Captured { exchange, share, .. } = *captured;
    mirror.evidence.record(Outcome { exchange, primary_latency, verdict });
    drop(share);
}

/// Compares the two answers.
fn verdict(
    captured: &Captured,
    answer: &MirroredAnswer,
    route: &RouteMirror,
    latency: Duration,
) -> Result<Verdict, NoAnswer> {
    let primary = Answer {
        status: captured.answer.status,
        headers: &captured.answer.headers,
        body: captured.answer.body.as_bytes(),
    };
    let headers = compared_headers(&answer.headers, route);
    let mirrored =
        Answer { status: answer.status, headers: &headers, body: answer.body.as_bytes() };
    let (old, new, mirrored_side) = if captured.request.is_new {
        (&primary, &mirrored, Side::New)
    } else {
        (&mirrored, &primary, Side::Old)
    };
    match compare(old, new, &route.rules, captured.bounds.max_body) {
        Ok(comparison) => Ok(Verdict::Compared {
            primary: primary.status,
            mirrored: mirrored.status,
            latency,
            comparison,
        }),
        Err(refused) => Err(match refused.source {
            DecodeError::TooLarge { .. } => NoAnswer::Dropped(DropReason::TooLarge),
            _ if refused.side == mirrored_side => NoAnswer::Failed(Failure::Undecodable),
            _ => NoAnswer::Dropped(DropReason::Undecodable),
        }),
    }
}

fn count(route: &RouteMirror, verdict: &Verdict) {
    let (outcome, reason) = match verdict {
        Verdict::Compared { comparison, .. } if comparison.is_match() => ("matched", ""),
        Verdict::Compared { .. } => ("differed", ""),
        Verdict::Failed(failure) => ("failed", failure.as_str()),
    };
    route.metrics.count(&route.name, outcome, reason);
}
