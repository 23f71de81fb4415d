//! One exchange's place in the order of its objects, from when the request goes to its primary until all is compared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Twin;
use super::identifier::Identifier;
use super::order::EntryId;
use super::scope::{Reach, Scope};

/// How long after a write something of it may still go on in the background.
const QUIET: Duration = Duration::from_secs(2);

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

    /// Whether something else that writes to the same objects is on its way.
    pub(super) fn is_followed(&self) -> bool {
        let state = self.twin.state();
        let own = state.reach(&self.scope);
        state.order.is_followed(self.id, &own, |scope| state.reach(scope))
    }

    /// Whether no other write is on its way at all.
    pub(super) fn is_alone(&self) -> bool {
        self.twin.state().order.is_alone(self.id)
    }

    /// Whether nothing was written of late to the same objects, and to anything.
    pub(super) fn quiet(&self) -> (bool, bool) {
        let state = self.twin.state();
        let own = state.reach(&self.scope);
        let is_followed = state.order.is_followed(self.id, &own, |scope| state.reach(scope));
        let is_recent = |at: &Instant| at.elapsed() < QUIET;
        let is_any_recent =
            own.families.iter().filter_map(|family| state.recent.peek(family)).any(is_recent);
        let is_all_quiet =
            state.order.is_alone(self.id) && !state.last_write.as_ref().is_some_and(is_recent);
        (!is_followed && !is_any_recent, is_all_quiet)
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
        if self.scope.is_write() {
            state.note_write(&self.scope);
        }
        state.order.leave(self.id);
        state.wake();
    }
}
