//! Bodies pass as they come, and a connection can leave HTTP.

use crate::client::Connection;
use crate::running::{Running, Table, until};

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_as_they_are_sent() {
    let proxy = Running::start(Table::at("service", "")).await;
    let mut connection = Connection::open(proxy.http).await;
    connection.request("GET", "/api/events", &[], "").await;
    assert_eq!(connection.head().await.unwrap().0, 200);
    let mut read = String::new();
    while !read.contains("data: one") {
        read += &String::from_utf8(connection.some().await.unwrap()).unwrap();
    }
    assert!(!read.contains("data: two"));
    proxy.new.script.go.add_permits(1);
    while !read.contains("data: two") {
        read += &String::from_utf8(connection.some().await.unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_reaches_the_backend_before_it_is_whole() {
    let proxy = Running::start(Table::at("service", "")).await;
    let mut connection = Connection::open(proxy.http).await;
    connection.request("POST", "/api/x", &[("Content-Length", "300000")], "").await;
    connection.write("x".repeat(100_000)).await;
    until("the backend has its beginning", async || proxy.new.busy() == 1).await;
    connection.write("x".repeat(200_000)).await;
    assert_eq!(connection.answer(false).await.unwrap().json()["body"], 300_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_passes_both_ways() {
    let proxy = Running::start(Table::at("service", "")).await;
    let mut connection = Connection::open(proxy.http).await;
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    connection.request("GET", "/api/socket", &headers, "").await;
    let (status, headers) = connection.head().await.unwrap();
    assert_eq!(status, 101);
    assert!(headers.contains(&("upgrade".to_owned(), "websocket".to_owned())), "{headers:?}");
    for message in ["first", "second"] {
        connection.write(message).await;
        let mut read = Vec::new();
        while read.len() < message.len() {
            read.extend(connection.some().await.unwrap());
        }
        assert_eq!(read, message.as_bytes());
    }
    let Running { old, new, process: _process, .. } = proxy;
    new.kill().await;
    assert!(connection.some().await.is_none(), "what has left HTTP is not repeated");
    assert!(old.seen().is_empty());
}
