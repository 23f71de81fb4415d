//! What the command does with folders and addresses, without a proxy that could be asked.

use std::os::unix::fs::symlink;

use crate::exit_code::Exit;
use crate::testing::{Folder, Ran, TABLE};

#[tokio::test]
async fn a_way_back_for_more_than_one_front_turns_no_link_until_one_is_named() {
    let folder = Folder::with_proxies(&[]);
    let to = folder.path().with_file_name("front");
    std::fs::create_dir(&to).unwrap();
    symlink("nginx.straight.conf", to.join("nginx.conf")).unwrap();
    symlink("haproxy.straight.cfg", to.join("haproxy.cfg")).unwrap();
    let leads = |link: &str| to.join(link).read_link().unwrap().display().to_string();
    let undo = ["retire", "--undo", "--to", to.to_str().unwrap()];

    let refused = folder.run(&undo).await;
    assert_eq!(refused.exit, Exit::Usage);
    assert!(refused.err.contains("more than one front; nothing was changed"), "{}", refused.err);
    assert_eq!(leads("nginx.conf"), "nginx.straight.conf");
    assert_eq!(leads("haproxy.cfg"), "haproxy.straight.cfg");

    let ran = folder.run(&[&undo[..], &["--for", "haproxy"]].concat()).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert_eq!(leads("nginx.conf"), "nginx.straight.conf");
    assert_eq!(leads("haproxy.cfg"), "haproxy.proxy.cfg");
}

/// A table with one proxy, which takes requests where these lines say.
fn listening(lines: &str) -> Folder {
    let listen = format!("[listen]\n{lines}\n[proxies]");
    Folder::with_table(&TABLE.replace("PROXIES", "").replacen("[proxies]", &listen, 1))
}

async fn retire(folder: &Folder, words: &[&str]) -> Ran {
    let to = folder.path().with_file_name("front");
    let words = [&["retire", "--for", "nginx", "--to", to.to_str().unwrap()], words].concat();
    let ran = folder.run(&words).await;
    assert!(!to.exists());
    ran
}

const PAIR: &str = "tls = { certificate = \"c.pem\", key = \"k.pem\" }";

#[tokio::test]
async fn the_front_does_not_stand_in_the_proxy_s_place() {
    let folder = listening(&format!("http = \"0.0.0.0:80\"\nhttps = \"127.0.0.1:443\"\n{PAIR}"));
    for words in [
        ["--listen", "127.0.0.1:80", "--listen-https", "127.0.0.1:444"].as_slice(),
        &["--listen", "[::]:80", "--listen-https", "127.0.0.1:444"],
        &["--listen", "127.0.0.1:81", "--listen-https", "0.0.0.0:443"],
        &["--listen", "127.0.0.1:443", "--listen-https", "127.0.0.1:444"],
        &["--listen", "0.0.0.0:8081", "--listen-https", "127.0.0.1:444"],
        &["--listen", "0.0.0.0:82", "--listen-https", "127.0.0.1:444", "--proxy", "localhost:82"],
    ] {
        let ran = retire(&folder, words).await;
        assert_eq!(ran.exit, Exit::Usage, "{words:?}: {}", ran.out);
        assert!(ran.err.contains("the proxy takes requests at"), "{words:?}: {}", ran.err);
    }
    // Another machine's proxy, or one that was told to listen elsewhere, is in nobody's way.
    for proxy in ["proxy.internal:80", "127.0.0.1:8080"] {
        let words = ["--listen", "0.0.0.0:80", "--listen-https", "127.0.0.1:444", "--proxy", proxy];
        let ran = retire(&folder, &words).await;
        assert_eq!(ran.exit, Exit::Refused, "{proxy}: {}", ran.err);
    }
}

#[tokio::test]
async fn clients_with_tls_are_not_forgotten() {
    let folder = listening(&format!("http = \"127.0.0.1:80\"\nhttps = \"127.0.0.1:443\"\n{PAIR}"));
    let ran = retire(&folder, &["--listen", "0.0.0.0:81"]).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("with TLS at 127.0.0.1:443"), "{}", ran.err);
    let ran = retire(&folder, &["--listen", "0.0.0.0:81", "--listen-https", "[::1]:81"]).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("are one place"), "{}", ran.err);

    let folder = listening("http = \"127.0.0.1:80\"");
    let ran = retire(&folder, &["--listen", "0.0.0.0:81", "--listen-https", "0.0.0.0:444"]).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("the table names no certificate"), "{}", ran.err);
}

const FORCED: [&str; 3] = ["--force", "--reason", "a test"];

#[tokio::test]
async fn a_file_of_somebody_is_not_replaced() {
    let folder = listening("http = \"127.0.0.1:80\"");
    let to = folder.path().with_file_name("front");
    std::fs::create_dir(&to).unwrap();
    let own = to.join("nginx.straight.conf");
    std::fs::write(&own, "by hand\n").unwrap();
    let words = ["retire", "--for", "nginx", "--to", to.to_str().unwrap(), "--listen", "[::1]:81"];
    let ran = folder.run(&[&words[..], &FORCED].concat()).await;
    assert_eq!(ran.exit, Exit::Refused, "{}", ran.out);
    assert!(ran.err.contains("nginx.straight.conf is not of this command"), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "by hand\n");
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 1);
}

#[tokio::test]
async fn haproxy_finds_certificate_and_key_by_links_and_a_second_run_changes_nothing() {
    let folder = listening(&format!("http = \"127.0.0.1:80\"\nhttps = \"[::1]:443\"\n{PAIR}"));
    let to = folder.path().with_file_name("front");
    let words =
        ["retire", "--for", "haproxy", "--to", to.to_str().unwrap(), "--listen", "[::1]:81"];
    let words = [&words[..], &["--listen-https", "[::1]:444"], &FORCED].concat();
    let ran = folder.run(&words).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    for (link, file) in [("haproxy.tls.pem", "c.pem"), ("haproxy.tls.pem.key", "k.pem")] {
        assert_eq!(to.join(link).read_link().unwrap(), folder.path().with_file_name(file));
    }
    assert!(ran.out.contains("a renewed certificate is not noticed"), "{}", ran.out);
    let again = folder.run(&words).await;
    assert!(again.out.contains("nothing to do"), "{}", again.out);
}
