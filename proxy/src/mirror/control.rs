//! Asks the old backend again after the new one has answered (old, new, old): where it differs from itself, a difference
//! says nothing about the new backend.

use compare::{Comparison, compare};
use evidence::{Compared, DropReason};

use super::Mirror;
use super::capture::Captured;
use super::client::NoAnswer;
use super::consider::{Candidate, is_sampled};
use super::exchange::ask;
use super::request::{MirroredRequest, target};
use super::table::RouteMirror;
use crate::backends::Server;

/// Where the old backend is asked again.
#[derive(Debug)]
pub(super) struct Control {
    /// The server that answered the client.
    server: Server,
    /// Path and query as the old backend knows them.
    target: String,
}

impl Control {
    /// For this share of requests that go to the new backend.
    pub(super) fn sampled(
        candidate: &Candidate<'_>,
        request: &MirroredRequest,
        share: f64,
    ) -> Option<Self> {
        let server = candidate.primary_server.as_ref();
        let server = server.filter(|_| request.is_new && is_sampled(share))?.clone();
        Some(Self { server, target: target(candidate, false) })
    }

    /// Bytes held, about.
    pub(super) fn size(&self) -> usize {
        self.target.len()
    }
}

/// Asks again and takes what is noise out of the differences. Whatever keeps the old backend from answering leaves the
/// exchange undecided: it is dropped, for a mismatch might be noise.
pub(super) async fn settle(
    mirror: &Mirror,
    route: &RouteMirror,
    captured: &mut Captured,
    control: Control,
    compared: &mut Compared,
) -> Result<(), NoAnswer> {
    let control = against_itself(mirror, route, captured, control).await;
    let outcome = match &control {
        None => "failed",
        Some(control) if control.is_match() => "same",
        Some(_) => "differed",
    };
    route.metrics.count_control(&route.name, outcome);
    let control = control.ok_or(NoAnswer::Dropped(DropReason::Control))?;
    compared.comparison.settle(&control);
    compared.control = Some(control);
    Ok(())
}

/// The old backend's answer to the client against its answer to the same request now.
async fn against_itself(
    mirror: &Mirror,
    route: &RouteMirror,
    captured: &mut Captured,
    control: Control,
) -> Option<Comparison> {
    captured.request.server = control.server;
    captured.request.target = control.target;
    let again = ask(mirror, captured).await.ok()?;
    compare(
        &captured.question(),
        &captured.answer.as_answer(),
        &again.as_answer(),
        &route.rules,
        captured.bounds.max_body,
    )
    .ok()
}
