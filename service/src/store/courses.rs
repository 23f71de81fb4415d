//! Rows of plans, their assignments and the ledger of what these hold: `agent_service_orchestrator_…`.

use super::rows::{EVERY, all_of, cell};
use super::{Store, StoreError, Writing};
use crate::logic::orchestration::course::{Change, Course};
use crate::python::time::Stamp;
use crate::tables::own::orchestration::{
    Allocation, Assignment, AssignmentStatus, Plan, PlanStatus, ResourceType,
};
use crate::tables::{Cell, Float};

/// The assignments of a plan in the order in which they were planned.
const OF_PLAN: &str = "WHERE plan_id = ? ORDER BY position";

/// Which plans a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFilter {
    /// Whose.
    pub owner: String,
    /// Only those that stand so.
    pub status: Option<PlanStatus>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

/// Which assignments of an agent a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentFilter {
    /// Whose.
    pub owner: String,
    /// Of this agent.
    pub agent_id: String,
    /// Only those that stand so.
    pub status: Option<AssignmentStatus>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl Store {
    /// The plan with this id.
    pub async fn plan_find(&self, id: &str) -> Result<Option<Plan>, StoreError> {
        self.find("find a plan", "WHERE id = ?", vec![id.into()]).await
    }

    /// A plan with its assignments.
    pub async fn course_of(&self, plan: Plan) -> Result<Course, StoreError> {
        let binds = vec![cell(&plan.id)];
        let assignments = self.select("read a plan", OF_PLAN, binds).await?;
        Ok(Course::of(plan, assignments))
    }

    /// The plans that pass the filter, newest first.
    pub async fn plan_list(&self, filter: &PlanFilter) -> Result<Vec<Plan>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("owner_id = ?", Some(cell(&filter.owner))),
            ("status = ?", filter.status.as_ref().map(cell)),
        ]);
        binds.extend([Cell::Integer(filter.limit), Cell::Integer(filter.offset)]);
        let rest =
            format!("WHERE {conditions} ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?");
        self.select("list plans", &rest, binds).await
    }

    /// How many of an owner's plans are under way. They are few: there is a limit.
    pub async fn plan_count_active(&self, owner: &str) -> Result<usize, StoreError> {
        let binds = vec![owner.into()];
        let active: Vec<Plan> = self.select("count plans", ACTIVE, binds).await?;
        Ok(active.len())
    }

    /// The assignment with this id.
    pub async fn assignment_find(&self, id: &str) -> Result<Option<Assignment>, StoreError> {
        self.find("find an assignment", "WHERE id = ?", vec![id.into()]).await
    }

    /// The assignments that pass the filter, newest first.
    pub async fn assignment_list(
        &self,
        filter: &AssignmentFilter,
    ) -> Result<Vec<Assignment>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("owner_id = ?", Some(cell(&filter.owner))),
            ("agent_id = ?", Some(cell(&filter.agent_id))),
            ("status = ?", filter.status.as_ref().map(cell)),
        ]);
        binds.extend([Cell::Integer(filter.limit), Cell::Integer(filter.offset)]);
        let rest =
            format!("WHERE {conditions} ORDER BY assigned_at DESC, rowid DESC LIMIT ? OFFSET ?");
        self.select("list assignments", &rest, binds).await
    }

    /// What a plan holds and has held, in the order in which it was taken.
    pub async fn ledger_list(
        &self,
        plan_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Allocation>, StoreError> {
        let rest = "WHERE plan_id = ? ORDER BY rowid LIMIT ? OFFSET ?";
        let binds = vec![plan_id.into(), Cell::Integer(limit), Cell::Integer(offset)];
        self.select("list allocations", rest, binds).await
    }
}

/// An owner's plans that are under way, the oldest first.
const ACTIVE: &str = "WHERE owner_id = ? AND status = 'ACTIVE' ORDER BY created_at, rowid";

impl Writing {
    /// The plan with this id, as this transaction sees it.
    pub async fn plan_find(&mut self, id: &str) -> Result<Option<Plan>, StoreError> {
        self.find("find a plan", "WHERE id = ?", vec![id.into()]).await
    }

    /// An owner's plans that are under way, the oldest first.
    pub async fn plan_list_active(&mut self, owner: &str) -> Result<Vec<Plan>, StoreError> {
        self.select("read the plans under way", ACTIVE, vec![owner.into()]).await
    }

    /// The assignment with this id, as this transaction sees it.
    pub async fn assignment_find(&mut self, id: &str) -> Result<Option<Assignment>, StoreError> {
        self.find("find an assignment", "WHERE id = ?", vec![id.into()]).await
    }

    /// A plan with its assignments, as this transaction sees them.
    pub async fn course_of(&mut self, plan: Plan) -> Result<Course, StoreError> {
        let binds = vec![cell(&plan.id)];
        let assignments = self.select("read a plan", OF_PLAN, binds).await?;
        Ok(Course::of(plan, assignments))
    }

    /// Writes what has changed about a course, and the ledger with it; counts a plan that has ended.
    pub async fn course_save(&mut self, course: &Course, now: Stamp) -> Result<(), StoreError> {
        let doing = "store a plan";
        let plan = &course.plan;
        match course.stored_plan() {
            None => self.insert(doing, plan).await?,
            Some(stored) if stored != plan => self.update(doing, plan).await?,
            Some(_) => {}
        }
        for change in course.changes() {
            match change {
                Change::New(assignment) => self.insert(doing, assignment).await?,
                Change::Altered(assignment) => self.update(doing, assignment).await?,
                Change::Renewed(former, assignment) => {
                    let sql = "DELETE FROM agent_service_orchestrator_assignments WHERE id = ?";
                    self.run(doing, sql, vec![former.into()]).await?;
                    self.insert(doing, assignment).await?;
                }
            }
        }
        for assignment in course.ended() {
            self.release(assignment, now).await?;
        }
        for assignment in course.begun() {
            self.allocate(assignment).await?;
        }
        if course.has_just_ended() {
            let mut orchestrator = self.orchestrator_begin(&plan.owner_id, now).await?;
            orchestrator.count(plan);
            self.orchestrator_update(&orchestrator).await?;
        }
        Ok(())
    }

    /// A GPU and memory for a try.
    async fn allocate(&mut self, assignment: &Assignment) -> Result<(), StoreError> {
        let memory = assignment.memory_requirement.clone();
        for (resource_type, amount) in
            [(ResourceType::Gpu, 1.into()), (ResourceType::Memory, memory)]
        {
            let allocation = Allocation {
                assignment_id: assignment.id.clone(),
                resource_type,
                plan_id: assignment.plan_id.clone(),
                agent_id: assignment.agent_id.clone(),
                sub_task_id: assignment.sub_task_id.clone(),
                allocated_amount: amount,
                expected_duration: assignment.estimated_duration.clone(),
                actual_duration: None,
                allocated_at: assignment.assigned_at,
                released_at: None,
                held_for: Some(assignment.owner_id.clone()),
            };
            self.insert("allocate resources", &allocation).await?;
        }
        Ok(())
    }

    /// Gives back what a try holds, if it still does.
    async fn release(&mut self, assignment: &Assignment, now: Stamp) -> Result<(), StoreError> {
        let sql = "UPDATE agent_service_orchestrator_allocations \
                   SET held_for = NULL, released_at = ?, actual_duration = ? \
                   WHERE assignment_id = ? AND held_for IS NOT NULL";
        let hours = assignment.hours().map(Float::from);
        let binds = vec![cell(&now), cell(&hours), cell(&assignment.id)];
        self.run("release resources", sql, binds).await.map(drop)
    }

    /// Forgets all but an owner's newest `kept` plans that have ended.
    pub async fn plan_forget(&mut self, owner: &str, kept: i64) -> Result<(), StoreError> {
        let old = format!(
            "SELECT id FROM agent_service_orchestrator_plans WHERE owner_id = ? AND status <> 'ACTIVE' \
             ORDER BY finished_at DESC, rowid DESC LIMIT {EVERY} OFFSET ?"
        );
        for (table, column) in [
            ("agent_service_orchestrator_allocations", "plan_id"),
            ("agent_service_orchestrator_assignments", "plan_id"),
            ("agent_service_orchestrator_plans", "id"),
        ] {
            let sql = format!("DELETE FROM {table} WHERE {column} IN ({old})");
            let binds = vec![owner.into(), Cell::Integer(kept)];
            self.run("forget old plans", sql, binds).await?;
        }
        Ok(())
    }
}
