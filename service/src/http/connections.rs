//! Accepts connections up to a limit, serves HTTP/1.1 and HTTP/2 on them, and lets them end in peace.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::patience::Patient;

/// How long a client may take to send the head of a request, and a connection may rest between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// The most bytes that the head of a request may have.
const MAX_HEAD: usize = 64 * 1024;

/// How much connections may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections held at once.
    pub connections: usize,
    /// How long a client may take nothing of what waits for it.
    pub slow_client: Duration,
    /// How long requests under way may take once the service is told to stop.
    pub drain: Duration,
}

/// Serves until `stop`, then waits for the requests under way.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let server = builder();
    loop {
        // A place first: past the limit, clients wait in the listener's own queue.
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            both = async { (Arc::clone(&places).acquire_owned().await, listener.accept().await) } => both,
        };
        let stream = match accepted {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Most likely there are no file descriptors left; some close within this time.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let service = TowerToHyperService::new(router.clone());
        let stream = TokioIo::new(Patient::new(stream, limits.slow_client));
        let connection = server.serve_connection(stream, service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(HEAD_TIMEOUT))
        .max_concurrent_streams(256)
        .max_header_list_size(64 * 1024);
    server
}
