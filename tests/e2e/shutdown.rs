//! A stop lets what is in flight end, and takes no longer than it must.

use std::time::Duration;

use e2e::raw::RawConnection;
use e2e::stack::Player;
use e2e::{Answer, LIMIT, RouteSpec, raw, wait};
use tokio::net::TcpStream;

use crate::stack;

#[tokio::test]
async fn the_proxy_ends_after_its_requests_have() {
    let mut stack = stack().start().await;
    stack.old.fake().on("/slow", Answer::json("{}").after(Duration::from_secs(1)));
    let mut idle = RawConnection::open(stack.table.http).await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.read_head().await;
    let slow = tokio::spawn(stack.client.get(stack.url("/slow")).send());
    let begun = async || (stack.old.fake().count() == 2).then_some(());
    wait::until("the slow request is in flight", LIMIT, begun).await;

    let http = stack.table.http;
    let finished = stack.proxy().stop(LIMIT).await;
    eprintln!("graceful stop with a request in flight took {:?}", finished.after);
    assert_eq!(finished.status.code(), Some(0), "{}", stack.proxy().tail());
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    assert!(TcpStream::connect(http).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_proxy_for_ever() {
    let mut stack = stack().section("[limits]\nshutdown_timeout = \"1s\"\n").start().await;
    stack.old.fake().answer(Answer::endless(Duration::from_millis(10)));
    let mut endless = RawConnection::open(stack.table.http).await;
    endless.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    endless.read_head().await;
    let finished = stack.proxy().stop(LIMIT).await;
    assert!(finished.after < Duration::from_secs(10), "took {:?}", finished.after);
}

#[tokio::test]
async fn the_service_ends_after_its_requests_have() {
    let mut stack = stack()
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("a", "/a"))
        .start_without_proxy()
        .await;
    let address = stack.new.program().address();
    let request = "GET /api/v1/agents/test HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(raw::exchange(address, request).await.starts_with("HTTP/1.1 200"));
    let finished = stack.new.program().process().stop(LIMIT).await;
    assert_eq!(finished.status.code(), Some(0), "{}", stack.new.program().process().tail());
    assert!(TcpStream::connect(address).await.is_err());
}
