//! Follows the certificate's files: a renewed one is served to the next handshake, and nobody has to be told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::signal::unix::{SignalKind, signal};

use super::served::ServedCertificate;

/// How often the files are looked at. Certificate and key are two files: they are read when both have been left alone for so long.
const LOOK: Duration = Duration::from_millis(500);
/// A certificate with less time left than this is warned of.
const SOON: chrono::Duration = chrono::Duration::days(14);
/// How often.
const WARN: chrono::Duration = chrono::Duration::days(1);

/// The service that follows them. SIGHUP has them read at once.
pub(crate) struct CertificateFollower(pub(crate) Arc<ServedCertificate>);

#[async_trait]
impl BackgroundService for CertificateFollower {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let served = &self.0;
        let mut hangups = signal(SignalKind::hangup()).ok();
        let mut looks = tokio::time::interval(LOOK);
        let (mut read, mut seen) = (served.stamp(), served.stamp());
        let mut warned = None;
        loop {
            let is_asked = tokio::select! {
                _ = shutdown.changed() => return,
                _ = looks.tick() => false,
                () = hangup(&mut hangups) => true,
            };
            let stamp = served.stamp();
            let is_settled = stamp == std::mem::replace(&mut seen, stamp);
            if is_asked || (is_settled && stamp != read) {
                read = stamp;
                reload(served);
                warned = None;
            }
            warn(served, &mut warned, Utc::now());
        }
    }
}

async fn hangup(hangups: &mut Option<tokio::signal::unix::Signal>) {
    match hangups {
        Some(hangups) => {
            hangups.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn reload(served: &ServedCertificate) {
    let file = served.file().display();
    match served.reload(Utc::now()) {
        Ok(()) => tracing::info!(%file, not_after = %served.not_after(), "certificate in force"),
        Err(error) => {
            let error = crate::live_table::watch::describe(&error);
            tracing::error!(%file, error, "certificate rejected; the one before stays in force");
        }
    }
}

/// Warns of an end that is near, once a day.
fn warn(served: &ServedCertificate, warned: &mut Option<DateTime<Utc>>, now: DateTime<Utc>) {
    let left = served.not_after() - now;
    if left < SOON && warned.is_none_or(|warned| now - warned >= WARN) {
        *warned = Some(now);
        let file = served.file().display();
        tracing::warn!(%file, not_after = %served.not_after(), days = left.num_days(), "the certificate ends soon: renew it");
    }
}
