//! Files in a real folder.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::exit_code::Exit;
use crate::testing::{Folder, Ran, TABLE};

async fn render(folder: &Folder, to: &Path, more: &[&str]) -> Ran {
    let words = ["deploy", "render", "--to", to.to_str().unwrap()];
    folder.run(&[&words, more].concat()).await
}

fn states(ran: &Ran) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let files = report["files"].as_array().unwrap();
    files.iter().map(|file| file["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn files_are_written_once_and_replaced_only_where_asked() {
    let folder = Folder::with_proxies(&[]);
    let to = folder.path().parent().unwrap().join("deployment");
    let planned = render(&folder, &to, &["--dry-run"]).await;
    assert!(planned.exit == Exit::Done && !to.exists(), "{}", planned.err);

    let written = render(&folder, &to, &["--output", "json"]).await;
    assert_eq!(written.exit, Exit::Done, "{}", written.err);
    assert!(states(&written).iter().all(|state| state == "new"));
    let unit = to.join("etc/systemd/system/agent-service.service");
    assert_eq!(unit.metadata().unwrap().permissions().mode() & 0o777, 0o644);

    let again = render(&folder, &to, &["--output", "json"]).await;
    assert!(states(&again).iter().all(|state| state == "unchanged"), "{}", again.out);

    std::fs::write(&unit, "[Service]\n").unwrap();
    let refused = render(&folder, &to, &[]).await;
    assert_eq!(refused.exit, Exit::Refused);
    assert!(refused.err.contains("says something else; nothing was written"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), "[Service]\n");
    let replaced = render(&folder, &to, &["--replace", "--output", "json"]).await;
    assert_eq!(states(&replaced).iter().filter(|state| *state == "replaced").count(), 1);
}

#[tokio::test]
async fn what_would_mean_something_in_a_unit_is_refused() {
    let folder = Folder::with_proxies(&[]);
    let to = folder.path().parent().unwrap().join("deployment");
    for (words, said) in [
        (["--service-user", "a b"], "has characters other than"),
        (["--service-user", "../x"], "is no name"),
        (["--binaries", "bin"], "does not begin at the root"),
        (["--settings", "/etc/%n"], "has characters other than"),
        (["--database", "postgres://app:hunter2@db/shared"], "holds no password"),
        (["--database", "mysql://db/shared"], "no kind of database"),
    ] {
        let ran = render(&folder, &to, &words).await;
        assert_eq!(ran.exit, Exit::Usage, "{words:?}");
        assert!(ran.err.contains(said) && !ran.err.contains("hunter2"), "{words:?}: {}", ran.err);
    }
    assert!(!to.exists());
}

#[tokio::test]
async fn the_service_is_told_its_database() {
    let folder = Folder::with_proxies(&[]);
    let to = folder.path().parent().unwrap().join("deployment");
    let says = |name: &str| std::fs::read_to_string(to.join(name)).unwrap();
    let (settings, unit) =
        ("etc/strangler/agent-service.env", "etc/systemd/system/agent-service.service");
    for (url, line, is_local) in [
        ("sqlite:////srv/c.db", "\nDATABASE_URL=sqlite:////srv/c.db\n", true),
        ("postgresql://app@127.0.0.1/c", "\nDATABASE_URL=postgres://app@127.0.0.1/c\n", true),
        ("postgres://app@db.internal/c", "\nDATABASE_URL=postgres://app@db.internal/c\n", false),
    ] {
        let ran = render(&folder, &to, &["--replace", "--database", url]).await;
        assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
        assert!(says(settings).contains(line), "{url}: {}", says(settings));
        assert_eq!(says(unit).contains("IPAddressAllow=localhost"), is_local, "{url}");
    }
}

#[tokio::test]
async fn what_the_table_says_of_tls_is_heeded() {
    let table =
        TABLE.replace("PROXIES", "").replace("http://127.0.0.1:8011", "https://127.0.0.1:8011");
    let https =
        "[listen]\nhttps = \"0.0.0.0:8443\"\ntls = { certificate = \"c.pem\", key = \"k.pem\" }\n";
    let folder = Folder::with_table(&table.replacen("[proxies]", &format!("{https}[proxies]"), 1));
    let to = folder.path().parent().unwrap().join("deployment");
    let ran = render(&folder, &to, &[]).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let says = |name: &str| std::fs::read_to_string(to.join(name)).unwrap();
    // The snippet could ask it without TLS only.
    let snippet = says("etc/nginx/snippets/strangler.conf");
    assert!(!snippet.contains(" backup;"), "{snippet}");
    // Clients with TLS come from elsewhere.
    assert!(!says("etc/systemd/system/strangler-proxy.service").contains("IPAddressDeny"));
}
