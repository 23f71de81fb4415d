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
