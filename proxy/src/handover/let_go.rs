//! Whether another process has taken over from this one.

use tokio::sync::watch;

/// Becomes true once, and then this process only ends what it has begun.
#[derive(Debug, Clone, Default)]
pub(crate) struct LetGo(watch::Sender<bool>);

impl LetGo {
    /// Another process serves from now on.
    pub(super) fn now(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn has(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when another process has taken over.
    pub(crate) async fn until(&self) {
        let mut told = self.0.subscribe();
        // The sender is held by `self`: there is no other end of this.
        let _it_has = told.wait_for(|has| *has).await;
    }
}
