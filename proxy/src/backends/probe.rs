//! One health check of one server: whether it is well, and which build it is.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{Server, Wire, build};

/// Most of an answer's body that is read for the name of a build.
const MAX_BODY: usize = 64 << 10;

const USER_AGENT: &str = concat!("strangler-proxy/", env!("CARGO_PKG_VERSION"));

/// Why a server is not well.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwell {
    #[error("the name does not resolve")]
    NoAddress,
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("can't connect: {0}")]
    Connect(io::Error),
    #[error("no HTTP answer: {0}")]
    Protocol(#[from] hyper::Error),
    #[error("the health check's path is none: {0}")]
    Path(#[from] http::Error),
    #[error("the health check answered {}", .0.as_u16())]
    Status(StatusCode),
}

/// A server that is well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Well {
    /// Its build, if it names one.
    pub(super) build: Option<Arc<str>>,
}

/// Checks a server: by HTTP where there is a path to ask for, else by a connect.
pub(super) async fn check(
    server: &Server,
    host: &str,
    path: Option<&str>,
    limit: Duration,
) -> Result<Well, Unwell> {
    let check = async {
        let stream = server.connect().await.map_err(Unwell::Connect)?;
        match path {
            Some(path) => ask(stream, host, path).await,
            None => Ok(Well { build: None }),
        }
    };
    tokio::time::timeout(limit, check).await.map_err(|_elapsed| Unwell::Timeout(limit))?
}

/// Any 2xx is well: `/health` endpoints answer 200 or 204.
async fn ask(stream: Wire, host: &str, path: &str) -> Result<Well, Unwell> {
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answered = async {
        let answer = sender.send_request(request).await?;
        if !answer.status().is_success() {
            return Err(Unwell::Status(answer.status()));
        }
        if let Some(build) = build::named_in_head(answer.headers()) {
            return Ok(Well { build: Some(build) });
        }
        // A body that is too long or breaks off names no build; the server is well all the same.
        let body = Limited::new(answer.into_body(), MAX_BODY).collect().await.ok();
        Ok(Well { build: body.and_then(|body| build::named_in_body(&body.to_bytes())) })
    };
    // The connection may end before its last answer was taken.
    match select(pin!(answered), pin!(connection)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((_ended, answered)) => answered.await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Checks a server that answers with these bytes and closes; what it was asked comes with the outcome.
    async fn checked(answer: &[u8]) -> (Result<Well, Unwell>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            // The check may have seen enough before the end.
            stream.write_all(answer).await.ok();
            String::from_utf8(asked).unwrap()
        };
        let limit = Duration::from_secs(20);
        let server = Server::from(address);
        tokio::join!(check(&server, "agents.example:80", Some("/health?x=1"), limit), serve)
    }

    #[tokio::test]
    async fn a_server_tells_its_build_by_header_or_body() {
        let (well, asked) = checked(
            b"HTTP/1.1 200 OK\r\nx-build-id: 7f3a\r\ncontent-length: 13\r\n\r\n{\"build\": \"b\"}",
        )
        .await;
        assert_eq!(well.unwrap().build.as_deref(), Some("7f3a"));
        assert!(asked.starts_with("GET /health?x=1 HTTP/1.1\r\nhost: agents.example:80\r\n"));
        let (well, _) = checked(b"HTTP/1.0 200 OK\r\n\r\n{\"build\": \"b\"}").await;
        assert_eq!(well.unwrap().build.as_deref(), Some("b"));
    }

    #[tokio::test]
    async fn a_long_or_broken_body_names_no_build_and_is_well() {
        let long = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &b" ".repeat(100_000)].concat();
        let broken = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"build\":".to_vec();
        for answer in [long, broken, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()] {
            let (well, _) = checked(&answer).await;
            assert_eq!(well.unwrap().build, None);
        }
    }

    #[tokio::test]
    async fn what_is_not_well_says_why() {
        for (answer, why) in [
            (b"HTTP/1.1 503 Busy\r\n\r\n".as_slice(), "the health check answered 503"),
            (b"SSH-2.0-x\r\n\r\n", "no HTTP answer: invalid HTTP version parsed"),
            (b"", "no HTTP answer: connection closed before message completed"),
        ] {
            let (unwell, _) = checked(answer).await;
            assert_eq!(unwell.unwrap_err().to_string(), why);
        }
    }
}
