//! Follows the table: a change is parsed and checked off the path of requests, then put in force.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use home::{LocalCopy, Seen};
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use routes::Digest;

use super::load::{self, Loader};
use super::{InForce, LiveTable};

/// The service that follows the table.
pub(crate) struct TableWatcher {
    pub(crate) live: Arc<LiveTable>,
    pub(crate) loader: Loader,
    /// Where a table in a database is copied to.
    pub(crate) copy: Option<LocalCopy>,
}

#[async_trait]
impl BackgroundService for TableWatcher {
    /// Until the program ends: what is answered while the proxy drains is answered as the table says then.
    async fn start(&self, _shutdown: ShutdownWatch) {
        let mut watch = self.loader.home.watch();
        let mut followed = self.live.snapshot().table.generation.digest.clone();
        let mut kept = None;
        loop {
            match watch.next().await {
                Seen::Text(text) => {
                    self.live.source_found();
                    while !self.follow(&text, &mut followed).await {}
                    // What was refused is nothing to start from.
                    if followed == Digest::of(&text) && kept.as_ref() != Some(&followed) {
                        self.keep(text).await;
                        kept = Some(followed.clone());
                    }
                }
                Seen::Unreadable(error) => self.refuse(&describe(&error)),
                Seen::Lost(error) => self.live.source_lost(describe(&error), false),
            }
        }
    }
}

impl TableWatcher {
    /// Puts a text in force if it is another than the one last `followed`, and good. What the guard took back holds over it.
    /// `false` where something else was put in force meanwhile: look again.
    async fn follow(&self, text: &str, followed: &mut Digest) -> bool {
        let noticed = Instant::now();
        let before = self.live.snapshot();
        let digest = Digest::of(text);
        if digest == before.table.generation.digest || digest == *followed {
            *followed = digest;
            self.live.confirm();
            return true;
        }
        let refused = self.live.rejected().and_then(|rejected| rejected.digest.clone());
        if refused.as_ref() == Some(&digest) {
            return true;
        }
        let held = self.live.taken_back.hold(self.loader.home.path(), text);
        let is_override = held.is_some();
        match self.loader.load(held.unwrap_or_else(|| text.to_owned()), &before.pools).await {
            Ok(mut next) => {
                next.is_override = is_override;
                let number = next.table.generation.number;
                warn_of_moved(&before, &next);
                if !self.live.publish(&before, next) {
                    return false;
                }
                *followed = digest.clone();
                let took = noticed.elapsed();
                self.loader.metrics.reload.observe(took.as_secs_f64());
                tracing::info!(
                    generation = number, %digest, took_ms = took.as_secs_f64() * 1e3,
                    "route table in force"
                );
            }
            Err(problems) => {
                let rejected = load::rejected_text(&problems);
                for problem in &rejected.problems {
                    tracing::error!(%problem, "route table rejected; the last good one stays in force");
                }
                self.live.reject(rejected);
            }
        }
        true
    }

    /// Keeps a copy, where one is to be kept.
    async fn keep(&self, text: String) {
        let Some(copy) = self.copy.clone() else { return };
        let path = copy.path().display().to_string();
        let kept = tokio::task::spawn_blocking(move || copy.keep(&text)).await;
        if let Ok(Err(error)) = kept {
            let error = describe(&error);
            tracing::error!(
                copy = path,
                error,
                "there is no copy of the table in force: without its database the proxy could not be started again"
            );
        }
    }

    fn refuse(&self, why: &str) {
        let rejected = load::unreadable(&self.loader.home, why);
        let known = self.live.rejected().is_some_and(|known| known.problems == rejected.problems);
        if !known {
            tracing::error!(table = %self.loader.home.path().display(), why, "route table can't be read; the last good one stays in force");
            self.live.reject(rejected);
        }
    }
}

/// Addresses are those of the table that the program started with.
pub(super) fn warn_of_moved(before: &InForce, next: &InForce) {
    if next.table.listen != before.table.listen {
        tracing::warn!(
            "`[listen]` changed: the proxy keeps its addresses until it is reloaded or restarted"
        );
    }
}

/// An error with its causes on one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
