//! `[listen]`: where a proxy listens, and with which certificate.

use std::net::SocketAddr;

use crate::document::Section;
use crate::problem::Problem;

/// `[listen]` as meant. A proxy reads it at its start only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `http`: for clients without TLS. Default `127.0.0.1:8080`.
    pub http: SocketAddr,
    /// `https`: for clients with TLS. Default: nowhere.
    pub https: Option<Https>,
    /// `admin`: for `migrate`, the dashboard and metrics. Default `127.0.0.1:8081`.
    pub admin: SocketAddr,
}

/// `https` and `tls`: TLS for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Https {
    /// Where to listen.
    pub address: SocketAddr,
    /// PEM file of the certificate and its chain; relative to the table's folder. Read again whenever it changes.
    pub certificate: String,
    /// PEM file of its private key; the same.
    pub key: String,
}

impl Listen {
    /// Every address.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let https = self.https.as_ref().map(|https| https.address);
        [self.http, self.admin].into_iter().chain(https)
    }

    /// Reads the section; what is wrong with it is reported.
    pub(crate) fn read(root: &mut Section<'_, '_>) -> Self {
        let mut section = root.section("listen", "[listen]");
        let http = section.parsed("http", "\"127.0.0.1:8080\"", socket_address);
        let admin = section.parsed("admin", "\"127.0.0.1:8081\"", socket_address);
        let https = https(&mut section);
        section.finish();
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            http: http.map_or(local(8080), |written| written.value),
            https,
            admin: admin.map_or(local(8081), |written| written.value),
        }
    }
}

/// Both or neither: an address without a certificate could serve nobody.
fn https(listen: &mut Section<'_, '_>) -> Option<Https> {
    let (has_address, has_tls) = (listen.has("https"), listen.has("tls"));
    let address = listen.parsed("https", "\"0.0.0.0:8443\"", socket_address);
    let mut tls = listen.section("tls", "`tls`");
    let certificate = tls.text("certificate", "\"tls/certificate.pem\"");
    let key = tls.text("key", "\"tls/key.pem\"");
    let problem = match (has_address, has_tls) {
        (true, false) => Some((
            "`https` has no certificate",
            "write `tls = { certificate = \"tls/certificate.pem\", key = \"tls/key.pem\" }` beside it",
        )),
        (false, true) => Some((
            "`tls` names a certificate, but nothing says where to listen with it",
            "write `https = \"0.0.0.0:8443\"` beside it",
        )),
        (true, true) if !tls.has("certificate") => Some((
            "`tls` has no `certificate`",
            "name the PEM file of the certificate and its chain",
        )),
        (true, true) if !tls.has("key") => {
            Some(("`tls` has no `key`", "name the PEM file of the certificate's private key"))
        }
        _ => None,
    };
    if let Some((message, help)) = problem {
        let span = address.as_ref().filter(|_| !has_tls).map_or(&tls.span, |address| &address.span);
        tls.report(Problem::new(span.clone(), message).help(help));
    }
    tls.finish();
    let (certificate, key) = (certificate?.value, key?.value);
    Some(Https { address: address?.value, certificate, key })
}

fn socket_address(text: &str) -> Result<SocketAddr, (String, String)> {
    text.parse().map_err(|_error: std::net::AddrParseError| {
        let help = "write an IP address and a port: `127.0.0.1:8080` or `[::1]:8080`";
        (format!("`{text}` is no address to listen on"), help.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::RouteTable;

    fn parsed(listen: &str) -> Result<Listen, Vec<String>> {
        let text = format!(
            "format = 1\n[listen]\n{listen}\n[backends.a]\ntargets = [\"http://a:1\"]\n[defaults]\nfallback = \"a\"\n"
        );
        RouteTable::parse(Path::new("r"), &text)
            .map(|table| table.listen)
            .map_err(|problems| problems.lines().collect())
    }

    #[test]
    fn https_takes_an_address_and_a_certificate() {
        let plain = parsed("").unwrap();
        assert_eq!((plain.http.port(), plain.admin.port(), plain.https), (8080, 8081, None));
        let tls = "https = \"[::]:8443\"\ntls = { certificate = \"c.pem\", key = \"k.pem\" }";
        let https = parsed(tls).unwrap().https.unwrap();
        assert_eq!(parsed(tls).unwrap().addresses().count(), 3);
        assert_eq!(https.address, "[::]:8443".parse().unwrap());
        assert_eq!((&*https.certificate, &*https.key), ("c.pem", "k.pem"));
    }

    #[test]
    fn one_without_the_other_is_refused_with_what_to_write() {
        for (listen, message) in [
            ("https = \"0.0.0.0:8443\"", "`https` has no certificate"),
            ("tls = { certificate = \"c\", key = \"k\" }", "nothing says where to listen"),
            ("https = \"0.0.0.0:1\"\ntls = { certificate = \"c\" }", "`tls` has no `key`"),
            ("https = \"0.0.0.0:1\"\ntls = { key = \"k\" }", "`tls` has no `certificate`"),
            (
                "https = \"8443\"\ntls = { certificate = \"c\", key = \"k\" }",
                "no address to listen on",
            ),
        ] {
            let problems = parsed(listen).unwrap_err();
            assert!(problems.len() == 1 && problems[0].contains(message), "{listen}: {problems:?}");
        }
    }
}
