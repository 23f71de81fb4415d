//! The sockets to listen on. They are bound before anything starts, so that a port in use is one clear error, and so that port
//! 0 works.

use std::net::{SocketAddr, TcpListener};

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
