//! Resources: allocate, list.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{AGENT, limit, row, rows};
use crate::handlers::check_filter;
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns};
use crate::http::{Action, Input};
use crate::logic::performance::resources::{NewAllocation, STATUSES};
use crate::store::performance::AllocationFilter;
use crate::tables::Record as _;
use crate::tables::performance::{Allocation, OptimizationTarget};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

// `priority_level` is taken and not looked at, as in the monolith.
static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_id", Kind::text()),
        field("task_requirements", Kind::object()),
        field("optimization_target", Kind::Choice(OptimizationTarget::WORDS)).default("efficiency"),
        field("priority_level", Kind::text()).default("normal"),
    ])
});

static FILTER: LazyShape =
    LazyLock::new(|| Shape::new([field("status", Kind::text()).filter(), limit(20)]));

#[derive(Debug, Deserialize)]
struct Filter {
    status: Option<String>,
    limit: u8,
}

/// What is shown of a new allocation.
const CREATED: &[&str] = &[
    "allocation_id",
    "agent_id",
    "cpu_cores",
    "memory_gb",
    "gpu_count",
    "gpu_memory_gb",
    "storage_gb",
    "network_bandwidth",
    "optimization_target",
    "status",
    "allocated_at",
];

/// What is shown of each allocation of a list.
const LISTED: &[&str] = &[
    "allocation_id",
    "agent_id",
    "task_id",
    "cpu_cores",
    "memory_gb",
    "gpu_count",
    "gpu_memory_gb",
    "storage_gb",
    "network_bandwidth",
    "optimization_target",
    "priority_level",
    "status",
    "efficiency_score",
    "cost_efficiency",
    "allocated_at",
    "started_at",
    "completed_at",
];

/// `POST /resources/allocate`.
pub fn allocate() -> Action {
    Action::new("Reckon the resources of a task", async |work: Work, mut input: Input| {
        let new: NewAllocation = input.body()?;
        let mut writing = work.store.write().await?;
        let ids = writing.free_ids::<Allocation>(|| work.id("alloc_", 8)).await?;
        let allocation = new.into_row(ids, work.now())?;
        writing.allocation_insert(&allocation).await?;
        writing.commit().await?;
        Ok(row(&allocation, CREATED))
    })
    .unguarded()
    .body(&NEW)
    .refuses(&[400])
    .answers(|| of_columns(&Allocation::TABLE, CREATED))
}

/// `GET /resources/{agent_id}`.
pub fn list() -> Action {
    let about = "List the allocations of an agent, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Filter { status, limit } = input.query()?;
        check_filter(&work, "status", status.as_deref(), STATUSES)?;
        let filter = AllocationFilter { status, limit };
        let found = work.store.allocation_list(input.part(AGENT), &filter).await?;
        Ok(rows(&found, LISTED))
    })
    .unguarded()
    .query(&FILTER)
    .answers(|| list_of(&of_columns(&Allocation::TABLE, LISTED)))
}
