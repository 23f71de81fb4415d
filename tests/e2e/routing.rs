//! Each request goes where the table says, rewritten only as the table says.

use e2e::RouteSpec;
use http::Method;

use crate::{NEW, OLD, stack};

#[tokio::test]
async fn the_stage_of_the_route_names_the_side_that_answers() {
    let stack = stack()
        .route(RouteSpec::new("a", "/a/{*rest}"))
        .route(RouteSpec::new("b", "/b/{*rest}").stage("shadow"))
        .route(RouteSpec::new("c", "/c/{*rest}").stage("service"))
        .start()
        .await;
    let expected =
        [("/a/1", OLD), ("/b/1", OLD), ("/c/1", NEW), ("/c", NEW), ("/cc", OLD), ("/", OLD)];
    for (path, backend) in expected {
        assert_eq!(stack.who_answers(path).await, backend, "{path}");
    }
    let report = stack.routes_report().await;
    let stages: Vec<_> =
        report.routes.iter().map(|r| (r.name.as_str(), r.stage.as_str())).collect();
    assert_eq!(stages, [("a", "monolith"), ("b", "shadow"), ("c", "service")]);
    assert_eq!(report.routes[2].answered.get(NEW), Some(&2));
}

#[tokio::test]
async fn the_more_specific_route_wins_and_methods_count() {
    let new = |name, path| RouteSpec::new(name, path).stage("service");
    let stack = stack()
        .route(RouteSpec::new("all", "/w/{*rest}"))
        .route(new("one", "/w/{id}"))
        .route(RouteSpec::new("literal", "/w/special"))
        .route(new("deletes", "/x/{*rest}").with(r#"methods = ["DELETE"]"#))
        .start()
        .await;
    assert_eq!(stack.who_answers("/w/1").await, NEW);
    assert_eq!(stack.who_answers("/w/special").await, OLD);
    assert_eq!(stack.who_answers("/w/1/runs").await, OLD);
    assert_eq!(stack.who_answers("/x/1").await, OLD);
    let deleted = stack.client.delete(stack.url("/x/1")).send().await.unwrap();
    assert_eq!(deleted.headers()["x-test-backend"], NEW);
}

#[tokio::test]
async fn each_backend_gets_the_path_as_it_knows_it() {
    let route = RouteSpec::new("workflows", "/api/v1/agent/workflows/{*rest}")
        .stage("service")
        .with(r#"old_path = "/api/v1/agents/workflows/{rest}""#)
        .with(r#"new_path = "/flows/{rest}""#);
    let mut stack = stack().route(route).start().await;
    let asked = [
        "/api/v1/agent/workflows",
        "/api/v1/agent/workflows/a%20b/c?tags=x%2Cy&tags=z&empty",
        "/api/v1/agent/workflows/%C5%BC",
    ];
    for target in asked {
        stack.get(target).await;
    }
    stack.migrate_ok(&["rollback", "workflows"]).await;
    stack.follows(stack.routes_report().await.generation.number).await;
    for target in asked {
        stack.get(target).await;
    }
    let (old, new) = stack.fakes();
    let targets = |seen: Vec<e2e::fake_backend::Seen>| -> Vec<String> {
        seen.into_iter().map(|seen| seen.target).collect()
    };
    let query = "?tags=x%2Cy&tags=z&empty";
    assert_eq!(targets(new.seen()), ["/flows", &format!("/flows/a%20b/c{query}"), "/flows/%C5%BC"]);
    let prefix = "/api/v1/agents/workflows";
    assert_eq!(
        targets(old.seen()),
        [prefix, &format!("{prefix}/a%20b/c{query}"), &format!("{prefix}/%C5%BC")]
    );
}

#[tokio::test]
async fn method_body_and_query_arrive_as_they_were_sent() {
    let mut stack = stack().start().await;
    let body: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = stack.client.request(method.clone(), stack.url("/things?q=%26"));
        let answer = request.body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let seen = stack.old.fake().seen().pop().unwrap();
        assert_eq!((seen.method, seen.target.as_str()), (method, "/things?q=%26"));
        assert!(seen.body == body, "the body changed on its way");
    }
    let head = stack.client.head(stack.url("/things")).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], r#"{"backend":"monolith"}"#.len().to_string());
}

#[tokio::test]
async fn several_targets_share_the_work_and_a_dead_one_gets_none() {
    let mut second = e2e::FakeBackend::start("second").await;
    let mut stack = stack().start_without_proxy().await;
    stack.table.old.push(second.url());
    stack.write_routes(&stack.table.to_toml());
    stack.start_proxy().await;
    for _ in 0..20 {
        assert_eq!(stack.get("/").await.status(), 200);
    }
    assert!(second.count() > 5 && stack.old.fake().count() > 5, "both work");
    second.vanish().await;
    for _ in 0..20 {
        assert_eq!(stack.get("/").await.status(), 200, "with one target gone");
    }
    second.resume().await;
    second.forget();
    e2e::wait::until("the target gets requests again", e2e::LIMIT, async || {
        stack.get("/").await;
        (second.count() > 0).then_some(())
    })
    .await;
}
