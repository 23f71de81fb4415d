//! Agents: register, change, give signs of life; who stands how, and who could take what.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::schemas;
use crate::handlers::message_schema;
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_table};
use crate::http::paging::page;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::orchestration::agents::{
    AgentChange, AgentStatus, MOST_AGENTS, Member, NewAgent, Roster, SETTABLE,
};
use crate::store::courses::AssignmentFilter;
use crate::store::orchestrators::Crew;
use crate::tables::column::Record as _;
use crate::tables::own::orchestration::{Assignment, AssignmentStatus, GpuTier, TaskType};
use crate::validation::kind::{LazyPattern, pattern};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the agent.
const ID: &str = "agent_id";

/// What an agent may be called: it has to stand in a path.
static NAME: LazyPattern = LazyLock::new(|| pattern("^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"));

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field(ID, Kind::text_like(&NAME)),
        field("supported_task_types", task_types()).rule(some_types),
        // Able to do what the example of a plan asks for.
        field("gpu_tier", Kind::Choice(GpuTier::WORDS)).example("mid_range_gpu"),
        field("max_concurrent_tasks", places()).default(1),
        field("performance_score", share()),
        field("cost_per_hour", price()),
        field("reliability_score", share()),
    ])
});

static CHANGE: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("supported_task_types", task_types()).optional().rule(some_types),
        field("gpu_tier", Kind::Choice(GpuTier::WORDS)).optional(),
        field("max_concurrent_tasks", places()).optional(),
        field("performance_score", share()).optional(),
        field("cost_per_hour", price()).optional(),
        field("reliability_score", share()).optional(),
        field("status", Kind::Choice(SETTABLE)).optional(),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    let [limit, offset] = page(100);
    Shape::new([field("status", Kind::Choice(AgentStatus::WORDS)).filter(), limit, offset])
});

static WANTED: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("task_type", Kind::Choice(TaskType::WORDS)),
        field("gpu_tier", Kind::Choice(GpuTier::WORDS)).example("mid_range_gpu"),
    ])
});

static OF_AGENT: LazyShape = LazyLock::new(|| {
    let [limit, offset] = page(50);
    Shape::new([field("status", Kind::Choice(AssignmentStatus::WORDS)).filter(), limit, offset])
});

fn task_types() -> Kind {
    Kind::list_of(Kind::Choice(TaskType::WORDS))
}

fn some_types(sent: &Value, _: &Map<String, Value>) -> Result<(), &'static str> {
    match sent.as_array().map(Vec::len) {
        Some(1..=10) => Ok(()),
        _ => Err("an agent supports 1 to 10 types of tasks"),
    }
}

fn places() -> Kind {
    Kind::integer_within(1, 1000)
}

fn share() -> Kind {
    Kind::number_within(0.0, 1.0)
}

fn price() -> Kind {
    Kind::number_within(0.0, 1e6)
}

#[derive(Debug, Deserialize)]
struct Filter {
    status: Option<AgentStatus>,
    limit: usize,
    offset: usize,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    task_type: TaskType,
    gpu_tier: GpuTier,
}

#[derive(Debug, Deserialize)]
struct OfAgent {
    status: Option<AssignmentStatus>,
    limit: i64,
    offset: i64,
}

/// `POST /orchestration/agents`: new, or again with other abilities.
pub fn register() -> Action {
    let about = "Register an agent; one of the same name gets these abilities";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewAgent = input.body()?;
        let mut writing = work.store.write().await?;
        let now = work.now();
        writing.orchestrator_begin(&input.caller, now).await?;
        let Crew { roster, .. } = writing.crew(&input.caller, now).await?;
        let former = roster.member(&new.agent_id);
        if former.is_none() && roster.members.len() >= MOST_AGENTS {
            return Err(Denied::Conflict("There are 100 agents already; remove one").into());
        }
        let agent = new.into_row(input.caller, former.map(|member| &member.agent), now);
        match former {
            None => writing.agent_insert(&agent).await?,
            Some(_) => writing.agent_update(&agent).await?,
        }
        let load = former.map_or(0, |member| member.load);
        writing.commit().await?;
        Ok(Reply::created(&Member { agent, load }.shown(now)))
    })
    .body(&NEW)
    .creates()
    .refuses(&[409])
    .answers(schemas::agent)
}

/// `GET /orchestration/agents`.
pub fn list() -> Action {
    Action::new("List one's agents as they registered", async |work: Work, mut input: Input| {
        let Filter { status, limit, offset } = input.query()?;
        let Crew { roster, .. } = work.store.crew(&input.caller, work.now()).await?;
        let page = roster.standing(status).skip(offset).take(limit);
        Ok(Reply::ok(&page.map(|member| member.shown(roster.now())).collect()))
    })
    .query(&FILTER)
    .answers(|| list_of(&schemas::agent()))
}

/// `GET /orchestration/agents/{agent_id}`.
pub fn show() -> Action {
    Action::new("Show an agent and how it stands", async |work: Work, input: Input| {
        let Crew { roster, .. } = work.store.crew(&input.caller, work.now()).await?;
        Ok(Reply::ok(&member(&roster, &input)?.shown(roster.now())))
    })
    .refuses(&[404])
    .answers(schemas::agent)
}

/// `PUT /orchestration/agents/{agent_id}`.
pub fn change() -> Action {
    let about = "Change an agent's abilities, or take it out for maintenance and back";
    Action::new(about, async |work: Work, mut input: Input| {
        let change: AgentChange = input.body()?;
        let mut writing = work.store.write().await?;
        let now = work.now();
        writing.orchestrator_begin(&input.caller, now).await?;
        let Crew { roster, .. } = writing.crew(&input.caller, now).await?;
        let mut member = member(&roster, &input)?.clone();
        change.apply(&mut member.agent, now);
        writing.agent_update(&member.agent).await?;
        writing.commit().await?;
        Ok(Reply::ok(&member.shown(now)))
    })
    .body(&CHANGE)
    .refuses(&[404])
    .answers(schemas::agent)
}

/// `POST /orchestration/agents/{agent_id}/heartbeat`.
pub fn heartbeat() -> Action {
    Action::new("Say that an agent is there", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let now = work.now();
        writing.orchestrator_begin(&input.caller, now).await?;
        writing.agent_seen(&input.caller, input.part(ID), now).await?;
        let Crew { roster, .. } = writing.crew(&input.caller, now).await?;
        let shown = member(&roster, &input)?.shown(now);
        writing.commit().await?;
        Ok(Reply::ok(&shown))
    })
    .refuses(&[404])
    .answers(schemas::agent)
}

/// `DELETE /orchestration/agents/{agent_id}`.
pub fn remove() -> Action {
    Action::new("Remove an agent that has nothing to do", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let now = work.now();
        writing.orchestrator_begin(&input.caller, now).await?;
        let Crew { roster, .. } = writing.crew(&input.caller, now).await?;
        if member(&roster, &input)?.load > 0 {
            let text = "The agent has assignments; let it end them, or cancel their plans";
            return Err(Denied::Conflict(text).into());
        }
        writing.agent_delete(&input.caller, input.part(ID)).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Agent removed successfully"})))
    })
    .refuses(&[404, 409])
    .answers(message_schema)
}

/// `GET /orchestration/agents/{agent_id}/assignments`.
pub fn assignments() -> Action {
    let about = "List what an agent was assigned, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let OfAgent { status, limit, offset } = input.query()?;
        let Crew { roster, .. } = work.store.crew(&input.caller, work.now()).await?;
        let agent_id = member(&roster, &input)?.agent.agent_id.clone();
        let owner = input.caller;
        let filter = AssignmentFilter { owner, agent_id, status, limit, offset };
        let found = work.store.assignment_list(&filter).await?;
        Ok(Reply::ok(&found.iter().map(Assignment::to_json).collect()))
    })
    .query(&OF_AGENT)
    .refuses(&[404])
    .answers(|| list_of(&of_table(&Assignment::TABLE)))
}

/// `GET /orchestration/candidates`.
pub fn candidates() -> Action {
    let about = "Who could take a sub-task now, the best first, with scores";
    Action::new(about, async |work: Work, mut input: Input| {
        let Wanted { task_type, gpu_tier } = input.query()?;
        let Crew { roster, .. } = work.store.crew(&input.caller, work.now()).await?;
        let candidates = roster.candidates(task_type, gpu_tier);
        let shown = candidates.iter().map(|candidate| candidate.shown(roster.now()));
        Ok(Reply::ok(&shown.collect()))
    })
    .query(&WANTED)
    .answers(|| list_of(&schemas::candidate()))
}

/// The agent in the path. Agents are named among those of their owner, so nobody else's is ever found.
fn member<'r>(roster: &'r Roster, input: &Input) -> Result<&'r Member, ApiError> {
    Ok(roster.member(input.part(ID)).ok_or(Denied::NotFound("Agent"))?)
}
