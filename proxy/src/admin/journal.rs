//! `/api/journal`: the last flips, read from the end of the journal.

use std::num::ParseIntError;

use home::HomeError;
use http::StatusCode;
use routes::admin::{JournalChange, JournalReport};

use super::Admin;
use super::answer::{Answer, json, text};

/// Changes that are told unless more or fewer are asked for.
const USUAL: usize = 50;
/// Most that are told.
const MOST: usize = 200;
/// How much of it is read: it holds every change's text, which may be 4 MiB long.
const END: u64 = 8 << 20;

/// Answers with the last changes, the newest first; `limit` as it stands in the query.
pub(super) async fn answer(admin: &Admin, limit: Option<String>) -> Answer {
    let limit: Result<usize, ParseIntError> = limit.map_or(Ok(USUAL), |limit| limit.parse());
    let Ok(limit) = limit else {
        return text(StatusCode::BAD_REQUEST, "`limit` is a number of changes\n");
    };
    let home = admin.home.clone();
    let in_force = admin.live.snapshot().table.generation.digest.clone();
    let read = tokio::task::spawn_blocking(move || -> Result<JournalReport, HomeError> {
        let changes = home.journal_end(END)?.history(Some(&in_force));
        let last = changes.into_iter().rev().take(limit.min(MOST));
        Ok(JournalReport { changes: last.map(JournalChange::from).collect() })
    });
    match read.await {
        Ok(Ok(report)) => json(&report),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the journal can't be shown");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the journal can't be read; the log says why\n")
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the journal can't be read\n"),
    }
}
