//! TLS to a backend: whom it is trusted by, for requests (pingora's connections) and for copies and checks (our own) alike.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{WrappedX509, parse_x509};
use routes::backend::BackendTls;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use trust::NoTrust;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Whom a backend is trusted by. Read when the table is; shared by the backend's servers.
pub(crate) struct Trust {
    config: Arc<ClientConfig>,
    /// The same authorities in pingora's form.
    authorities: Arc<CaType>,
    verify: bool,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (authorities, verify) = (self.authorities.len(), self.verify);
        let mut shown = f.debug_struct("Trust");
        shown.field("authorities", &authorities).field("verify", &verify).finish_non_exhaustive()
    }
}

impl Trust {
    /// Reads what the table names; paths in it are relative to `folder`.
    pub(crate) fn read(tls: &BackendTls, folder: &Path) -> Result<Self, NoTrust> {
        let ca = tls.ca.as_ref().map(|file| folder.join(file));
        let trust::Trust { config, authorities, verify } =
            trust::Trust::read(ca.as_deref(), tls.verify)?;
        let parsable = |der: &&CertificateDer<'_>| X509Certificate::from_der(der).is_ok();
        let wrapped = authorities.iter().filter(parsable);
        let authorities = wrapped.map(|der| WrappedX509::new(der.to_vec(), parse_x509)).collect();
        Ok(Self { config: Arc::new(config), authorities, verify })
    }
}

/// How one server is to prove that it is the one.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    trust: Arc<Trust>,
    name: ServerName<'static>,
    sni: Arc<str>,
}

impl Identity {
    pub(crate) fn new(trust: &Arc<Trust>, name: &str) -> Result<Self, NoTrust> {
        let parsed = trust::server_name(name)?;
        Ok(Self { trust: Arc::clone(trust), name: parsed, sni: name.into() })
    }

    /// Makes pingora ask for the same proof.
    pub(super) fn demand_of(&self, peer: &mut HttpPeer) {
        peer.sni = self.sni.to_string();
        peer.options.ca = Some(Arc::clone(&self.trust.authorities));
        peer.options.verify_cert = self.trust.verify;
        peer.options.verify_hostname = self.trust.verify;
    }
}

/// A connection, with TLS or without.
pub(crate) type Wire = Either<TcpStream, TlsStream<TcpStream>>;

/// A server as it is connected to now.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it is.
    pub address: SocketAddr,
    pub(crate) identity: Option<Identity>,
}

impl From<SocketAddr> for Server {
    /// One without TLS.
    fn from(address: SocketAddr) -> Self {
        Self { address, identity: None }
    }
}

impl Server {
    /// What tells connections to it from those to others.
    pub(crate) fn key(&self) -> (SocketAddr, Option<Arc<str>>) {
        (self.address, self.identity.as_ref().map(|identity| Arc::clone(&identity.sni)))
    }

    /// Connects for HTTP/1.1, for as long as that takes: the caller sets a time limit.
    pub(crate) async fn connect(&self) -> io::Result<Wire> {
        let stream = TcpStream::connect(self.address).await?;
        // Without it a request only goes out later.
        stream.set_nodelay(true)?;
        let Some(identity) = &self.identity else { return Ok(Either::Left(stream)) };
        let connector = TlsConnector::from(Arc::clone(&identity.trust.config));
        Ok(Either::Right(connector.connect(identity.name.clone(), stream).await?))
    }
}
