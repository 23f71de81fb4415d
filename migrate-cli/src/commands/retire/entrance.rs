//! Where the front takes requests from now on, and where the proxy does, for the way back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use routes::{RouteTable, Target};

use super::{Args, inexpressible};
use crate::deployment::is_local;
use crate::failure::Failure;
use crate::fronts::{Entrance, Secure};

/// The front's addresses, with the certificate of the table, whose folder this is.
pub(super) fn entrance(
    args: &Args,
    http: SocketAddr,
    table: &RouteTable,
    folder: &Path,
) -> Result<Entrance, Failure> {
    let (address, tls) = match (args.listen_https, &table.listen.https) {
        (None, None) => return Ok(Entrance { http, https: None }),
        (Some(address), Some(tls)) => (address, tls),
        (None, Some(tls)) => {
            let message = format!(
                "clients reach the proxy with TLS at {}, and nothing says where they reach the front",
                tls.address
            );
            let help = "add --listen-https ADDRESS; if nobody comes that way any more, take `https` out of the table's `[listen]`";
            return Err(usage(message, help));
        }
        (Some(_), None) => {
            let message = "--listen-https: the table names no certificate".to_owned();
            let help = "write `https` and `tls = { certificate = \"…\", key = \"…\" }` into its `[listen]`";
            return Err(usage(message, help));
        }
    };
    if overlap(http, address) {
        let message = format!("--listen {http} and --listen-https {address} are one place");
        return Err(usage(message, "name another port for one of them"));
    }
    let to = std::path::absolute(&args.to).unwrap_or_else(|_| args.to.clone());
    let (certificate, key) = (folder.join(&tls.certificate), folder.join(&tls.key));
    let secure = Secure::new(address, &certificate, &key, &to);
    Ok(Entrance { http, https: Some(secure.map_err(|why| inexpressible(&why))?) })
}

/// Where the proxies take requests. The front must not stand in the place of one, or there would be no way back.
pub(super) fn proxies(
    told: &[Target],
    table: &RouteTable,
    entrance: &Entrance,
) -> Result<Vec<Target>, Failure> {
    let listen = &table.listen;
    let is_here = told.is_empty() || told.iter().any(|proxy| is_local(&proxy.host));
    let mut taken = Vec::new();
    if is_here {
        taken.extend(listen.https.as_ref().map(|https| https.address));
        taken.push(listen.admin);
    }
    let mut proxies = told.to_vec();
    if proxies.is_empty() {
        taken.push(listen.http);
        // What listens everywhere is reached on loopback.
        let host = match listen.http.ip() {
            ip if !ip.is_unspecified() => ip.to_string(),
            IpAddr::V4(_) => "127.0.0.1".to_owned(),
            IpAddr::V6(_) => "::1".to_owned(),
        };
        proxies.push(Target { host, port: listen.http.port() });
    }
    let own = [Some(entrance.http), entrance.https.as_ref().map(Secure::address)];
    for at in own.into_iter().flatten() {
        let is_taken = taken.iter().any(|taken| overlap(*taken, at))
            || proxies.iter().any(|proxy| is_reached_at(proxy, at));
        if is_taken {
            return Err(usage(
                format!("the proxy takes requests at {at} itself"),
                "name another address with --listen (--listen-https), or say with --proxy where the proxy is: it stays for the way back",
            ));
        }
    }
    Ok(proxies)
}

/// Whether both can't be listened on at once.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_anywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (is_anywhere || one.ip() == other.ip())
}

/// Whether a proxy's address is that of the front. Of another machine's address nobody here knows.
fn is_reached_at(proxy: &Target, at: SocketAddr) -> bool {
    let ip = match proxy.host.parse() {
        Ok(ip) => ip,
        Err(_) if is_local(&proxy.host) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Err(_) => return false,
    };
    let proxy = SocketAddr::new(ip, proxy.port);
    proxy == at || (ip.is_loopback() && overlap(proxy, at))
}

fn usage(message: String, help: &str) -> Failure {
    Failure::Usage { message, help: help.to_owned() }
}
