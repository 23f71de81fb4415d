//! A worker's lease on a run: taken for a while, prolonged while the run is driven, given back.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::app::App;
use crate::python::time::Stamp;
use crate::store::StoreError;
use crate::store::runs::Lease;
use crate::tables::own::Run;

/// The lease with which a run was claimed.
pub fn lease_of(run: &Run) -> Lease {
    Lease {
        execution_id: run.execution_id.clone(),
        token: run.lease_token.clone().unwrap_or_default(),
    }
}

/// When a lease that is taken `now` runs out.
pub fn lease_end(now: Stamp, lease: Duration) -> Stamp {
    now.plus_seconds(i64::try_from(lease.as_secs()).unwrap_or(i64::MAX))
}

/// Gives a run back, free for others from `free_at` on.
pub async fn release(app: &App, lease: &Lease, free_at: Stamp) -> Result<(), StoreError> {
    let mut writing = app.store.write().await?;
    writing.run_release(lease, free_at).await?;
    writing.commit().await
}

/// Prolongs the lease, and returns when it is lost: taken by another worker, or not prolonged in time.
pub(super) async fn keep(app: &App, lease: &Lease) {
    let term = app.config.execution_lease;
    let mut prolonged = Instant::now();
    while prolonged.elapsed() < term {
        sleep(term / 3).await;
        match renew(app, lease, term).await {
            Ok(true) => prolonged = Instant::now(),
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "a lease could not be prolonged"),
        }
    }
}

async fn renew(app: &App, lease: &Lease, term: Duration) -> Result<bool, StoreError> {
    let mut writing = app.store.write().await?;
    let held = writing.run_renew(lease, lease_end(app.clock.now(), term)).await?;
    writing.commit().await?;
    Ok(held)
}
