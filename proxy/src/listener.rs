//! The sockets to listen on. They are there before anything starts, so that a port in use is one clear error, and so that port 0
//! works. A process that takes over from another gets them from it, open, and opens only what the other did not have.

use std::fmt;
use std::net::{SocketAddr, TcpListener};

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Clients without TLS.
    Http,
    /// Clients with TLS.
    Https,
    /// The admin interface.
    Admin,
}

impl Role {
    /// Each.
    pub(crate) const ALL: [Self; 3] = [Self::Http, Self::Https, Self::Admin];

    /// The key in `[listen]`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "clients",
            Self::Https => "clients with TLS",
            Self::Admin => "admin interface",
        })
    }
}

/// An address that could not be bound.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("failed to listen on {address} ({role})")]
#[diagnostic(help("{}", help(source, *held)))]
pub(crate) struct BindError {
    address: SocketAddr,
    role: Role,
    /// The socket of the process before that has this port.
    held: Option<(Role, SocketAddr)>,
    #[source]
    source: std::io::Error,
}

fn help(error: &std::io::Error, held: Option<(Role, SocketAddr)>) -> String {
    let help = match (error.kind(), held) {
        (std::io::ErrorKind::AddrInUse, Some((role, address))) => {
            return format!(
                "the running proxy still holds {address} ({role}); this change needs a restart"
            );
        }
        (std::io::ErrorKind::AddrInUse, None) => {
            "another program listens there; stop it, or choose another address in `[listen]` or by flag"
        }
        (std::io::ErrorKind::PermissionDenied, _) => {
            "ports below 1024 need a privilege; choose a higher one"
        }
        (std::io::ErrorKind::AddrNotAvailable, _) => {
            "no interface of this machine has that address"
        }
        _ => "choose another address in `[listen]` or by flag",
    };
    help.to_owned()
}

/// Sockets that are open already, because another process listened before.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    left: Vec<(Role, TcpListener)>,
    /// All that came: the other process holds them as well.
    held: Vec<(Role, SocketAddr)>,
}

impl Inherited {
    pub(crate) fn new(sockets: Vec<(Role, TcpListener)>) -> Self {
        let address =
            |(role, socket): &(Role, TcpListener)| Some((*role, socket.local_addr().ok()?));
        let held = sockets.iter().filter_map(address).collect();
        Self { left: sockets, held }
    }

    /// Whether there was another process.
    pub(crate) fn is_from_another(&self) -> bool {
        !self.held.is_empty()
    }

    /// The socket of a role, if it is open at an address. Port 0 is any port.
    fn take(&mut self, role: Role, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |(of, socket): &(Role, TcpListener)| {
            let any_port = |at: SocketAddr| address.port() == 0 && at.ip() == address.ip();
            *of == role && socket.local_addr().is_ok_and(|at| at == address || any_port(at))
        };
        let place = self.left.iter().position(is_it)?;
        Some(self.left.swap_remove(place).1)
    }

    /// The socket for an address: inherited, or bound now.
    ///
    /// # Errors
    /// It can't be bound.
    pub(crate) fn open(
        &mut self,
        role: Role,
        address: SocketAddr,
    ) -> Result<(TcpListener, SocketAddr), BindError> {
        let held = self.held.iter().find(|(_, at)| at.port() == address.port()).copied();
        let error = |source| BindError { address, role, held, source };
        let listener = match self.take(role, address) {
            Some(listener) => listener,
            None => TcpListener::bind(address).map_err(error)?,
        };
        listener.set_nonblocking(true).map_err(error)?;
        let bound = listener.local_addr().map_err(error)?;
        Ok((listener, bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_socket_is_used_where_it_is_wanted_and_nowhere_else() {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let socket = TcpListener::bind(any).unwrap();
        let at = socket.local_addr().unwrap();
        let mut inherited = Inherited::new(vec![(Role::Admin, socket)]);
        assert_ne!(inherited.open(Role::Http, any).unwrap().1, at, "it is for another role");
        let elsewhere = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
        assert_eq!(inherited.open(Role::Admin, elsewhere).unwrap().1, elsewhere);
        assert_eq!(inherited.open(Role::Admin, any).unwrap().1, at);
        assert!(inherited.left.is_empty());
    }

    #[test]
    fn a_port_that_the_process_before_holds_is_not_blamed_on_another_program() {
        let help = |error: &BindError| miette::Diagnostic::help(error).unwrap().to_string();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let everywhere = SocketAddr::from(([0, 0, 0, 0], at.port()));
        let mut inherited = Inherited::new(vec![(Role::Http, socket)]);
        for (role, address) in [(Role::Http, everywhere), (Role::Admin, at)] {
            let error = inherited.open(role, address).unwrap_err();
            let expected = format!(
                "the running proxy still holds {at} (clients); this change needs a restart"
            );
            assert_eq!(help(&error), expected);
        }
        let stranger = Inherited::default().open(Role::Http, everywhere).unwrap_err();
        assert!(help(&stranger).starts_with("another program listens there"), "{stranger}");
    }

    #[test]
    fn a_port_in_use_names_itself() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = taken.local_addr().unwrap();
        let error = Inherited::default().open(Role::Https, at).unwrap_err();
        assert_eq!(error.to_string(), format!("failed to listen on {at} (clients with TLS)"));
    }
}
