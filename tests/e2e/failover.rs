//! When the new backend fails, clients of requests that are safe to repeat see ordinary answers.

use std::time::Duration;

use e2e::load::Load;
use e2e::stack::Player;
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};

use crate::{NEW, OLD, stack};

async fn on_new() -> Stack {
    stack()
        .route(RouteSpec::new("w", "/w/{*rest}").stage("service"))
        // What failing over does by itself; `guard` shows how it ends.
        .defaults("guard = { enabled = false }")
        .each_backend("connect_timeout = \"500ms\"")
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_backend_vanishes_under_load_and_no_client_sees_it() {
    let mut stack = on_new().await;
    let load = Load::get("/w/1").start(stack.table.http);
    load.more(300).await;
    stack.new.fake().vanish().await;
    load.more(300).await;
    stack.new.fake().resume().await;
    let back = async || (stack.who_answers("/w/1").await == NEW).then_some(());
    wait::until("the new backend answers again", LIMIT, back).await;
    load.more(300).await;
    let report = load.stop().await;
    report.assert_all_answered(200);
    assert!(report.answered_by(OLD) > 0 && report.answered_by(NEW) > 0);
    assert!(stack.metric("strangler_failovers_total", &[r#"route="w""#]).await > 0.0);
    assert!(stack.routes_report().await.routes[0].failovers > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_is_killed_under_load_and_no_client_sees_it() {
    let mut stack = stack()
        .old(Player::Monolith)
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("workflows", "/api/v1/agents/workflows/{*rest}").stage("service"))
        .defaults("guard = { enabled = false }")
        .start()
        .await;
    let path = "/api/v1/agents/workflows";
    let body = r#"{"name": "kept", "steps": {}}"#;
    let request = stack.client.post(stack.url(path)).header("content-type", "application/json");
    let made = request.header("x-api-key", "alice").body(body).send().await.unwrap();
    assert_eq!(made.status(), 200);
    let load = Load::get(path).header("x-api-key", "alice").start(stack.table.http);
    load.more(200).await;
    stack.new.program().process().kill();
    load.more(200).await;
    stack.new.program().restart().await;
    let by_service =
        async || stack.who_answers("/api/v1/agents/workflows").await.is_empty().then_some(());
    wait::until("the service answers again", LIMIT, by_service).await;
    load.more(200).await;
    let report = load.stop().await;
    report.assert_all_answered(200);
    eprintln!(
        "kill -9 of the service under load: {} requests, {} answered by the monolith, p99 {:?}",
        report.exchanges.len(),
        report.answered_by(OLD),
        report.latency(0.99)
    );
    assert!(report.answered_by(OLD) > 0, "the monolith stepped in");
}

#[tokio::test]
async fn a_read_that_broke_before_its_answer_is_asked_again() {
    let mut stack = on_new().await;
    stack.new.fake().answer(Answer::cut());
    assert_eq!(stack.who_answers("/w/1").await, OLD);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_not_started_anew() {
    let mut stack = on_new().await;
    stack.new.fake().answer(Answer::cut_after("half"));
    let answer = stack.get("/w/1").await;
    assert_eq!(answer.headers()["x-test-backend"], NEW);
    assert!(answer.bytes().await.is_err(), "a client must not take half for the whole");
    assert_eq!(stack.old.fake().count(), 0);
}

#[tokio::test]
async fn a_write_is_repeated_only_when_no_byte_of_it_was_sent() {
    let mut stack = on_new().await;
    stack.new.fake().answer(Answer::cut());
    let post = |stack: &Stack| stack.client.post(stack.url("/w/1")).body("{}").send();
    assert_eq!(post(&stack).await.unwrap().status(), 502);
    assert_eq!(stack.old.fake().count(), 0, "it may have been carried out");

    stack.new.fake().vanish().await;
    let answer = post(&stack).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-test-backend"]),
        (200, &OLD.parse().unwrap())
    );
    assert_eq!(stack.old.fake().seen().pop().unwrap().body, "{}");
}

#[tokio::test]
async fn an_error_answer_to_a_safe_request_sends_it_to_the_old_backend() {
    let mut stack = on_new().await;
    for status in [500, 503] {
        stack.new.fake().answer(Answer::json("{}").with_status(status));
        let answer = stack.get("/w/1").await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-test-backend"]),
            (200, &OLD.parse().unwrap())
        );
    }
    let labels = [r#"route="w""#, r#"reason="error_answer""#];
    let failovers = stack.metric("strangler_failovers_total", &labels).await;
    assert!((failovers - 2.0).abs() < 0.5, "{failovers}");
    stack.old.fake().answer(Answer::json("{}").with_status(502));
    let answer = stack.get("/w/1").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-test-backend"]),
        (502, &OLD.parse().unwrap()),
        "the old backend's word is the last"
    );
}

#[tokio::test]
async fn an_error_answer_to_a_write_is_an_answer() {
    let mut stack = on_new().await;
    stack.new.fake().answer(Answer::json("{}").with_status(500));
    for method in [reqwest::Method::POST, reqwest::Method::PUT, reqwest::Method::DELETE] {
        let request = stack.client.request(method, stack.url("/w/1")).body("{}");
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-test-backend"]),
            (500, &NEW.parse().unwrap())
        );
    }
    assert_eq!(stack.old.fake().count(), 0, "it may have been carried out");
}

#[tokio::test]
async fn a_backend_that_hangs_costs_its_time_and_no_more() {
    let mut stack = stack()
        .route(RouteSpec::new("w", "/w/{*rest}").stage("service"))
        .each_backend("response_timeout = \"300ms\"")
        .start()
        .await;
    stack.new.fake().answer(Answer::json("{}").after(Duration::from_mins(2)));
    stack.old.fake().on("/hung", Answer::json("{}").after(Duration::from_mins(2)));
    let began = std::time::Instant::now();
    assert_eq!(stack.who_answers("/w/1").await, OLD);
    assert_eq!(stack.get("/hung").await.status(), 504);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn when_both_are_gone_the_client_is_told() {
    let mut stack = on_new().await;
    let (old, new) = stack.fakes();
    old.vanish().await;
    new.vanish().await;
    let status = stack.get("/w/1").await.status().as_u16();
    assert!(matches!(status, 502 | 503), "{status}");
}
