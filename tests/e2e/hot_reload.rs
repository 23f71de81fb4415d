//! The file is the truth: what it says takes effect at once, and what it can't say changes nothing.

use std::time::Duration;

use e2e::load::Load;
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};

use crate::{NEW, OLD, stack};

async fn one_route() -> Stack {
    stack().route(RouteSpec::new("w", "/w/{*rest}")).start().await
}

async fn until_answered_by(stack: &Stack, backend: &str) {
    let what = format!("{backend} answers");
    wait::until(&what, LIMIT, async || (stack.who_answers("/w/1").await == backend).then_some(()))
        .await;
}

#[tokio::test]
async fn an_edit_takes_effect_however_the_editor_saves() {
    let stack = one_route().await;
    let (before, path) = (stack.read_routes(), stack.routes_path());
    let after = before.replace("stage = \"monolith\"", "stage = \"service\"");

    stack.write_routes(&after);
    until_answered_by(&stack, NEW).await;

    let aside = stack.folder().join("routes.toml.new");
    std::fs::write(&aside, &before).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    until_answered_by(&stack, OLD).await;

    std::fs::remove_file(&path).unwrap();
    assert_eq!(stack.who_answers("/w/1").await, OLD, "without a file the last table stays");
    stack.write_routes(&after);
    until_answered_by(&stack, NEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_changes_nothing_and_rollback_repairs_it() {
    let stack = one_route().await;
    stack.cut_over(&["w", "--to", "service"]).await;
    let good = stack.read_routes();
    let load = Load::get("/w/1").pause(Duration::from_millis(1)).start(stack.table.http);
    load.more(100).await;

    let damaged = good.replace("path = \"/w/{*rest}\"", "path = \"/w/{*rest\"\nstge = 1");
    assert_ne!(damaged, good);
    stack.write_routes(&damaged);
    let rejected = wait::until("the proxy says what it refused", LIMIT, async || {
        stack.routes_report().await.rejected
    })
    .await;
    let line = good.lines().position(|line| line.starts_with("path = ")).unwrap() + 1;
    let said = rejected.problems.join("\n");
    assert!(said.contains(&format!(":{line}:")), "no line {line} in {said}");
    assert!(stack.metric("strangler_table_rejected", &[]).await > 0.0);
    load.more(100).await;

    let validated = stack.migrate(&["routes", "validate"]).await;
    assert_eq!(validated.code, Some(1));
    assert!(validated.stderr.contains(&format!("routes.toml:{line}:")), "{}", validated.stderr);
    let json = stack.migrate(&["--output", "json", "routes", "validate"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["problems"][0]["line"], line);
    assert!(json["problems"][0]["column"].is_u64());

    stack.migrate_ok(&["rollback"]).await;
    assert_eq!(stack.migrate(&["routes", "validate"]).await.code, Some(0));
    wait::until("the file is followed again", LIMIT, async || {
        stack.routes_report().await.rejected.is_none().then_some(())
    })
    .await;
    load.more(100).await;
    load.stop().await.assert_all_answered(200);
}

#[tokio::test]
async fn a_request_ends_where_it_began() {
    let mut stack = one_route().await;
    stack.old.fake().on("/w/slow", Answer::json("{}").after(Duration::from_millis(1500)));
    let slow = tokio::spawn(stack.client.get(stack.url("/w/slow")).send());
    let begun = async || (stack.old.fake().count() == 1).then_some(());
    wait::until("the slow request is at the old backend", LIMIT, begun).await;
    stack.cut_over(&["w", "--to", "service"]).await;
    assert_eq!(stack.who_answers("/w/1").await, NEW);
    assert_eq!(slow.await.unwrap().unwrap().headers()["x-test-backend"], OLD);
}

#[tokio::test]
async fn a_route_can_come_and_go() {
    let stack = one_route().await;
    let before = stack.read_routes();
    let more = format!("{before}\n[[routes]]\nname = \"x\"\npath = \"/x\"\nstage = \"service\"\n");
    stack.write_routes(&more);
    wait::until("the route is there", LIMIT, async || {
        (stack.who_answers("/x").await == NEW).then_some(())
    })
    .await;
    stack.write_routes(&before);
    wait::until("the route is gone", LIMIT, async || {
        (stack.who_answers("/x").await == OLD).then_some(())
    })
    .await;
}
