//! A backend that writes down every byte it gets, connection by connection, and understands none of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// How long a connection must be silent before it is answered, and again before it is closed.
const SILENCE: Duration = Duration::from_millis(60);
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nok";

type Recorded = BTreeMap<usize, Vec<u8>>;

/// A running recorder. It ends when dropped.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    recorded: Arc<Mutex<Recorded>>,
    open: Arc<()>,
    server: AbortHandle,
}

impl Recorder {
    /// Starts one on loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (recorded, open) = (Arc::<Mutex<Recorded>>::default(), Arc::new(()));
        let (into, counted) = (Arc::clone(&recorded), Arc::clone(&open));
        let server = tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(record(stream, number, Arc::clone(&into), Arc::clone(&counted)));
            }
        });
        Self { address, recorded, open, server: server.abort_handle() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has come over each connection so far.
    pub fn recorded(&self) -> Vec<Vec<u8>> {
        self.recorded.lock().unwrap().values().cloned().collect()
    }

    /// Forgets what has come.
    pub fn forget(&self) {
        self.recorded.lock().unwrap().clear();
    }

    /// Waits until no connection is open.
    pub async fn settled(&self) {
        crate::wait::until(
            "every connection to the recorder has ended",
            crate::LIMIT,
            async || {
                // This one's and the accepting task's.
                (Arc::strong_count(&self.open) <= 2).then_some(())
            },
        )
        .await;
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn record(mut stream: TcpStream, number: usize, into: Arc<Mutex<Recorded>>, _open: Arc<()>) {
    let mut is_answered = false;
    loop {
        let mut bytes = Vec::with_capacity(1 << 16);
        match tokio::time::timeout(SILENCE, stream.read_buf(&mut bytes)).await {
            Ok(Ok(read)) if read > 0 => {
                into.lock().unwrap().entry(number).or_default().extend_from_slice(&bytes);
            }
            Ok(_ended) => return,
            Err(_silent) if is_answered => return,
            Err(_silent) => {
                // A connection over which nothing has come is a health check, or not used yet.
                if into.lock().unwrap().contains_key(&number) {
                    is_answered = true;
                    stream.write_all(ANSWER).await.ok();
                }
            }
        }
    }
}
