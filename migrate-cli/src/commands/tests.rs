//! Snapshots of what the commands that only look print.

mod routes;
mod history;
mod status;
mod guard;
mod mirror;
mod verify;

use crate::testing::Folder;

#[tokio::test]
async fn completions_know_the_commands() {
    let folder = Folder::with_proxies(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let ran = folder.run(&["completions", shell]).await;
        assert!(ran.out.contains("cutover"), "{shell}");
    }
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let folder = Folder::with_proxies(&[]);
    let pages = folder.path().parent().unwrap().join("man1");
    let to = pages.to_str().unwrap();
    assert!(folder.run(&["man", "--to", to, "--dry-run"]).await.out.contains("would write"));
    assert!(!pages.exists());
    let ran = folder.run(&["man", "--to", to]).await;
    let written = std::fs::read_dir(&pages).unwrap().count();
    assert!(ran.out.starts_with(&format!("written: {written} pages")), "{} {written}", ran.out);
    let cutover = std::fs::read_to_string(pages.join("migrate-cutover.1")).unwrap();
    assert!(cutover.contains("\\-\\-percent"), "{cutover}");
}
