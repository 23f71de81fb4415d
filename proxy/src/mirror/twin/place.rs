//! One exchange's place in the order of its objects, from when the request goes to its primary until all is compared.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Twin;
use super::identifier::Identifier;
use super::order::EntryId;
use super::scope::{Reach, Scope};

/// A place. Left on drop; a write that leaves without being [`settled`](Self::settle) has made its objects diverge.
#[derive(Debug)]
pub(in crate::mirror) struct Place {
    pub(super) twin: Arc<Twin>,
    pub(super) id: EntryId,
    pub(super) scope: Scope,
    is_answered: bool,
    /// A write to the same object was at the primary at the same time.
    pub(super) is_blurred: bool,
    is_settled: bool,
}

impl Place {
    pub(super) fn new(twin: Arc<Twin>, id: EntryId, scope: Scope) -> Self {
        Self { twin, id, scope, is_answered: false, is_blurred: false, is_settled: false }
    }

    /// The primary's answer begins. Call before the client gets any of it.
    pub(in crate::mirror) fn answered(&mut self) {
        if !std::mem::replace(&mut self.is_answered, true) {
            let mut state = self.twin.state();
            let super::State { order, pairings, .. } = &mut *state;
            self.is_blurred = order
                .answered(self.id, |scope| scope.reach(|identifier| pairings.family(identifier)));
        }
    }

    /// Adds what the body of the request mentions.
    pub(super) fn mention(&mut self, more: Vec<Identifier>) {
        self.scope.mention(more);
    }

    /// Waits until everything before it that touches the same is done; `false` when that takes longer than `limit`.
    pub(super) async fn turn(&self, limit: Duration) -> bool {
        let (told, turn) = oneshot::channel();
        {
            let mut state = self.twin.state();
            state.order.wait(self.id, self.scope.clone(), told);
            state.wake();
        }
        matches!(tokio::time::timeout(limit, turn).await, Ok(Ok(())))
    }

    /// Both sides have done the same, as far as the answers tell.
    pub(super) fn settle(&mut self) {
        self.is_settled = true;
    }

    /// With its identifiers looked up as they are known now.
    pub(super) fn reach(&self) -> Reach {
        self.twin.state().reach(&self.scope)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.scope.is_write() && !self.is_settled {
            self.twin.diverge(&self.scope);
        }
        let mut state = self.twin.state();
        state.order.leave(self.id);
        state.wake();
    }
}
