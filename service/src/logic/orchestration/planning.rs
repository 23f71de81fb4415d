//! A new plan: every sub-task gets an agent at once, or there is no plan.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::agents::{AgentStatus, Roster};
use super::confidence::Outlook;
use super::course::Course;
use super::decomposition::{Decomposition, SubTask};
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::own::orchestration::{Agent, Assignment, AssignmentStatus, Plan, PlanStatus};
use crate::tables::{Json, Money};

/// Seconds that each stage is thought to take, before anybody has begun.
const STAGE: i64 = 2 * 3600;

/// What a client wants orchestrated.
#[derive(Debug, Clone, Deserialize)]
pub struct NewPlan {
    /// The client's own name for it.
    pub task_id: String,
    decomposition: Decomposition,
    budget_limit: Option<Money>,
    deadline: Option<String>,
}

/// Whose plan it is going to be, and what it is called.
#[derive(Debug, Clone, Copy)]
pub struct Named<'n> {
    /// The owner.
    pub owner: &'n str,
    /// The plan.
    pub plan: &'n str,
}

/// Why nothing was planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplanned {
    /// Nobody has a place for it.
    #[error("No available agents for sub-task {sub_task} ({standing})")]
    NoAgent {
        /// What nobody can take.
        sub_task: String,
        /// What it asks for, and how those stand who could do it.
        standing: String,
    },
    /// Otherwise.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Unplanned {
    /// Nobody has a place for this sub-task, as those stand who could do it.
    pub fn nobody(sub_task: &str, standing: String) -> Self {
        Self::NoAgent { sub_task: sub_task.to_owned(), standing }
    }
}

impl NewPlan {
    /// The plan with an assignment for each sub-task, whose agents have their places taken. `ids` names assignments.
    pub fn assign(
        self,
        named: Named<'_>,
        roster: &mut Roster,
        ids: &mut impl FnMut() -> String,
    ) -> Result<Course, Unplanned> {
        let now = roster.now();
        let deadline = self.deadline.as_deref().and_then(Stamp::parse).map(|at| at.naive());
        if deadline.is_some_and(|at| at.micros_since(&now) <= 0) {
            return Err(Denied::Refused("The deadline has passed").into());
        }
        let Decomposition { stages, estimated_total_duration, estimated_total_cost, .. } =
            &self.decomposition;
        let outlook = Outlook {
            decomposition: self.decomposition.confidence_score,
            // As in the monolith, a budget of 0 is none.
            is_over_budget: self
                .budget_limit
                .is_some_and(|budget| budget != Money::default() && *estimated_total_cost > budget),
            is_late: deadline
                .is_some_and(|at| at.seconds_since(&now) / 3600.0 < *estimated_total_duration),
            available: (roster.count(AgentStatus::Available), roster.members.len()),
        };
        let confidence = outlook.confidence();
        let mut assignments = Vec::new();
        let mut estimated_cost = Money::default();
        for part in stages.iter().flatten() {
            let wanted = &part.requirements;
            let (kind, tier) = (wanted.task_type, wanted.gpu_tier);
            let agent = roster.take(kind, tier).ok_or_else(|| {
                Unplanned::nobody(&part.sub_task_id, roster.standing_for(kind, tier))
            })?;
            estimated_cost = estimated_cost + wanted.cost(agent.cost_per_hour);
            assignments.push(assignment(ids(), named, assignments.len(), part, &agent, now));
        }
        let plan = Plan {
            id: named.plan.to_owned(),
            owner_id: named.owner.to_owned(),
            task_id: self.task_id,
            status: PlanStatus::Active,
            decomposition_strategy: self.decomposition.strategy.clone(),
            execution_plan: Json(execution_plan(stages)),
            execution_timeline: Json(timeline(stages, now)),
            resource_requirements: Json(resource_requirements(stages)),
            estimated_total_duration: (*estimated_total_duration).into(),
            estimated_total_cost: *estimated_total_cost,
            estimated_cost,
            confidence_score: confidence.into(),
            budget_limit: self.budget_limit,
            deadline,
            actual_cost: None,
            error_message: None,
            created_at: now,
            finished_at: None,
        };
        Ok(Course::begun_with(plan, assignments))
    }
}

fn assignment(
    id: String,
    named: Named<'_>,
    position: usize,
    part: &SubTask,
    agent: &Agent,
    now: Stamp,
) -> Assignment {
    let wanted = &part.requirements;
    Assignment {
        id,
        plan_id: named.plan.to_owned(),
        owner_id: named.owner.to_owned(),
        agent_id: agent.agent_id.clone(),
        sub_task_id: part.sub_task_id.clone(),
        position: i64::try_from(position).unwrap_or(i64::MAX).into(),
        name: part.name.clone(),
        description: part.description.clone(),
        task_type: wanted.task_type,
        gpu_tier: wanted.gpu_tier,
        estimated_duration: wanted.estimated_duration.into(),
        memory_requirement: wanted.memory_requirement.into(),
        requirements: Json(Value::Object(wanted.others.clone())),
        dependencies: Json(json!(part.dependencies)),
        inputs: Json(json!(part.inputs)),
        outputs: Json(json!(part.outputs)),
        status: AssignmentStatus::Assigned,
        cost_per_hour: agent.cost_per_hour,
        cost: Money::default(),
        assigned_at: now,
        ready_at: part.dependencies.is_empty().then_some(now),
        started_at: None,
        completed_at: None,
        retry_count: 0.into(),
        error_message: None,
        results: None,
    }
}

fn execution_plan(stages: &[Vec<SubTask>]) -> Value {
    let names = |stage: &Vec<SubTask>| -> Value {
        stage.iter().map(|part| part.sub_task_id.as_str()).collect()
    };
    stages.iter().map(names).collect()
}

/// When each sub-task is thought to begin.
fn timeline(stages: &[Vec<SubTask>], now: Stamp) -> Value {
    let begins = (0..).map(|stage| now.plus_seconds(stage * STAGE).sent());
    let timed = stages.iter().zip(begins).flat_map(|(stage, begin)| {
        stage.iter().map(move |part| (part.sub_task_id.clone(), begin.clone().into()))
    });
    Value::Object(timed.collect::<Map<_, _>>())
}

/// A GPU for each sub-task, and the memory of all of them.
fn resource_requirements(stages: &[Vec<SubTask>]) -> Value {
    let memory: i64 =
        stages.iter().flatten().map(|part| part.requirements.memory_requirement).sum();
    let gpus = stages.iter().flatten().count();
    json!({"gpu": gpus, "cpu": 0, "memory": memory, "storage": 0})
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::agents::tests::{instant, roster};
    use super::super::decomposition::tests::{decomposition, part};
    use super::*;
    use crate::tables::column::Record as _;

    pub(crate) fn ids() -> impl FnMut() -> String {
        let mut next = 0;
        move || {
            next += 1;
            format!("asgn_{next}")
        }
    }

    const NAMED: Named<'static> = Named { owner: "alice", plan: "plan_1" };

    pub(crate) fn plan(body: Value, roster: &mut Roster) -> Result<Course, Unplanned> {
        let new: NewPlan = serde_json::from_value(body).unwrap();
        new.assign(NAMED, roster, &mut ids())
    }

    fn now() -> Stamp {
        instant("2026-01-01 10:00:00")
    }

    #[test]
    fn a_plan_of_the_contract() {
        let mut roster = roster(now());
        let parts = [part("a", &[]), part("b", &[]), part("c", &["a", "b"])];
        let body = json!({
            "task_id": "t", "decomposition": decomposition(&parts), "budget_limit": 0.3,
            "deadline": "2026-01-01T11:30:00+01:00",
        });
        let course = plan(body, &mut roster).unwrap();
        insta::assert_json_snapshot!(course.plan.to_json(), @r#"
        {
          "id": "plan_1",
          "owner_id": "alice",
          "task_id": "t",
          "status": "active",
          "decomposition_strategy": "adaptive",
          "execution_plan": [
            [
              "a",
              "b"
            ],
            [
              "c"
            ]
          ],
          "execution_timeline": {
            "a": "2026-01-01T10:00:00",
            "b": "2026-01-01T10:00:00",
            "c": "2026-01-01T12:00:00"
          },
          "resource_requirements": {
            "gpu": 3,
            "cpu": 0,
            "memory": 12,
            "storage": 0
          },
          "estimated_total_duration": 1.0,
          "estimated_total_cost": 0.375,
          "estimated_cost": 0.075,
          "confidence_score": 0.33599999999999997,
          "budget_limit": 0.3,
          "deadline": "2026-01-01T10:30:00",
          "actual_cost": null,
          "error_message": null,
          "created_at": "2026-01-01T10:00:00",
          "finished_at": null
        }
        "#);
        let shown: Vec<_> = course
            .assignments
            .iter()
            .map(|a| (a.id.as_str(), a.agent_id.as_str(), a.status.word(), a.ready_at.is_some()))
            .collect();
        assert_eq!(
            shown,
            [
                ("asgn_1", "agent_001", "assigned", true),
                ("asgn_2", "agent_001", "assigned", true),
                ("asgn_3", "agent_001", "assigned", false),
            ]
        );
        assert_eq!(roster.members[0].load, 3);
    }

    #[test]
    fn without_a_place_for_each_sub_task_there_is_no_plan() {
        let parts = ["a", "b", "c", "d"].map(|id| part(id, &[]));
        let body = json!({"task_id": "t", "decomposition": decomposition(&parts)});
        let refused = plan(body, &mut roster(now())).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "No available agents for sub-task d (text_processing on mid_range_gpu: 1 busy)"
        );
    }

    #[test]
    fn budgets_and_deadlines_count_as_in_the_contract() {
        let confidence = |others: Value| {
            let mut body =
                json!({"task_id": "t", "decomposition": decomposition(&[part("a", &[])])});
            if let (Value::Object(body), Value::Object(others)) = (&mut body, others) {
                body.extend(others);
            }
            plan(body, &mut roster(now())).unwrap().plan.confidence_score.get().unwrap()
        };
        // Half an hour of a middling GPU is thought to cost 0.125.
        for (others, expected) in [
            (json!({}), 0.8),
            (json!({"budget_limit": 0.125}), 0.8),
            (json!({"budget_limit": 0.1249}), 0.56),
            (json!({"budget_limit": 0}), 0.8),
            (json!({"deadline": "2026-01-01 10:30:00"}), 0.8),
            (json!({"deadline": "2026-01-01 10:29:59"}), 0.48),
        ] {
            assert!((confidence(others.clone()) - expected).abs() < 1e-12, "{others}");
        }
        let late = json!({
            "task_id": "t", "decomposition": decomposition(&[part("a", &[])]),
            "deadline": "2026-01-01T12:00:00+02:00",
        });
        let refused = plan(late, &mut roster(now())).unwrap_err();
        assert_eq!(refused.to_string(), "The deadline has passed");
    }
}
