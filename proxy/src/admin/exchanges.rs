//! `/api/exchanges`: finished exchanges as they pass, one line of JSON each, for `migrate mirror record`.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use pingora::server::ShutdownWatch;
use routes::admin::{RecordingEnd, RecordingLine};

use super::Admin;
use super::answer::{Answer, text, with_body};
use super::events::stopping;
use crate::mirror::Listener;

/// Longest silence: an empty line shows both sides that the other is still there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Listens, if there is a place, to one route or to all; ends after `limit` exchanges.
pub(super) fn answer(admin: &Admin, route: Option<String>, limit: Option<u64>) -> Answer {
    let Some(listener) = admin.feed.listen(route) else {
        let mut full = text(StatusCode::SERVICE_UNAVAILABLE, "as many listen as may\n");
        full.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
        return full;
    };
    let exchanges = Exchanges {
        listener,
        limit: limit.unwrap_or(u64::MAX),
        sent: 0,
        told_lost: 0,
        shutdown: admin.shutdown.get().cloned(),
        has_ended: false,
    };
    let body = StreamBody::new(stream::unfold(exchanges, Exchanges::next)).boxed();
    with_body(StatusCode::OK, "application/x-ndjson", body)
}

/// One stream. hyper drops it when the listener goes.
struct Exchanges {
    listener: Listener,
    limit: u64,
    sent: u64,
    /// Lost exchanges that the listener knows of.
    told_lost: u64,
    shutdown: Option<ShutdownWatch>,
    has_ended: bool,
}

impl Exchanges {
    /// The next line.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, Self)> {
        if self.has_ended {
            return None;
        }
        let line = self.line().await;
        Some((Ok(Frame::data(line)), self))
    }

    async fn line(&mut self) -> Bytes {
        let lost = self.listener.lost();
        if self.sent >= self.limit {
            return self.end();
        }
        if lost > self.told_lost {
            self.told_lost = lost;
            return written(&RecordingLine::Lost(lost));
        }
        tokio::select! {
            exchange = self.listener.next() => {
                self.sent += 1;
                exchange
            }
            () = tokio::time::sleep(HEARTBEAT) => Bytes::from_static(b"\n"),
            () = stopping(self.shutdown.as_mut()) => self.end(),
        }
    }

    fn end(&mut self) -> Bytes {
        self.has_ended = true;
        let end = RecordingEnd { exchanges: self.sent, lost: self.listener.lost() };
        written(&RecordingLine::End(end))
    }
}

/// A line; an empty one where it can't be written, which a number always can.
fn written(line: &RecordingLine) -> Bytes {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
