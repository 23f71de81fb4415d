//! Reads a certificate with its key from files, and says why one can't be served.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Longest file that is read: a chain is a few kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// Where a certificate and its key are.
#[derive(Debug, Clone)]
pub(crate) struct CertificateFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A certificate that can be served.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
}

/// Why files are no certificate to serve.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum Unusable {
    /// The file can't be read.
    #[error("can't read {}", file.display())]
    #[diagnostic(help(
        "the proxy's user needs to read it; say where it is with `tls` in `[listen]`"
    ))]
    Unreadable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The key is no secret.
    #[error("every user of this machine may read the key {} (mode {mode:04o})", file.display())]
    #[diagnostic(help("run `chmod 0640` on it, with the proxy's group"))]
    KeyForAll { file: PathBuf, mode: u32 },
    /// No PEM, or not of what it should be.
    #[error("{} holds no {what} in PEM form", file.display())]
    #[diagnostic(help("it begins with `-----BEGIN {}-----`", if *what == "certificate" { "CERTIFICATE" } else { "PRIVATE KEY" }))]
    NoPem {
        file: PathBuf,
        what: &'static str,
        #[source]
        source: pem::Error,
    },
    /// The two don't belong together, or the key is of a kind that is not known.
    #[error("{} and {} can't be used together", certificate.display(), key.display())]
    #[diagnostic(help("the key must be the one that the certificate was made for"))]
    NotAPair {
        certificate: PathBuf,
        key: PathBuf,
        #[source]
        source: rustls::Error,
    },
    /// The certificate itself is broken.
    #[error("{} holds no X.509 certificate that can be read: {why}", file.display())]
    NoX509 { file: PathBuf, why: String },
    /// Nobody would accept it now.
    #[error("{} is valid from {not_before} to {not_after} only", file.display())]
    #[diagnostic(help("renew it"))]
    NotValidNow { file: PathBuf, not_before: DateTime<Utc>, not_after: DateTime<Utc> },
}

impl Certificate {
    /// Reads the two files.
    pub(super) fn load(files: &CertificateFiles) -> Result<Self, Unusable> {
        let no_pem = |file: &Path, what| {
            let file = file.to_owned();
            move |source| Unusable::NoPem { file, what, source }
        };
        let text = read(&files.certificate)?;
        let chain = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<Vec<_>, _>>()
            .and_then(
                |chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) },
            )
            .map_err(no_pem(&files.certificate, "certificate"))?;
        let (not_before, not_after) = validity(&files.certificate, &chain)?;
        check_mode(&files.key)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
            .map_err(no_pem(&files.key, "private key"))?;
        let key =
            CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|source| {
                let (certificate, key) = (files.certificate.clone(), files.key.clone());
                Unusable::NotAPair { certificate, key, source }
            })?;
        Ok(Self { key: Arc::new(key), not_before, not_after })
    }

    /// Refuses one that no client would accept now.
    pub(super) fn check_time(&self, file: &Path, now: DateTime<Utc>) -> Result<(), Unusable> {
        if (self.not_before..=self.not_after).contains(&now) {
            return Ok(());
        }
        let (not_before, not_after) = (self.not_before, self.not_after);
        Err(Unusable::NotValidNow { file: file.to_owned(), not_before, not_after })
    }
}

/// Of the first certificate, which is the server's own.
fn validity(
    file: &Path,
    chain: &[CertificateDer<'_>],
) -> Result<(DateTime<Utc>, DateTime<Utc>), Unusable> {
    let no_x509 = |why: String| Unusable::NoX509 { file: file.to_owned(), why };
    let own = chain.first().ok_or_else(|| no_x509("there is none".to_owned()))?;
    let (_, parsed) = X509Certificate::from_der(own).map_err(|error| no_x509(error.to_string()))?;
    let time = |seconds| {
        DateTime::from_timestamp(seconds, 0).ok_or_else(|| no_x509("its times are none".to_owned()))
    };
    let validity = parsed.validity();
    Ok((time(validity.not_before.timestamp())?, time(validity.not_after.timestamp())?))
}

fn check_mode(key: &Path) -> Result<(), Unusable> {
    let unreadable = |source| Unusable::Unreadable { file: key.to_owned(), source };
    let mode = std::fs::metadata(key).map_err(unreadable)?.permissions().mode() & 0o7777;
    let for_others = mode & 0o007;
    if for_others == 0 {
        return Ok(());
    }
    Err(Unusable::KeyForAll { file: key.to_owned(), mode })
}

fn read(file: &Path) -> Result<Vec<u8>, Unusable> {
    use io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|source| Unusable::Unreadable { file: file.to_owned(), source })?;
    Ok(bytes)
}

/// What tells that the files are others than they were; symbolic links are followed.
pub(super) type Stamp = [Option<(SystemTime, u64, u64)>; 2];

impl CertificateFiles {
    pub(super) fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::time::Duration;

    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    /// Writes a certificate of its own making for a name, valid for so many days from now.
    pub(in crate::edge) fn write(folder: &Path, name: &str, days: u64) -> CertificateFiles {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let valid = Duration::from_hours(24 * days);
        params.not_after = (SystemTime::now() + valid).into();
        let files =
            CertificateFiles { certificate: folder.join("c.pem"), key: folder.join("k.pem") };
        fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
        files
    }

    #[test]
    fn a_pair_is_loaded_with_its_end() {
        let folder = TempDir::new().unwrap();
        let files = write(folder.path(), "api.example", 30);
        let certificate = Certificate::load(&files).unwrap();
        assert_eq!((certificate.not_after - Utc::now()).num_hours().div_euclid(24), 29);
        certificate.check_time(&files.certificate, Utc::now()).unwrap();
        let late = Utc::now() + chrono::Duration::days(31);
        let error = certificate.check_time(&files.certificate, late).unwrap_err();
        assert!(matches!(error, Unusable::NotValidNow { .. }), "{error}");
    }

    #[test]
    fn what_can_t_be_served_says_why() {
        let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let files = write(folder.path(), "api.example", 30);
        let others = write(other.path(), "api.example", 30);

        let mixed = CertificateFiles { key: others.key, ..files.clone() };
        assert!(matches!(Certificate::load(&mixed).unwrap_err(), Unusable::NotAPair { .. }));
        let swapped =
            CertificateFiles { certificate: files.key.clone(), key: files.certificate.clone() };
        assert!(matches!(
            Certificate::load(&swapped).unwrap_err(),
            Unusable::NoPem { what: "certificate", .. }
        ));
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Certificate::load(&files).unwrap_err();
        assert!(error.to_string().ends_with("(mode 0644)"), "{error}");
        fs::remove_file(&files.key).unwrap();
        assert!(matches!(Certificate::load(&files).unwrap_err(), Unusable::Unreadable { .. }));
    }

    #[test]
    fn a_replaced_file_has_another_stamp() {
        let folder = TempDir::new().unwrap();
        let files = write(folder.path(), "api.example", 30);
        let before = files.stamp();
        assert_eq!(files.stamp(), before);
        write(folder.path(), "other.example", 30);
        assert_ne!(files.stamp(), before);
    }
}
