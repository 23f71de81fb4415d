//! Optimisations: carry out, list.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{AGENT, limit, row, rows};
use crate::handlers::check_filter;
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns};
use crate::http::{Action, Input};
use crate::logic::performance::optimization::{self, NewOptimization};
use crate::store::performance::OptimizationFilter;
use crate::tables::Record as _;
use crate::tables::performance::{Optimization, PerformanceMetric};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

// `optimization_type` is taken and not looked at, as in the monolith.
static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_id", Kind::text()),
        field("target_metric", Kind::Choice(PerformanceMetric::WORDS)),
        field("current_performance", Kind::map_of(Kind::AnyNumber)),
        field("optimization_type", Kind::text()).default("comprehensive"),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("status", Kind::text()).filter(),
        field("target_metric", Kind::Choice(PerformanceMetric::WORDS)).filter(),
        limit(20),
    ])
});

#[derive(Debug, Deserialize)]
struct Filter {
    status: Option<String>,
    target_metric: Option<PerformanceMetric>,
    limit: u8,
}

/// What is shown of an optimisation that was just carried out.
const CREATED: &[&str] = &[
    "optimization_id",
    "agent_id",
    "optimization_type",
    "target_metric",
    "status",
    "performance_improvement",
    "resource_savings",
    "cost_savings",
    "overall_efficiency_gain",
    "created_at",
    "completed_at",
];

/// What is shown of each optimisation of a list.
const LISTED: &[&str] = &[
    "optimization_id",
    "agent_id",
    "optimization_type",
    "target_metric",
    "status",
    "baseline_performance",
    "optimized_performance",
    "baseline_cost",
    "optimized_cost",
    "performance_improvement",
    "resource_savings",
    "cost_savings",
    "overall_efficiency_gain",
    "optimization_duration",
    "iterations_required",
    "convergence_achieved",
    "created_at",
    "completed_at",
];

/// `POST /optimization/optimize`. One that cannot be carried out leaves its row as well.
pub fn optimize() -> Action {
    let about = "Simulate an optimisation: what it would save; nothing of the agent is changed";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewOptimization = input.body()?;
        let mut writing = work.store.write().await?;
        let ids = writing.free_ids::<Optimization>(|| work.id("opt_", 8)).await?;
        let mut made = new.into_row(ids, work.now())?;
        let outcome = optimization::carry_out(&mut made, || work.now());
        writing.optimization_insert(&made).await?;
        writing.commit().await?;
        outcome?;
        Ok(row(&made, CREATED))
    })
    .unguarded()
    .body(&NEW)
    .refuses(&[400])
    .answers(|| of_columns(&Optimization::TABLE, CREATED))
}

/// `GET /optimization/{agent_id}`.
pub fn list() -> Action {
    let about = "List the optimisations of an agent, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Filter { status, target_metric, limit } = input.query()?;
        check_filter(&work, "status", status.as_deref(), optimization::STATUSES)?;
        let filter = OptimizationFilter { status, target_metric, limit };
        let found = work.store.optimization_list(input.part(AGENT), &filter).await?;
        Ok(rows(&found, LISTED))
    })
    .unguarded()
    .query(&FILTER)
    .answers(|| list_of(&of_columns(&Optimization::TABLE, LISTED)))
}
