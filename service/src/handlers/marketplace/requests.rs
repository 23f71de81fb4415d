//! Requests: ask for a service, accept, complete, rate, cancel.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{acting, agent, object};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns};
use crate::http::paging::page;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::marketplace::requests::{self, NewRequest};
use crate::logic::marketplace::{MOST_OPEN_REQUESTS, day, reputation, services};
use crate::python::time::Stamp;
use crate::store::Writing;
use crate::store::marketplace::requests::{RequestFilter, Side};
use crate::tables::Money;
use crate::tables::column::Record as _;
use crate::tables::own::marketplace::{
    Complexity, Confidentiality, Priority, RequestStatus, Service, ServiceRequest,
};
use crate::validation::kind::Bounds;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the request.
const ID: &str = "request_id";

/// The largest budget. Whatever is paid adds up to what a column holds only as long as no single payment comes near that.
pub(super) const MOST_BUDGET: f64 = 1_000_000.0;

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        agent("client_id").example("publisher"),
        field("service_id", Kind::text_up_to(100)).example("svc_0123456789ab"),
        field("budget", Kind::Number(Bounds { ge: None, le: Some(MOST_BUDGET) })).example(20.0),
        field("requirements", Kind::text_up_to(10_000)).example("Twelve pages by Friday"),
        field("deadline", Kind::text()).optional().rule(instant),
        field("priority", Kind::Choice(Priority::WORDS)).default("normal"),
        field("complexity", Kind::Choice(Complexity::WORDS)).default("medium"),
        field("confidentiality", Kind::Choice(Confidentiality::WORDS)).default("public"),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    let filters = [
        field("role", Kind::Choice(&["client", "provider"])).default("client"),
        field("service_id", Kind::text()).filter(),
        field("status", Kind::Choice(RequestStatus::WORDS)).filter(),
    ];
    Shape::new(filters.into_iter().chain(page(50)))
});

static RESULTS: LazyShape =
    LazyLock::new(|| Shape::new([object("results").example(results_example())]));

static RATING: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("rating", Kind::integer()).example(5),
        field("review", Kind::text_up_to(2000)).default(""),
    ])
});

fn results_example() -> Value {
    serde_json::json!({"document": "https://example.org/translated.pdf", "pages": 12})
}

fn instant(value: &Value, _before: &Map<String, Value>) -> Result<(), &'static str> {
    match value.as_str().and_then(Stamp::parse) {
        Some(_) => Ok(()),
        None => Err("should be an instant like 2026-11-22T10:00:00Z"),
    }
}

#[derive(Debug, Deserialize)]
struct Query {
    role: String,
    service_id: Option<String>,
    status: Option<RequestStatus>,
    limit: i64,
    offset: i64,
}

#[derive(Debug, Deserialize)]
struct Results {
    results: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Rating {
    rating: i64,
    review: String,
}

fn schema() -> Value {
    of_columns(&ServiceRequest::TABLE, requests::SHOWN)
}

/// `POST /marketplace/requests`.
pub fn create() -> Action {
    Action::new("Ask for a service", async |work: Work, mut input: Input| {
        let new: NewRequest = input.body()?;
        let mut writing = work.store.write().await?;
        let found = writing.market_service_find(&new.service_id).await?;
        let service = services::found(found, &new.service_id)?;
        let now = work.now();
        acting(&work, &mut writing, &new.client_id, &input.caller).await?;
        if writing.market_requests_reach(&input.caller, MOST_OPEN_REQUESTS).await? {
            return Err(Denied::Conflict("There are 1000 open requests already").into());
        }
        let request = new.into_row(work.id("req_", 12), input.caller, &service, now)?;
        writing.market_request_insert(&request).await?;
        writing.commit().await?;
        Ok(Reply::created(&requests::shown(&request)))
    })
    .body(&NEW)
    .creates()
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

/// `GET /marketplace/requests`.
pub fn list() -> Action {
    let about = "List the requests that one has made, or those for one's services, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Query { role, service_id, status, limit, offset } = input.query()?;
        let side = if role == "provider" { Side::Provider } else { Side::Client };
        let filter = RequestFilter { owner: input.caller, side, service_id, status, limit, offset };
        let found = work.store.market_request_list(&filter).await?;
        Ok(Reply::ok(&found.iter().map(requests::shown).collect()))
    })
    .query(&FILTER)
    .answers(|| list_of(&schema()))
}

/// `GET /marketplace/requests/{request_id}`.
pub fn show() -> Action {
    Action::new("Show a request to its client or its provider", async |work: Work, input: Input| {
        let id = input.part(ID);
        let found = work.store.market_request_find(id).await?;
        let request = requests::concerning(found, id, &input.caller)?;
        Ok(Reply::ok(&requests::shown(&request)))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

/// `POST /marketplace/requests/{request_id}/accept`.
pub fn accept() -> Action {
    let about = "Accept a request for one's service; the payment is fixed";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let (mut request, service) = of_path(&mut writing, &input).await?;
        requests::accept(&mut request, &service, &input.caller, work.now())?;
        writing.market_request_update(&request).await?;
        writing.commit().await?;
        Ok(Reply::ok(&requests::shown(&request)))
    })
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// `POST /marketplace/requests/{request_id}/complete`.
pub fn complete() -> Action {
    let about = "Deliver what was asked for; of the results only a hash is kept";
    Action::new(about, async |work: Work, mut input: Input| {
        let Results { results } = input.body()?;
        let mut writing = work.store.write().await?;
        let (mut request, mut service) = of_path(&mut writing, &input).await?;
        let now = work.now();
        let earned = requests::complete(&mut request, &input.caller, results, now)?.earned;
        writing.market_request_update(&request).await?;
        services::credit(&mut service, earned, now);
        writing.market_service_update(&service).await?;
        writing.market_sale_add(service.service_type, &day(now), request.payment).await?;
        credit_others(&mut writing, &service, earned).await?;
        writing.commit().await?;
        Ok(Reply::ok(&requests::shown(&request)))
    })
    .body(&RESULTS)
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// `POST /marketplace/requests/{request_id}/rate`.
pub fn rate() -> Action {
    let about = "Rate what was delivered, from 1 to 5, once";
    Action::new(about, async |work: Work, mut input: Input| {
        let Rating { rating, review } = input.body()?;
        let mut writing = work.store.write().await?;
        let (mut request, mut service) = of_path(&mut writing, &input).await?;
        requests::rate(&mut request, &input.caller, rating, review, work.now())?;
        writing.market_request_update(&request).await?;
        if requests::counts(&request) {
            let before = service.reputation.get().unwrap_or(0);
            services::rate(&mut service, rating, reputation::after(before, rating));
            writing.market_service_update(&service).await?;
            writing.market_reputation_spread(&service.agent_id, &service.reputation).await?;
        }
        writing.commit().await?;
        Ok(Reply::ok(&requests::shown(&request)))
    })
    .body(&RATING)
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

/// `POST /marketplace/requests/{request_id}/cancel`.
pub fn cancel() -> Action {
    let about = "Call off a request that is pending or accepted, as its client or its provider";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let (mut request, _service) = of_path(&mut writing, &input).await?;
        requests::cancel(&mut request)?;
        writing.market_request_update(&request).await?;
        writing.commit().await?;
        Ok(Reply::ok(&requests::shown(&request)))
    })
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// The request in the path, if it concerns the caller, and its service.
async fn of_path(
    writing: &mut Writing,
    input: &Input,
) -> Result<(ServiceRequest, Service), ApiError> {
    let id = input.part(ID);
    let found = writing.market_request_find(id).await?;
    let request = requests::concerning(found, id, &input.caller)?;
    let found = writing.market_service_find(&request.service_id).await?;
    let service = services::found(found, &request.service_id)?;
    Ok((request, service))
}

/// Adds what a service has earned to its agent and to its guild.
async fn credit_others(
    writing: &mut Writing,
    service: &Service,
    earned: Money,
) -> Result<(), ApiError> {
    if let Some(mut agent) = writing.market_agent_find(&service.agent_id).await? {
        agent.total_earnings = agent.total_earnings + earned;
        writing.market_agent_update(&agent).await?;
    }
    if let Some(guild_id) = &service.guild_id {
        writing.market_guild_credit(guild_id, &service.agent_id, earned).await?;
    }
    Ok(())
}
