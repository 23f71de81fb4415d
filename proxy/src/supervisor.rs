//! Tells the supervisor that started the proxy how it is.

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;

/// The service that tells. The sockets are bound before services start, so requests that come from then on are not refused.
pub(crate) struct TellSupervisor;

#[async_trait]
impl BackgroundService for TellSupervisor {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        supervised::ready();
        tokio::select! {
            () = supervised::keep_telling() => {}
            _told_or_gone = shutdown.wait_for(|stopping| *stopping) => {}
        }
        supervised::stopping();
    }
}
