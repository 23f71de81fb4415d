//! Tells the supervisor that started the proxy how it is.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::sync::Notify;

use crate::handover::LetGo;

/// The service that tells. The sockets are bound and signals are heard before services start, so that requests and a SIGHUP that come
/// from then on are not refused.
pub(crate) struct TellSupervisor {
    pub(crate) let_go: LetGo,
    /// Told when the supervisor was told: nothing else is told of before.
    pub(crate) is_ready: Arc<Notify>,
}

#[async_trait]
impl BackgroundService for TellSupervisor {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        supervised::ready();
        self.is_ready.notify_one();
        tokio::select! {
            () = supervised::keep_telling() => {}
            _told_or_gone = shutdown.wait_for(|stopping| *stopping) => {}
        }
        // Where another process has taken over, the program does not stop.
        if !self.let_go.has() {
            supervised::stopping();
        }
    }
}
