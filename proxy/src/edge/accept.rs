//! Takes connections of clients, as many as may be, secures them, and hands them to pingora.

use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use pingora::apps::{HttpServerOptions, ServerApp};
use pingora::http::ResponseHeader;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::l4::virt::VirtualSocketStream;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{GetProxyDigest as _, GetSocketDigest as _, SocketDigest, Stream};
use pingora::proxy::HttpProxy;
use pingora::server::configuration::ServerConf;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::Service;
use tokio::net::{TcpListener, TcpStream};

use super::EdgeMetrics;
use super::connections::{Connections, Full, Most, Place};
use super::pace::{Pace, Patience};
use super::socket::ClientSocket;
use crate::gateway::Gateway;
use crate::handover::LetGo;
use crate::live_table::LiveTable;

/// How long to leave a listener alone that can take nothing: most often the process has no file descriptor left.
const OUT_OF_BREATH: Duration = Duration::from_millis(100);

/// One socket that clients come to.
pub(crate) struct Endpoint {
    pub(crate) listener: std::net::TcpListener,
    /// `None`: without TLS.
    pub(crate) tls: Option<Arc<Acceptor>>,
}

/// The service that takes connections and serves them.
pub(crate) struct ClientListener {
    /// `None` once it was started.
    app: Option<HttpProxy<Gateway>>,
    endpoints: Vec<Endpoint>,
    edge: Edge,
    let_go: LetGo,
}

/// A connection that was taken.
struct Taken {
    tcp: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<Acceptor>>,
    /// Held for as long as the connection lasts.
    _place: Place,
}

/// What every connection needs at hand.
#[derive(Clone)]
struct Edge {
    live: Arc<LiveTable>,
    connections: Connections,
    metrics: Arc<EdgeMetrics>,
    is_one_of_many: Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>,
}

impl ClientListener {
    pub(crate) fn new(
        conf: &Arc<ServerConf>,
        gateway: Gateway,
        endpoints: Vec<Endpoint>,
        h2c: bool,
    ) -> Self {
        let metrics = Arc::clone(&gateway.metrics.edge);
        let trusted = gateway.trusted.clone();
        let let_go = gateway.let_go.clone();
        let edge = Edge {
            live: Arc::clone(&gateway.live),
            connections: Connections::new(metrics.open.clone()),
            metrics,
            is_one_of_many: Arc::new(move |peer| trusted.trusts(peer.ip())),
        };
        let mut options = HttpServerOptions::default();
        options.h2c = h2c;
        options.h2_idle_timeout = Some(edge.live.snapshot().table.limits.keep_alive_timeout);
        let mut app = HttpProxy::new(gateway, Arc::clone(conf));
        app.server_options = Some(options);
        app.handle_init_modules();
        Self { app: Some(app), endpoints, edge, let_go }
    }
}

#[async_trait]
impl Service for ClientListener {
    async fn start_service(
        &mut self,
        _inherited: Option<ListenFds>,
        shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let Some(app) = self.app.take().map(Arc::new) else { return };
        let loops = std::mem::take(&mut self.endpoints).into_iter().map(|endpoint| {
            let (edge, app, shutdown) = (self.edge.clone(), Arc::clone(&app), shutdown.clone());
            tokio::spawn(accept(edge, app, endpoint, shutdown))
        });
        futures::future::join_all(loops).await;
        // That closes idle connections. After a handover each is closed by its next answer, or with the process.
        if !self.let_go.has() {
            app.cleanup().await;
        }
    }

    fn name(&self) -> &'static str {
        "clients"
    }

    fn threads(&self) -> Option<usize> {
        None
    }
}

/// Takes connections until the program is told to stop; then the socket is closed.
async fn accept(
    edge: Edge,
    app: Arc<HttpProxy<Gateway>>,
    endpoint: Endpoint,
    mut shutdown: ShutdownWatch,
) {
    let listener = match TcpListener::from_std(endpoint.listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "can't listen for clients"),
    };
    loop {
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            _told_or_gone = shutdown.wait_for(|stopping| *stopping) => return,
        };
        match taken {
            Ok((tcp, peer)) => match edge.place(peer) {
                Ok(place) => {
                    let taken = Taken { tcp, peer, tls: endpoint.tls.clone(), _place: place };
                    let (app, shutdown) = (Arc::clone(&app), shutdown.clone());
                    drop(tokio::spawn(edge.clone().serve(app, taken, shutdown)));
                }
                // Dropped, and with it closed: an answer would cost what is to be saved.
                Err(full) => edge.metrics.refused(full.as_str()),
            },
            Err(error) => {
                tracing::error!(%error, "can't take a connection");
                tokio::time::sleep(OUT_OF_BREATH).await;
            }
        }
    }
}

impl Edge {
    fn place(&self, peer: SocketAddr) -> Result<Place, Full> {
        let limits = &self.live.snapshot().table.limits;
        let most =
            Most { all: limits.max_connections, of_client: limits.max_connections_per_client };
        let client = (!(self.is_one_of_many)(peer)).then_some(peer.ip());
        self.connections.take(client, most)
    }

    /// Serves one connection to its end.
    async fn serve(self, app: Arc<HttpProxy<Gateway>>, taken: Taken, shutdown: ShutdownWatch) {
        let Taken { tcp, peer, tls, _place } = taken;
        let pace = Arc::new(Pace::default());
        let stream = match self.open(tcp, peer, &pace, tls.is_none()) {
            Ok(stream) => stream,
            // It was closed again already.
            Err(error) => return tracing::debug!(%error, "a connection came to nothing"),
        };
        let stream: Stream = match tls {
            None => Box::new(stream),
            Some(tls) => match self.secure(&tls, stream).await {
                Some(secured) => secured,
                None => return,
            },
        };
        pace.secured();
        let mut reusable = app.process_new(stream, &shutdown).await;
        while let Some(stream) = reusable {
            reusable = app.process_new(stream, &shutdown).await;
        }
    }

    /// The socket as pingora knows one, with its meter below.
    fn open(
        &self,
        tcp: TcpStream,
        peer: SocketAddr,
        pace: &Arc<Pace>,
        is_plain: bool,
    ) -> std::io::Result<L4Stream> {
        tcp.set_nodelay(true)?;
        let digest = SocketDigest::from_raw_fd(tcp.as_raw_fd());
        // A new cell takes the first value.
        let _first = digest.peer_addr.set(Some(peer.into()));
        let socket = ClientSocket::new(
            tcp,
            Arc::clone(pace),
            self.patience(),
            self.metrics.slow(),
            is_plain,
        );
        let mut stream = L4Stream::from(VirtualSocketStream::new(Box::new(socket)));
        stream.set_socket_digest(digest);
        if let Some(carried) = carried(Arc::clone(pace)) {
            stream.set_proxy_digest(carried);
        }
        Ok(stream)
    }

    fn patience(&self) -> Patience {
        let limits = &self.live.snapshot().table.limits;
        Patience {
            head: limits.header_timeout,
            body: limits.client_timeout,
            body_rate: limits.min_body_rate,
        }
    }

    async fn secure(&self, tls: &Acceptor, stream: L4Stream) -> Option<Stream> {
        // The socket itself gives up a client that has begun; this is for one that has not.
        let limit = self.patience().head * 2;
        match tokio::time::timeout(limit, tls.tls_handshake(stream)).await {
            Ok(Ok(secured)) => Some(Box::new(secured)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                self.metrics.refused("tls_handshake");
                None
            }
            Err(_elapsed) => {
                self.metrics.refused("tls_handshake");
                None
            }
        }
    }
}

/// The one thing of ours that pingora carries from a connection to its requests, over HTTP/2 as well.
fn carried(pace: Arc<Pace>) -> Option<ProxyDigest> {
    let unused = ResponseHeader::build_no_case(StatusCode::OK, Some(0)).ok()?;
    Some(ProxyDigest::new(Box::new(unused), Some(Box::new(pace))))
}

/// What is carried.
pub(crate) fn pace_of(digest: &pingora::protocols::Digest) -> Option<&Arc<Pace>> {
    digest.proxy_digest.as_ref()?.user_data.as_ref()?.downcast_ref()
}
