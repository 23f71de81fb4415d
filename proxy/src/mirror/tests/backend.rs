//! A backend that answers each request in one manner, on threads of its own.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

/// How a backend answers.
#[derive(Debug, Clone)]
pub(super) enum Manner {
    /// 200 with this body as JSON, connection kept.
    Answer(Vec<u8>),
    /// The same, after a while.
    Slow(Vec<u8>, Duration),
    /// The same, and the connection closed without a word.
    CloseUnannounced(Vec<u8>),
    /// The same, compressed.
    Gzip(Vec<u8>),
    /// What is no gzip, called gzip.
    BrokenGzip,
    /// 200 with this body as JSON, and the word that it was rolled back.
    RolledBack(Vec<u8>),
    /// The same, after a while.
    RolledBackLate(Vec<u8>, Duration),
    /// 503 with that word.
    GivenUp,
    /// Nothing, ever.
    Hang,
    /// The connection closed without an answer.
    Reset,
    /// Fewer bytes than announced.
    CutOff,
    /// No HTTP.
    Garbage,
    /// Chunks without an end.
    Endless,
    /// No listener.
    Refuse,
}

#[derive(Debug, Default)]
struct State {
    seen: Mutex<Vec<String>>,
    is_stopping: AtomicBool,
    was_cut_off: AtomicBool,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A running backend; stopped on drop.
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let thread = (!matches!(manner, Manner::Refuse)).then(|| {
            let state = Arc::clone(&state);
            std::thread::spawn(move || accept(&listener, &manner, &state))
        });
        Self { address, state, thread }
    }

    /// The requests that came: heads, and bodies of an announced length.
    pub(super) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The client closed while it was being sent to.
    pub(super) fn was_cut_off(&self) -> bool {
        self.state.was_cut_off.load(Ordering::Relaxed)
    }

    /// The most requests that were answered at the same time.
    pub(super) fn most_at_once(&self) -> usize {
        self.state.most.load(Ordering::Relaxed)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.state.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Wakes the listener.
            drop(TcpStream::connect(self.address));
            thread.join().unwrap();
        }
    }
}

fn accept(listener: &TcpListener, manner: &Manner, state: &Arc<State>) {
    let mut connections = Vec::new();
    for stream in listener.incoming().flatten() {
        if state.is_stopping.load(Ordering::Relaxed) {
            break;
        }
        let (manner, state) = (manner.clone(), Arc::clone(state));
        connections.push(std::thread::spawn(move || serve(stream, &manner, &state)));
    }
    for connection in connections {
        connection.join().unwrap();
    }
}

fn serve(mut stream: TcpStream, manner: &Manner, state: &State) {
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    while let Some(request) = read_request(&mut stream, state) {
        let is_head = request.starts_with("HEAD ");
        state.seen.lock().unwrap().push(request);
        let now = state.now.fetch_add(1, Ordering::Relaxed) + 1;
        state.most.fetch_max(now, Ordering::Relaxed);
        let is_kept = answer(&mut stream, manner, is_head, state);
        state.now.fetch_sub(1, Ordering::Relaxed);
        if !is_kept {
            let _may_be_gone = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// The next request, with a body of the announced length; `None` once the client or the test is gone.
fn read_request(stream: &mut TcpStream, state: &State) -> Option<String> {
    let mut request = read_head(stream, state)?;
    let length = request.to_ascii_lowercase();
    let length =
        length.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split('\r').next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    request.push_str(std::str::from_utf8(&body).unwrap());
    Some(request)
}

fn read_head(stream: &mut TcpStream, state: &State) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Err(error) if is_timeout(&error) && !state.is_stopping.load(Ordering::Relaxed) => {}
            _ => return None,
        }
    }
    Some(String::from_utf8(head).unwrap())
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// Answers once; whether the connection is kept.
fn answer(stream: &mut TcpStream, manner: &Manner, is_head: bool, state: &State) -> bool {
    let mut send = |head: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{head}\r\n");
        let body = if is_head { b"" } else { body };
        stream.write_all(&[head.as_bytes(), body].concat()).is_ok()
    };
    let length = |body: &[u8]| format!("content-length: {}\r\n", body.len());
    let rolled_back = |body: &[u8]| format!("preference-applied: tx=rollback\r\n{}", length(body));
    match manner {
        Manner::RolledBack(body) => send(&rolled_back(body), body),
        Manner::RolledBackLate(body, wait) => {
            std::thread::park_timeout(*wait);
            send(&rolled_back(body), body)
        }
        Manner::GivenUp => {
            let head =
                "HTTP/1.1 503 Busy\r\npreference-applied: tx=rollback\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(head.as_bytes()).is_ok()
        }
        Manner::Answer(body) => send(&length(body), body),
        Manner::Slow(body, wait) => {
            std::thread::park_timeout(*wait);
            send(&length(body), body)
        }
        Manner::CloseUnannounced(body) => {
            send(&length(body), body);
            false
        }
        Manner::Gzip(body) => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).unwrap();
            let body = encoder.finish().unwrap();
            send(&format!("content-encoding: gzip\r\n{}", length(&body)), &body)
        }
        Manner::BrokenGzip => send("content-encoding: gzip\r\ncontent-length: 5\r\n", b"plain"),
        Manner::Hang => {
            // Only the client's end or the test's ends the wait.
            read_head(stream, state);
            false
        }
        Manner::CutOff => {
            send("content-length: 100\r\n", b"{\"id\":");
            false
        }
        Manner::Garbage => {
            let _may_be_gone = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n");
            false
        }
        Manner::Endless => {
            send("transfer-encoding: chunked\r\n", b"");
            let chunk = [b"3e8\r\n".as_slice(), &[b' '; 1000], b"\r\n"].concat();
            while !state.is_stopping.load(Ordering::Relaxed) {
                if stream.write_all(&chunk).is_err() {
                    state.was_cut_off.store(true, Ordering::Relaxed);
                    break;
                }
            }
            false
        }
        Manner::Reset | Manner::Refuse => false,
    }
}
