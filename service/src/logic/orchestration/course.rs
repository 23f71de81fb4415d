//! The course of a plan: what agents report, what its owner wishes, what time brings, and what that changes.
//!
//! A course knows what is stored of it. So whoever stores it asks what has changed, which tries have begun and which have
//! ended, and the ledger follows: what ends a try gives its resources back, and nothing does so twice.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::Rules;
use super::agents::Roster;
use super::planning::Unplanned;
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::own::orchestration::{Assignment, AssignmentStatus, Plan, PlanStatus};
use crate::tables::{Json, Money};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// A plan with its assignments, in the order in which they were planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The plan.
    pub plan: Plan,
    /// The assignments.
    pub assignments: Vec<Assignment>,
    /// What is stored: nothing of a new plan.
    stored: Option<(Plan, Vec<Assignment>)>,
}

/// What is to be stored about an assignment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change<'c> {
    /// It is new.
    New(&'c Assignment),
    /// It is otherwise.
    Altered(&'c Assignment),
    /// The next try takes the place of the one with this id.
    Renewed(&'c str, &'c Assignment),
}

impl Course {
    /// A plan that nobody has stored yet.
    pub fn begun_with(plan: Plan, assignments: Vec<Assignment>) -> Self {
        Self { plan, assignments, stored: None }
    }

    /// A plan as it is stored.
    pub fn of(plan: Plan, assignments: Vec<Assignment>) -> Self {
        Self { stored: Some((plan.clone(), assignments.clone())), plan, assignments }
    }

    /// An agent begins.
    pub fn start(&mut self, id: &str, now: Stamp) -> Result<(), Denied> {
        let assignment = self.reported(id, &[AssignmentStatus::Assigned], now)?;
        if assignment.ready_at.is_none() {
            return Err(Denied::Conflict("The sub-task waits for others that are not completed"));
        }
        assignment.status = AssignmentStatus::InProgress;
        assignment.started_at = Some(now);
        Ok(())
    }

    /// An agent is done. Whatever waited for it may begin.
    pub fn complete(
        &mut self,
        id: &str,
        results: Map<String, Value>,
        rules: &Rules,
        now: Stamp,
    ) -> Result<(), Denied> {
        let assignment = self.reported(id, &[AssignmentStatus::InProgress], now)?;
        assignment.results = Some(Json(Value::Object(results)));
        assignment.end(AssignmentStatus::Completed, None, now);
        self.ready(now);
        self.settle(rules, now);
        Ok(())
    }

    /// An agent gives up, at work or before.
    pub fn fail(
        &mut self,
        id: &str,
        error: String,
        rules: &Rules,
        now: Stamp,
    ) -> Result<(), Denied> {
        let open = [AssignmentStatus::Assigned, AssignmentStatus::InProgress];
        let assignment = self.reported(id, &open, now)?;
        assignment.end(AssignmentStatus::Failed, Some(error), now);
        self.settle(rules, now);
        Ok(())
    }

    /// Its owner ends it: whatever has not ended does.
    pub fn cancel(&mut self, now: Stamp) -> Result<(), Denied> {
        self.active(now)?;
        self.end(PlanStatus::Cancelled, None, now);
        Ok(())
    }

    /// Its owner has what failed tried again, each sub-task by whoever is best now and with an id of its own, so that a late
    /// report about the former try finds nothing. Says which; all of them are, or none.
    pub fn retry(
        &mut self,
        rules: &Rules,
        roster: &mut Roster,
        ids: &mut impl FnMut() -> String,
    ) -> Result<Vec<String>, Unplanned> {
        let now = roster.now();
        self.active(now)?;
        let mut retried = Vec::new();
        let may_retry = |a: &&mut Assignment| {
            a.status == AssignmentStatus::Failed && a.retries() < rules.retry_limit
        };
        let mut assignments = self.assignments.clone();
        for assignment in assignments.iter_mut().filter(may_retry) {
            let agent =
                roster.take(assignment.task_type, assignment.gpu_tier).ok_or_else(|| {
                    let (kind, tier) = (assignment.task_type, assignment.gpu_tier);
                    Unplanned::nobody(&assignment.sub_task_id, roster.standing_for(kind, tier))
                })?;
            assignment.id = ids();
            assignment.agent_id = agent.agent_id;
            assignment.cost_per_hour = agent.cost_per_hour;
            assignment.status = AssignmentStatus::Assigned;
            assignment.assigned_at = now;
            assignment.ready_at = None;
            assignment.started_at = None;
            assignment.completed_at = None;
            assignment.error_message = None;
            assignment.retry_count = (assignment.retries() + 1).into();
            retried.push(assignment.sub_task_id.clone());
        }
        self.assignments = assignments;
        self.ready(now);
        Ok(retried)
    }

    /// What time brings: the plan is past its deadline, an agent has not begun, an agent at work has gone offline or away.
    pub fn expire(&mut self, rules: &Rules, roster: &Roster) {
        let now = roster.now();
        if self.plan.status != PlanStatus::Active {
            return;
        }
        if self.is_late(now) {
            self.end(PlanStatus::Failed, Some("The deadline has passed".to_owned()), now);
            return;
        }
        let limit = rules.assignment_timeout;
        for assignment in &mut self.assignments {
            let since = |at: Stamp| now.micros_since(&at) / 1_000_000;
            let is_gone = || roster.member(&assignment.agent_id).is_none_or(|m| m.is_silent(now));
            let error = match assignment.status {
                AssignmentStatus::Assigned
                    if assignment.ready_at.is_some_and(|at| since(at) >= limit) =>
                {
                    format!("The agent did not begin within {limit} s")
                }
                AssignmentStatus::InProgress if is_gone() => {
                    "The agent went offline at work".to_owned()
                }
                _ => continue,
            };
            assignment.end(AssignmentStatus::Failed, Some(error), now);
        }
        self.settle(rules, now);
    }

    /// What all tries have cost by `now`.
    pub fn actual_cost(&self, now: Stamp) -> Money {
        self.assignments.iter().map(|assignment| assignment.cost_by(now)).sum()
    }

    /// What has changed about the assignments since they were stored.
    pub fn changes(&self) -> Vec<Change<'_>> {
        self.pairs()
            .filter_map(|(is, was)| match was {
                None => Some(Change::New(is)),
                Some(was) if was.id != is.id => Some(Change::Renewed(&was.id, is)),
                Some(was) if was != is => Some(Change::Altered(is)),
                Some(_) => None,
            })
            .collect()
    }

    /// The tries that have begun since the course was stored: they take resources.
    pub fn begun(&self) -> impl Iterator<Item = &Assignment> {
        self.pairs()
            .filter(|(is, was)| {
                is.status.is_open()
                    && was.is_none_or(|was| was.id != is.id || !was.status.is_open())
            })
            .map(|(is, _)| is)
    }

    /// The tries that have ended since then: they give their resources back.
    pub fn ended(&self) -> impl Iterator<Item = &Assignment> {
        self.pairs()
            .filter(|(is, was)| !is.status.is_open() && was.is_some_and(|was| was.status.is_open()))
            .map(|(is, _)| is)
    }

    /// The plan as it is stored; none of it is, where it is new.
    pub fn stored_plan(&self) -> Option<&Plan> {
        self.stored.as_ref().map(|(plan, _)| plan)
    }

    /// Whether the plan has come to its end since it was stored.
    pub fn has_just_ended(&self) -> bool {
        self.plan.status != PlanStatus::Active
            && self.stored_plan().is_some_and(|plan| plan.status == PlanStatus::Active)
    }

    fn pairs(&self) -> impl Iterator<Item = (&Assignment, Option<&Assignment>)> {
        let stored = self.stored.as_ref().map(|(_, assignments)| assignments.as_slice());
        let stored = stored.unwrap_or_default();
        self.assignments.iter().enumerate().map(|(i, is)| (is, stored.get(i)))
    }

    fn is_late(&self, now: Stamp) -> bool {
        self.plan.deadline.is_some_and(|deadline| now.micros_since(&deadline) > 0)
    }

    /// That the plan goes on. Past its deadline it does not, whether or not anybody has looked at it since.
    fn active(&self, now: Stamp) -> Result<(), Denied> {
        match self.plan.status {
            PlanStatus::Active if self.is_late(now) => {
                Err(Denied::Conflict("The deadline of the plan has passed"))
            }
            PlanStatus::Active => Ok(()),
            _ => Err(Denied::Conflict("The plan has ended already")),
        }
    }

    /// The assignment that a report is about, if it stands as one that is reported so. Of one that has ended the refusal says
    /// how: whoever has lost the answer to a report sends it again, and wants to know whether the first one counted.
    fn reported(
        &mut self,
        id: &str,
        expected: &[AssignmentStatus],
        now: Stamp,
    ) -> Result<&mut Assignment, Denied> {
        let active = self.active(now);
        let found = self.assignments.iter_mut().find(|assignment| assignment.id == id);
        let assignment = found.ok_or(Denied::NotFound("Assignment"))?;
        if expected.contains(&assignment.status) {
            return active.map(|()| assignment);
        }
        Err(Denied::Conflict(match assignment.status {
            AssignmentStatus::Pending | AssignmentStatus::Assigned => "The sub-task has not begun",
            AssignmentStatus::InProgress => "The sub-task has begun already",
            AssignmentStatus::Completed => "The sub-task is completed already",
            AssignmentStatus::Failed => "The sub-task has failed already",
            AssignmentStatus::Cancelled => "The sub-task was cancelled",
        }))
    }

    /// Lets begin whatever waits for nothing any more.
    fn ready(&mut self, now: Stamp) {
        let done: Vec<String> = self
            .assignments
            .iter()
            .filter(|assignment| assignment.status == AssignmentStatus::Completed)
            .map(|assignment| assignment.sub_task_id.clone())
            .collect();
        let waits =
            |a: &&mut Assignment| a.status == AssignmentStatus::Assigned && a.ready_at.is_none();
        for assignment in self.assignments.iter_mut().filter(waits) {
            let needs = assignment.dependencies.0.as_array().map(Vec::as_slice).unwrap_or_default();
            if needs.iter().all(|need| done.iter().any(|id| need == id.as_str())) {
                assignment.ready_at = Some(now);
            }
        }
    }

    /// Ends the plan where it has come to its end: everything is done, or what failed may not be tried again.
    fn settle(&mut self, rules: &Rules, now: Stamp) {
        if self.assignments.iter().all(|a| a.status == AssignmentStatus::Completed) {
            self.end(PlanStatus::Completed, None, now);
            return;
        }
        let failed = self.assignments.iter().filter(|a| a.status == AssignmentStatus::Failed);
        let mut failed = failed.peekable();
        let Some(first) = failed.peek().copied() else { return };
        if failed.all(|assignment| assignment.retries() >= rules.retry_limit) {
            let why = first.error_message.as_deref().unwrap_or_default();
            let error = format!("Sub-task {} failed for good: {why}", first.sub_task_id);
            self.end(PlanStatus::Failed, Some(error), now);
        }
    }

    fn end(&mut self, status: PlanStatus, error: Option<String>, now: Stamp) {
        for assignment in &mut self.assignments {
            if assignment.status.is_open() || assignment.status == AssignmentStatus::Pending {
                assignment.end(AssignmentStatus::Cancelled, None, now);
            }
        }
        self.plan.status = status;
        self.plan.error_message = error;
        self.plan.finished_at = Some(now);
        self.plan.actual_cost = Some(self.actual_cost(now));
    }
}

impl Assignment {
    /// How often it was retried.
    fn retries(&self) -> i64 {
        self.retry_count.get().unwrap_or(0)
    }

    /// Ends the try and counts what it cost.
    fn end(&mut self, status: AssignmentStatus, error: Option<String>, now: Stamp) {
        self.cost = self.cost_by(now);
        self.status = status;
        self.error_message = error;
        self.completed_at = Some(now);
    }

    /// What its tries have cost by `now`.
    fn cost_by(&self, now: Stamp) -> Money {
        match (self.status, self.started_at) {
            (AssignmentStatus::InProgress, Some(began)) => {
                // Another process's clock may be ahead.
                let worked = Decimal::from(now.micros_since(&began).max(0));
                let cost = self.cost_per_hour.exact().saturating_mul(worked) / Decimal::from(HOUR);
                self.cost + Money::round(cost)
            }
            _ => self.cost,
        }
    }

    /// The hours from its begin to its end, of a try that has both.
    pub fn hours(&self) -> Option<f64> {
        Some(self.completed_at?.seconds_since(&self.started_at?) / 3600.0)
    }
}

#[cfg(test)]
pub(crate) mod tests;
