//! Which process listens at an address of this machine, as far as `/proc` shows it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Who listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// Nobody.
    Nobody,
    /// This process.
    Process {
        /// Its id.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// Somebody, of another user.
    Unseen,
}

/// Of an address.
pub(super) fn of(address: SocketAddr) -> Holder {
    let sockets = ["/proc/net/tcp", "/proc/net/tcp6"];
    let mut inodes = Vec::new();
    for file in sockets {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        inodes.extend(text.lines().filter_map(|line| listener(line, address)));
    }
    if inodes.is_empty() {
        return Holder::Nobody;
    }
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let open = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let mut open = open.filter_map(|file| std::fs::read_link(file.path()).ok());
        if open.any(|file| links.iter().any(|link| Path::new(link) == file)) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Holder::Process { pid, name: name.trim().to_owned() };
        }
    }
    Holder::Unseen
}

/// The inode of the socket that a line tells of, if it listens at this address or at all of that port.
fn listener(line: &str, address: SocketAddr) -> Option<u64> {
    const LISTENS: &str = "0A";
    let mut words = line.split_ascii_whitespace().skip(1);
    let (host, port) = words.next()?.split_once(':')?;
    let _peer = words.next()?;
    if words.next()? != LISTENS || u16::from_str_radix(port, 16).ok()? != address.port() {
        return None;
    }
    let host = ip(host)?;
    let is_it = host == address.ip() || host.is_unspecified() || address.ip().is_unspecified();
    // tx:rx, tr:when, retransmits, uid, timeout, inode
    is_it.then(|| words.nth(5)?.parse().ok()).flatten()
}

/// An address as the kernel writes it: words of four bytes, each in the order of the machine.
fn ip(hex: &str) -> Option<IpAddr> {
    let mut bytes = Vec::new();
    for word in hex.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let v4 = <[u8; 4]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let v6 = <[u8; 16]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
    v4.or(v6).ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_is_found_and_nobody_is_told() {
        let own = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = own.local_addr().unwrap();
        let Holder::Process { pid, name } = of(address) else { panic!("nobody is found") };
        assert_eq!(pid, std::process::id());
        assert!(!name.is_empty());
        drop(own);
        assert_eq!(of(address), Holder::Nobody);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_line_of_the_kernel_is_read() {
        let line = "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000 100 0 0 10 0";
        assert_eq!(listener(line, "127.0.0.1:8080".parse().unwrap()), Some(4242));
        assert_eq!(listener(line, "0.0.0.0:8080".parse().unwrap()), Some(4242));
        assert_eq!(listener(line, "127.0.0.2:8080".parse().unwrap()), None);
        assert_eq!(listener(line, "127.0.0.1:8081".parse().unwrap()), None);
        assert_eq!(
            listener(&line.replace(" 0A ", " 01 "), "127.0.0.1:8080".parse().unwrap()),
            None
        );
        assert_eq!(
            listener("  sl  local_address rem_address   st", "127.0.0.1:1".parse().unwrap()),
            None
        );
    }
}
