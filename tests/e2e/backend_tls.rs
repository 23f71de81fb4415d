//! Backends with TLS and with HTTP/2: verified unless the table says otherwise, for requests, copies and checks alike.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use e2e::certificate::{Certificate, NAME};
use e2e::{LIMIT, RouteSpec, Stack, wait};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::{BINARIES, stack};

pub(crate) const MONTH: Duration = Duration::from_hours(30 * 24);
const BODY: &str = r#"{"backend":"monolith"}"#;

/// A backend that speaks HTTP/1.1 and HTTP/2, with TLS or without, and answers as the old one does.
pub(crate) struct Secured {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<(String, Version)>>>,
    server: AbortHandle,
}

impl Secured {
    pub(crate) async fn start(certificate: Option<&Certificate>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = certificate.map(|certificate| certificate.acceptor(&["h2", "http/1.1"]));
        let seen = Arc::<Mutex<Vec<(String, Version)>>>::default();
        let into = Arc::clone(&seen);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, into) = (acceptor.clone(), Arc::clone(&into));
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, into).await,
                        // A client that does not trust it ends the handshake.
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, into).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen, server: server.abort_handle() }
    }

    pub(crate) fn versions(&self, path: &str) -> Vec<Version> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(seen, _)| seen == path).map(|(_, version)| *version).collect()
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    into: Arc<Mutex<Vec<(String, Version)>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        into.lock().unwrap().push((request.uri().path().to_owned(), request.version()));
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header(e2e::fake_backend::MARK, "agent-service");
        async move { Ok::<_, Infallible>(answer.body(Full::new(Bytes::from(BODY))).unwrap()) }
    });
    let io = TokioIo::new(stream);
    // Ends when the proxy hangs up.
    auto::Builder::new(TokioExecutor::new()).serve_connection(io, service).await.ok();
}

/// A stack whose new backend is that one, spoken to as these lines say.
pub(crate) async fn stack_with(secured: &Secured, scheme: &str, lines: &str) -> Stack {
    let mut stack = stack()
        .new_line(lines)
        .route(RouteSpec::new("service", "/service/{*rest}").stage("service"))
        .route(RouteSpec::new("shadow", "/shadow/{*rest}").stage("shadow"))
        .start_without_proxy()
        .await;
    let url = format!("{scheme}://{}", secured.address);
    stack.write_routes(&stack.read_routes().replace(&stack.new.url(), &url));
    stack.start_proxy().await;
    stack
}

async fn until_checked(stack: &Stack, healthy: u64) {
    wait::until("the backend has been checked", LIMIT, async || {
        let labels = ["backend=\"agent-service\""];
        (stack.count("strangler_backend_target_healthy", &labels).await == healthy).then_some(())
    })
    .await;
}

pub(crate) fn tls(certificate: &Certificate, more: &str) -> String {
    let ca = certificate.certificate.display();
    format!("tls = {{ ca = \"{ca}\", server_name = \"{NAME}\" }}\n{more}")
}

#[tokio::test]
async fn a_verified_backend_gets_requests_copies_and_checks() {
    let folder = TempDir::new().unwrap();
    let certificate = Certificate::write(folder.path(), MONTH);
    let secured = Secured::start(Some(&certificate)).await;
    for (more, version) in [("", Version::HTTP_11), ("http2 = true", Version::HTTP_2)] {
        let stack = stack_with(&secured, "https", &tls(&certificate, more)).await;
        until_checked(&stack, 1).await;
        // One that was not checked yet counts as healthy.
        wait::until("the backend is checked", LIMIT, async || {
            (!secured.versions(e2e::fake_backend::HEALTH).is_empty()).then_some(())
        })
        .await;
        for _ in 0..2 {
            assert_eq!(stack.who_answers("/service/x").await, "agent-service");
        }
        assert_eq!(secured.versions("/service/x").last(), Some(&version), "{more}");
        assert_eq!(stack.who_answers("/shadow/x").await, "monolith");
        wait::until("the copy is compared", LIMIT, async || {
            let labels = ["route=\"shadow\"", "outcome=\"matched\""];
            (stack.count("strangler_mirrored_requests_total", &labels).await == 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn http2_without_tls_is_spoken_by_prior_knowledge() {
    let plain = Secured::start(None).await;
    let stack = stack_with(&plain, "http", "http2 = true").await;
    until_checked(&stack, 1).await;
    let posted = stack.client.post(stack.url("/service/x")).body("body").send().await.unwrap();
    assert_eq!(posted.text().await.unwrap(), BODY);
    assert_eq!(plain.versions("/service/x"), [Version::HTTP_2]);
}

#[tokio::test]
async fn a_backend_that_is_not_the_one_gets_nothing_unless_the_table_says_so() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let certificate = Certificate::write(folder.path(), MONTH);
    let stranger = Certificate::write(other.path(), MONTH);
    let secured = Secured::start(Some(&stranger)).await;
    let stack = stack_with(&secured, "https", &tls(&certificate, "")).await;
    until_checked(&stack, 0).await;
    assert_eq!(stack.who_answers("/service/x").await, "monolith");

    let ca = stranger.certificate.display();
    let wrong_name = format!("tls = {{ ca = \"{ca}\", server_name = \"other.example\" }}");
    let stack = stack_with(&secured, "https", &wrong_name).await;
    until_checked(&stack, 0).await;
    assert_eq!(stack.who_answers("/service/x").await, "monolith");
    assert!(secured.seen.lock().unwrap().is_empty());

    let stack = stack_with(&secured, "https", "tls = { verify = false }").await;
    until_checked(&stack, 1).await;
    assert_eq!(stack.who_answers("/service/x").await, "agent-service");
}

#[tokio::test]
async fn a_table_whose_authorities_can_t_be_read_is_refused() {
    let stack = stack().start_without_proxy().await;
    let text = stack.read_routes().replace(&stack.new.url(), "https://localhost:1");
    let text = text.replace("health = \"/healthz\"\n", "");
    let tls = "[backends.agent-service]\ntls = { ca = \"nowhere.pem\" }";
    stack.write_routes(&text.replace("[backends.agent-service]", tls));
    let mut command = std::process::Command::new(BINARIES.proxy);
    command.arg("--routes").arg(stack.routes_path()).arg("--check");
    let ended = e2e::stack::run(command).await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stderr.contains("nowhere.pem"), "{ended:#?}");
}
