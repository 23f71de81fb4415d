//! Orchestration: which agent does which sub-task of a task, what it holds for that, and how the task fares.
//!
//! Each owner has an orchestrator of their own. Where the monolith's `agent_orchestrator` does something else than it plainly
//! meant, this is how it is read here:
//!
//! - It starts with three agents in memory. Here each owner finds the same three when they begin ([`agents::built_in`]).
//! - An agent was busy from its first sub-task on, whatever it said it could do at once, and free only at load 0. Here it is
//!   busy when every place is taken ([`agents::Member::status`]).
//! - Nothing ever renewed `last_updated`, so every agent went offline. Here registering, changing, heartbeats and reports do.
//! - `estimated_cost` was always 0. Here each sub-task costs its agent's hours ([`planning`]).
//! - The actual cost read an attribute that no assignment has. Here it is what was worked, at the agent's price when it was
//!   assigned, all tries included; what has not begun costs nothing ([`course::Course::actual_cost`]).
//! - Only cancelling and retrying gave resources back, the first not those of assigned sub-tasks. Here whatever ends a try
//!   does, once ([`course::Course::ended`]).
//! - Nobody could say that a sub-task had begun or ended. Here agents report ([`course`]).
//! - A sub-task was assigned before those it depends on were done. It still is, for the place to be kept, but it cannot begin
//!   before they are, and its time-out does not run until then.
//! - `assignment_timeout` was not used. Here an agent that does not begin in time, or goes offline at work, has failed; and a
//!   plan fails at its deadline ([`course::Course::expire`]).
//! - A task that ended was forgotten, and a second task of the same name took the place of the first. Here the newest ended ones
//!   are kept, and a name is free again when its task has ended.
//! - Three of the metrics were never computed. Here they are ([`metrics`]).

pub mod agents;
pub mod scoring;
pub mod decomposition;
pub mod confidence;
pub mod planning;
pub mod course;
pub mod metrics;

/// What can be set: the monolith's `config`, with its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Plans that one owner may have under way: `max_concurrent_plans`.
    pub most_plans: i64,
    /// Seconds in which an agent has to begin: `assignment_timeout`.
    pub assignment_timeout: i64,
    /// Seconds between two looks at an owner's plans: `monitoring_interval`.
    pub monitoring_interval: i64,
    /// How often a sub-task may be retried: `retry_limit`.
    pub retry_limit: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { most_plans: 10, assignment_timeout: 300, monitoring_interval: 30, retry_limit: 3 }
    }
}

/// A count among figures.
#[expect(clippy::cast_precision_loss, reason = "nothing that is counted here comes near 2^53")]
fn figure(count: i64) -> f64 {
    count as f64
}
