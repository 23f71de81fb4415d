//! The files of an installation, made from the templates in `deploy/`. Pure.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use askama::Template;
use routes::RouteTable;

/// Where programs, settings and data of an installation are, and who runs what.
#[derive(Debug)]
pub(crate) struct Deployment {
    /// The folder of the three binaries.
    pub(crate) binaries: String,
    /// The folder of the environment files.
    pub(crate) settings: String,
    /// The route table.
    pub(crate) table: String,
    /// Its folder, if it is not the proxy's own.
    pub(crate) table_folder: Option<String>,
    /// The service's unit, without `.service`.
    pub(crate) service: String,
    /// Who runs it.
    pub(crate) service_user: String,
    /// Its port.
    pub(crate) service_port: u16,
    /// What the service is told of its database, without a password.
    pub(crate) database: Option<String>,
    /// The folder of a database that is a file.
    pub(crate) database_folder: Option<String>,
    /// Whether the service need speak with this machine only.
    pub(crate) is_database_local: bool,
    /// Where the proxy listens.
    pub(crate) proxy_address: SocketAddr,
    /// Whether one of its ports is for root alone, unless a unit says otherwise.
    pub(crate) has_low_port: bool,
    /// Servers of the fallback backend, if they know the paths as clients do.
    pub(crate) monolith_addresses: Vec<String>,
    /// What the paths of the routes begin with; none begins with another.
    pub(crate) prefixes: Vec<String>,
    /// Whether proxy, clients and backends are on this machine.
    pub(crate) is_proxy_local: bool,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// Below the root of the machine.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

#[derive(Template)]
#[template(path = "systemd/strangler-proxy.service", escape = "none")]
struct ProxyUnit<'a> {
    it: &'a Deployment,
    reachable: &'static str,
    takes_low_port: bool,
}

#[derive(Template)]
#[template(path = "systemd/agent-service.service", escape = "none")]
struct ServiceUnit<'a> {
    it: &'a Deployment,
    reachable: &'static str,
    takes_low_port: bool,
}

#[derive(Template)]
#[template(path = "systemd/journald@strangler.conf", escape = "none")]
struct Journal;

#[derive(Template)]
#[template(path = "systemd/sysusers.conf", escape = "none")]
struct Users<'a> {
    it: &'a Deployment,
}

#[derive(Template)]
#[template(path = "systemd/tmpfiles.conf", escape = "none")]
struct Folders<'a> {
    it: &'a Deployment,
}

#[derive(Template)]
#[template(path = "environment/strangler-proxy.env", escape = "none")]
struct ProxySettings<'a> {
    it: &'a Deployment,
}

#[derive(Template)]
#[template(path = "environment/agent-service.env", escape = "none")]
struct ServiceSettings<'a> {
    it: &'a Deployment,
}

#[derive(Template)]
#[template(path = "nginx/strangler.conf", escape = "none")]
struct Nginx<'a> {
    it: &'a Deployment,
}

#[derive(Template)]
#[template(path = "Containerfile", escape = "none")]
struct Containerfile;

impl Deployment {
    /// Every file.
    ///
    /// # Errors
    /// A template that can't be filled in.
    pub(crate) fn files(&self) -> Result<Vec<Rendered>, askama::Error> {
        let local = |is_local| if is_local { "localhost" } else { "" };
        let (proxy, service) = (local(self.is_proxy_local), local(self.is_database_local));
        let file = |path: &str, text: askama::Result<String>| {
            // A template ends with its last line, a file with that line's end.
            let text = text.map(|text| format!("{}\n", text.trim_end()));
            text.map(|text| Rendered { path: PathBuf::from(path), text })
        };
        let units = "etc/systemd/system";
        let settings = self.settings.trim_start_matches('/');
        let name = &self.service;
        Ok(vec![
            file(
                &format!("{units}/strangler-proxy.service"),
                ProxyUnit { it: self, reachable: proxy, takes_low_port: self.has_low_port }
                    .render(),
            )?,
            file(
                &format!("{units}/{name}.service"),
                ServiceUnit {
                    it: self,
                    reachable: service,
                    takes_low_port: is_low(self.service_port),
                }
                .render(),
            )?,
            file("etc/systemd/journald@strangler.conf", Journal.render())?,
            file("etc/sysusers.d/strangler.conf", Users { it: self }.render())?,
            file("etc/tmpfiles.d/strangler.conf", Folders { it: self }.render())?,
            file(&format!("{settings}/strangler-proxy.env"), ProxySettings { it: self }.render())?,
            file(&format!("{settings}/{name}.env"), ServiceSettings { it: self }.render())?,
            file("etc/nginx/snippets/strangler.conf", Nginx { it: self }.render())?,
            file("Containerfile", Containerfile.render())?,
        ])
    }
}

/// What the paths of a table's routes begin with, so far as it has no parameter; none begins with another. A prefix may take in
/// paths of no route: the proxy sends those where they went before.
pub(crate) fn prefixes(table: &RouteTable) -> Vec<String> {
    let mut all: Vec<String> =
        table.routes.iter().map(|route| prefix(&route.path.to_string())).collect();
    all.sort();
    // What begins with another comes right behind it, or behind others of its kind.
    all.dedup_by(|next, before| next.starts_with(before.as_str()));
    all
}

fn prefix(pattern: &str) -> String {
    let is_plain = |segment: &&str| {
        segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let plain: Vec<&str> = pattern.split('/').skip(1).take_while(is_plain).collect();
    format!("/{}", plain.join("/"))
}

/// Whether a host is this machine.
pub(crate) fn is_local(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a port is for root alone, and for whom root lets.
pub(crate) fn is_low(port: u16) -> bool {
    port < 1024
}

/// What is wrong with a word that becomes part of a unit, if anything: it must not mean anything there.
pub(crate) fn unfit(word: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:+".contains(c);
    if word.is_empty() {
        Some("is empty")
    } else if word.chars().all(is_plain) {
        None
    } else {
        Some("has characters other than letters, digits and - _ . / @ : +")
    }
}

/// A path as text, if it begins at the root and means nothing else in a unit.
pub(crate) fn absolute(path: &Path) -> Result<String, &'static str> {
    let text = path.to_str().ok_or("is no UTF-8")?;
    if !path.is_absolute() {
        return Err("does not begin at the root");
    }
    unfit(text).map_or_else(|| Ok(text.to_owned()), Err)
}
