//! The mirror's own HTTP client: it shares no pool, no limit and no runtime with the primary's.

use std::time::Instant;

use compare::Answer;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::budget::{HeldBody, NotHeld, Share};
use super::capture::announced_length;
use super::connection::{Connection, classify};
use super::idle::Idle;
use super::request::MirroredRequest;
use evidence::{DropReason, Failure};

/// An answer of the other backend, complete.
#[derive(Debug)]
pub(super) struct MirroredAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: HeldBody,
}

impl MirroredAnswer {
    pub(super) fn as_answer(&self) -> Answer<'_> {
        Answer { status: self.status, headers: &self.headers, body: self.body.as_bytes() }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The other backend failed.
    Failed(Failure),
    /// It answered, with more than is taken.
    Dropped(DropReason),
}

/// Sends mirrored requests.
#[derive(Debug, Default)]
pub(super) struct Client {
    idle: Idle,
}

impl Client {
    /// Sends a request and reads its answer, to the end or to a limit; past a limit the connection is closed. Runs
    /// until the other backend is done: the caller sets a time limit.
    pub(super) async fn exchange(
        &self,
        request: &MirroredRequest,
        mark: &HeaderValue,
        max_body: usize,
        share: &mut Share,
    ) -> Result<MirroredAnswer, NoAnswer> {
        let to_send = || request.to_send(mark).ok_or(NoAnswer::Failed(Failure::Protocol));
        // The server may close a kept connection just when it is used, which says nothing about it. A read is then sent
        // again; a write might be done twice, so it never goes out on one.
        if request.is_read()
            && let Some(mut kept) = self.idle.take(&request.server, Instant::now())
        {
            match kept.send(to_send()?).await {
                Ok(response) => return self.read(response, kept, request, max_body, share).await,
                Err(Failure::Reset) => {}
                Err(failure) => return Err(NoAnswer::Failed(failure)),
            }
        }
        let mut fresh = Connection::open(&request.server).await.map_err(NoAnswer::Failed)?;
        let response = fresh.send(to_send()?).await.map_err(NoAnswer::Failed)?;
        self.read(response, fresh, request, max_body, share).await
    }

    /// Closes connections that have not been used for a while.
    pub(super) fn close_idle(&self) {
        self.idle.close_old(Instant::now());
    }

    async fn read(
        &self,
        response: Response<Incoming>,
        mut connection: Connection,
        request: &MirroredRequest,
        max_body: usize,
        share: &mut Share,
    ) -> Result<MirroredAnswer, NoAnswer> {
        let is_head = request.method == Method::HEAD;
        let answer = connection.drive(read(response, is_head, max_body, share)).await?;
        if connection.is_reusable() {
            self.idle.keep(&request.server, connection, Instant::now());
        }
        Ok(answer)
    }
}

async fn read(
    response: Response<Incoming>,
    is_head: bool,
    max_body: usize,
    share: &mut Share,
) -> Result<MirroredAnswer, NoAnswer> {
    let (head, mut incoming) = response.into_parts();
    let announced = announced_length(&head.headers).filter(|_| !is_head);
    if announced.is_some_and(|length| length > max_body as u64) {
        return Err(NoAnswer::Dropped(DropReason::TooLarge));
    }
    let mut body = HeldBody::default();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| NoAnswer::Failed(classify(&error)))?;
        // Trailers are not compared.
        let Some(chunk) = frame.data_ref() else { continue };
        body.push(chunk, max_body, share).map_err(|not_held| {
            NoAnswer::Dropped(match not_held {
                NotHeld::TooLarge => DropReason::TooLarge,
                NotHeld::NoBudget => DropReason::Bytes,
            })
        })?;
    }
    Ok(MirroredAnswer { status: head.status, headers: head.headers, body })
}
