//! The programs tell the supervisor that started them that they are ready, that they live, and that they stop.

use std::path::Path;
use std::process::Command;

use e2e::process::Process;
use e2e::stack::Player;
use e2e::{LIMIT, RouteSpec};
use rustix::process::Signal;
use tokio::net::UnixDatagram;

use crate::{BINARIES, stack};

/// What systemd sets for a unit with `Type=notify` and `WatchdogSec=0.1`.
fn asked(socket: &Path) -> [(String, String); 2] {
    let socket = ("NOTIFY_SOCKET".to_owned(), socket.display().to_string());
    [socket, ("WATCHDOG_USEC".to_owned(), "100000".to_owned())]
}

async fn hear(supervisor: &UnixDatagram) -> String {
    let mut said = [0; 4096];
    let length = tokio::time::timeout(LIMIT, supervisor.recv(&mut said)).await.unwrap().unwrap();
    String::from_utf8_lossy(&said[..length]).trim().to_owned()
}

/// Everything from the start to the word that it stops.
async fn hear_out(supervisor: &UnixDatagram, stop: impl FnOnce()) {
    assert_eq!(hear(supervisor).await, "READY=1");
    for _ in 0..3 {
        assert_eq!(hear(supervisor).await, "WATCHDOG=1");
    }
    stop();
    loop {
        match hear(supervisor).await.as_str() {
            "WATCHDOG=1" => {}
            other => break assert_eq!(other, "STOPPING=1"),
        }
    }
}

#[tokio::test]
async fn the_service_tells_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&socket).unwrap();
    let mut stack = stack()
        .new_backend(Player::Service(asked(&socket).to_vec()))
        .route(RouteSpec::new("a", "/a"))
        .start_without_proxy()
        .await;
    let service = stack.new.program().process();
    hear_out(&supervisor, || service.signal(Signal::TERM)).await;
}

#[tokio::test]
async fn the_proxy_tells_how_it_is() {
    let stack = stack().route(RouteSpec::new("a", "/a")).start_without_proxy().await;
    let socket = stack.folder().join("notify");
    let supervisor = UnixDatagram::bind(&socket).unwrap();
    let mut command = Command::new(BINARIES.proxy);
    command.arg("--routes").arg(stack.routes_path()).envs(asked(&socket));
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let proxy = Process::spawn("strangler-proxy", &command, &stack.folder().join("proxy.log"));
    hear_out(&supervisor, || proxy.signal(Signal::TERM)).await;
}
