//! What stands between a client and a program: TLS that the program does not speak, or a way on which something goes wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;

/// Listens, and passes on what comes. It ends when dropped.
#[derive(Debug)]
pub struct Between {
    url: String,
    met: Arc<AtomicU64>,
    server: AbortHandle,
}

/// What goes wrong, with a request that begins like this.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The first is answered, and the answer does not arrive: the connection ends.
    FirstAnswerLost(&'static str),
    /// None is passed on; the connection stays open.
    Held(&'static str),
}

impl Between {
    /// Ends TLS with this certificate before a program.
    pub async fn with_tls(to: SocketAddr, certificate: &Certificate) -> Self {
        let acceptor = certificate.acceptor(&["http/1.1"]);
        Self::start("https", to, move |stream, to, _met| secured(acceptor.clone(), stream, to))
            .await
    }

    /// Passes everything on but for the fault.
    pub async fn with_fault(to: SocketAddr, fault: Fault) -> Self {
        Self::start("http", to, move |stream, to, met| faulty(fault.clone(), stream, to, met)).await
    }

    /// `http://host:port` or `https://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many requests have met the fault.
    pub fn met(&self) -> u64 {
        self.met.load(Ordering::SeqCst)
    }

    async fn start<F, Served>(scheme: &str, to: SocketAddr, serve: F) -> Self
    where
        F: Fn(TcpStream, SocketAddr, Arc<AtomicU64>) -> Served + Send + 'static,
        Served: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let met = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&met);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Ends when one of the two hangs up.
                tokio::spawn(serve(stream, to, Arc::clone(&counted)));
            }
        });
        Self { url, met, server: server.abort_handle() }
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn secured(acceptor: TlsAcceptor, stream: TcpStream, to: SocketAddr) {
    // A client that does not trust it ends the handshake; a program that has ended takes nothing.
    if let (Ok(mut stream), Ok(mut server)) =
        (acceptor.accept(stream).await, TcpStream::connect(to).await)
    {
        copy_bidirectional(&mut stream, &mut server).await.ok();
    }
}

/// A client sends one request after the other, and each begins a read.
async fn faulty(fault: Fault, mut client: TcpStream, to: SocketAddr, met: Arc<AtomicU64>) {
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    let (mut asked, mut said) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let request = asked.get(..read).unwrap_or_default();
                match &fault {
                    Fault::Held(beginning) if request.starts_with(beginning.as_bytes()) => {
                        met.fetch_add(1, Ordering::SeqCst);
                        // Until the client gives up.
                        tokio::io::copy(&mut client, &mut tokio::io::sink()).await.ok();
                        return;
                    }
                    Fault::FirstAnswerLost(beginning)
                        if request.starts_with(beginning.as_bytes())
                            && met.fetch_add(1, Ordering::SeqCst) == 0 =>
                    {
                        server.write_all(request).await.ok();
                        server.readable().await.ok();
                        return;
                    }
                    _ => {}
                }
                if server.write_all(request).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut said) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(said.get(..read).unwrap_or_default()).await.is_err() {
                    return;
                }
            }
        }
    }
}
