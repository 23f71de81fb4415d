//! Files that stay and use extracted ones: a client of the service can take the place of what they use.

use std::path::Path;

use super::measured::Measured;
use super::steps::{step as made, word};
use super::{State, Step};
use crate::client::module::{self, Standing};
use crate::monolith::files;

/// The client that was generated into the source, by its path there; none where there are several.
pub(super) async fn client(source: &Path) -> Option<String> {
    let found = files::find(source, files::is_python).await.files;
    let is_client = |file: &&std::path::PathBuf| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        module::standing(&text) == Standing::Generated
    };
    let mut clients = found.iter().filter(is_client);
    let only = clients.next().filter(|_| clients.next().is_none())?;
    Some(files::below(source, only))
}

/// The step of a border that files which stay cross; none where something else has to be done first.
pub(super) fn step(
    scan: &Measured,
    source: &str,
    client: Option<&str>,
    found: &str,
) -> Option<Step> {
    let uses = scan.list("/importers").iter().any(|one| word(one, "role") == "uses");
    let others = ["/needs", "/cycles", "/unread"];
    if !uses || others.iter().any(|pointer| !scan.list(pointer).is_empty()) {
        return None;
    }
    let Some(client) = client else {
        let command = format!(
            "migrate client generate {source} --openapi URL --out {source}/FILE, for migrate cleanup {source} --use-client FILE"
        );
        return Some(made("border", source, State::Open, found.to_owned(), command));
    };
    let found = format!("{found}; {client} takes their place with the cleanup");
    let command = format!("migrate cleanup {source} --use-client {client}");
    Some(made("border", source, State::Waits, found, command))
}
