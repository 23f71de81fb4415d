//! A new program takes over from the one that runs, and nobody notices.

mod rig;
mod signals;
mod table;
mod duties;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use e2e::certificate::{Certificate, NAME};
use e2e::port::PortGuard;
use e2e::raw::{self, RawConnection};
use e2e::stack::Kept;
use e2e::{Answer, LIMIT, Load, RouteSpec, wait};
use futures::{SinkExt as _, StreamExt as _};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use routes::journal::Action;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use self::rig::Rig;
use crate::{NEW, OLD, stack};

const TIMES: usize = 5;

/// Something that goes on until it is told to stop; how often it was done.
struct GoesOn {
    stop: Arc<AtomicBool>,
    task: JoinHandle<usize>,
}

impl GoesOn {
    fn start<F: Future<Output = ()> + Send>(mut once: impl FnMut() -> F + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut count = 0;
            while !told.load(Ordering::Relaxed) {
                once().await;
                count += 1;
            }
            count
        });
        Self { stop, task }
    }

    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn new_connection(address: std::net::SocketAddr) {
    let request = "GET /new HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = raw::exchange(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
}

/// A client that sends what it has to send over one HTTP/2 connection, and makes another where that is closed.
struct Http2 {
    certificate: Arc<Certificate>,
    address: std::net::SocketAddr,
    open: Option<SendRequest<Empty<Bytes>>>,
    connections: usize,
}

impl Http2 {
    async fn get(&mut self) {
        loop {
            let mut sender = match self.open.take() {
                Some(open) if !open.is_closed() => open,
                _ => self.connect().await,
            };
            if sender.ready().await.is_err() {
                continue;
            }
            let request = Request::get(format!("https://{NAME}/h2")).body(Empty::new()).unwrap();
            match sender.send_request(request).await {
                // It was not sent: the connection was closed to further requests before.
                Err(error) if error.is_canceled() => {}
                answer => {
                    let answer = answer.unwrap();
                    assert_eq!(answer.status(), 200);
                    answer.into_body().collect().await.unwrap();
                    self.open = Some(sender);
                    return;
                }
            }
        }
    }

    async fn connect(&mut self) -> SendRequest<Empty<Bytes>> {
        self.connections += 1;
        let stream = self.certificate.connect(self.address, &["h2"]).await.unwrap();
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_in_a_row_under_load_and_nobody_notices() {
    let folder = TempDir::new().unwrap();
    let certificate = Arc::new(Certificate::write(folder.path(), Duration::from_hours(240)));
    let https = PortGuard::take().release();
    let builder = stack()
        .listen_line(&format!("https = \"{https}\""))
        .listen_line(&certificate.line())
        .route(RouteSpec::new("w", "/w/{*rest}").stage("service"));
    let mut rig = Rig::start(builder, &[]).await;
    let http = rig.stack.table.http;
    let (old, _) = rig.stack.fakes();
    old.on("/slow", Answer::json("{}").after(Duration::from_secs(3)));
    old.on("/ws", Answer::websocket(Duration::ZERO));

    let kept = Load::get("/w/1").start(http);
    let fresh = GoesOn::start(move || new_connection(http));
    let http2 = Arc::new(tokio::sync::Mutex::new(Http2 {
        certificate,
        address: https,
        open: None,
        connections: 0,
    }));
    let multiplexed = {
        let http2 = Arc::clone(&http2);
        GoesOn::start(move || {
            let http2 = Arc::clone(&http2);
            async move { http2.lock().await.get().await }
        })
    };
    let stream = TcpStream::connect(http).await.unwrap();
    let url = format!("ws://{http}/ws");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let slow = tokio::spawn(rig.stack.client.get(rig.stack.url("/slow")).send());
    let asked = async || {
        let (old, _) = rig.stack.fakes();
        old.seen().iter().any(|seen| seen.target == "/slow").then_some(())
    };
    wait::until("the slow request is in flight", LIMIT, asked).await;

    let mut before = Vec::new();
    for _ in 0..TIMES {
        before.push(rig.hand_over().await);
        kept.more(200).await;
        let message = Message::text("still there");
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    assert_eq!(rig.counted("done").await, 1, "each counts that it took over");
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    for process in before {
        rig.until_gone(process).await;
    }
    kept.more(200).await;

    let (fresh, multiplexed) = (fresh.stop().await, multiplexed.stop().await);
    let kept = kept.stop().await;
    kept.assert_all_answered(200);
    assert!(kept.reconnects >= 1, "connections were closed by an answer that said so");
    let connections = http2.lock().await.connections;
    assert!(fresh > TIMES && multiplexed > TIMES && connections > 1);
    eprintln!(
        "{TIMES} handovers: {} requests on connections that are kept ({} of them made anew), slowest {:?}; {fresh} on new ones; \
         {multiplexed} over HTTP/2 ({connections} connections); none failed",
        kept.exchanges.len(),
        kept.reconnects,
        kept.latency(1.0),
    );
}

#[tokio::test]
async fn an_idle_connection_has_one_more_answer_from_the_process_that_took_it() {
    let mut rig = Rig::start(stack(), &[]).await;
    rig.stack.old.fake().answer(Answer::json(r#"{"state":"ok"}"#));
    let mut idle = RawConnection::open(rig.stack.table.http).await;
    let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    idle.send(request).await;
    assert!(!idle.read_until("ok\"}").await.to_lowercase().contains("connection: close"));
    let before = rig.hand_over().await;
    rig.until_ready().await;
    assert!(rig::is_alive(before), "it waits for that client");
    idle.send(request).await;
    let answer = idle.read_to_end().await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    rig.until_gone(before).await;
    assert_eq!(rig.stack.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_new_program_that_is_broken_changes_nothing() {
    let mut rig = Rig::start(stack(), &[]).await;
    let process = rig.newest();
    let load = Load::get("/").start(rig.stack.table.http);
    let broken = [
        rig.script("fails", "echo 'this build is broken' >&2; exit 1"),
        rig.script("babbles", "echo hello >&0; exec sleep 1000"),
        rig.script("fades", "(read hello; echo ready $$; read word) <&0 >&0"),
        rig.stack.folder().join("is-not-there"),
    ];
    for (count, program) in (1..).zip(&broken) {
        rig.replace_program(program);
        assert!(!rig.reload().await, "{}", program.display());
        assert_eq!((rig.newest(), rig.counted("failed").await), (process, count));
        load.more(50).await;
    }
    // A table that is not good stops a new process as it would stop any.
    let table = rig.stack.read_routes();
    rig.replace_program(std::path::Path::new(crate::BINARIES.proxy));
    let (here, everywhere) =
        (rig.stack.table.http, format!("0.0.0.0:{}", rig.stack.table.http.port()));
    for not_good in ["format = 1\nnonsense", &table.replace(&here.to_string(), &everywhere)] {
        rig.stack.write_routes(not_good);
        assert!(!rig.reload().await, "{not_good}");
    }
    rig.stack.write_routes(&table);
    let log = rig.log();
    let said = [
        "this build is broken",
        "not understood",
        "ended before it had taken over",
        "can't be started",
        "not a valid route table",
        "the running proxy still holds",
    ];
    for said in said {
        assert!(log.contains(said), "{said}:\n{log}");
    }
    assert!(rig.hand_over().await == process, "it can still be handed over");
    load.more(50).await;
    load.stop().await.assert_all_answered(200);
}

#[tokio::test]
async fn what_the_guard_did_is_not_forgotten_and_one_guard_acts_wherever_the_table_is() {
    for kept in Kept::BOTH {
        let builder = stack().kept(kept).route(RouteSpec::new("w", "/w/{*rest}").stage("service"));
        let mut rig = Rig::start(builder, &[]).await;
        rig.stack.recorded().await;
        rig.stack.new.fake().answer(Answer::status(500));
        // As long as somebody else holds the table, the guard can't write what it did.
        let held = rig.stack.home.lock("a test", LIMIT).unwrap();
        let unwritten = async |rig: &Rig| rig.stack.count("strangler_guard_unwritten", &[]).await;
        wait::until("the guard has acted", LIMIT, async || {
            let _answer = rig.stack.get("/w/1").await;
            (unwritten(&rig).await == 1).then_some(())
        })
        .await;
        assert!(!rig.reload().await, "a new process would send clients to the new backend again");
        assert_eq!((rig.counted("refused").await, rig.counted("failed").await), (1, 0));
        drop(held);
        let is_written = async || (unwritten(&rig).await == 0).then_some(());
        wait::until("the table says it", LIMIT, is_written).await;

        let before = rig.hand_over().await;
        rig.until_ready().await;
        assert_eq!(rig.stack.who_answers("/w/1").await, OLD);
        rig.until_gone(before).await;
        let journal = rig.stack.home.journal().unwrap();
        let guards = journal.history(None);
        let guards = guards.iter().filter(|change| change.intent.action == Action::Guard);
        assert_eq!(guards.count(), 1, "{kept:?}");
    }
}

#[tokio::test]
async fn a_flip_meets_both_processes_and_what_was_compared_is_counted_once() {
    let builder = stack()
        .route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"))
        .route(RouteSpec::new("f", "/f/{*rest}").stage("monolith"));
    let mut rig = Rig::start(builder, &[]).await;
    let load = Load::get("/w/1").pause(Duration::from_millis(5)).start(rig.stack.table.http);
    let flipped = Load::get("/f/1").pause(Duration::from_millis(5)).start(rig.stack.table.http);
    load.more(50).await;
    let mut before = Vec::new();
    for stage in ["canary", "service"] {
        let forced = e2e::stack::forced(&["f", "--to", stage]);
        let flip = tokio::spawn(e2e::stack::run(rig.stack.migrate_command(&forced)));
        before.push(rig.hand_over().await);
        let flip = flip.await.unwrap();
        assert_eq!(flip.code, Some(0), "{flip:#?}");
    }
    wait::until("the new backend answers the route", LIMIT, async || {
        (rig.stack.who_answers("/f/1").await == NEW).then_some(())
    })
    .await;
    load.more(50).await;
    for process in before {
        rig.until_gone(process).await;
    }
    let (report, flipped) = (load.stop().await, flipped.stop().await);
    report.assert_all_answered(200);
    flipped.assert_all_answered(200);
    assert_eq!(report.answered_by(OLD), report.exchanges.len());
    let journal = rig.stack.home.journal().unwrap();
    assert!(journal.findings.is_empty(), "{:?}", journal.findings);

    // Each request left one outcome, in one process or the other; a copy that could not be made is one as well.
    let requests = report.exchanges.len() as u64;
    let counted = async || {
        let report = rig.stack.evidence().await;
        let route = report.routes.iter().find(|route| route.route == "w").unwrap();
        let compared: u64 = route.operations.iter().map(|found| found.compared).sum();
        let dropped: u64 = route.dropped.values().sum();
        (report.store.pending == 0 && compared + dropped >= requests).then_some((compared, dropped))
    };
    let (compared, dropped) = wait::until("all of it is stored", LIMIT, counted).await;
    assert_eq!(compared + dropped, requests, "{compared} compared, {dropped} dropped");
    assert!(compared > 50, "{compared}");
}

#[tokio::test]
async fn a_reload_without_a_supervisor_is_a_handover_as_well() {
    let mut stack = stack().start().await;
    let first = stack.proxy().id();
    let log = stack.folder().join("proxy.log");
    stack.proxy().signal(rustix::process::Signal::HUP);
    let new = wait::until("a new process serves", LIMIT, async || {
        let log = std::fs::read_to_string(&log).unwrap();
        let line = log.lines().find(|line| line.contains("a new process has taken over"))?;
        line.rsplit_once("pid=")?.1.trim().parse::<u32>().ok()
    })
    .await;
    let _ended_with_the_test = rig::Newest(new);
    assert_ne!(new, first);
    let ended = wait::until("the first has ended", LIMIT, async || stack.proxy().ended()).await;
    assert_eq!(ended.code(), Some(0));
    assert_eq!(stack.get("/").await.status(), 200);
}
