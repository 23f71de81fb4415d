//! One connection to a server, driven by the task that asks over it: a copy wakes no second task.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::backends::{Server, Wire};
use evidence::Failure;

/// Longest wait for a connection: a backend on the same network takes a thousandth of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Largest head of an answer, bytes.
const MAX_HEAD: usize = 64 << 10;

/// A connection that is open, or was when it was last looked at.
#[derive(Debug)]
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once it has ended, whichever side ended it.
    driver: Option<http1::Connection<TokioIo<Wire>, Full<Bytes>>>,
}

impl Connection {
    pub(super) async fn open(server: &Server) -> Result<Self, Failure> {
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, server.connect());
        let Ok(Ok(stream)) = connecting.await else { return Err(Failure::Connect) };
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| classify(&error))?;
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        let answered = self.sender.send_request(request);
        self.drive(answered).await.map_err(|error| classify(&error))
    }

    /// Keeps the connection going until what waits for something of it is done.
    pub(super) async fn drive<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let mut waiting = pin!(waiting);
        poll_fn(|context| {
            if let Poll::Ready(done) = waiting.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            self.poll(context);
            // What has just come may be what is waited for.
            waiting.as_mut().poll(context)
        })
        .await
    }

    /// Whether another request can be sent: the last answer was read to its end, and neither side closes.
    pub(super) fn is_reusable(&mut self) -> bool {
        // Nobody waits for an idle connection.
        self.poll(&mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && Pin::new(driver).poll(context).is_ready()
        {
            // Dropping it tells whoever waits for an answer.
            self.driver = None;
        }
    }
}

pub(super) fn classify(error: &hyper::Error) -> Failure {
    if error.is_parse() { Failure::Protocol } else { Failure::Reset }
}
