//! Tells the supervisor that started the proxy how it is.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::sync::Notify;

use crate::handover::LetGo;

/// The service that tells. The sockets are bound before services start, so requests that come from then on are not refused.
pub(crate) struct TellSupervisor {
    pub(crate) let_go: LetGo,
    /// Told when a SIGHUP is heard: whoever hears that the proxy is ready may send one.
    pub(crate) listens: Arc<Notify>,
}

#[async_trait]
impl BackgroundService for TellSupervisor {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        self.listens.notified().await;
        supervised::ready();
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
