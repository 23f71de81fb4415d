//! Runs the mirror as a service of pingora's server, which gives each service threads of its own.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::{BackgroundService, GenBackgroundService};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
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

/// Makes this thread, the only one of the mirror's runtime, run only where no other thread wants to: where there is not
/// enough CPU for both, requests win, copies in flight reach their bound, and further ones are dropped and counted.
fn give_way() {
    const LOWEST: i32 = 19;
    // A thread that wakes up takes the CPU from an idle one at once; from one of low priority only when its slice is over.
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let given =
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_ok();
    // Linux keeps the priority of each thread apart; "no process" means the calling thread.
    if !given && let Err(error) = rustix::process::setpriority_process(None, LOWEST) {
        tracing::warn!(%error, "can't lower the priority of mirroring; it competes with requests for the CPU");
    }
}
