//! The way to other servers: HTTP, and TLS with the authorities that the system and the operator trust.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

#[cfg(test)]
pub(crate) mod tests;

/// Connections that are kept for the next request to the same server.
const MOST_IDLE: usize = 8;

/// Sends requests. Nobody is followed elsewhere, and the time is the caller's business.
pub type Outgoing = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why there can be no way to other servers.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The file of further authorities.
    #[error("TLS_CA_FILE {}: cannot be read as PEM", path.display())]
    AuthoritiesFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// The same, with nothing in it.
    #[error("TLS_CA_FILE {}: has no certificate that can be used", .0.display())]
    NoAuthority(PathBuf),
    /// No certificate of any server could be checked.
    #[error(
        "the system has no certificates of authorities, and https needs them; install them, or name a file with \
         TLS_CA_FILE"
    )]
    NobodyIsTrusted,
    /// The library.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// A way to servers, which are asked over TLS if `https`. `authorities` is a file of certificates that are trusted besides the
/// system's.
pub fn outgoing(https: bool, authorities: Option<&Path>) -> Result<Outgoing, OutgoingError> {
    // Without https no certificate will be looked at, so a machine without any will do.
    let trusted = if https { trusted(authorities)? } else { RootCertStore::empty() };
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    let connector = builder.https_or_http().enable_http1().build();
    let mut client = Client::builder(TokioExecutor::new());
    Ok(client.pool_max_idle_per_host(MOST_IDLE).build(connector))
}

fn trusted(authorities: Option<&Path>) -> Result<RootCertStore, OutgoingError> {
    let mut trusted = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in system.errors {
        tracing::warn!(%error, "a certificate of the system is left out");
    }
    trusted.add_parsable_certificates(system.certs);
    if let Some(path) = authorities {
        let unreadable = |source| OutgoingError::AuthoritiesFile { path: path.to_owned(), source };
        let further = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
        let further: Vec<_> = further.collect::<Result<_, _>>().map_err(unreadable)?;
        let (usable, _ignored) = trusted.add_parsable_certificates(further);
        if usable == 0 {
            return Err(OutgoingError::NoAuthority(path.to_owned()));
        }
    }
    if trusted.is_empty() { Err(OutgoingError::NobodyIsTrusted) } else { Ok(trusted) }
}
