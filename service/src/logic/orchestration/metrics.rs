//! What answers show: how a task fares, and how an owner's orchestrator does on the whole.

use serde_json::{Map, Value, json};

use super::agents::{AgentStatus, Held, Roster};
use super::course::Course;
use super::figure;
use crate::python::time::Stamp;
use crate::tables::column::{ColumnValue as _, Record as _};
use crate::tables::own::orchestration::{
    Assignment, AssignmentStatus, Orchestrator, Plan, PlanStatus, ResourceType,
};
use crate::tables::{Int, Money};

/// What a task's progress shows of each assignment, besides its id.
const SHOWN: &[&str] =
    &["sub_task_id", "agent_id", "status", "assigned_at", "started_at", "completed_at"];

impl Course {
    /// The plan with its assignments.
    pub fn shown(&self) -> Value {
        let mut shown = self.plan.to_json();
        if let Value::Object(shown) = &mut shown {
            let assignments = self.assignments.iter().map(Assignment::to_json).collect();
            shown.insert("agent_assignments".to_owned(), assignments);
        }
        shown
    }

    /// How the task fares, in the contract's form. The word of the whole is the contract's, too, while the plan is active:
    /// a task of which nothing is completed is `pending`, whoever is at it; one that was cancelled says so.
    pub fn progress(&self, now: Stamp) -> Value {
        let count = |status| {
            self.assignments.iter().filter(|assignment| assignment.status == status).count()
        };
        let (completed, failed) =
            (count(AssignmentStatus::Completed), count(AssignmentStatus::Failed));
        let total = self.assignments.len();
        let status = match self.plan.status {
            PlanStatus::Completed => "completed",
            PlanStatus::Cancelled => "cancelled",
            PlanStatus::Failed => "failed",
            PlanStatus::Active if failed > 0 => "failed",
            PlanStatus::Active if completed > 0 => "in_progress",
            PlanStatus::Active => "pending",
        };
        let counts: Map<String, Value> = AssignmentStatus::ALL
            .iter()
            .map(|status| (status.word().to_owned(), count(*status).into()))
            .collect();
        let assignments: Value = self
            .assignments
            .iter()
            .map(|assignment| {
                let mut shown = assignment.shown(SHOWN);
                shown.insert("assignment_id".to_owned(), assignment.id.as_str().into());
                Value::Object(shown)
            })
            .collect();
        let share = |part: usize| figure(i64::try_from(part).unwrap_or(i64::MAX));
        json!({
            "task_id": self.plan.task_id,
            "plan_status": self.plan.status.word(),
            "status": status,
            "progress": share(completed) / share(total.max(1)),
            "completed_sub_tasks": completed,
            "failed_sub_tasks": failed,
            "total_sub_tasks": total,
            "status_counts": counts,
            "estimated_cost": self.plan.estimated_cost.to_json(),
            "actual_cost": self.actual_cost(now).to_json(),
            "started_at": self.plan.created_at.sent(),
            "assignments": assignments,
        })
    }
}

impl Orchestrator {
    /// One who has orchestrated nothing yet.
    pub fn new(owner_id: &str, now: Stamp) -> Self {
        Self {
            owner_id: owner_id.to_owned(),
            total_tasks: 0.into(),
            successful_tasks: 0.into(),
            failed_tasks: 0.into(),
            cancelled_tasks: 0.into(),
            execution_seconds: 0.0.into(),
            total_cost: Money::default(),
            last_ended: None,
            lease_until: None,
            created_at: now,
        }
    }

    /// Counts a new plan, which wants to be looked at at `due`, if there is not a look to come anyway.
    pub fn begin_task(&mut self, due: Stamp) {
        self.total_tasks = (self.total_tasks.get().unwrap_or(0) + 1).into();
        self.lease_until = self.lease_until.or(Some(due));
    }

    /// Counts a plan that has ended.
    pub fn count(&mut self, plan: &Plan) {
        let place = match plan.status {
            PlanStatus::Active => return,
            PlanStatus::Completed => &mut self.successful_tasks,
            PlanStatus::Failed => &mut self.failed_tasks,
            PlanStatus::Cancelled => &mut self.cancelled_tasks,
        };
        *place = (place.get().unwrap_or(0) + 1).into();
        let ended = plan.finished_at.unwrap_or(plan.created_at);
        let seconds = self.execution_seconds.get().unwrap_or(0.0);
        self.execution_seconds = (seconds + ended.seconds_since(&plan.created_at)).into();
        let cost = plan.actual_cost.unwrap_or_default();
        self.total_cost = self.total_cost + cost;
        self.last_ended = Some(plan.status);
    }

    /// How it does on the whole, in the contract's form. Means are over the tasks that have ended, cancelled ones included:
    /// seconds from plan to end, and what they have cost.
    pub fn metrics(&self, active: usize, roster: &Roster, held: &[Held]) -> Value {
        let count = |number: &Int| number.get().unwrap_or(0);
        let (successful, failed, cancelled) = (
            count(&self.successful_tasks),
            count(&self.failed_tasks),
            count(&self.cancelled_tasks),
        );
        let ended = successful + failed + cancelled;
        let mean = |sum: f64| if ended > 0 { sum / figure(ended) } else { 0.0 };
        let status = match (active, self.last_ended) {
            (1.., _) => "monitoring",
            (0, Some(PlanStatus::Completed)) => "completed",
            (0, Some(_)) => "failed",
            (0, None) => "idle",
        };
        json!({
            "orchestrator_status": status,
            "active_plans": active,
            "completed_plans": successful,
            "failed_plans": failed + cancelled,
            "registered_agents": roster.members.len(),
            "available_agents": roster.count(AgentStatus::Available),
            "metrics": {
                "total_tasks": count(&self.total_tasks),
                "successful_tasks": successful,
                "failed_tasks": failed,
                "cancelled_tasks": cancelled,
                "average_execution_time": mean(self.execution_seconds.get().unwrap_or(0.0)),
                "average_cost": mean(self.total_cost.number()),
                "agent_utilization": utilization(ResourceType::Gpu, roster, held),
            },
            "resource_utilization": ResourceType::ALL.iter().map(|resource| {
                (resource.word().to_owned(), utilization(*resource, roster, held).into())
            }).collect::<Map<String, Value>>(),
        })
    }
}

/// The share of a resource that is held. Agents say only of their places, one GPU each, how many there are; of a resource
/// that nobody has told the whole of, the contract's share is 0.
fn utilization(resource: ResourceType, roster: &Roster, held: &[Held]) -> f64 {
    if resource != ResourceType::Gpu {
        return 0.0;
    }
    let whole: i64 = roster.members.iter().map(super::agents::Member::places).sum();
    let used: i64 = held.iter().filter(|held| held.resource == resource).map(|h| h.amount).sum();
    if whole > 0 { figure(used) / figure(whole) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::agents::built_in;
    use super::super::agents::tests::{instant, roster};
    use super::super::course::tests::{RULES, course};
    use super::*;

    #[test]
    fn progress_follows_the_contract() {
        let mut course = course(&[("a", &[]), ("b", &["a"])]);
        let now = instant("2026-01-01 11:00:00");
        let seen = |course: &Course| {
            let progress = course.progress(now);
            (progress["status"].clone(), progress["progress"].clone())
        };
        assert_eq!(seen(&course), (json!("pending"), json!(0.0)));
        course.start("asgn_1", now).unwrap();
        assert_eq!(seen(&course), (json!("pending"), json!(0.0)));
        course.complete("asgn_1", Map::new(), &RULES, now).unwrap();
        assert_eq!(seen(&course), (json!("in_progress"), json!(0.5)));
        let mut failing = course.clone();
        failing.fail("asgn_2", "no".to_owned(), &RULES, now).unwrap();
        assert_eq!(seen(&failing), (json!("failed"), json!(0.5)));
        course.start("asgn_2", now).unwrap();
        course.complete("asgn_2", Map::new(), &RULES, now).unwrap();
        assert_eq!(seen(&course), (json!("completed"), json!(1.0)));
        let counts = course.progress(now)["status_counts"].clone();
        assert_eq!((&counts["completed"], &counts["pending"]), (&json!(2), &json!(0)));
    }

    #[test]
    fn metrics_are_those_of_the_contract_and_the_missing_ones_too() {
        let now = instant("2026-01-01 10:00:00");
        let mut orchestrator = Orchestrator::new("alice", now);
        let idle = orchestrator.metrics(0, &roster(now), &[]);
        assert_eq!(idle["orchestrator_status"], "idle");
        assert_eq!((&idle["registered_agents"], &idle["available_agents"]), (&json!(3), &json!(3)));

        let mut course = course(&[("a", &[])]);
        let later = now.plus_seconds(1800);
        course.start("asgn_1", now).unwrap();
        course.complete("asgn_1", Map::new(), &RULES, later).unwrap();
        orchestrator.count(&course.plan);
        let held =
            [Held { agent_id: "agent_001".to_owned(), resource: ResourceType::Gpu, amount: 3 }];
        let roster = Roster::new(built_in("alice", now).into(), &held, now);
        insta::assert_json_snapshot!(orchestrator.metrics(0, &roster, &held), @r#"
        {
          "orchestrator_status": "completed",
          "active_plans": 0,
          "completed_plans": 1,
          "failed_plans": 0,
          "registered_agents": 3,
          "available_agents": 2,
          "metrics": {
            "total_tasks": 0,
            "successful_tasks": 1,
            "failed_tasks": 0,
            "cancelled_tasks": 0,
            "average_execution_time": 1800.0,
            "average_cost": 0.025,
            "agent_utilization": 0.5
          },
          "resource_utilization": {
            "gpu": 0.5,
            "cpu": 0.0,
            "memory": 0.0,
            "storage": 0.0
          }
        }
        "#);
        let busy = orchestrator.metrics(1, &roster, &held);
        assert_eq!(busy["orchestrator_status"], "monitoring");
    }
}
