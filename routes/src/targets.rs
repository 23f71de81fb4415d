//! `targets` and `tls` of a backend: which servers it has, and how they prove who they are.

use crate::backend::{BackendTls, Scheme, Target, is_host};
use crate::document::{Section, Written};
use crate::problem::Problem;

/// Servers, and how they are spoken to. What is wrong is reported.
pub(crate) fn read(
    section: &mut Section<'_, '_>,
    name: &Written<String>,
) -> (Vec<Target>, Option<BackendTls>) {
    let example = "[\"http://127.0.0.1:8011\"]";
    let urls = section.texts("targets", example);
    if urls.as_ref().map_or(!section.has("targets"), |urls| urls.value.is_empty()) {
        let problem =
            Problem::new(name.span.clone(), format!("backend `{}` has no targets", name.value));
        section.report(problem.help(format!("write `targets = {example}`")));
    }
    let mut targets: Vec<Target> = Vec::new();
    let mut first = None;
    for url in urls.map(|urls| urls.value).unwrap_or_default() {
        match Target::parse_any(&url.value) {
            Ok((target, _)) if targets.contains(&target) => {
                let problem = Problem::new(url.span, format!("target `{target}` stands twice"));
                section.report(problem.help("remove one of them"));
            }
            Ok((_, scheme)) if *first.get_or_insert(scheme) != scheme => {
                let message = "some targets have TLS and some have not";
                let help = "write `https://` for all of them, or make two backends";
                section.report(Problem::new(url.span, message).help(help));
            }
            Ok((target, _)) => targets.push(target),
            Err((message, help)) => section.report(Problem::new(url.span, message).help(help)),
        }
    }
    let tls = tls(section, first == Some(Scheme::Https));
    (targets, tls)
}

fn tls(section: &mut Section<'_, '_>, is_secure: bool) -> Option<BackendTls> {
    let is_written = section.has("tls");
    let mut tls = section.section("tls", "`tls`");
    let ca = tls.text("ca", "\"tls/backend-ca.pem\"").map(|written| written.value);
    let server_name = tls.parsed("server_name", "\"api.example\"", server_name);
    let server_name = server_name.map(|written| written.value);
    let verify = tls.switch("verify").unwrap_or(BackendTls::default().verify);
    if is_written && !is_secure {
        let message = "`tls` says how servers prove who they are, but none has TLS";
        let help = "name them by `https://`, or remove `tls`";
        tls.report(Problem::new(tls.span.clone(), message).help(help));
    }
    tls.finish();
    is_secure.then_some(BackendTls { ca, server_name, verify })
}

/// A name or an address as it stands in certificates.
fn server_name(text: &str) -> Result<String, (String, String)> {
    if is_host(text) {
        return Ok(text.to_owned());
    }
    let help = "write a host name such as `api.example`, or an address without brackets";
    Err((format!("`{text}` is no name of a server"), help.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::RouteTable;

    fn parsed(backend: &str) -> Result<Option<BackendTls>, Vec<String>> {
        let text = format!("format = 1\n[backends.a]\n{backend}\n[defaults]\nfallback = \"a\"\n");
        RouteTable::parse(Path::new("r"), &text)
            .map(|table| table.backends[0].tls.clone())
            .map_err(|problems| problems.lines().collect())
    }

    #[test]
    fn https_verifies_unless_it_is_told_not_to() {
        assert_eq!(parsed("targets = [\"http://a:1\"]"), Ok(None));
        assert_eq!(parsed("targets = [\"https://a:1\"]"), Ok(Some(BackendTls::default())));
        let all = "targets = [\"https://a:1\", \"https://b:1\"]\n\
                   tls = { ca = \"ca.pem\", server_name = \"x\", verify = false }";
        let tls = BackendTls {
            ca: Some("ca.pem".to_owned()),
            server_name: Some("x".to_owned()),
            verify: false,
        };
        assert_eq!(parsed(all), Ok(Some(tls)));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (backend, message) in [
            ("targets = [\"https://a:1\", \"http://b:1\"]", "some targets have TLS"),
            ("targets = [\"http://a:1\"]\ntls = { verify = false }", "but none has TLS"),
            ("targets = [\"https://a:1\"]\ntls = { sni = \"x\" }", "unknown key `sni`"),
            (
                "targets = [\"https://a:1\"]\ntls = { server_name = \"x; y\" }",
                "is no name of a server",
            ),
            ("targets = [\"https://a:1\"]\ntls = { server_name = \"\" }", "is no name of a server"),
        ] {
            let problems = parsed(backend).unwrap_err();
            assert!(
                problems.len() == 1 && problems[0].contains(message),
                "{backend}: {problems:?}"
            );
        }
    }
}
