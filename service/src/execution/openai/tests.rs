//! The executor against a real HTTP server that answers as the tests tell it to.

mod budget;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::OpenAi;
use crate::config::Secret;
use crate::config::openai::{OpenAiSettings, TokenLimitField};
use crate::execution::executor::{Call, Executor as _, StepFailure, StepOutcome};
use crate::logic::cost::{Cost, Price, Prices};
use crate::logic::plan::tests::step;
use crate::outgoing::tests::{authority, serve_tls, stranger};
use crate::tables::agents::StepType;

const KEY: &str = "sk-a-key-that-nobody-may-see";

/// What the server does with one request.
enum Reaction {
    Answers(Value),
    Streams(Vec<String>),
    /// The same event, for ever.
    Repeats(String),
    Refuses(u16),
    /// Says nothing.
    Waits,
}

type Reactions = Arc<Mutex<VecDeque<Reaction>>>;

/// A server that reacts to one request after the other; without reactions left it refuses with 418.
struct Model {
    url: String,
    reactions: Reactions,
    asked: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    _stop: DropGuard,
}

impl Model {
    async fn start(reactions: Vec<Reaction>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let reactions: Reactions = Arc::new(Mutex::new(reactions.into()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new()
            .route("/v1/chat/completions", post(react))
            .with_state((Arc::clone(&reactions), Arc::clone(&asked)));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router).into_future() => served.unwrap(),
                () = stopped.cancelled() => {}
            }
        });
        Self { url, reactions, asked, _stop: stop.drop_guard() }
    }

    fn asked(&self) -> Vec<(HeaderMap, Value)> {
        self.asked.lock().unwrap().clone()
    }

    fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn is_through(&self) -> bool {
        self.reactions.lock().unwrap().is_empty()
    }

    fn executor(&self, change: impl FnOnce(&mut OpenAiSettings)) -> OpenAi {
        let mut settings = OpenAiSettings {
            base_url: self.url.parse().unwrap(),
            api_key: Some(Secret::new(KEY)),
            model: "small".to_owned(),
            stream: true,
            timeout: Duration::from_secs(20),
            retries: 2,
            max_output_tokens: 1000,
            token_limit_field: TokenLimitField::MaxTokens,
            prices: Prices {
                input: Price::parse("1").unwrap(),
                output: Price::parse("2").unwrap(),
            },
        };
        change(&mut settings);
        OpenAi::new(settings, None).unwrap()
    }

    async fn run(&self, remaining: Option<f64>) -> Result<StepOutcome, StepFailure> {
        run(&self.executor(|_| {}), StepType::Inference, remaining).await
    }
}

type Shared = (Reactions, Arc<Mutex<Vec<(HeaderMap, Value)>>>);

async fn react(
    State((reactions, asked)): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    asked.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap()));
    let next = reactions.lock().unwrap().pop_front();
    let events = |body| Response::builder().header("content-type", "text/event-stream").body(body);
    match next.unwrap_or(Reaction::Refuses(418)) {
        Reaction::Answers(value) => Response::builder()
            .header("content-type", "application/json")
            .body(Body::from(value.to_string())),
        Reaction::Streams(pieces) => {
            let pieces = pieces.into_iter().map(Ok::<_, std::io::Error>);
            events(Body::from_stream(stream::iter(pieces)))
        }
        Reaction::Repeats(piece) => events(Body::from_stream(stream::repeat_with(move || {
            Ok::<_, std::io::Error>(piece.clone())
        }))),
        Reaction::Refuses(status) => Response::builder()
            .status(status)
            .header("retry-after", "0")
            .body(Body::from(format!("your key {KEY} is refused"))),
        Reaction::Waits => std::future::pending().await,
    }
    .unwrap()
}

async fn run(
    executor: &OpenAi,
    kind: StepType,
    remaining: Option<f64>,
) -> Result<StepOutcome, StepFailure> {
    let step = step("a", 0, kind);
    let inputs = Map::from_iter([("prompt".to_owned(), json!("Why?"))]);
    let remaining = remaining.map(|amount| Cost::from_float(amount).unwrap());
    let limit = Duration::from_secs(30);
    executor.run(Call { step: &step, inputs: &inputs, limit, remaining }).await
}

fn answer() -> Value {
    json!({
        "model": "small-1",
        "choices": [{"message": {"role": "assistant", "content": "Because."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 5},
    })
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn delta(content: &str) -> Value {
    json!({"model": "small-1", "choices": [{"delta": {"content": content}}]})
}

#[tokio::test]
async fn a_step_is_answered_and_paid_for() {
    let model = Model::start(vec![Reaction::Answers(answer())]).await;
    let outcome = model.run(None).await.unwrap();
    insta::assert_json_snapshot!(outcome.output, @r#"
    {
      "prediction": "Because.",
      "model": "small-1",
      "finish_reason": "stop",
      "usage": {
        "prompt_tokens": 30,
        "completion_tokens": 5
      },
      "cost": "0.00004",
      "cost_is_upper_bound": false
    }
    "#);
    assert_eq!((outcome.cost.to_string().as_str(), outcome.memory_usage), ("0.00004", None));
    let asked = model.asked();
    assert_eq!(asked[0].0["authorization"], format!("Bearer {KEY}"));
    assert_eq!(asked[0].1["messages"], json!([{"role": "user", "content": "Why?"}]));
    assert_eq!((&asked[0].1["model"], &asked[0].1["max_tokens"]), (&json!("small"), &json!(1000)));
}

#[tokio::test]
async fn the_bound_of_an_answer_has_one_name() {
    for (field, other) in
        [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
    {
        let model = Model::start(vec![Reaction::Answers(answer())]).await;
        let executor = model.executor(|settings| {
            if field == "max_completion_tokens" {
                settings.token_limit_field = TokenLimitField::MaxCompletionTokens;
            }
        });
        // The budget bounds it, whatever its name.
        run(&executor, StepType::Inference, Some(0.0005)).await.unwrap();
        let asked = &model.asked()[0].1;
        let granted = asked[field].as_u64().unwrap();
        assert!((200..250).contains(&granted), "{field}: {granted}");
        assert_eq!(asked.get(other), None);
    }
}

#[tokio::test]
async fn a_server_is_asked_over_tls_if_somebody_vouches_for_it() {
    let complete = post(async || axum::Json(answer()));
    let url = serve_tls(Router::new().route("/v1/chat/completions", complete)).await;
    let settings = OpenAiSettings {
        base_url: format!("{url}/v1").parse().unwrap(),
        ..Model::start(Vec::new()).await.executor(|_| {}).settings
    };
    let executor = |vouching| OpenAi::new(settings.clone(), Some(vouching)).unwrap();
    let outcome = run(&executor(authority()), StepType::Inference, None).await.unwrap();
    assert_eq!(outcome.output["prediction"], "Because.");
    let failure = run(&executor(stranger()), StepType::Inference, None).await.unwrap_err();
    assert!(failure.reason.contains("not trusted; TLS_CA_FILE"), "{failure}");
    assert_eq!(failure.cost, Cost::default());
}

#[tokio::test]
async fn a_stream_is_put_together() {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 5}});
    let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    let mut text: String = [delta("Be"), delta("cause."), end, usage].iter().map(event).collect();
    text.push_str("data: [DONE]\n\n");
    // Cut where no event ends.
    let pieces = text.as_bytes().chunks(7).map(|piece| String::from_utf8(piece.to_vec()).unwrap());
    let model = Model::start(vec![Reaction::Streams(pieces.collect())]).await;
    let outcome = model.run(None).await.unwrap();
    assert_eq!(outcome.output["prediction"], "Because.");
    assert_eq!(outcome.cost.to_string(), "0.00004");
    assert_eq!(model.asked()[0].1["stream"], true);
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_no_answer_and_counts_at_its_worst() {
    let model = Model::start(vec![Reaction::Streams(vec![event(&delta("Be"))])]).await;
    let failure = model.run(None).await.unwrap_err();
    assert_eq!(failure.reason, "the model's answer ended before its end");
    assert!(failure.cost > Cost::from_float(0.002).unwrap(), "{}", failure.cost);
}

#[tokio::test]
async fn who_is_busy_is_asked_again() {
    let model = Model::start(vec![
        Reaction::Refuses(429),
        Reaction::Refuses(503),
        Reaction::Answers(answer()),
    ])
    .await;
    assert_eq!(model.run(None).await.unwrap().output["prediction"], "Because.");
    assert_eq!(model.times_asked(), 3);
}

#[tokio::test]
async fn refusals_end_the_step_cost_nothing_and_tell_nothing() {
    for (reactions, asked) in [(vec![401], 1), (vec![500, 500, 500, 500], 3)] {
        let status = reactions[0];
        let model = Model::start(reactions.into_iter().map(Reaction::Refuses).collect()).await;
        let failure = model.run(None).await.unwrap_err();
        assert!(failure.reason.contains(&status.to_string()), "{failure}");
        assert!(!failure.reason.contains(KEY), "{failure}");
        assert_eq!((failure.cost, model.times_asked()), (Cost::default(), asked));
    }
    let executor = Model::start(Vec::new()).await.executor(|settings| {
        // Nothing listens on the port of discarding.
        settings.base_url = "http://127.0.0.1:9/v1".parse().unwrap();
        settings.retries = 0;
    });
    let failure = run(&executor, StepType::Inference, None).await.unwrap_err();
    assert_eq!(failure, StepFailure::free("the model's server cannot be reached"));
    assert!(!format!("{executor:?}").contains(KEY));
}

#[tokio::test]
async fn silence_ends_in_time() {
    let model = Model::start(vec![Reaction::Waits]).await;
    let executor = model.executor(|settings| settings.timeout = Duration::from_millis(100));
    let failure = run(&executor, StepType::Inference, None).await.unwrap_err();
    assert_eq!(failure.reason, "the model did not answer within 0.1 s");
    assert!(failure.cost > Cost::default(), "the model may have worked");
    assert!(model.is_through() && model.times_asked() == 1, "not repeated");
}

#[tokio::test]
async fn an_endless_stream_is_cut_off() {
    for (piece, reason) in [
        (event(&delta(&"x".repeat(50_000))), "longer than 1048576 bytes"),
        ("x".repeat(60_000), "longer than 262144 bytes"),
        (format!(": {}\n\n", "x".repeat(60_000)), "more than 16777216 bytes"),
    ] {
        let model = Model::start(vec![Reaction::Repeats(piece)]).await;
        let failure = model.run(None).await.unwrap_err();
        assert!(failure.reason.contains(reason), "{failure}");
    }
}

#[tokio::test]
async fn a_budget_is_kept_before_the_call_and_after() {
    // Not even one token of an answer can be paid for: nobody is asked.
    let model = Model::start(vec![Reaction::Answers(answer())]).await;
    let failure = model.run(Some(0.000_01)).await.unwrap_err();
    assert_eq!(
        failure,
        StepFailure::free("max_cost_budget does not pay for this step: 0.00001 is left")
    );
    assert_eq!(model.times_asked(), 0);
    // The answer may only be as long as the budget pays for.
    model.run(Some(0.0005)).await.unwrap();
    let granted = model.asked()[0].1["max_tokens"].as_u64().unwrap();
    assert!((200..250).contains(&granted), "{granted}");
    // A server that does not keep to that is paid, and the step fails.
    let mut dear = answer();
    dear["usage"]["completion_tokens"] = json!(1_000_000);
    let model = Model::start(vec![Reaction::Answers(dear)]).await;
    let failure = model.run(Some(0.0005)).await.unwrap_err();
    assert_eq!(failure.reason, "max_cost_budget is used up: this step alone cost 2.00003");
    assert_eq!(failure.cost.to_string(), "2.00003");
}

#[tokio::test]
async fn an_answer_without_usage_counts_at_its_worst() {
    let mut silent = answer();
    silent.as_object_mut().unwrap().remove("usage");
    let model = Model::start(vec![Reaction::Answers(silent)]).await;
    let outcome = model.run(None).await.unwrap();
    assert_eq!(outcome.output["cost_is_upper_bound"], true);
    assert!(outcome.cost > Cost::from_float(0.002).unwrap(), "{}", outcome.cost);
}

#[tokio::test]
async fn other_steps_are_not_made_up() {
    let model = Model::start(Vec::new()).await;
    let failure = run(&model.executor(|_| {}), StepType::Training, None).await.unwrap_err();
    assert_eq!(
        failure.reason,
        "The executor openai runs inference steps only, and this one is of the type training"
    );
    assert_eq!(model.times_asked(), 0);
}
