//! Keeps mirrored exchanges in the order of the primary's answers, object by object.
//!
//! A request is *open* from when it goes to its primary until the first byte of the answer has come. Then it takes its
//! place in the queue, before the client can see anything of that answer: whatever a client does because of an answer
//! comes behind it. It runs when nothing before it touches the same object. The number of entries is bounded by the slots
//! that each holds.

use std::collections::BTreeMap;

use super::scope::{Reach, Scope};

/// Identifies an entry from when it is opened to its end.
pub(super) type EntryId = u64;

/// Exchanges that are open, wait or run. `S` is told when its turn has come.
#[derive(Debug)]
pub(super) struct Order<S> {
    open: BTreeMap<EntryId, Open>,
    /// By place in the queue.
    queue: BTreeMap<u64, Queued<S>>,
    next: u64,
}

#[derive(Debug)]
struct Open {
    scope: Scope,
    is_blurred: bool,
}

#[derive(Debug)]
struct Queued<S> {
    id: EntryId,
    scope: Scope,
    phase: Phase<S>,
}

#[derive(Debug)]
enum Phase<S> {
    /// The answer is still on its way to the client.
    Answering,
    /// The exchange is complete and waits for its turn.
    Waiting(S),
    /// It is its turn.
    Running,
}

impl<S> Default for Order<S> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), queue: BTreeMap::new(), next: 0 }
    }
}

impl<S> Order<S> {
    fn count(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A request goes to its primary.
    pub(super) fn open(&mut self, scope: Scope) -> EntryId {
        let id = self.count();
        self.open.insert(id, Open { scope, is_blurred: false });
        id
    }

    /// The primary's answer begins: the request takes its place. Whether a write to the same object was at the primary
    /// at the same time, so that nobody knows which of the two came first there.
    pub(super) fn answered(&mut self, id: EntryId, reach: impl Fn(&Scope) -> Reach) -> bool {
        let Some(Open { scope, mut is_blurred }) = self.open.remove(&id) else { return false };
        let own = reach(&scope);
        for other in self.open.values_mut() {
            let (this, that) = own.blurs(&reach(&other.scope));
            is_blurred |= this;
            other.is_blurred |= that;
        }
        let place = self.count();
        self.queue.insert(place, Queued { id, scope, phase: Phase::Answering });
        is_blurred
    }

    /// The exchange is complete; `turn` is to be told when it may run. `scope` may now name more than at first.
    pub(super) fn wait(&mut self, id: EntryId, scope: Scope, turn: S) {
        if let Some(queued) = self.queue.values_mut().find(|queued| queued.id == id) {
            queued.scope = scope;
            queued.phase = Phase::Waiting(turn);
        }
    }

    /// The exchange has ended, at whatever stage.
    pub(super) fn leave(&mut self, id: EntryId) {
        self.open.remove(&id);
        self.queue.retain(|_, queued| queued.id != id);
    }

    /// Those whose turn has come.
    pub(super) fn due(&mut self, reach: impl Fn(&Scope) -> Reach) -> Vec<S> {
        let mut earlier: Vec<Reach> = Vec::with_capacity(self.queue.len());
        let mut due = Vec::new();
        for queued in self.queue.values_mut() {
            let own = reach(&queued.scope);
            let must_wait = earlier.iter().any(|earlier| own.waits_for(earlier));
            if matches!(queued.phase, Phase::Waiting(_))
                && !must_wait
                && let Phase::Waiting(turn) = std::mem::replace(&mut queued.phase, Phase::Running)
            {
                due.push(turn);
            }
            earlier.push(own);
        }
        due
    }

    /// Whether another write to what this running exchange reaches is at the primary, or waits behind it.
    pub(super) fn is_followed(
        &self,
        id: EntryId,
        own: &Reach,
        reach: impl Fn(&Scope) -> Reach,
    ) -> bool {
        self.others(id).map(reach).any(|other| other.is_write() && other.touches(own))
    }

    /// Whether no write but this is at the primary, waits or runs.
    pub(super) fn is_alone(&self, id: EntryId) -> bool {
        !self.others(id).any(Scope::is_write)
    }

    fn others(&self, id: EntryId) -> impl Iterator<Item = &Scope> {
        let queued = self.queue.values().filter(move |queued| queued.id != id);
        queued.map(|queued| &queued.scope).chain(self.open.values().map(|open| &open.scope))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::*;

    use super::*;

    fn scope(method: &Method, path: &str) -> Scope {
        Scope::new(method, path, None)
    }

    fn reach(scope: &Scope) -> Reach {
        scope.reach(|_| None)
    }

    fn known(scope: &Scope) -> Reach {
        scope.reach(|identifier| Some(super::super::scope::own_family(identifier)))
    }

    const A: &str = "/w/agent_0a1b2c";

    #[test]
    fn the_order_is_that_of_the_answers_not_of_the_requests() {
        let mut order = Order::default();
        let (put, delete) =
            (order.open(scope(&Method::PUT, A)), order.open(scope(&Method::DELETE, A)));
        assert!(order.answered(delete, reach), "which came first?");
        assert!(order.answered(put, reach), "it was at the primary when the other was answered");
        order.wait(put, scope(&Method::PUT, A), "put");
        assert_eq!(order.due(reach), Vec::<&str>::new(), "the answer before it is not complete");
        order.wait(delete, scope(&Method::DELETE, A), "delete");
        assert_eq!(order.due(reach), ["delete"]);
        assert_eq!(order.due(reach), Vec::<&str>::new());
        order.leave(delete);
        assert_eq!(order.due(reach), ["put"]);
    }

    #[test]
    fn a_read_that_overlaps_a_write_is_blurred_whichever_is_answered_first() {
        let mut order = Order::<()>::default();
        let (get, put) = (order.open(scope(&Method::GET, A)), order.open(scope(&Method::PUT, A)));
        assert!(!order.answered(put, reach));
        assert!(order.answered(get, reach));
        let (put, get) = (order.open(scope(&Method::PUT, A)), order.open(scope(&Method::GET, A)));
        assert!(order.answered(get, reach));
        assert!(!order.answered(put, reach));
    }

    #[test]
    fn an_open_write_to_the_same_object_follows() {
        let mut order = Order::default();
        let put = order.open(scope(&Method::PUT, A));
        order.answered(put, known);
        order.wait(put, scope(&Method::PUT, A), ());
        assert_eq!(order.due(known).len(), 1);
        let own = known(&scope(&Method::PUT, A));
        let other = order.open(scope(&Method::PUT, "/w/agent_ffee01"));
        let read = order.open(scope(&Method::GET, A));
        assert!(!order.is_followed(put, &own, known), "reads change nothing");
        assert!(!order.is_alone(put));
        order.leave(other);
        assert!(order.is_alone(put));
        let delete = order.open(scope(&Method::DELETE, A));
        assert!(order.is_followed(put, &own, known));
        order.leave(delete);
        order.leave(read);
        assert!(!order.is_followed(put, &own, known));
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Open(u8, u8),
        Answer(usize),
        Complete(usize),
        End(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4_u8, 0..3_u8).prop_map(|(method, object)| Step::Open(method, object)),
            (0..8_usize).prop_map(Step::Answer),
            (0..8_usize).prop_map(Step::Complete),
            (0..8_usize).prop_map(Step::End),
        ]
    }

    proptest! {
        /// However requests come, are answered and end: never do two run that touch the same object, each object's run in
        /// the order of the answers, and in the end everybody has had a turn.
        #[test]
        fn one_at_a_time_for_each_object_in_the_order_of_answers(steps in prop::collection::vec(step(), 0..150)) {
            let mut order = Order::<EntryId>::default();
            let methods = [Method::GET, Method::PUT, Method::POST, Method::DELETE];
            let (mut open, mut answering, mut waiting) = (Vec::new(), Vec::new(), 0_usize);
            let mut running: Vec<EntryId> = Vec::new();
            let mut scopes: BTreeMap<EntryId, Scope> = BTreeMap::new();
            let mut places: BTreeMap<EntryId, usize> = BTreeMap::new();
            let mut last_run: BTreeMap<String, usize> = BTreeMap::new();
            let mut all: Vec<Step> = steps;
            all.extend((0..200).flat_map(|_| [Step::Answer(0), Step::Complete(0), Step::End(0)]));
            for step in all {
                match step {
                    Step::Open(method, object) => {
                        let scope = scope(&methods[usize::from(method)], &format!("/w/thing_{object}00f"));
                        let id = order.open(scope.clone());
                        scopes.insert(id, scope);
                        open.push(id);
                    }
                    Step::Answer(index) if index < open.len() => {
                        let id = open.remove(index);
                        order.answered(id, known);
                        places.insert(id, places.len());
                        answering.push(id);
                    }
                    Step::Complete(index) if index < answering.len() => {
                        let id = answering.remove(index);
                        order.wait(id, scopes[&id].clone(), id);
                        waiting += 1;
                    }
                    Step::End(index) if index < running.len() => order.leave(running.remove(index)),
                    _ => {}
                }
                for id in order.due(known) {
                    waiting -= 1;
                    for other in &running {
                        prop_assert!(!known(&scopes[&id]).waits_for(&known(&scopes[other])));
                    }
                    if scopes[&id].is_write() {
                        let object = scopes[&id].identifiers()[0].text().to_owned();
                        let before = last_run.insert(object, places[&id]);
                        prop_assert!(before.is_none_or(|before| before < places[&id]));
                    }
                    running.push(id);
                }
            }
            prop_assert!(open.is_empty() && answering.is_empty() && running.is_empty());
            prop_assert_eq!((waiting, order.queue.len()), (0, 0));
        }
    }
}
