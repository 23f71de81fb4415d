//! Which build this is.

/// The version and a digest of the sources it was built from: the same on every machine, different for every change.
pub const BUILD_ID: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("SERVICE_SOURCE_DIGEST"));
