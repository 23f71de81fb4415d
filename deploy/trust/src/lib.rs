//! Who has to vouch for a server that is asked over TLS: the authorities of a file, those of this machine, or nobody.

mod anyone;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use anyone::Anyone;

/// Why nobody can be asked over TLS.
#[derive(Debug, thiserror::Error)]
pub enum NoTrust {
    /// The file of authorities can't be read, or holds none.
    #[error("`ca` names {}, which holds no certificate that can be read", file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
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

/// Whom a server is trusted by, as it was when it was read.
#[derive(Debug)]
pub struct Trust {
    /// For connections that speak HTTP/1.1.
    pub config: ClientConfig,
    /// Those that may vouch.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Whether one of them must.
    pub verify: bool,
}

impl Trust {
    /// By the authorities of a PEM file, else by this machine's own; without `verify`, any server is trusted.
    ///
    /// # Errors
    /// The file can't be used, or there is no authority.
    pub fn read(ca: Option<&Path>, verify: bool) -> Result<Self, NoTrust> {
        let authorities = match ca {
            Some(file) => from_file(file)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        if authorities.is_empty() && verify {
            return Err(NoTrust::NoneHere);
        }
        let mut roots = RootCertStore::empty();
        // Of the machine's own, some may be too old to be understood.
        let (_added, ignored) = roots.add_parsable_certificates(authorities.iter().cloned());
        if ignored > 0 && ca.is_some() {
            return Err(NoTrust::Broken);
        }
        let mut config = config(roots)?;
        if !verify {
            let provider = Arc::clone(config.crypto_provider());
            config.dangerous().set_certificate_verifier(Arc::new(Anyone(provider)));
        }
        Ok(Self { config, authorities, verify })
    }
}

/// For whoever asks without TLS and has to have something: no server is trusted.
///
/// # Errors
/// rustls does not accept its own defaults.
pub fn nobody() -> Result<ClientConfig, NoTrust> {
    config(RootCertStore::empty())
}

fn config(roots: RootCertStore) -> Result<ClientConfig, NoTrust> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn from_file(file: &Path) -> Result<Vec<CertificateDer<'static>>, NoTrust> {
    let read = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|found| if found.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(found) });
    read.map_err(|source| NoTrust::Authorities { file: file.to_owned(), source })
}

/// The name, or the address, that a server's certificate has to be for.
///
/// # Errors
/// It is neither.
pub fn server_name(text: &str) -> Result<ServerName<'static>, NoTrust> {
    ServerName::try_from(text.to_owned()).map_err(|_invalid| NoTrust::Name(text.to_owned()))
}

/// Whether a request failed because nobody who is trusted vouches for the server.
pub fn is_distrusted(error: &(dyn Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    // The source of an `io::Error` is the source of what it wraps, which would be passed over.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static));
    next.or_else(|| error.source()).is_some_and(is_distrusted)
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_file_has_to_hold_authorities_and_nothing_broken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Trust::read(Some(&file), true)
        };
        let own = rcgen::generate_simple_self_signed(vec!["api.example".to_owned()]).unwrap();
        let good = own.cert.pem();
        assert_eq!(read(&good).unwrap().authorities.len(), 1);
        assert!(matches!(read(""), Err(NoTrust::Authorities { .. })));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(read(&format!("{good}{broken}")), Err(NoTrust::Broken)));
        let missing = Trust::read(Some(Path::new("/nowhere/ca.pem")), false).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
    }

    #[test]
    fn names_are_hosts_or_addresses() {
        assert!(matches!(server_name("api.example"), Ok(ServerName::DnsName(_))));
        assert!(matches!(server_name("127.0.0.1"), Ok(ServerName::IpAddress(_))));
        assert!(matches!(server_name("::1"), Ok(ServerName::IpAddress(_))));
        assert!(matches!(server_name("not a name"), Err(NoTrust::Name(_))));
    }

    #[test]
    fn a_bad_certificate_is_found_however_deep_it_is_wrapped() {
        let bad = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(is_distrusted(&io::Error::other(io::Error::other(bad))));
        assert!(!is_distrusted(&io::Error::other(rustls::Error::HandshakeNotComplete)));
    }
}
