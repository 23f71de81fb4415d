//! A share of the clients, and each client always on the same side.

use std::collections::BTreeMap;

use e2e::{RouteSpec, Stack};

use crate::{NEW, OLD, stack};

const CLIENTS: usize = 400;

async fn canary(percent: &str, sticky: &str) -> Stack {
    let line = format!(r#"canary = {{ percent = {percent}, sticky = "{sticky}" }}"#);
    stack().route(RouteSpec::new("w", "/w/{*rest}").stage("canary").with(&line)).start().await
}

/// Which side answers each client, named by a header.
async fn sides(stack: &Stack, header: &str, prefix: &str) -> BTreeMap<usize, String> {
    let mut sides = BTreeMap::new();
    for client in 0..CLIENTS {
        let request = stack.client.get(stack.url("/w/1"));
        let answer = request.header(header, format!("{prefix}{client}")).send().await.unwrap();
        sides.insert(client, answer.headers()["x-test-backend"].to_str().unwrap().to_owned());
    }
    sides
}

fn on_new(sides: &BTreeMap<usize, String>) -> Vec<usize> {
    sides.iter().filter(|(_, side)| *side == NEW).map(|(client, _)| *client).collect()
}

#[tokio::test]
async fn a_client_stays_on_its_side_and_raising_the_percent_moves_nobody_back() {
    let stack = canary("20", "header:x-api-key").await;
    let first = sides(&stack, "x-api-key", "key-").await;
    assert_eq!(sides(&stack, "x-api-key", "key-").await, first, "asked again");
    let few = on_new(&first);
    // 20 % of 400 is 80; five standard deviations are 40.
    assert!((40..=120).contains(&few.len()), "{} of {CLIENTS} on the new side", few.len());

    stack.cut_over(&["w", "--to", "canary", "--percent", "60"]).await;
    let many = on_new(&sides(&stack, "x-api-key", "key-").await);
    assert!((190..=290).contains(&many.len()), "{} of {CLIENTS} on the new side", many.len());
    assert!(few.iter().all(|client| many.contains(client)), "somebody was moved back");
}

#[tokio::test]
async fn a_cookie_tells_clients_apart_too() {
    let stack = canary("50", "cookie:session").await;
    let first = sides(&stack, "cookie", "theme=dark; session=s").await;
    let again = sides(&stack, "cookie", "session=s").await;
    assert_eq!(first, again, "the other cookies don't matter");
    assert!((150..=250).contains(&on_new(&first).len()));
}

#[tokio::test]
async fn whoever_cannot_be_told_apart_stays_on_the_old_side() {
    let stack = canary("99", "header:x-api-key").await;
    for _ in 0..20 {
        assert_eq!(stack.who_answers("/w/1").await, OLD);
    }
}

#[tokio::test]
async fn one_address_is_one_client() {
    let stack = canary("50", "client-ip").await;
    let side = stack.who_answers("/w/1").await;
    for _ in 0..20 {
        assert_eq!(stack.who_answers("/w/1").await, side);
    }
}
