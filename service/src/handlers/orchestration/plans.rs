//! Plans: ask for one, see how it fares, retry what failed, end it.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{own_plan, schemas};
use crate::handlers::message_schema;
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_table};
use crate::http::paging::{page, page_up_to};
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::orchestration::decomposition::check;
use crate::logic::orchestration::planning::{Named, NewPlan};
use crate::python::time::Stamp;
use crate::store::Page;
use crate::store::courses::PlanFilter;
use crate::store::orchestrators::Crew;
use crate::tables::column::Record as _;
use crate::tables::own::orchestration::{Allocation, GpuTier, Plan, PlanStatus, TaskType};
use crate::validation::kind::{LazyPattern, pattern};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the plan.
const ID: &str = "plan_id";

/// Plans that have ended and are kept for each owner.
const KEPT_PLANS: i64 = 50;

/// The hours of a year: no sub-task takes longer.
const YEAR: f64 = 8760.0;

/// As ISO 8601 has it; without a zone it is UTC.
static INSTANT: LazyPattern = LazyLock::new(|| {
    pattern(
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?\
         (Z|[+-][0-9]{2}:[0-9]{2})?$",
    )
});

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("task_id", Kind::text_within(1, 100)),
        field("decomposition", Kind::Model(decomposition())),
        field("budget_limit", Kind::number_within(0.0, 1e9).or_null()).optional(),
        field("deadline", Kind::text_like(&INSTANT).or_null()).optional().rule(an_instant),
    ])
});

fn decomposition() -> Shape {
    Shape::new([
        field("sub_tasks", Kind::list_of(Kind::Model(sub_task()))),
        field("execution_plan", Kind::list_of(texts()).or_null()).optional(),
        field("estimated_total_duration", Kind::number_within(0.0, 1e6).or_null()).optional(),
        field("estimated_total_cost", Kind::number_within(0.0, 1e9).or_null()).optional(),
        field("confidence_score", Kind::number_within(0.0, 1.0)),
        field("decomposition_strategy", Kind::text_up_to(100)).default("adaptive"),
    ])
    .rule(check)
}

fn sub_task() -> Shape {
    let requirements = Shape::new([
        field("task_type", Kind::Choice(TaskType::WORDS)).example("text_processing"),
        field("estimated_duration", Kind::number_within(0.0, YEAR)),
        field("gpu_tier", Kind::Choice(GpuTier::WORDS)).example("mid_range_gpu"),
        field("memory_requirement", Kind::integer_within(0, 1_000_000)),
        field("compute_intensity", Kind::number_within(0.0, 1.0)).default(0.5),
        field("data_size", Kind::integer_from(0)).default(0),
        field("priority", Kind::integer_within(1, 10)).default(5),
        field("deadline", Kind::text_like(&INSTANT).or_null()).optional().rule(an_instant),
        field("max_cost", Kind::number_within(0.0, 1e9).or_null()).optional(),
    ]);
    Shape::new([
        field("sub_task_id", Kind::text_within(1, 100)),
        field("name", Kind::text_up_to(200)).default(""),
        field("description", Kind::text_up_to(5000)).default(""),
        field("requirements", Kind::Model(requirements)),
        field("dependencies", texts()).default(json!([])),
        field("inputs", texts()).default(json!([])).rule(few),
        field("outputs", texts()).default(json!([])).rule(few),
    ])
}

fn texts() -> Kind {
    Kind::list_of(Kind::text_within(1, 100))
}

fn few(sent: &Value, _: &Map<String, Value>) -> Result<(), &'static str> {
    let count = sent.as_array().map_or(0, Vec::len);
    if count <= 100 { Ok(()) } else { Err("there are 100 at most") }
}

/// Digits in the right places need not be a day.
fn an_instant(sent: &Value, _: &Map<String, Value>) -> Result<(), &'static str> {
    match sent.as_str().map(Stamp::parse) {
        Some(None) => Err("there is no such instant"),
        _ => Ok(()),
    }
}

static FILTER: LazyShape = LazyLock::new(|| {
    let filters = [field("status", Kind::Choice(PlanStatus::WORDS)).filter()];
    Shape::new(filters.into_iter().chain(page(50)))
});

static PAGE: LazyShape = LazyLock::new(|| Shape::new(page_up_to(200, 100)));

#[derive(Debug, Deserialize)]
struct Filter {
    status: Option<PlanStatus>,
    limit: i64,
    offset: i64,
}

/// `POST /orchestration/plans`.
pub fn create() -> Action {
    let about = "Orchestrate a task: each sub-task gets an agent at once, or there is no plan";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewPlan = input.body()?;
        let rules = *work.orchestration();
        let owner = input.caller;
        let mut writing = work.store.write().await?;
        let now = work.now();
        let mut orchestrator = writing.orchestrator_begin(&owner, now).await?;
        let active = writing.plan_list_active(&owner).await?;
        if i64::try_from(active.len()).unwrap_or(i64::MAX) >= rules.most_plans {
            return Err(Denied::Conflict("Orchestrator at maximum capacity").into());
        }
        if active.iter().any(|plan| plan.task_id == new.task_id) {
            return Err(Denied::Conflict("The task is being orchestrated already").into());
        }
        let Crew { mut roster, .. } = writing.crew(&owner, now).await?;
        let id = work.id("oplan_", 12);
        let mut ids = || work.id("oasgn_", 12);
        let course = new.assign(Named { owner: &owner, plan: &id }, &mut roster, &mut ids)?;
        writing.course_save(&course, now).await?;
        writing.plan_forget(&owner, KEPT_PLANS).await?;
        orchestrator.begin_task(now.plus_seconds(rules.monitoring_interval));
        writing.orchestrator_update(&orchestrator).await?;
        writing.commit().await?;
        Ok(Reply::created(&course.shown()))
    })
    .body(&NEW)
    .creates()
    .refuses(&[409])
    .answers(schemas::course)
}

/// `GET /orchestration/plans`.
pub fn list() -> Action {
    Action::new("List one's plans, newest first", async |work: Work, mut input: Input| {
        let Filter { status, limit, offset } = input.query()?;
        let filter = PlanFilter { owner: input.caller, status, limit, offset };
        let found = work.store.plan_list(&filter).await?;
        Ok(Reply::ok(&found.iter().map(Plan::to_json).collect()))
    })
    .query(&FILTER)
    .answers(|| list_of(&of_table(&Plan::TABLE)))
}

/// `GET /orchestration/plans/{plan_id}`.
pub fn show() -> Action {
    Action::new("Show a plan with its assignments", async |work: Work, input: Input| {
        let plan = owned(&work, &input).await?;
        Ok(Reply::ok(&work.store.course_of(plan).await?.shown()))
    })
    .refuses(&[403, 404])
    .answers(schemas::course)
}

/// `GET /orchestration/plans/{plan_id}/status`.
pub fn status() -> Action {
    Action::new(
        "How a task fares, and what it has cost so far",
        async |work: Work, input: Input| {
            let plan = owned(&work, &input).await?;
            Ok(Reply::ok(&work.store.course_of(plan).await?.progress(work.now())))
        },
    )
    .refuses(&[403, 404])
    .answers(schemas::progress)
}

/// `GET /orchestration/plans/{plan_id}/allocations`.
pub fn allocations() -> Action {
    let about = "List what a plan holds and has held, in the order in which it was taken";
    Action::new(about, async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let plan = owned(&work, &input).await?;
        let found = work.store.ledger_list(&plan.id, limit, offset).await?;
        Ok(Reply::ok(&found.iter().map(Allocation::to_json).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| list_of(&of_table(&Allocation::TABLE)))
}

/// `POST /orchestration/plans/{plan_id}/cancel`.
pub fn cancel() -> Action {
    let about = "End a plan, with what is assigned and what is under way";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let plan = own_plan(writing.plan_find(input.part(ID)).await?, &input.caller)?;
        let mut course = writing.course_of(plan).await?;
        let now = work.now();
        course.cancel(now)?;
        writing.course_save(&course, now).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Plan cancelled successfully"})))
    })
    .refuses(&[403, 404, 409])
    .answers(message_schema)
}

/// `POST /orchestration/plans/{plan_id}/retry`.
pub fn retry() -> Action {
    let about = "Assign what failed anew, as far as it may be retried";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let plan = own_plan(writing.plan_find(input.part(ID)).await?, &input.caller)?;
        let mut course = writing.course_of(plan).await?;
        let now = work.now();
        let Crew { mut roster, .. } = writing.crew(&input.caller, now).await?;
        let mut ids = || work.id("oasgn_", 12);
        let retried = course.retry(work.orchestration(), &mut roster, &mut ids)?;
        writing.course_save(&course, now).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"retried": retried, "plan": course.shown()})))
    })
    .refuses(&[403, 404, 409])
    .answers(schemas::retried)
}

/// The plan in the path, if it is the caller's.
async fn owned(work: &Work, input: &Input) -> Result<Plan, ApiError> {
    Ok(own_plan(work.store.plan_find(input.part(ID)).await?, &input.caller)?)
}
