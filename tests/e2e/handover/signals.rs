//! Signals that come while one process takes over from another, or just after.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use e2e::process::Process;
use e2e::raw::RawConnection;
use e2e::{Answer, LIMIT, RouteSpec, wait};
use rustix::process::Signal;

use super::rig::{self, Rig};
use crate::{BINARIES, stack};

/// What systemd does with a second `systemctl reload` that waits for the end of the first.
#[tokio::test]
async fn a_second_reload_in_the_moment_of_the_first_is_a_handover_as_well() {
    let mut rig = Rig::start(stack(), &[]).await;
    let first = rig.newest();
    rig.ask().await;
    assert!(rig.has_heir().await, "{}", rig.log());
    let second = rig.newest();
    rig::signal(second, Signal::HUP);
    assert_eq!(rig.hear().await, "READY=1");
    assert!(rig.hear().await.starts_with("RELOADING=1\n"), "{}", rig.log());
    assert!(rig.is_succeeded().await, "{}", rig.log());
    rig.until_gone(first).await;
    rig.until_gone(second).await;
    assert_eq!(rig.stack.get("/").await.status(), 200);
}

/// A request that takes its time, and is at the old backend by now.
async fn slow(
    rig: &mut Rig,
    takes: Duration,
) -> tokio::task::JoinHandle<reqwest::Result<reqwest::Response>> {
    rig.stack.old.fake().on("/slow", Answer::json("{}").after(takes));
    let slow = tokio::spawn(rig.stack.client.get(rig.stack.url("/slow")).send());
    wait::until("the slow request is in flight", LIMIT, async || {
        rig.stack.old.fake().seen().iter().any(|seen| seen.target == "/slow").then_some(())
    })
    .await;
    slow
}

/// What systemd does at a stop: it tells every process of the unit.
#[tokio::test]
async fn told_to_stop_after_a_handover_a_process_still_answers_what_it_has() {
    let mut rig = Rig::start(stack(), &[]).await;
    let mut idle = RawConnection::open(rig.stack.table.http).await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.read_head().await;
    let slow = slow(&mut rig, Duration::from_secs(2)).await;
    let before = rig.hand_over().await;
    rig::signal(before, Signal::TERM);
    assert_eq!(slow.await.unwrap().unwrap().status(), 200, "{}", rig.log());
    rig.until_gone(before).await;
    let log = rig.log();
    assert!(log.contains("stopped: every request in flight has finished"), "{log}");
    assert_eq!(rig.stack.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_second_stop_after_a_handover_waits_for_nothing() {
    let mut rig = Rig::start(stack(), &[]).await;
    let slow = slow(&mut rig, 4 * LIMIT).await;
    let before = rig.hand_over().await;
    rig::signal(before, Signal::TERM);
    wait::until("the first one is heard", LIMIT, async || {
        rig.log().contains("connections without a request are closed").then_some(())
    })
    .await;
    rig::signal(before, Signal::INT);
    rig.until_gone(before).await;
    slow.await.unwrap().unwrap_err();
    assert_eq!(rig.stack.get("/").await.status(), 200);
}

#[tokio::test]
async fn told_to_stop_in_the_middle_of_a_handover_both_processes_end() {
    let rig = Rig::start(stack(), &[]).await;
    let pid = rig.stack.folder().join("pid");
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", pid.display());
    rig.replace_program(&rig.script("hangs", &script));
    rig.ask().await;
    let new = wait::until("the new process runs", LIMIT, async || {
        std::fs::read_to_string(&pid).ok()?.trim().parse::<u32>().ok()
    })
    .await;
    rig::signal(rig.newest(), Signal::TERM);
    assert_eq!(rig.hear().await, "STOPPING=1");
    rig.until_gone(rig.newest()).await;
    rig.until_gone(new).await;
}

/// `script` (bsdutils) makes a terminal; when it is killed, that is closed.
#[tokio::test]
async fn a_terminal_that_is_closed_takes_the_proxy_with_it() {
    let stack = stack().route(RouteSpec::new("a", "/a")).start_without_proxy().await;
    let proxy = format!(
        "exec {} --routes {} 2>{}",
        BINARIES.proxy,
        stack.routes_path().display(),
        stack.folder().join("proxy.log").display()
    );
    let mut command = Command::new("script");
    command.args(["-q", "-e", "-c", &proxy, "/dev/null"]).current_dir(stack.folder());
    let mut terminal = Process::spawn("script", &command, &stack.folder().join("terminal.log"));
    wait::until(
        "the proxy serves (in a terminal by `script`, Debian's bsdutils)",
        LIMIT,
        async || stack.client.get(stack.url("/")).send().await.ok(),
    )
    .await;
    terminal.kill();
    wait::until("nobody listens any more", LIMIT, async || {
        TcpListener::bind(stack.table.http).ok()
    })
    .await;
    let log = std::fs::read_to_string(stack.folder().join("proxy.log")).unwrap();
    assert!(!log.contains("starting a process"), "{log}");
}
