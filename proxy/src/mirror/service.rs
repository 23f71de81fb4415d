//! Runs the mirror as a service of pingora's server, which gives each service threads of its own.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::{BackgroundService, GenBackgroundService};
use tokio::runtime::Handle;

use super::{Mirror, idle};

impl Mirror {
    /// The service to add to the server. Until it starts, requests that would be mirrored are dropped.
    pub fn service(self: &Arc<Self>) -> GenBackgroundService<Self> {
        GenBackgroundService::new("mirror".to_owned(), Arc::clone(self))
    }
}

#[async_trait]
impl BackgroundService for Mirror {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        self.run_on(Handle::current());
        give_way();
        let mut ticks = tokio::time::interval(idle::TIMEOUT);
        loop {
            tokio::select! {
                // An error means that the server is gone, which is a shutdown as well.
                _either_way = shutdown.changed() => return self.stop(),
                _ = ticks.tick() => self.client.close_idle(),
            }
        }
    }
}

/// Gives this thread, the only one of the mirror's runtime, the lowest priority: where there is not enough CPU for both,
/// requests win, copies in flight reach their bound, and further ones are dropped and counted. An idle thread (`SCHED_IDLE`)
/// would give way sooner, but gets next to nothing on a busy machine, and what it waits for looks like the backend's fault.
fn give_way() {
    const LOWEST: i32 = 19;
    // Linux keeps the priority of each thread apart; "no process" means the calling thread.
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST) {
        tracing::warn!(%error, "can't lower the priority of mirroring; it competes with requests for the CPU");
    }
}
