//! What agents report of their assignments: begun, done, not done.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{own_assignment, own_plan};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::orchestration::Rules;
use crate::logic::orchestration::course::Course;
use crate::python::time::Stamp;
use crate::tables::column::Record as _;
use crate::tables::own::orchestration::Assignment;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the assignment.
const ID: &str = "assignment_id";

/// Longest results, as JSON text.
const MOST_RESULTS: usize = 64 * 1024;

static DONE: LazyShape = LazyLock::new(|| {
    Shape::new([field("results", Kind::object()).default(json!({})).rule(|results, _| {
        let fits = results.to_string().len() <= MOST_RESULTS;
        if fits { Ok(()) } else { Err("results have 64 KiB at most") }
    })])
});

static NOT_DONE: LazyShape =
    LazyLock::new(|| Shape::new([field("error_message", Kind::text_within(1, 1000))]));

#[derive(Debug, Deserialize)]
struct Done {
    results: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct NotDone {
    error_message: String,
}

/// `GET /orchestration/assignments/{assignment_id}`.
pub fn show() -> Action {
    Action::new("Show an assignment", async |work: Work, input: Input| {
        let found = work.store.assignment_find(input.part(ID)).await?;
        Ok(Reply::ok(&own_assignment(found, &input.caller)?.to_json()))
    })
    .refuses(&[403, 404])
    .answers(assignment)
}

/// `POST /orchestration/assignments/{assignment_id}/start`.
pub fn start() -> Action {
    let about =
        "Say that the agent has begun, which it can when all that its sub-task waits for is done";
    Action::new(about, async |work: Work, input: Input| {
        let id = input.part(ID).to_owned();
        report(&work, &input, |course, _, now| course.start(&id, now)).await
    })
    .refuses(&[403, 404, 409])
    .answers(assignment)
}

/// `POST /orchestration/assignments/{assignment_id}/complete`.
pub fn complete() -> Action {
    Action::new("Say that the agent is done", async |work: Work, mut input: Input| {
        let Done { results } = input.body()?;
        let id = input.part(ID).to_owned();
        report(&work, &input, |course, rules, now| course.complete(&id, results, rules, now)).await
    })
    .body(&DONE)
    .refuses(&[403, 404, 409])
    .answers(assignment)
}

/// `POST /orchestration/assignments/{assignment_id}/fail`.
pub fn fail() -> Action {
    Action::new("Say that the agent gives up", async |work: Work, mut input: Input| {
        let NotDone { error_message } = input.body()?;
        let id = input.part(ID).to_owned();
        report(&work, &input, |course, rules, now| course.fail(&id, error_message, rules, now))
            .await
    })
    .body(&NOT_DONE)
    .refuses(&[403, 404, 409])
    .answers(assignment)
}

/// Lets a report change the course of its plan. It is a sign of life of the agent, too.
async fn report(
    work: &Work,
    input: &Input,
    change: impl FnOnce(&mut Course, &Rules, Stamp) -> Result<(), Denied>,
) -> Result<Reply, ApiError> {
    let mut writing = work.store.write().await?;
    let found = writing.assignment_find(input.part(ID)).await?;
    let Assignment { id, plan_id, agent_id, .. } = own_assignment(found, &input.caller)?;
    let plan = own_plan(writing.plan_find(&plan_id).await?, &input.caller)?;
    let mut course = writing.course_of(plan).await?;
    let now = work.now();
    change(&mut course, work.orchestration(), now)?;
    writing.agent_seen(&input.caller, &agent_id, now).await?;
    writing.course_save(&course, now).await?;
    writing.commit().await?;
    let reported = course.assignments.iter().find(|assignment| assignment.id == id);
    Ok(Reply::ok(&reported.map_or(Value::Null, Assignment::to_json)))
}

fn assignment() -> Value {
    of_table(&Assignment::TABLE)
}
