//! Free ports for children that can't be asked which port they took.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range from which systems take the ports of outgoing connections: a load generator can't take one of ours.
const FIRST: u32 = 15_000;
const COUNT: u32 = 15_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port that is ours until [`PortGuard::release`]: while the guard lives, nobody else can bind it.
#[derive(Debug)]
pub struct PortGuard {
    held: TcpListener,
    address: SocketAddr,
}

impl PortGuard {
    /// Takes a port on loopback that nobody listens on. Test processes that run side by side start at different places.
    pub fn take() -> Self {
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let offset = std::process::id().wrapping_mul(101).wrapping_add(step) % COUNT;
            let port = u16::try_from(FIRST + offset).unwrap();
            if let Ok(held) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                let address = held.local_addr().unwrap();
                return Self { held, address };
            }
        }
        panic!("no free port from {FIRST} to {}", FIRST + COUNT);
    }

    /// Where the port is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the port to a child that is about to bind it. Somebody may be quicker: start the child again with another port
    /// when it says that the address is in use.
    pub fn release(self) -> SocketAddr {
        drop(self.held);
        self.address
    }
}
