//! What a process does not leave undone when another takes over from it, or when it stops.

use std::time::Duration;

use e2e::{Answer, FakeBackend, LIMIT, RouteSpec, wait};
use routes::journal::Action;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::rig::{self, Rig, TOKEN};
use crate::stack;

async fn unwritten(rig: &Rig) -> u64 {
    rig.stack.count("strangler_guard_unwritten", &[]).await
}

/// Asks until the guard has acted.
async fn until_taken_back(rig: &Rig) {
    wait::until("the guard has acted", LIMIT, async || {
        let _answer = rig.stack.get("/w/1").await;
        rig.stack.routes_report().await.routes.remove(0).guard
    })
    .await;
}

#[tokio::test]
async fn a_stop_waits_until_the_table_says_what_the_guard_did() {
    let route = RouteSpec::new("w", "/w/{*rest}").stage("service");
    let mut rig = Rig::start(stack().route(route), &[]).await;
    rig.stack.recorded().await;
    rig.stack.new.fake().answer(Answer::status(500));
    let held = rig.stack.home.lock("a test", LIMIT).unwrap();
    until_taken_back(&rig).await;
    assert_eq!(unwritten(&rig).await, 1);
    rig::signal(rig.newest(), Signal::TERM);
    assert_eq!(rig.hear().await, "STOPPING=1");
    drop(held);
    rig.until_gone(rig.newest()).await;
    let table = rig.stack.read_routes();
    assert!(table.contains("stage = \"monolith\""), "{table}\n{}", rig.log());
    let journal = rig.stack.home.journal().unwrap();
    assert!(journal.entries.iter().any(|entry| entry.action == Action::Guard));
}

#[tokio::test]
async fn a_notice_that_is_being_posted_is_posted_by_the_process_that_began() {
    let webhook = FakeBackend::start("webhook").await;
    webhook.answer(Answer::status(503));
    let guard = format!("guard.webhook = \"{}/hook\"", webhook.url());
    let route = RouteSpec::new("w", "/w/{*rest}").stage("service").with(&guard);
    let mut rig = Rig::start(stack().route(route), &[]).await;
    rig.stack.recorded().await;
    rig.stack.new.fake().answer(Answer::status(500));
    until_taken_back(&rig).await;
    wait::until("it was refused once, and the table is written", LIMIT, async || {
        (webhook.count() > 0 && unwritten(&rig).await == 0).then_some(())
    })
    .await;
    webhook.answer(Answer::status(204));
    let before = rig.hand_over().await;
    rig.until_gone(before).await;
    assert!(webhook.count() > 1, "{}", rig.log());
    assert!(!rig.log().contains("stopped before the guard's webhook was reached"), "{}", rig.log());
}

#[tokio::test]
async fn a_flip_from_the_dashboard_is_not_undone_by_a_reload_and_answered_at_a_stop() {
    let nobody = e2e::port::PortGuard::take().release();
    let builder = stack()
        .with_proxy_at(nobody)
        .section("[admin]\nallow_flips = true\n")
        .route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"));
    let mut rig = Rig::start_with_token(builder, &format!("--admin-token={TOKEN}")).await;
    rig.stack.recorded().await;
    let url = format!("{}/api/routes/w/flip", rig.stack.admin_url());
    let wish = json!({ "to": "canary", "reason": "a test", "force": true });
    let flip = tokio::spawn(rig.stack.client.post(url).json(&wish).send());
    wait::until("the flip waits for the other proxy", LIMIT, async || {
        rig.stack.read_routes().contains("stage = \"canary\"").then_some(())
    })
    .await;
    assert!(!rig.reload().await, "{}", rig.log());
    assert_eq!(rig.counted("refused").await, 1);
    assert!(rig.log().contains("a flip from the dashboard is under way"), "{}", rig.log());

    rig::signal(rig.newest(), Signal::TERM);
    let answer = flip.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(said["result"], "put-back", "{said}");
    assert!(rig.stack.read_routes().contains("stage = \"shadow\""));
    rig.until_gone(rig.newest()).await;
}

/// Evidence is written under one name: by whom, and by nobody else, until that one has ended.
#[tokio::test]
async fn a_process_that_has_nothing_left_waits_for_the_one_before_it() {
    let mut rig = Rig::start(stack(), &[]).await;
    rig.stack.old.fake().on("/slow", Answer::json("{}").after(Duration::from_secs(4)));
    let slow = tokio::spawn(rig.stack.client.get(rig.stack.url("/slow")).send());
    wait::until("the slow request is in flight", LIMIT, async || {
        rig.stack.old.fake().seen().iter().any(|seen| seen.target == "/slow").then_some(())
    })
    .await;
    let first = rig.hand_over().await;
    let second = rig.hand_over().await;
    loop {
        let is_second_there = rig::is_alive(second);
        if !rig::is_alive(first) {
            break;
        }
        assert!(is_second_there, "the third process would write beside the first\n{}", rig.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    rig.until_gone(second).await;
}
