//! Jobs: order work of one of the five services, and see what there is to order.

mod shapes;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::jobs::{Order, Service, catalogue, refusal, registry};
use crate::tables::jobs::Job;
use crate::validation::{Kind, Place, Shape, field};
use crate::work::Work;
use shapes::{BLENDER, FFMPEG, LLM, STABLE_DIFFUSION, WHISPER};

/// The part of the path that names the service.
const SERVICE: &str = "service_type";

static NAMED: LazyShape = LazyLock::new(|| {
    Shape::new([field(SERVICE, Kind::Choice(Service::WORDS)).example("llm_inference")])
});

/// `POST /services/whisper/transcribe`.
pub fn transcribe() -> Action {
    ordering("Order the text of a recording", &WHISPER, Order::speech)
}

/// `POST /services/whisper/translate`.
pub fn translate() -> Action {
    ordering("Order the English text of a recording", &WHISPER, Order::translated_speech)
}

/// `POST /services/stable-diffusion/generate`.
pub fn generate() -> Action {
    ordering("Order pictures of a text", &STABLE_DIFFUSION, Order::image)
}

/// `POST /services/stable-diffusion/img2img`.
pub fn alter() -> Action {
    ordering("Order pictures made of pictures", &STABLE_DIFFUSION, Order::image_from_image)
}

/// `POST /services/llm/inference`.
pub fn infer() -> Action {
    ordering("Order an answer of a language model", &LLM, Order::text)
}

/// `POST /services/llm/stream`. What streams is the miner; this answer is as any other, but for its status.
pub fn stream() -> Action {
    Action::new("Order a streamed answer of a language model", async |work: Work, input: Input| {
        let order = Order::streamed_text(input.body);
        Ok(Reply::ok(&place(&work, order, input.caller).await?))
    })
    .for_clients()
    .body(&LLM)
    .answers(placed_schema)
}

/// `POST /services/ffmpeg/transcode`.
pub fn transcode() -> Action {
    ordering("Order a video in another form", &FFMPEG, Order::video)
}

/// `POST /services/blender/render`.
pub fn render() -> Action {
    ordering("Order pictures of a scene", &BLENDER, Order::rendering).refuses(&[400])
}

/// `POST /services/{service_type}`: by the register, and stored as sent.
pub fn submit() -> Action {
    Action::new("Order by the name of a service", async |work: Work, input: Input| {
        let service = known(&input)?;
        let problems = registry::problems(&input.body);
        if !problems.is_empty() {
            return Err(refused(&format!("Invalid request: {}", problems.join(", "))));
        }
        let checked = typed(service, &input.body)?;
        let order = Order::text_as_sent(input.body, checked);
        Ok(Reply::created(&place(&work, order, input.caller).await?))
    })
    .for_clients()
    .path(&NAMED)
    .any_object()
    .example(|| json!({"model": "llama-7b", "prompt": "What is a strangler fig?"}))
    .creates()
    .refuses(&[400, 404])
    .answers(placed_schema)
}

/// `GET /services/{service_type}/schema`.
pub fn schema() -> Action {
    Action::new("What the register says of a service", async |_: Work, input: Input| {
        let service = known(&input)?;
        Ok(Reply::ok(&json!({"service_type": service.word(), "schema": registry::schema()})))
    })
    .open()
    .path(&NAMED)
    .refuses(&[404])
    .answers(described_schema)
}

/// `GET /services`.
pub fn list() -> Action {
    Action::new("The services that can be ordered", async |_: Work, _: Input| {
        Ok(Reply::ok(&catalogue::services()))
    })
    .open()
    .answers(list_schema)
}

/// An endpoint that takes a typed request and records it as a job.
fn ordering(
    about: &'static str,
    shape: &'static LazyShape,
    order: fn(Map<String, Value>) -> Order,
) -> Action {
    let action = Action::new(about, move |work: Work, input: Input| async move {
        Ok(Reply::created(&place(&work, order(input.body), input.caller).await?))
    });
    action.for_clients().body(shape).creates().answers(placed_schema)
}

/// Records an order where miners find it.
async fn place(work: &Work, order: Order, client: String) -> Result<Value, ApiError> {
    let on_the_wall = work.compatibility().dates_jobs_by_the_clock_on_the_wall();
    let now = if on_the_wall { work.on_the_wall(work.now()) } else { work.now() };
    let service = order.service;
    let job = order.into_row(work.id("", 32), client, now)?;
    let mut writing = work.store.write().await?;
    writing.job_insert(&job).await?;
    writing.commit().await?;
    Ok(placed(service, &job, on_the_wall))
}

fn placed(service: Service, job: &Job, on_the_wall: bool) -> Value {
    let until = if on_the_wall { job.expires_at.sent() } else { job.expires_at.aware() };
    json!({
        "job_id": job.id,
        "service_type": service.word(),
        "status": job.state,
        "estimated_completion": until,
    })
}

/// The service in the path, if the register knows it.
fn known(input: &Input) -> Result<Service, ApiError> {
    let named = Service::from_word(input.part(SERVICE));
    named.filter(|service| *service == Service::LlmInference).ok_or_else(|| {
        let text = format!("Service {} not found", input.part(SERVICE));
        ApiError::detail(StatusCode::NOT_FOUND, text)
    })
}

/// The request with its defaults, or the text of the monolith's library on why it has none.
fn typed(service: Service, sent: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut problems = Vec::new();
    let checked = LLM.check_fields(|name| sent.get(name), &Place::root("body"), &mut problems);
    checked.ok_or_else(|| {
        let why = refusal::text("LLMRequest", sent, &problems);
        refused(&format!("Invalid request for {}: {why}", service.word()))
    })
}

fn refused(text: &str) -> ApiError {
    ApiError::detail(StatusCode::BAD_REQUEST, text)
}

fn placed_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "job_id": text,
            "service_type": {"type": "string", "enum": Service::WORDS},
            "status": text,
            "estimated_completion": {"type": "string"},
        },
        "required": ["job_id", "service_type", "status", "estimated_completion"],
    })
}

fn described_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"service_type": {"type": "string"}, "schema": {"type": "object"}},
        "required": ["service_type", "schema"],
    })
}

fn list_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {"services": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "type": text,
                "name": text,
                "description": text,
                "constraints": {"type": "object"},
            },
            "required": ["type", "name", "description", "constraints"],
        }}},
        "required": ["services"],
    })
}
