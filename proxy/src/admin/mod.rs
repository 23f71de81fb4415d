//! The admin interface: what is in force, how it goes, and whether the proxy is ready.

mod router;
pub(crate) mod access;
mod answer;
mod page;
mod report;
mod ask_backend;
mod openapi;
mod schema_check;
mod judgement;
mod journal;
mod events;
mod exchanges;
mod flips;

use std::net::TcpListener;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use home::Home;
use hyper_util::rt::{TokioIo, TokioTimer};
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::sync::Semaphore;

use self::access::Token;
pub(crate) use self::flips::{Flipping, FlippingPlace};
use crate::edge::tls::ServedCertificate;
use crate::handover::LetGo;
use crate::live_table::LiveTable;
use crate::metrics::Metrics;
use crate::mirror::Feed;
use evidence::Evidence;

/// Most connections at a time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 256;
/// Longest wait for the header of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the interface tells of.
pub(crate) struct Admin {
    live: Arc<LiveTable>,
    metrics: Arc<Metrics>,
    evidence: Arc<Evidence>,
    /// Finished exchanges, for those who listen.
    feed: Arc<Feed>,
    /// Where the table is kept.
    home: Home,
    /// Places for those who listen to events.
    listeners: Arc<Semaphore>,
    /// One flip from a dashboard at a time.
    flipping: Flipping,
    started_at: DateTime<Utc>,
    token: Option<Token>,
    documents: openapi::Documents,
    schema_checks: schema_check::SchemaChecks,
    /// Set when the proxy stops: it is ready for nothing more.
    shutdown: std::sync::OnceLock<ShutdownWatch>,
    /// What clients are served with; `None`: no TLS.
    certificate: Option<Arc<ServedCertificate>>,
}

impl Admin {
    pub(crate) fn new(
        live: Arc<LiveTable>,
        metrics: Arc<Metrics>,
        evidence: Arc<Evidence>,
        feed: Arc<Feed>,
        home: Home,
        token: Option<Token>,
    ) -> Self {
        Self {
            live,
            metrics,
            evidence,
            feed,
            home,
            listeners: events::places(),
            flipping: Flipping::default(),
            started_at: Utc::now(),
            token,
            certificate: None,
            documents: openapi::Documents::new(),
            schema_checks: schema_check::SchemaChecks::new(),
            shutdown: std::sync::OnceLock::new(),
        }
    }

    /// Begins flips where others see that one is under way.
    pub(crate) fn flipping_in(mut self, flipping: Flipping) -> Self {
        self.flipping = flipping;
        self
    }

    /// Tells of the certificate that clients are served with, too.
    pub(crate) fn telling_of(mut self, certificate: Option<Arc<ServedCertificate>>) -> Self {
        self.certificate = certificate;
        self
    }
}

/// The service that answers it.
pub(crate) struct AdminService {
    admin: Arc<Admin>,
    socket: Mutex<Option<TcpListener>>,
    let_go: LetGo,
}

impl AdminService {
    pub(crate) fn new(admin: Admin, socket: TcpListener, let_go: LetGo) -> Self {
        Self { admin: Arc::new(admin), socket: Mutex::new(Some(socket)), let_go }
    }
}

#[async_trait]
impl BackgroundService for AdminService {
    /// Answers until the program ends, so that it can be asked while the proxy drains; or until another process has taken over,
    /// which then is the one to be asked.
    async fn start(&self, shutdown: ShutdownWatch) {
        let _set_once = self.admin.shutdown.set(shutdown);
        let socket = match self.socket.lock() {
            Ok(mut socket) => socket.take(),
            Err(_) => None,
        };
        let Some(socket) = socket else { return };
        let listener = match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "the admin interface can't be served");
                return;
            }
        };
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.let_go.until() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (admin, let_go) = (Arc::clone(&self.admin), self.let_go.clone());
                    tokio::spawn(async move {
                        serve(admin, stream, &let_go).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin interface failed to accept a connection");
                    // Out of file descriptors, most likely: give others time to free some.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn serve(admin: Arc<Admin>, stream: tokio::net::TcpStream, let_go: &LetGo) {
    let service = hyper::service::service_fn(|request| {
        let admin = Arc::clone(&admin);
        async move {
            let answer = if flips::is_wanted(&request) {
                flips::answer(&admin, request).await
            } else {
                router::answer(&admin, &request).await
            };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
    );
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = let_go.until() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the admin interface ended early");
    }
}
