//! Asks every target of every backend how it is, off the path of requests.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;

use super::probe::{Unwell, Well};
use super::{Pool, Target, probe, resolve};
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
        if let Ok(well) = &answer {
            target.build.set(well.build.clone());
        }
        if target.checked(answer.is_ok()) {
            match answer {
                Ok(_) => tracing::info!(
                    backend = %pool.name, target_server = %target.label, "target is healthy"
                ),
                Err(error) => tracing::warn!(
                    backend = %pool.name, target_server = %target.label, %error, "target is unhealthy"
                ),
            }
        }
    });
    futures::future::join_all(checks).await;
    pool.note_build();
}

async fn check_target(pool: &Pool, target: &Target) -> Result<Well, Unwell> {
    let server = target.current().ok_or(Unwell::NoAddress)?;
    let limit = pool.backend.health_interval.clamp(CHECK_TIMEOUT.0, CHECK_TIMEOUT.1);
    probe::check(&server, &target.label, pool.backend.health.as_deref(), limit).await
}
