//! Asks every target of every backend how it is, off the path of requests.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::lb::Backend as CheckedServer;
use pingora::lb::health_check::{HealthCheck, HttpHealthCheck, TcpHealthCheck};
use pingora::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use pingora::{Error, ErrorType};

use super::{Pool, Target, resolve};
use crate::live_table::LiveTable;

/// How often the names of targets are asked for again.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(10);
/// Bounds on the wait for the answer to one check.
const CHECK_TIMEOUT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// The service that checks whatever backends the generation in force names.
pub(crate) struct HealthService {
    pub(crate) live: Arc<LiveTable>,
}

#[async_trait]
impl BackgroundService for HealthService {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut changes = self.live.changes();
        loop {
            for pool in &self.live.snapshot().pools {
                if !pool.is_checked.swap(true, Ordering::Relaxed) {
                    tokio::spawn(check_while_used(Arc::downgrade(pool), shutdown.clone()));
                }
            }
            tokio::select! {
                change = changes.changed() => if change.is_err() { return },
                _ = shutdown.changed() => return,
            }
        }
    }
}

/// Checks a pool until no generation and no request holds it any more.
async fn check_while_used(pool: Weak<Pool>, mut shutdown: ShutdownWatch) {
    let mut resolved_at = Instant::now();
    loop {
        let Some(pool) = pool.upgrade() else { return };
        if resolved_at.elapsed() >= RESOLVE_INTERVAL
            || pool.targets().iter().any(|target| target.address().is_none())
        {
            resolve_again(&pool).await;
            resolved_at = Instant::now();
        }
        check(&pool).await;
        let interval = pool.backend.health_interval;
        drop(pool);
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = shutdown.changed() => return,
        }
    }
}

async fn resolve_again(pool: &Pool) {
    for target in pool.targets().iter().filter(|target| resolve::can_move(&target.server)) {
        target.set_addresses(resolve::addresses(&target.server).await);
    }
}

async fn check(pool: &Pool) {
    let checks = pool.targets().iter().map(async |target| {
        let answer = check_target(pool, target).await;
        if target.checked(answer.is_ok()) {
            match answer {
                Ok(()) => tracing::info!(
                    backend = %pool.name, target_server = %target.label, "target is healthy"
                ),
                Err(error) => tracing::warn!(
                    backend = %pool.name, target_server = %target.label, %error, "target is unhealthy"
                ),
            }
        }
    });
    futures::future::join_all(checks).await;
}

async fn check_target(pool: &Pool, target: &Target) -> pingora::Result<()> {
    let Some(address) = target.address() else {
        return Error::e_explain(ErrorType::ConnectNoRoute, "the name does not resolve");
    };
    let server = CheckedServer {
        addr: PeerAddress::Inet(address),
        weight: 1,
        ext: pingora::lb::Extensions::new(),
    };
    let limit = pool.backend.health_interval.clamp(CHECK_TIMEOUT.0, CHECK_TIMEOUT.1);
    let answer = match &pool.backend.health {
        Some(path) => {
            let check = http_check(&target.label, path, limit)?;
            tokio::time::timeout(limit, check.check(&server)).await
        }
        None => tokio::time::timeout(limit, TcpHealthCheck::default().check(&server)).await,
    };
    answer.unwrap_or_else(|_| {
        Error::e_explain(ErrorType::ReadTimedout, format!("no answer within {limit:?}"))
    })
}

/// Any 2xx is well: `/health` endpoints answer 200 or 204.
fn http_check(host: &str, path: &str, limit: Duration) -> pingora::Result<HttpHealthCheck> {
    let mut check = HttpHealthCheck::new("localhost", false);
    check.req = pingora::http::RequestHeader::build("GET", path.as_bytes(), Some(2))?;
    check.req.insert_header("Host", host)?;
    check
        .req
        .insert_header("User-Agent", concat!("strangler-proxy/", env!("CARGO_PKG_VERSION")))?;
    check.peer_template.options.connection_timeout = Some(limit);
    check.peer_template.options.read_timeout = Some(limit);
    check.validator = Some(Box::new(|answer| {
        if answer.status.is_success() {
            return Ok(());
        }
        Error::e_explain(
            ErrorType::CustomCode("health check status", answer.status.as_u16()),
            format!("the health check answered {}", answer.status.as_u16()),
        )
    }));
    Ok(check)
}
