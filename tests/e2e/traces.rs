//! One trace shows a request in the proxy, in the service, and in its copy; and nobody waits for the collector.

use e2e::collector::{Collector, Span};
use e2e::stack::{Player, StackBuilder};
use e2e::{LIMIT, RouteSpec, Stack, wait};

use crate::stack;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const TARGET: &str = "/api/v1/agents/workflows";

/// Proxy and real service, both telling the collector.
fn telling(collector: &Collector, stage: &str) -> StackBuilder {
    let environment = collector.environment();
    let stack = stack()
        .old(Player::Monolith)
        .new_backend(Player::Service(environment.to_vec()))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}").stage(stage));
    environment.iter().fold(stack, |stack, (name, value)| stack.proxy_environment(name, value))
}

async fn ask(stack: &Stack, target: &str, flags: &str) -> u16 {
    let request = stack.client.get(stack.url(target)).header("x-api-key", "alice");
    let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"));
    request.send().await.unwrap().status().as_u16()
}

fn of<'s>(spans: &'s [Span], program: &str) -> &'s Span {
    spans.iter().find(|span| span.program == program).unwrap_or_else(|| panic!("{spans:#?}"))
}

#[tokio::test]
async fn a_request_is_one_trace_through_proxy_and_service() {
    let collector = Collector::start().await;
    let stack = telling(&collector, "service").start().await;
    assert_eq!(ask(&stack, TARGET, "01").await, 200);
    let spans = collector.spans(2, |span| span.trace == TRACE).await;
    let (proxy, service) = (of(&spans, "strangler-proxy"), of(&spans, "agent-service"));
    assert_eq!((proxy.parent.as_str(), &service.parent), (CALLER, &proxy.id));
    assert_eq!(proxy.name, "GET /api/v1/agents/{*rest}");
    let said = ["route", "stage", "backend", "generation"]
        .map(|name| proxy.attribute(&format!("strangler.{name}")));
    assert_eq!(said, ["agents", "service", "agent-service", "0"]);
    assert_eq!(service.attribute("http.route"), TARGET);
    assert_eq!(service.attribute("strangler.purpose"), "real");
    for span in &spans {
        assert_eq!(span.attribute("http.response.status_code"), "200");
        assert!(!span.has_failed && span.took > 0, "{span:#?}");
    }
    assert!(service.took <= proxy.took, "{spans:#?}");
}

#[tokio::test]
async fn a_copy_stands_in_the_trace_of_its_request() {
    let collector = Collector::start().await;
    let stack = telling(&collector, "shadow").start().await;
    assert_eq!(ask(&stack, TARGET, "01").await, 200);
    let spans = collector.spans(2, |span| span.trace == TRACE).await;
    let (proxy, copy) = (of(&spans, "strangler-proxy"), of(&spans, "agent-service"));
    assert_eq!(proxy.attribute("strangler.backend"), "monolith");
    assert_eq!((&copy.parent, copy.attribute("strangler.purpose")), (&proxy.id, "mirrored"));
}

#[tokio::test]
async fn what_the_proxy_refuses_or_no_backend_answers_is_told_as_such() {
    let collector = Collector::start().await;
    let mut stack = telling(&collector, "service").start().await;
    assert_eq!(ask(&stack, "/api/v1/agents/%2e%2e%2fetc", "01").await, 400);
    let refused = collector.spans(1, |span| span.trace == TRACE).await;
    assert!(!refused[0].attribute("strangler.refused").is_empty(), "{refused:#?}");
    assert!(!refused[0].has_failed, "a client's mistake is no failure of the proxy");

    stack.old.program().process().kill();
    assert_eq!(ask(&stack, "/elsewhere", "01").await, 502);
    let failed = collector.spans(1, |span| span.attribute("url.path") == "/elsewhere").await;
    assert!(failed[0].has_failed, "{failed:#?}");
}

/// A caller that does not trace its request is followed, and requests of nobody's trace begin one.
#[tokio::test]
async fn the_callers_choice_is_followed_and_a_new_trace_begun() {
    let collector = Collector::start().await;
    let stack = telling(&collector, "service").start().await;
    assert_eq!(ask(&stack, TARGET, "00").await, 200);
    let answer = stack.client.get(stack.url(TARGET)).header("x-api-key", "alice");
    assert_eq!(answer.send().await.unwrap().status(), 200);
    let begun = collector.spans(2, |span| span.attribute("url.path") == TARGET).await;
    assert_eq!(begun.len(), 2, "the first request was not to be traced: {begun:#?}");
    let (proxy, service) = (of(&begun, "strangler-proxy"), of(&begun, "agent-service"));
    assert_eq!((proxy.parent.as_str(), &service.parent), ("", &proxy.id));
    assert_eq!(service.trace, proxy.trace);
}

#[tokio::test]
async fn a_collector_that_is_gone_is_told_once_and_disturbs_nobody() {
    let collector = Collector::start().await;
    let address = collector.environment()[0].1.clone();
    let mut stack = telling(&collector, "service").start().await;
    drop(collector);
    let complaint = "the collector takes no traces";
    wait::until("the proxy says that the collector is gone", LIMIT, async || {
        assert_eq!(ask(&stack, TARGET, "01").await, 200);
        stack.proxy().output().contains(complaint).then_some(())
    })
    .await;
    for _ in 0..20 {
        assert_eq!(ask(&stack, TARGET, "01").await, 200);
    }
    let log = stack.proxy().output();
    assert_eq!(log.matches(complaint).count(), 1);
    let said = log.lines().find(|line| line.contains(complaint)).unwrap();
    assert!(said.contains(&address) && said.contains("Connection refused"), "{said}");
}
