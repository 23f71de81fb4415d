//! How the process starts and ends.

use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::running::{PROGRAM, Running, Table, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_requests_finish_and_takes_no_longer() {
    let mut proxy = Running::start(Table::at("service", "")).await;
    let mut connection = Connection::open(proxy.http).await;
    connection.request("GET", "/api/hold", &[], "").await;
    until("the service has it", async || proxy.new.busy() == 1).await;
    proxy.process.signal("TERM");
    until("it stops", async || !proxy.process.logged("stopping").is_empty()).await;
    until("it is not ready any more", async || proxy.admin("/readyz").await.status == 503).await;
    assert!(proxy.process.ended().is_none());
    proxy.new.script.go.add_permits(1);
    let answer = connection.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    let finished = Instant::now();
    until("it has ended", async || proxy.process.ended().is_some()).await;
    assert!(finished.elapsed() < Duration::from_secs(5), "{:?}", finished.elapsed());
    assert!(proxy.process.ended().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_no_longer_than_allowed() {
    let sections = "[limits]\nshutdown_timeout = \"300ms\"";
    let mut proxy = Running::start(Table { sections, ..Table::at("service", "") }).await;
    let mut connection = Connection::open(proxy.http).await;
    connection.request("GET", "/api/hold", &[], "").await;
    until("the service has it", async || proxy.new.busy() == 1).await;
    proxy.process.signal("INT");
    until("it has ended", async || proxy.process.ended().is_some()).await;
    assert!(connection.answer(false).await.is_none());
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Command::new(PROGRAM).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn what_can_t_start_says_why_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let good = "format = 1\n[backends.monolith]\ntargets = [\"http://127.0.0.1:1\"]\n[defaults]\nold = \"monolith\"\nnew = \"monolith\"\nfallback = \"monolith\"\n";
    std::fs::write(at("good.toml"), good).unwrap();
    std::fs::write(at("bad.toml"), good.replace("http://", "")).unwrap();

    let (code, said) = run(&["--routes", &at("none.toml")]);
    assert!(code == Some(1) && said.contains("none.toml"), "{said}");
    let (code, said) = run(&["--check", "--routes", &at("bad.toml")]);
    assert!(code == Some(1) && said.contains("bad.toml:3") && said.contains("http://"), "{said}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = run(&["--routes", &at("good.toml"), "--listen", &address]);
    assert!(code == Some(1) && said.contains(&address) && said.contains("in use"), "{said}");
    let arguments = ["--listen=127.0.0.1:0", "--admin=0.0.0.0:0"];
    let (code, said) = run(&[&["--routes", &at("good.toml")], &arguments[..]].concat());
    assert!(code == Some(1) && said.contains("token"), "{said}");

    let (code, _) = run(&["--no-such-flag"]);
    assert_eq!(code, Some(2));
    let (code, said) = run(&["--check", "--routes", &at("good.toml")]);
    assert!(code == Some(0) && said.contains("good"), "{said}");
}
