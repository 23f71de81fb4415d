//! What `migrate retire` makes of TLS: fronts that speak it with clients, and fronts that speak it with backends.

use std::net::SocketAddr;

use bytes::Bytes;
use e2e::certificate::{Certificate, NAME};
use e2e::fronts::Running;
use e2e::port::PortGuard;
use e2e::{LIMIT, RouteSpec, Stack, wait};
use http::{Request, Version};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;

use crate::backend_tls::{MONTH, Secured, stack_with, tls};
use crate::retire::{FRONTS, retired};
use crate::stack;

const PATH: &str = "/api/x?q=1";

/// As clients say it: over HTTP/2 the host is a part of the target alone.
fn get(target: &str, host: Option<&str>) -> Request<Empty<Bytes>> {
    let request = Request::get(target);
    let request = match host {
        Some(host) => request.header("host", host),
        None => request,
    };
    request.body(Empty::new()).unwrap()
}

/// Asks over the protocol that this client offers and the front takes: status and version of the answer.
async fn ask(certificate: &Certificate, at: SocketAddr, protocol: &str) -> (u16, Version) {
    let stream = wait::until("the front speaks TLS", LIMIT, async || {
        certificate.connect(at, &[protocol]).await.ok()
    })
    .await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    let io = TokioIo::new(stream);
    let answer = if protocol == "h2" {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(get(&format!("https://{NAME}{PATH}"), None)).await
    } else {
        let (mut sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(get(PATH, Some(NAME))).await
    };
    let answer = answer.unwrap();
    (answer.status().as_u16(), answer.version())
}

/// A proxy with TLS for clients, and one route that is at its new backend.
async fn secured(certificate: &Certificate) -> Stack {
    stack()
        .listen_line(&format!("https = \"{}\"", PortGuard::take().release()))
        .listen_line(&certificate.line())
        .route(
            RouteSpec::new("api", "/api/{*rest}")
                .stage("service")
                .with("new_path = \"/v2/{rest}\""),
        )
        .start()
        .await
}

#[tokio::test]
async fn clients_with_tls_are_answered_over_both_protocols_and_also_on_the_way_back() {
    let folder = TempDir::new().unwrap();
    let certificate = Certificate::write(folder.path(), MONTH);
    let mut stack = secured(&certificate).await;
    for front in FRONTS {
        let https = PortGuard::take().release();
        let listen = https.to_string();
        let (running, at, link) = retired(&stack, front, &["--listen-https", &listen]).await;
        stack.new.fake().forget();
        assert_eq!(ask(&certificate, https, "h2").await, (200, Version::HTTP_2), "{front}");
        assert_eq!(ask(&certificate, https, "http/1.1").await, (200, Version::HTTP_11), "{front}");
        let seen = stack.new.fake().seen();
        assert_eq!(seen.len(), 2, "{front}");
        for one in seen {
            assert_eq!(one.target, "/v2/x?q=1", "{front}");
            for (name, value) in
                [("host", NAME), ("x-forwarded-host", NAME), ("x-forwarded-proto", "https")]
            {
                assert_eq!(one.header(name), value, "{front}: {name}");
            }
        }
        let plain = stack.client.get(format!("http://{at}/api/x")).send().await.unwrap();
        assert_eq!(plain.status(), 200, "{front}, without TLS as well");

        drop(running);
        let to = link.parent().unwrap().display().to_string();
        stack.migrate_ok(&["retire", "--undo", "--to", &to]).await;
        let before = stack.count("strangler_requests_total", &[]).await;
        let _running = Running::start(front, &link, at).await;
        assert_eq!(ask(&certificate, https, "h2").await, (200, Version::HTTP_2), "{front}");
        // It counts a request when the last byte is out.
        wait::until("the proxy has counted it", LIMIT, async || {
            (stack.count("strangler_requests_total", &[]).await == before + 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_backend_with_tls_is_asked_where_it_proves_its_name_and_else_not() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let certificate = Certificate::write(folder.path(), MONTH);
    let stranger = Certificate::write(elsewhere.path(), MONTH);
    let secured = Secured::start(Some(&certificate)).await;
    for (trusted, is_asked) in [(&certificate, true), (&stranger, false)] {
        let stack = stack_with(&secured, "https", &tls(trusted, "")).await;
        for front in FRONTS {
            let path = format!("/service/{front}/{is_asked}");
            let (_running, at, _) = retired(&stack, front, &["service"]).await;
            let answer = async || {
                let answer = stack.client.get(format!("http://{at}{path}")).send().await;
                answer.unwrap().status().as_u16()
            };
            if is_asked {
                assert_eq!(answer().await, 200, "{front}");
            } else {
                assert!((500..600).contains(&answer().await), "{front}");
            }
            let asked = if is_asked { vec![Version::HTTP_11] } else { Vec::new() };
            assert_eq!(secured.versions(&path), asked, "{front}");
        }
    }
}

#[tokio::test]
async fn a_name_that_a_front_could_not_verify_is_refused() {
    let folder = TempDir::new().unwrap();
    let certificate = Certificate::write(folder.path(), MONTH);
    let secured = Secured::start(Some(&certificate)).await;
    let by_address = format!("tls = {{ ca = \"{}\" }}", certificate.certificate.display());
    let stack = stack_with(&secured, "https", &by_address).await;
    let to = stack.folder().join("front").display().to_string();
    for (front, code) in [("nginx", 3), ("haproxy", 3), ("envoy", 0)] {
        let words = ["retire", "service", "--for", front, "--listen", "127.0.0.1:9", "--to", &to];
        let ran = stack.migrate(&[&words[..], &["--force", "--reason", "a test"]].concat()).await;
        assert_eq!(ran.code, Some(code), "{front}: {ran:#?}");
        assert_eq!(ran.stderr.contains("set `tls.server_name`"), code == 3, "{front}: {ran:#?}");
    }
}
