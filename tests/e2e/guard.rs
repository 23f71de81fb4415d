//! A flipped route whose new backend goes bad is taken back by the proxy itself.

use std::time::{Duration, Instant};

use e2e::load::Load;
use e2e::stack::Kept;
use e2e::{Answer, FakeBackend, LIMIT, RouteSpec, Stack, wait};
use routes::Stage;
use routes::admin::RouteReport;
use routes::store::TableFile;
use serde_json::Value;

use crate::{NEW, OLD, stack};

fn failure() -> Answer {
    Answer::json(r#"{"detail":"broken"}"#).with_status(500)
}

async fn route(stack: &Stack) -> RouteReport {
    stack.routes_report().await.routes.remove(0)
}

/// Waits until the proxy has the route at a stage; how long that took since `since`.
async fn comes_to(stack: &Stack, stage: Stage, since: Instant) -> Duration {
    let what = format!("the route is at {stage}");
    wait::until(&what, LIMIT, async || (route(stack).await.stage == stage).then_some(())).await;
    since.elapsed()
}

async fn is_written(stack: &Stack) {
    wait::until("the table says so", LIMIT, async || {
        route(stack).await.guard.filter(|guard| guard.written).map(|_| ())
    })
    .await;
}

async fn cutover(stack: &Stack, to: &str) {
    let words = ["cutover", "w", "--to", to, "--force", "--reason", "a test of the guard"];
    stack.migrate_ok(&words).await;
}

async fn json(stack: &Stack, words: &[&str]) -> Value {
    let output = stack.migrate_ok(&[&["--output", "json"], words].concat()).await;
    serde_json::from_str(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_starts_to_fail_is_taken_back_within_a_second_and_no_reader_sees_it() {
    let webhook = FakeBackend::start("webhook").await;
    webhook.answer(Answer::status(503));
    let mut stack = stack()
        .alone()
        .route(
            RouteSpec::new("w", "/w/{*rest}")
                .stage("shadow")
                .with("canary = { percent = 100, sticky = \"client-ip\" }")
                .with(&format!("guard.webhook = \"{}/hook?token=sesame\"", webhook.url())),
        )
        .start()
        .await;
    let load = Load::get("/w/1").pause(Duration::from_millis(5)).start(stack.table.http);
    load.more(300).await;
    for stage in ["canary", "service"] {
        cutover(&stack, stage).await;
        load.more(300).await;
    }
    assert_eq!(route(&stack).await.guard, None, "a healthy backend is left alone");

    let began = Instant::now();
    stack.new.fake().answer_some(3, failure());
    wait::until("the guard acts", LIMIT, async || {
        (route(&stack).await.stage != Stage::Service).then_some(())
    })
    .await;
    let first = began.elapsed();
    let second = comes_to(&stack, Stage::Shadow, began).await;
    load.more(100).await;
    let report = load.stop().await;
    report.assert_all_answered(200);
    let failures = stack.metric("strangler_failovers_total", &[r#"reason="error_answer""#]).await;
    eprintln!(
        "30 % of the answers fail: off service after {first:?}, back at shadow after {second:?}, {failures} failed answers, {} requests without an error",
        report.exchanges.len()
    );
    // The promise is a second; a loaded machine may be slower, but not by this much.
    assert!(second < Duration::from_secs(5), "{second:?}");

    is_written(&stack).await;
    assert!(stack.read_routes().contains("stage = \"shadow\""));
    let history = json(&stack, &["history"]).await;
    let guards: Vec<&Value> =
        history["changes"].as_array().unwrap().iter().filter(|c| c["action"] == "guard").collect();
    assert!(!guards.is_empty(), "{history}");
    assert_eq!(guards[0]["moves"][0]["from"], "service");
    assert_eq!(guards.last().unwrap()["moves"][0]["to"], "shadow");
    assert!(guards.iter().all(|change| change["outcome"] == "done"), "{history}");
    assert!(guards[0]["reason"].as_str().unwrap().starts_with("error rate "), "{history}");

    wait::until("the webhook is asked", LIMIT, async || (webhook.count() > 0).then_some(())).await;
    webhook.answer(Answer::status(204));
    let notices = u32::try_from(guards.len()).unwrap();
    wait::until("the webhook has it", LIMIT, async || {
        let posted = stack.metric("strangler_guard_webhooks_total", &[r#"outcome="posted""#]).await;
        (posted >= f64::from(notices)).then_some(())
    })
    .await;
    let notice: Value = serde_json::from_slice(&webhook.seen()[0].body).unwrap();
    assert_eq!((&notice["event"], &notice["route"]), (&"guard".into(), &"w".into()));
    assert_eq!(notice["from"], "service");
    assert!(!stack.proxy().output().contains("sesame"), "the address may hold a secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_was_taken_back_stays_back_and_shows_until_it_is_acknowledged() {
    for kept in Kept::BOTH {
        let route_of = RouteSpec::new("w", "/w/{*rest}").stage("shadow");
        let mut stack = stack().kept(kept).route(route_of).start().await;
        cutover(&stack, "service").await;
        stack.new.fake().answer(failure());
        let load = Load::get("/w/1").start(stack.table.http);
        comes_to(&stack, Stage::Shadow, Instant::now()).await;
        is_written(&stack).await;
        stack.new.fake().answer(Answer::json("{}"));
        load.more(100).await;
        load.stop().await.assert_all_answered(200);

        let status = stack.migrate_ok(&["status", "--color", "always"]).await.stdout;
        assert!(status.contains("\u{1b}[31mthe guard took w back: service → shadow"), "{status}");
        stack.proxy().stop(LIMIT).await;
        let status = json(&stack, &["status"]).await;
        assert_eq!(status["routes"][0]["guard"]["to"], "shadow", "from the journal alone");
        stack.start_proxy().await;
        wait::until("the proxy knows of it again", LIMIT, async || route(&stack).await.guard).await;
        assert_eq!(route(&stack).await.stage, Stage::Shadow);
        assert_eq!(stack.who_answers("/w/1").await, OLD);

        stack.migrate_ok(&["guard", "acknowledge", "w", "--reason", "seen"]).await;
        let status = json(&stack, &["status"]).await;
        assert_eq!(status["routes"][0]["guard"], Value::Null);
        assert_eq!(status["routes"][0]["stage"], "shadow");
        wait::until("the proxy has heard of it", LIMIT, async || {
            route(&stack).await.guard.is_none().then_some(())
        })
        .await;
        cutover(&stack, "service").await;
        assert_eq!(stack.who_answers("/w/1").await, NEW);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_can_t_be_written_does_not_keep_the_guard_waiting() {
    let mut stack = stack().route(RouteSpec::new("w", "/w/{*rest}").stage("service")).start().await;
    stack.recorded().await;
    let lock = TableFile::new(stack.routes_path()).lock("a test", LIMIT).unwrap();
    stack.new.fake().answer(failure());
    let load = Load::get("/w/1").start(stack.table.http);
    comes_to(&stack, Stage::Monolith, Instant::now()).await;
    assert!(!route(&stack).await.guard.unwrap().written);
    assert!(stack.read_routes().contains("stage = \"service\""));
    let status = json(&stack, &["status"]).await;
    assert_eq!(status["routes"][0]["guard"]["written"], false);

    // An edit that says nothing new of the route does not bring it back.
    let edited = format!("{}# edited\n", stack.read_routes());
    let before = stack.routes_report().await.generation.digest;
    stack.write_routes(&edited);
    wait::until("the edit is in force", LIMIT, async || {
        (stack.routes_report().await.generation.digest != before).then_some(())
    })
    .await;
    assert_eq!(route(&stack).await.stage, Stage::Monolith);
    load.more(100).await;
    load.stop().await.assert_all_answered(200);

    drop(lock);
    is_written(&stack).await;
    let text = stack.read_routes();
    assert!(text.contains("stage = \"monolith\"") && text.ends_with("# edited\n"), "{text}");
    let digest = routes::Digest::of(&text);
    wait::until("the proxy follows the file", LIMIT, async || {
        (stack.routes_report().await.generation.digest == digest).then_some(())
    })
    .await;
    let history = json(&stack, &["history"]).await;
    let last = history["changes"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["action"], &last["outcome"]), (&"guard".into(), &"done".into()), "{history}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_who_moves_the_route_meanwhile_has_the_last_word() {
    let mut stack = stack().route(RouteSpec::new("w", "/w/{*rest}").stage("service")).start().await;
    stack.recorded().await;
    let lock = TableFile::new(stack.routes_path()).lock("a test", LIMIT).unwrap();
    stack.new.fake().answer(failure());
    let load = Load::get("/w/1").start(stack.table.http);
    comes_to(&stack, Stage::Monolith, Instant::now()).await;
    stack.write_routes(&stack.read_routes().replace("\"service\"", "\"shadow\""));
    comes_to(&stack, Stage::Shadow, Instant::now()).await;
    drop(lock);
    load.more(50).await;
    load.stop().await.assert_all_answered(200);
    assert_eq!(route(&stack).await.guard, None);
    assert!(stack.read_routes().contains("stage = \"shadow\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_becomes_slow_is_taken_back() {
    let mut stack = stack().route(RouteSpec::new("w", "/w/{*rest}").stage("shadow")).start().await;
    let load = Load::get("/w/1").pause(Duration::from_millis(5)).start(stack.table.http);
    load.more(200).await;
    cutover(&stack, "service").await;
    load.more(100).await;
    assert_eq!(route(&stack).await.guard, None);
    stack.new.fake().answer(Answer::json("{}").after(Duration::from_secs(1)));
    comes_to(&stack, Stage::Shadow, Instant::now()).await;
    let guard = route(&stack).await.guard.unwrap();
    assert!(guard.reason.starts_with("latency: "), "{}", guard.reason);
    load.stop().await.assert_all_answered(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_that_is_switched_off_does_nothing() {
    let mut stack = stack()
        .route(
            RouteSpec::new("w", "/w/{*rest}").stage("service").with("guard = { enabled = false }"),
        )
        .start()
        .await;
    stack.new.fake().answer(failure());
    let load = Load::get("/w/1").start(stack.table.http);
    load.more(500).await;
    load.stop().await.assert_all_answered(200);
    assert_eq!(route(&stack).await.stage, Stage::Service);
    assert!(stack.metric("strangler_guard_taken_back_total", &[]).await < 0.5);
}
