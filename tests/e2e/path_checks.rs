//! Paths that two programs could read in two ways are refused before any backend sees them.

use e2e::{RouteSpec, raw};

use crate::{OLD, stack};

const REFUSED: [&str; 9] = [
    "/api/../secret",
    "/api/./x",
    "/api/%2e%2e/secret",
    "/api/%2E./secret",
    "/api/..%2fsecret",
    "/api\\secret",
    "/api/a%00b",
    "/api/a%zz",
    "/api/a%2",
];

#[tokio::test]
async fn ambiguous_paths_are_refused_and_counted() {
    let mut stack =
        stack().route(RouteSpec::new("api", "/api/{*rest}").stage("service")).start().await;
    for path in REFUSED {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = raw::exchange(stack.table.http, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    let (old, new) = stack.fakes();
    assert_eq!((old.count(), new.count()), (0, 0), "no backend saw any of them");
    let counted = stack.metric("strangler_refused_paths_total", &[]).await;
    // A NUL or a backslash may not even get through the parser of the request line.
    assert!(counted >= 7.0, "{counted} were counted");
}

#[tokio::test]
async fn odd_paths_that_mean_one_thing_pass() {
    let mut stack = stack().start().await;
    for path in ["/a..b", "/...", "/a%20b", "/.well-known/x", "//", "/a//b", "/;p=1", "/a?b=../c"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = raw::exchange(stack.table.http, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert!(answer.contains(OLD));
        assert_eq!(stack.old.fake().seen().pop().unwrap().target, path);
    }
}

/// Each of these is read differently by some server, which is how a request hides inside another.
#[tokio::test]
async fn smuggled_framing_reaches_no_backend() {
    let mut stack = stack().start().await;
    let smuggled = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";
    let requests = [
        format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: {}\r\n\r\n{smuggled}",
            smuggled.len()
        ),
        format!("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n{smuggled}"),
        format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +0\r\n\r\n{smuggled}"),
    ];
    for request in &requests {
        let mut connection = raw::RawConnection::open(stack.table.http).await;
        connection.send(request).await;
        let head = connection.read_head().await;
        let hidden = stack.old.fake().seen().iter().any(|seen| seen.target == "/hidden");
        assert!(head.starts_with("HTTP/1.1 4") || !hidden, "{request:?} got {head:?}");
        assert!(!hidden, "a hidden request was forwarded: {request:?}");
    }
}
