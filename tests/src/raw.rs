//! Bytes to a socket and bytes back: for what no well-behaved client would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::LIMIT;

/// A connection that is spoken to byte by byte.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl RawConnection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads until `end` has come, and returns everything up to and with it; fails the test when it does not come in time.
    pub async fn read_until(&mut self, end: &str) -> String {
        let reading = async {
            loop {
                if let Some(at) = find(&self.unread, end.as_bytes()) {
                    let rest = self.unread.split_off(at + end.len());
                    return std::mem::replace(&mut self.unread, rest);
                }
                let read = self.stream.read_buf(&mut self.unread).await.unwrap();
                assert!(read > 0, "closed before {end:?} came: {:?}", text(&self.unread));
            }
        };
        let bytes = tokio::time::timeout(LIMIT, reading)
            .await
            .unwrap_or_else(|_| panic!("{end:?} did not come within {LIMIT:?}"));
        text(&bytes)
    }

    /// Reads the head of an answer.
    pub async fn read_head(&mut self) -> String {
        self.read_until("\r\n\r\n").await
    }

    /// Reads until the other side closes; an abrupt end counts as one.
    pub async fn read_to_end(&mut self) -> String {
        let reading = async {
            // A reset ends the answer just as well.
            while self.stream.read_buf(&mut self.unread).await.is_ok_and(|read| read > 0) {}
        };
        tokio::time::timeout(LIMIT, reading)
            .await
            .unwrap_or_else(|_| panic!("the connection was not closed within {LIMIT:?}"));
        text(&std::mem::take(&mut self.unread))
    }
}

/// Sends a whole request with `Connection: close` in it, and returns the whole answer.
pub async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut connection = RawConnection::open(address).await;
    connection.send(request).await;
    connection.read_to_end().await
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
