//! The certificate that handshakes get: replaced as a whole, while connections made with the one before live on.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use chrono::{DateTime, Utc};
use routes::admin::{CertificateReport, RejectedCertificate};
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};

use super::certificate::{Certificate, CertificateFiles, Stamp, Unusable};

/// The certificate in force, and why the files hold another that is not.
#[derive(Debug)]
pub(crate) struct ServedCertificate {
    files: CertificateFiles,
    now: ArcSwap<Certificate>,
    rejected: ArcSwapOption<RejectedCertificate>,
}

impl ServedCertificate {
    /// Reads the files for the first time. A certificate that is over is served all the same: without it nobody would be served.
    pub(crate) fn first(files: CertificateFiles) -> Result<Self, Unusable> {
        let certificate = Certificate::load(&files)?;
        if let Err(error) = certificate.check_time(&files.certificate, Utc::now()) {
            tracing::error!(%error, "clients will refuse this certificate");
        }
        Ok(Self::of(files, certificate))
    }

    /// The same for a process that takes over: the one before may serve a certificate that is better than what the files hold by now,
    /// and have refused these.
    pub(crate) fn renewed(files: CertificateFiles) -> Result<Self, Unusable> {
        let certificate = Certificate::load(&files)?;
        certificate.check_time(&files.certificate, Utc::now())?;
        Ok(Self::of(files, certificate))
    }

    fn of(files: CertificateFiles, certificate: Certificate) -> Self {
        let now = ArcSwap::from_pointee(certificate);
        Self { files, now, rejected: ArcSwapOption::empty() }
    }

    /// Reads the files again. What can't be served changes nothing but the report.
    pub(super) fn reload(&self, now: DateTime<Utc>) -> Result<(), Unusable> {
        let loaded = Certificate::load(&self.files).and_then(|certificate| {
            certificate.check_time(&self.files.certificate, now).map(|()| certificate)
        });
        match loaded {
            Ok(certificate) => {
                self.now.store(Arc::new(certificate));
                self.rejected.store(None);
                Ok(())
            }
            Err(error) => {
                let why = crate::live_table::watch::describe(&error);
                self.rejected.store(Some(Arc::new(RejectedCertificate { at: now, why })));
                Err(error)
            }
        }
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.files.stamp()
    }

    /// Its file, for the log.
    pub(super) fn file(&self) -> &Path {
        &self.files.certificate
    }

    /// When the one in force ends.
    pub(crate) fn not_after(&self) -> DateTime<Utc> {
        self.now.load().not_after
    }

    /// What stands against the files as they are now.
    pub(crate) fn is_rejected(&self) -> bool {
        self.rejected.load().is_some()
    }

    /// For `/api/routes`.
    pub(crate) fn report(&self) -> CertificateReport {
        CertificateReport {
            file: self.files.certificate.display().to_string(),
            not_after: self.not_after(),
            rejected: self.rejected.load().as_deref().cloned(),
        }
    }

    /// How clients are met: TLS 1.2 or 1.3, HTTP/2 for whoever knows it.
    ///
    /// # Errors
    /// rustls does not accept its own defaults.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Clients come back with a ticket, and the proxy keeps nothing for them.
        config.ticketer = ring::Ticketer::new()?;
        Ok(config)
    }
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.now.load().key))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::certificate::tests::write;
    use super::*;

    fn leaf(served: &ServedCertificate) -> Vec<u8> {
        served.now.load().key.cert[0].to_vec()
    }

    #[test]
    fn a_good_one_replaces_it_and_a_bad_one_does_not() {
        let folder = TempDir::new().unwrap();
        let files = write(folder.path(), "one.example", 30);
        let served = Arc::new(ServedCertificate::first(files.clone()).unwrap());
        let first = leaf(&served);
        write(folder.path(), "two.example", 60);
        served.reload(Utc::now()).unwrap();
        let second = leaf(&served);
        assert_ne!(first, second);

        fs::write(&files.certificate, "nonsense").unwrap();
        served.reload(Utc::now()).unwrap_err();
        write(folder.path(), "three.example", 1);
        served.reload(Utc::now() + chrono::Duration::days(2)).unwrap_err();
        assert_eq!(leaf(&served), second);
        let report = served.report();
        assert!(report.rejected.unwrap().why.contains("is valid from"));

        served.reload(Utc::now()).unwrap();
        assert!(!served.is_rejected());
        let config = served.server_config().unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }
}
