//! Clients with TLS: which protocols they get, and a certificate that is renewed under them.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use e2e::certificate::{Certificate, NAME};
use e2e::port::PortGuard;
use e2e::{LIMIT, Stack, wait};
use http::{Request, Version};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::{BINARIES, stack};

const MONTH: Duration = Duration::from_hours(30 * 24);

/// A stack with TLS at an address, and with a certificate in a folder.
async fn secured(folder: &TempDir, limits: &str) -> (Stack, SocketAddr, Certificate) {
    let certificate = Certificate::write(folder.path(), MONTH);
    let address = PortGuard::take().release();
    let stack = stack()
        .listen_line(&format!("https = \"{address}\""))
        .listen_line(&certificate.line())
        .section(limits)
        .start()
        .await;
    (stack, address, certificate)
}

fn get() -> Request<Empty<Bytes>> {
    Request::get(format!("https://{NAME}/x")).header("host", NAME).body(Empty::new()).unwrap()
}

/// A connection over HTTP/1.1 that is kept.
async fn http1_over(stream: TlsStream<TcpStream>) -> http1::SendRequest<Empty<Bytes>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn clients_choose_http2_or_http1_and_the_backend_is_told_that_it_was_tls() {
    let folder = TempDir::new().unwrap();
    let (mut stack, address, certificate) = secured(&folder, "").await;

    let stream = certificate.connect(address, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(get()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));

    for protocols in [&["http/1.1"][..], &[]] {
        let stream = certificate.connect(address, protocols).await.unwrap();
        let answer = http1_over(stream).await.send_request(get()).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_11));
    }
    for seen in stack.old.fake().seen() {
        assert_eq!((seen.header("x-forwarded-proto"), seen.header("host")), ("https", NAME));
    }
    assert_eq!(stack.old.fake().count(), 3);
    assert_eq!(stack.get("/").await.status(), 200, "without TLS as well");
    assert_eq!(stack.old.fake().seen()[3].header("x-forwarded-proto"), "http");
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart_and_a_bad_one_is_not() {
    let folder = TempDir::new().unwrap();
    let (stack, address, first) = secured(&folder, "").await;
    let mut kept = http1_over(first.connect(address, &[]).await.unwrap()).await;
    kept.send_request(get()).await.unwrap().collect().await.unwrap();

    let second = Certificate::write(folder.path(), 2 * MONTH);
    wait::until("the new certificate is served", LIMIT, async || {
        second.connect(address, &[]).await.ok().map(drop)
    })
    .await;
    assert!(first.connect(address, &[]).await.is_err(), "nobody gets the old one any more");
    let answer = kept.send_request(get()).await.unwrap();
    assert_eq!(answer.status(), 200, "whoever was connected stays connected");
    let end = stack.count("strangler_certificate_expiry_timestamp_seconds", &[]).await;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    assert!(end.abs_diff((now + 2 * MONTH).as_secs()) < 600, "{end}");

    std::fs::write(&second.certificate, "no certificate at all").unwrap();
    let rejected = wait::until("the bad one is refused", LIMIT, async || {
        stack.routes_report().await.certificate.and_then(|report| report.rejected)
    })
    .await;
    assert!(rejected.why.contains("holds no certificate in PEM form"), "{}", rejected.why);
    assert_eq!(stack.count("strangler_certificate_rejected", &[]).await, 1);
    assert!(second.connect(address, &[]).await.is_ok(), "the good one stays in force");
    let status = e2e::stack::run(stack.migrate_command(&["status"])).await;
    assert!(status.stdout.contains("what the file holds now is refused"), "{}", status.stdout);

    let third = Certificate::write(folder.path(), MONTH);
    wait::until("the next good one is served", LIMIT, async || {
        third.connect(address, &[]).await.ok().map(drop)
    })
    .await;
    assert_eq!(stack.count("strangler_certificate_rejected", &[]).await, 0);
}

#[tokio::test]
async fn a_key_that_everybody_may_read_is_no_key() {
    let folder = TempDir::new().unwrap();
    let certificate = Certificate::write(folder.path(), MONTH);
    std::fs::set_permissions(&certificate.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let stack = stack()
        .listen_line("https = \"127.0.0.1:0\"")
        .listen_line(&certificate.line())
        .start_without_proxy()
        .await;
    let mut command = Command::new(BINARIES.proxy);
    command.arg("--routes").arg(stack.routes_path());
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let ended = e2e::stack::run(command).await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stderr.contains("may read the key"), "{ended:#?}");
    assert!(ended.stderr.contains("chmod 0640"), "{ended:#?}");
}

#[tokio::test]
async fn a_client_that_stops_within_a_handshake_or_a_body_is_let_go() {
    let folder = TempDir::new().unwrap();
    let limits = "[limits]\nheader_timeout = \"500ms\"\nclient_timeout = \"500ms\"\n";
    let (stack, address, certificate) = secured(&folder, limits).await;
    let mut silent = e2e::raw::RawConnection::open(address).await;
    silent.send([0x16, 0x03]).await;
    assert_eq!(silent.read_to_end().await, "");

    let stream = certificate.connect(address, &["h2"]).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let never = futures::stream::pending::<Result<Frame<Bytes>, std::convert::Infallible>>();
    let owed = Request::post(format!("https://{NAME}/x")).body(StreamBody::new(never)).unwrap();
    let answer = tokio::time::timeout(LIMIT, sender.send_request(owed)).await.unwrap();
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 408));
    let _closed = tokio::time::timeout(LIMIT, connection).await.expect("the connection ends");
    assert_eq!(stack.count("strangler_refused_connections_total", &["slow_body"]).await, 1);
}
