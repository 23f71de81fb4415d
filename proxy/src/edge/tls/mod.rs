//! TLS for clients: rustls, with a certificate that can be replaced under open connections.

mod certificate;
mod served;
mod follow;

pub(crate) use certificate::CertificateFiles;
pub(crate) use follow::CertificateFollower;
pub(crate) use served::ServedCertificate;
