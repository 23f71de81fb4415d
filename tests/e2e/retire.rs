//! A front with the configuration of `migrate retire` sends each request where the proxy sends it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::fake_backend::{MARK, Seen};
use e2e::fronts::Running;
use e2e::port::PortGuard;
use e2e::stack::StackBuilder;
use e2e::{Answer, LIMIT, RouteSpec, Stack, raw, wait};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::{NEW, OLD, stack};

pub(crate) const FRONTS: [&str; 3] = ["nginx", "haproxy", "envoy"];
/// The made-up requests of each front.
const REQUESTS: usize = 300;

/// What requests are made of. Whatever of it a program reads in its own way would show.
const SEGMENTS: [&str; 36] = [
    "files",
    "special",
    "a",
    "b",
    "last",
    "x1",
    "bare",
    "sp%20ace",
    "v1.0",
    "v1x0",
    "x-y_z~",
    "%C3%BC",
    "%66iles",
    "fi%6Ces",
    "speci%61l",
    "v1%2E0",
    "x%2dy_z%7E",
    "%62",
    "Files",
    "",
    "",
    "%2F",
    "a%2Fb",
    "files%2Fspecial",
    "%2fx",
    "..",
    "%2e",
    "...",
    "a%5cb",
    "a%00",
    "%zz",
    "%4",
    "%252F",
    ":;p=1",
    "!$&'()*+,=@",
    "~",
];
const QUERIES: [&str; 7] =
    ["", "", "?", "?q=1", "?a=/../%2F&b=%zz?", "?x=%00&y='", "?redirect=http://a/b"];
const METHODS: [&str; 6] = ["GET", "GET", "POST", "HEAD", "DELETE", "PATCH"];

/// Requests at which programs are known to differ.
const KNOWN: [&str; 26] = [
    "GET /",
    "GET //",
    "GET /files",
    "GET /files/",
    "GET /files//",
    "GET /files/special",
    "POST /files/special",
    "GET /files/special/",
    "GET /files/a%2Fb",
    "GET /files/a%2Fb/c",
    "GET /files%2Fspecial",
    "GET /a/x/b/y",
    "GET /a/x/b/last",
    "GET /a/x",
    "GET /a/x/",
    "GET /a/x//y",
    "GET /a/x/b%2Fy",
    "GET /a/b%2Fc/d",
    "GET /bare",
    "GET /bare/",
    "GET /bare/x",
    "GET /bare//",
    "GET /other?",
    "OPTIONS *",
    "GET http://public.example/files/1?q",
    "GET /only",
];

fn routes(builder: StackBuilder) -> StackBuilder {
    [
        RouteSpec::new("files", "/files/{*rest}")
            .stage("service")
            .with(r#"new_path = "/v2/files/{rest}""#),
        RouteSpec::new("file", "/files/{id}")
            .stage("service")
            .with("methods = [\"GET\", \"HEAD\"]")
            .with(r#"new_path = "/one/{id}/file""#),
        RouteSpec::new("special", "/files/special").stage("service"),
        RouteSpec::new("special-post", "/files/special")
            .with("methods = [\"POST\"]")
            .with(r#"old_path = "/old/special""#),
        RouteSpec::new("nested", "/a/{x}/b/{y}")
            .stage("service")
            .with(r#"new_path = "/n/{y}/{x}""#),
        RouteSpec::new("nested-last", "/a/{x}/b/last").stage("service"),
        RouteSpec::new("wild", "/a/{x}/{*rest}").with(r#"old_path = "/w/{rest}/{x}""#),
        RouteSpec::new("purged", "/a/{*rest}")
            .stage("service")
            .with("methods = [\"PATCH\", \"DELETE\"]"),
        RouteSpec::new("bare", "/bare/{*rest}").stage("service").with(r#"new_path = "/{rest}""#),
        RouteSpec::new("spaced", "/sp%20ace/{id}")
            .stage("service")
            .with(r#"new_path = "/s%20p/{id}""#),
        RouteSpec::new("dotted", "/v1.0/x-y_z~/{*rest}").stage("service"),
        RouteSpec::new("abroad", "/%C3%BC/{*rest}")
            .stage("service")
            .with(r#"new_path = "/u/{rest}/end""#),
        RouteSpec::new("only", "/only").stage("service").with(r#"new_path = "/""#),
    ]
    .into_iter()
    .fold(builder, StackBuilder::route)
}

/// The routes of that table that stay at `monolith` are left out.
const NAMED: [&str; 11] = [
    "files",
    "file",
    "special",
    "nested",
    "nested-last",
    "purged",
    "bare",
    "spaced",
    "dotted",
    "abroad",
    "only",
];

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll<'t>(&mut self, of: &[&'t str]) -> &'t str {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of[usize::try_from(self.0 >> 33).unwrap() % of.len()]
    }

    /// A request line without the version.
    fn request(&mut self) -> String {
        let mut line = format!("{} ", self.roll(&METHODS));
        // Most begin as some route does.
        line += self.roll(&["/files", "/a", "/a/x", "/bare", "/v1.0/x-y_z~", "/%C3%BC", "", ""]);
        for _ in 0..self.roll(&["1", "2", "2", "3", "4"]).parse().unwrap() {
            write!(line, "/{}", self.roll(&SEGMENTS)).unwrap();
        }
        line + self.roll(&QUERIES)
    }
}

/// What became of a request: who got it as what, or that it was refused (by a 4xx of any sort) and reached nobody.
#[derive(Debug, PartialEq, Eq)]
enum Went {
    To(&'static str, String),
    Refused,
}

async fn went(stack: &mut Stack, at: SocketAddr, line: &str) -> Went {
    let (old, new) = stack.fakes();
    old.forget();
    new.forget();
    let length = if line.starts_with("POST") { "content-length: 0\r\n" } else { "" };
    let request =
        format!("{line} HTTP/1.1\r\nhost: public.example\r\n{length}connection: close\r\n\r\n");
    let answer = raw::exchange(at, &request).await;
    let (old, new) = (old.seen(), new.seen());
    assert!(old.len() + new.len() < 2, "{line} went twice");
    match (old.first(), new.first()) {
        (Some(seen), _) => Went::To(OLD, seen.target.clone()),
        (_, Some(seen)) => Went::To(NEW, seen.target.clone()),
        _ => {
            assert!(answer.starts_with("HTTP/1.1 4"), "{line}: {answer}");
            Went::Refused
        }
    }
}

/// The front's configuration, written by the command; what the front reads of it.
pub(crate) async fn written(stack: &Stack, front: &str, at: SocketAddr, more: &[&str]) -> PathBuf {
    let folder = stack.folder().join(front);
    let (listen, to) = (at.to_string(), folder.display().to_string());
    let words = [
        "retire", "--for", front, "--listen", &listen, "--to", &to, "--force", "--reason", "a test",
    ];
    stack.migrate_ok(&[&words, more].concat()).await;
    let name = match front {
        "nginx" => "nginx.conf",
        "haproxy" => "haproxy.cfg",
        _ => "envoy.yaml",
    };
    folder.join(name)
}

/// The same, and the front that runs with it.
pub(crate) async fn retired(
    stack: &Stack,
    front: &str,
    more: &[&str],
) -> (Running, SocketAddr, PathBuf) {
    let at = PortGuard::take().release();
    let link = written(stack, front, at, more).await;
    (Running::start(front, &link, at).await, at, link)
}

#[tokio::test]
async fn each_request_goes_where_the_proxy_sends_it() {
    let mut stack = routes(stack()).start().await;
    let proxy = stack.table.http;
    for front in FRONTS {
        let (_running, at, _) = retired(&stack, front, &NAMED).await;
        let mut dice = Dice(7);
        let made_up: Vec<String> = (0..REQUESTS).map(|_| dice.request()).collect();
        let (mut astray, mut reached, mut refused) = (String::new(), 0, 0);
        for line in KNOWN.iter().map(|line| (*line).to_owned()).chain(made_up) {
            let wanted = went(&mut stack, proxy, &line).await;
            let found = went(&mut stack, at, &line).await;
            match &wanted {
                Went::To(..) => reached += 1,
                Went::Refused => refused += 1,
            }
            if wanted != found {
                writeln!(astray, "{line}: the proxy {wanted:?}, {front} {found:?}").unwrap();
            }
        }
        assert!(astray.is_empty(), "\n{astray}");
        eprintln!(
            "{front}: {reached} requests reached the same backend as the same path, {refused} were refused by both"
        );
        // Neither kind may be missing, or this shows nothing.
        assert!(reached > 150 && refused > 80, "{reached}, {refused}");
    }
}

const ROUTE: &str = "/api/{*rest}";
const SHORT: &str = "300ms";
const SILENCE: Duration = Duration::from_millis(1200);

async fn stack_of_one() -> Stack {
    stack()
        .route(RouteSpec::new("api", ROUTE).stage("service"))
        .section(&format!("[limits]\nclient_timeout = \"{SHORT}\"\nmax_body_bytes = 1000\n"))
        .each_backend(&format!("response_timeout = \"{SHORT}\""))
        .start()
        .await
}

const SENT: &str = "POST /api/x HTTP/1.1\r\nhost: public.example:8443\r\nx-forwarded-for: 6.6.6.6\r\nx-forwarded-host: evil\r\n\
    x-forwarded-proto: https\r\nforwarded: for=6.6.6.6\r\nx-strangler-mirror: stolen\r\nx-strangler-probe: 1\r\nx-api-key: secret\r\ncookie: a=b\r\n\
    x-request-id: mine-1\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";

/// What the proxy answers for, and what it passes on.
fn headers(seen: &Seen) -> Vec<(&'static str, String)> {
    let names = [
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-strangler-mirror",
        "x-strangler-probe",
        "x-api-key",
        "cookie",
        "x-request-id",
        "prefer",
        "content-length",
    ];
    names.map(|name| (name, seen.header(name).to_owned())).into()
}

#[tokio::test]
async fn headers_bodies_and_limits_are_those_of_the_proxy() {
    let mut stack = stack_of_one().await;
    let mut seen = Vec::new();
    raw::exchange(stack.table.http, SENT).await;
    seen.push(stack.new.fake().seen().pop().unwrap());
    for front in FRONTS {
        let (_running, at, _) = retired(&stack, front, &[]).await;
        let answer = raw::exchange(at, SENT).await;
        assert!(answer.to_ascii_lowercase().contains("x-request-id: mine-1"), "{front}: {answer}");
        let one = stack.new.fake().seen().pop().unwrap();
        assert_eq!(one.body, "hello", "{front}");
        assert_eq!(headers(&one), headers(&seen[0]), "{front}");
        // A client's wish to be rolled back reaches nobody: it goes, or the request does.
        stack.new.fake().forget();
        let wish = "POST /api/y HTTP/1.1\r\nhost: x\r\nprefer: wait=1, TX = \"rollback\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        raw::exchange(at, wish).await;
        assert!(
            stack.new.fake().seen().iter().all(|seen| seen.header("prefer").is_empty()),
            "{front}"
        );
        // Envoy has no such limit, and says so.
        if front != "envoy" {
            let long = format!(
                "POST /api/z HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\nconnection: close\r\n\r\n{}",
                "x".repeat(1001)
            );
            let answer = raw::exchange(at, &long).await;
            assert!(answer.starts_with("HTTP/1.1 413"), "{front}: {answer}");
            // One more than 32 bits hold, and one more than 64.
            for huge in ["4294967297", "18446744073709551617"] {
                stack.new.fake().forget();
                let huge = format!(
                    "POST /api/z HTTP/1.1\r\nhost: x\r\ncontent-length: {huge}\r\nconnection: close\r\n\r\nx"
                );
                let answer = raw::exchange(at, &huge).await;
                assert!(answer.starts_with("HTTP/1.1 4"), "{front}: {answer}");
                assert_eq!(stack.new.fake().count(), 0, "{front}");
            }
        }
    }
}

#[tokio::test]
async fn streams_may_be_silent_for_longer_than_answers() {
    let mut stack = stack_of_one().await;
    let events = ["data: 1\n\n", "data: 2\n\n"];
    let new = stack.new.fake();
    new.on(
        "/api/events",
        Answer::chunks(&events, SILENCE).header("content-type", "text/event-stream"),
    );
    new.on("/api/ws", Answer::websocket(SILENCE));
    new.on("/api/slow", Answer::chunks(&["never"], SILENCE));
    for front in FRONTS {
        let (_running, at, _) = retired(&stack, front, &[]).await;
        let request = stack.client.get(format!("http://{at}/api/events"));
        let mut answer = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(answer.headers()[MARK], NEW, "{front}");
        let mut came = String::new();
        while let Some(chunk) = answer.chunk().await.unwrap() {
            came += std::str::from_utf8(&chunk).unwrap();
        }
        assert_eq!(came, events.concat(), "{front}");

        let request = format!("ws://{at}/api/ws").into_client_request().unwrap();
        let stream = TcpStream::connect(at).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        socket.send(Message::text("one")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("one"), "{front}");

        let slow = stack.client.get(format!("http://{at}/api/slow")).send().await;
        let text = match slow {
            Ok(answer) if answer.status().is_success() => answer.text().await.unwrap_or_default(),
            _ => String::new(),
        };
        assert_eq!(text, "", "{front}: what is no stream has to be on time");
    }
}

#[tokio::test]
async fn the_way_back_leads_through_the_proxy_again() {
    let mut stack = stack_of_one().await;
    let (running, at, link) = retired(&stack, "nginx", &[]).await;
    let to = link.parent().unwrap().display().to_string();
    let listen = at.to_string();
    let proxied = async |stack: &Stack| {
        let before = stack.count("strangler_requests_total", &[]).await;
        // A reload closes connections that are idle, and could meet a request that is on its way.
        let request = stack.client.get(format!("http://{at}/api/x"));
        request.header("connection", "close").send().await.unwrap();
        stack.count("strangler_requests_total", &[]).await > before
    };
    assert!(!proxied(&stack).await, "the proxy is passed by");

    let again = [
        "retire", "--for", "nginx", "--listen", &listen, "--to", &to, "--force", "--reason",
        "a test",
    ];
    assert!(stack.migrate_ok(&again).await.stdout.contains("nothing to do"));
    let undo = ["retire", "--undo", "--to", &to];
    let planned = stack.migrate_ok(&[&undo[..], &["--dry-run"]].concat()).await;
    assert!(planned.stdout.contains("planned:"), "{planned:#?}");
    assert!(link.read_link().unwrap().ends_with("nginx.straight.conf"));
    stack.migrate_ok(&undo).await;
    assert!(stack.migrate_ok(&undo).await.stdout.contains("nothing to do"));
    running.reload();
    wait::until("nginx asks the proxy", LIMIT, async || proxied(&stack).await.then_some(())).await;
    assert_eq!(stack.new.fake().seen().pop().unwrap().target, "/api/x");

    stack.migrate_ok(&again).await;
    running.reload();
    wait::until("nginx passes the proxy by", LIMIT, async || {
        (!proxied(&stack).await).then_some(())
    })
    .await;
}

/// nginx with more in its `http` block than the link.
fn beside(stack: &Stack, link: &Path, more: &str) -> PathBuf {
    let file = stack.folder().join("http.conf");
    std::fs::write(&file, format!("{more}\ninclude {};\n", link.display())).unwrap();
    file
}

#[tokio::test]
async fn nginx_does_not_start_where_another_block_is_asked_first() {
    let stack = stack_of_one().await;
    let at = PortGuard::take().release();
    let link = written(&stack, "nginx", at, &[]).await;
    let other = |more: &str| format!("server {{ listen {at}{more}; return 299; }}");
    // Such as the one that comes with the package.
    let both = beside(&stack, &link, &other(" default_server"));
    let checked = e2e::fronts::checked("nginx", &both).await;
    assert_ne!(checked.code, Some(0));
    assert!(checked.stderr.contains("duplicate default server"), "{checked:#?}");

    // One that came first without saying so is not asked in our place.
    let both = beside(&stack, &link, &other(""));
    let _running = Running::start("nginx", &both, at).await;
    let answer = stack.client.get(format!("http://{at}/api/x")).send().await.unwrap();
    assert_eq!(answer.headers()[MARK], NEW);
}

#[tokio::test]
async fn it_is_refused_while_something_stands_against_it() {
    let stack = stack()
        .route(RouteSpec::new("moved", "/moved").stage("service"))
        .route(RouteSpec::new("half", "/half").stage("shadow"))
        .start()
        .await;
    let to = stack.folder().join("front").display().to_string();
    let words = ["retire", "--for", "nginx", "--listen", "127.0.0.1:9", "--to", &to];
    let refused = stack.migrate(&words).await;
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    for told in [
        "route half",
        "at shadow",
        "migrate cutover half",
        "quiet",
        "stand against taking the proxy out",
    ] {
        assert!(refused.stdout.contains(told), "{told}: {}", refused.stdout);
    }
    assert!(!stack.folder().join("front").exists());
    // In the proxy's own place there would be no way back.
    let listen = stack.table.http.to_string();
    let own = ["retire", "--for", "nginx", "--listen", &listen, "--to", &to];
    assert_eq!(stack.migrate(&own).await.code, Some(2));
}
