//! The socket for clients. It is bound before anything starts, so that a port in use is one clear
//! error, and so that port 0 works; then pingora serves it.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd as _;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::apps::HttpServerOptions;
use pingora::proxy::{HttpProxy, http_proxy_service_with_name};
use pingora::server::configuration::ServerConf;
use pingora::server::{Fds, ListenFds, ShutdownWatch};
use pingora::services::Service;
use pingora::services::listening::Service as ListeningService;

use crate::gateway::Gateway;

/// An address that could not be bound.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("failed to listen on {address} ({role})")]
#[diagnostic(help("{}", help(source)))]
pub(crate) struct BindError {
    address: SocketAddr,
    role: &'static str,
    #[source]
    source: std::io::Error,
}

fn help(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another address in `[listen]` or by flag"
        }
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege; choose a higher one"
        }
        std::io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "choose another address in `[listen]` or by flag",
    }
}

/// Binds an address. `role` says what for.
pub(crate) fn bind(
    address: SocketAddr,
    role: &'static str,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let error = |source| BindError { address, role, source };
    let listener = TcpListener::bind(address).map_err(error)?;
    listener.set_nonblocking(true).map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    Ok((listener, bound))
}

/// pingora's own listening service, on a socket that is bound already.
pub(crate) struct ClientListener {
    service: ListeningService<HttpProxy<Gateway>>,
    sockets: ListenFds,
}

impl ClientListener {
    pub(crate) fn new(
        conf: &Arc<ServerConf>,
        gateway: Gateway,
        listener: TcpListener,
        address: SocketAddr,
        h2c: bool,
    ) -> Self {
        let mut service = http_proxy_service_with_name(conf, gateway, "clients");
        let address = address.to_string();
        service.add_tcp(&address);
        if let Some(proxy) = service.app_logic_mut() {
            let mut options = HttpServerOptions::default();
            options.h2c = h2c;
            proxy.server_options = Some(options);
        }
        // The table of sockets is how pingora hands listeners to its successor at an upgrade; an
        // address found in it is served as it is.
        let mut sockets = Fds::new();
        sockets.add(address, listener.into_raw_fd());
        Self { service, sockets: Arc::new(sockets.into()) }
    }
}

#[async_trait]
impl Service for ClientListener {
    async fn start_service(
        &mut self,
        _inherited: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        let sockets = Some(Arc::clone(&self.sockets));
        self.service.start_service(sockets, shutdown, listeners_per_fd).await;
    }

    fn name(&self) -> &'static str {
        "clients"
    }

    fn threads(&self) -> Option<usize> {
        None
    }
}
