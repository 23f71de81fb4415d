//! One flip from a dashboard at a time, and none while a new process takes over.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whether a flip is under way. Clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Flipping(Arc<Semaphore>);

/// Held for as long as no other flip may begin.
#[derive(Debug)]
pub(crate) struct FlippingPlace {
    _place: OwnedSemaphorePermit,
}

impl Default for Flipping {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Flipping {
    /// `None` while another flip is under way.
    pub(crate) fn begin(&self) -> Option<FlippingPlace> {
        let place = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(FlippingPlace { _place: place })
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.0.available_permits() == 0
    }
}
