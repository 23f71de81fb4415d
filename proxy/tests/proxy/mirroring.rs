//! Reads at stage shadow are mirrored and compared, and the client never notices.

use crate::client;
use crate::running::{Running, Table, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_mirrored_compared_and_told_and_a_write_is_not() {
    let proxy = Running::start(Table::at("shadow", "compare.ignore = [\"$.headers\"]")).await;
    let answer = proxy.get("/api/workflows?page=2").await;
    assert_eq!(answer.backend(), "monolith");
    let evidence = async || proxy.admin("/api/evidence?route=api").await.json();
    until("the exchange is compared", async || {
        evidence().await["routes"][0]["operations"][0]["compared"] == 1
    })
    .await;
    let operation = evidence().await["routes"][0]["operations"][0].clone();
    assert_eq!(operation["matched"], 0);
    let paths: Vec<_> = operation["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["$.backend"]);
    assert_eq!(proxy.new.seen(), ["GET /workflows?page=2"]);

    client::send(proxy.http, "POST", "/api/workflows", &[], "{}").await;
    let other = proxy.get("/other").await;
    assert_eq!((other.status, proxy.new.seen().len()), (200, 1));
    let metrics = client::get_blocking(proxy.admin, "/metrics");
    assert!(metrics.contains("strangler_mirrored_requests_total"), "{metrics}");
    assert_eq!(proxy.admin("/api/evidence?route=none").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_new_backend_delays_nobody() {
    let proxy = Running::start(Table::at("shadow", "")).await;
    for _ in 0..20 {
        let mut connection = client::Connection::open(proxy.http).await;
        connection.request("GET", "/api/hold", &[], "").await;
        until("the monolith has it", async || proxy.old.busy() == 1).await;
        proxy.old.script.go.add_permits(1);
        assert_eq!(connection.answer(false).await.unwrap().text(), "monolith");
        until("it is done", async || proxy.old.busy() == 0).await;
    }
    until("the copies hang", async || proxy.new.busy() == 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirroring_gives_way_to_requests() {
    let proxy = Running::start(Table::at("shadow", "")).await;
    until("the mirror's only thread runs at the lowest priority", async || {
        proxy.process.priorities("mirror") == [19]
    })
    .await;
    assert!(proxy.process.priorities("clients").iter().all(|nice| *nice == 0));
    assert!(!proxy.process.priorities("clients").is_empty());
}
