//! TLS to a backend: whom it is trusted by, for requests (pingora's connections) and for copies and checks (our own) alike.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{WrappedX509, parse_x509};
use routes::backend::BackendTls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Why a backend with TLS can't be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTrust {
    /// The file of authorities can't be read, or holds none.
    #[error("`ca` names {}, which holds no certificate that can be read", file.display())]
    Authorities {
        file: PathBuf,
        #[source]
        source: pem::Error,
    },
    /// This machine has no authorities of its own.
    #[error("this machine knows no authorities to verify the backend's certificate with")]
    NoneHere,
    /// A certificate of an authority is broken.
    #[error("a certificate of an authority is no X.509 certificate")]
    Broken,
    /// Neither a host name nor an address.
    #[error("`{0}` is no name of a server")]
    Name(String),
    /// rustls does not accept its own defaults.
    #[error("TLS can't be set up")]
    Setup(#[from] rustls::Error),
}

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
        let authorities = match &tls.ca {
            Some(file) => from_file(folder.join(file))?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        if authorities.is_empty() && tls.verify {
            return Err(NoTrust::NoneHere);
        }
        let mut roots = RootCertStore::empty();
        // Of the machine's own, some may be too old to be understood.
        let (_added, ignored) = roots.add_parsable_certificates(authorities.iter().cloned());
        if ignored > 0 && tls.ca.is_some() {
            return Err(NoTrust::Broken);
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        if !tls.verify {
            config.dangerous().set_certificate_verifier(Arc::new(Anyone(provider)));
        }
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let parsable = |der: &&CertificateDer<'_>| X509Certificate::from_der(der).is_ok();
        let wrapped = authorities.iter().filter(parsable);
        let authorities = wrapped.map(|der| WrappedX509::new(der.to_vec(), parse_x509)).collect();
        Ok(Self { config: Arc::new(config), authorities, verify: tls.verify })
    }
}

fn from_file(file: PathBuf) -> Result<Vec<CertificateDer<'static>>, NoTrust> {
    let read = CertificateDer::pem_file_iter(&file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|found| if found.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(found) });
    read.map_err(|source| NoTrust::Authorities { file, source })
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
        let parsed = ServerName::try_from(name.to_owned());
        let parsed = parsed.map_err(|_invalid| NoTrust::Name(name.to_owned()))?;
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

/// Takes any certificate whose key the server has: `verify = false`.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
