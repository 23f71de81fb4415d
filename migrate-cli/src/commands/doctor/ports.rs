//! Whether the addresses of `[listen]` are free, or held by the proxy itself.

use std::net::SocketAddr;

use routes::RouteTable;
use routes::admin::RoutesReport;

use super::holders::{self, Holder};
use crate::checks::{Checks, Wrong};

/// Looks at each.
pub(super) fn check(table: &RouteTable, proxies: &[RoutesReport], checks: &mut Checks) {
    checks.group("ports");
    let listen = &table.listen;
    let https = listen.https.as_ref().map(|https| ("https", https.address));
    for (what, address) in [("http", listen.http), ("admin", listen.admin)].into_iter().chain(https)
    {
        let what = format!("listen.{what} {address} is free, or the proxy's");
        match holders::of(address) {
            Holder::Nobody if !is_here(address) => {
                checks.skip(what, "the address is none of this machine");
            }
            Holder::Unseen => {
                checks.skip(what, "a process of another user listens; run it as root");
            }
            holder => checks.settle(what, judged(&holder, proxies)),
        }
    }
}

/// Whether this machine has the address.
fn is_here(address: SocketAddr) -> bool {
    std::net::TcpListener::bind(SocketAddr::new(address.ip(), 0)).is_ok()
}

fn judged(holder: &Holder, proxies: &[RoutesReport]) -> Result<String, Wrong> {
    let Holder::Process { pid, name } = holder else { return Ok("free".to_owned()) };
    if proxies.iter().any(|report| report.proxy.pid == *pid) {
        return Ok(format!("the proxy (process {pid})"));
    }
    let found = format!("{name} (process {pid}) listens there");
    Err(Wrong::new(
        found,
        "stop it, or change `[listen]`; a proxy must be named in `[proxies] admin`",
    ))
}
