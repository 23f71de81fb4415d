//! Nothing that a client sends can take more than its share.

use std::time::Duration;

use e2e::raw::{self, RawConnection};
use e2e::{Answer, wait};

use crate::stack;

const LIMITS: &str = "[limits]\nmax_body_bytes = 1000\nmax_header_bytes = 4096\nmax_in_flight = 4\n\
                      client_timeout = \"500ms\"\n";

#[tokio::test]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let mut stack = stack().section(LIMITS).start().await;
    let post = |size: usize| stack.client.post(stack.url("/")).body(vec![b'x'; size]);
    assert_eq!(post(1000).send().await.unwrap().status(), 200);
    assert_eq!(post(1001).send().await.unwrap().status(), 413);
    let seen = stack.old.fake().count();
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    let mut client = RawConnection::open(stack.table.http).await;
    client
        .send(format!(
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
        ))
        .await;
    let head = client.read_head().await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    let complete = stack.old.fake().seen().iter().filter(|seen| seen.body.len() > 1000).count();
    assert_eq!(complete, 0, "after {seen} requests");
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let mut stack = stack().section(LIMITS).start().await;
    let filler = "x".repeat(5000);
    let request =
        format!("GET / HTTP/1.1\r\nhost: x\r\nx-filler: {filler}\r\nconnection: close\r\n\r\n");
    let answer = raw::exchange(stack.table.http, &request).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(stack.old.fake().count(), 0);
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_its_body_is_let_go() {
    let stack = stack().section(LIMITS).start().await;
    let mut client = RawConnection::open(stack.table.http).await;
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").await;
    let answer = client.read_to_end().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(stack.get("/").await.status(), 200, "others are served");
}

#[tokio::test]
async fn more_requests_than_allowed_are_told_to_come_again() {
    let mut stack = stack().section(LIMITS).start().await;
    stack.old.fake().on("/slow", Answer::json("{}").after(Duration::from_secs(3)));
    let slow: Vec<_> =
        (0..4).map(|_| tokio::spawn(stack.client.get(stack.url("/slow")).send())).collect();
    let all_begun = async || (stack.old.fake().count() == 4).then_some(());
    wait::until("four requests are in flight", e2e::LIMIT, all_begun).await;
    let refused = stack.get("/").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    for request in slow {
        assert_eq!(request.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(stack.get("/").await.status(), 200);
}
