//! Runs the evidence's writer as a service, follows what the table says about it, and counts for Prometheus how it goes.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use evidence::Evidence;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::handover::Leaving;
use crate::live_table::LiveTable;

/// The service.
pub(crate) struct EvidenceKeeper {
    evidence: Arc<Evidence>,
    live: Arc<LiveTable>,
    /// The table's: what `[evidence] url` is relative to.
    folder: PathBuf,
    /// Under which name this proxy writes.
    proxy: String,
    /// The process from which this one took over, which writes until it has ended.
    leaving: Option<Leaving>,
}

impl EvidenceKeeper {
    /// Follows the table in force from now on.
    pub(crate) fn new(
        evidence: Arc<Evidence>,
        live: Arc<LiveTable>,
        folder: &Path,
        admin: SocketAddr,
    ) -> Self {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        // Two proxies on one machine differ in the address of their admin interface.
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let keeper =
            Self { evidence, live, folder, proxy: format!("{host}/{admin}"), leaving: None };
        keeper.follow();
        keeper
    }

    /// Writes nothing until another process has ended, which writes under the same name.
    pub(crate) fn after(mut self, leaving: Option<Leaving>) -> Self {
        self.leaving = leaving;
        self
    }

    fn follow(&self) {
        let in_force = self.live.snapshot();
        self.evidence.configure(&in_force.table.evidence, &self.folder, &self.proxy);
    }
}

#[async_trait]
impl BackgroundService for EvidenceKeeper {
    /// Until the program ends: what is compared while the proxy drains is kept as well.
    async fn start(&self, _shutdown: ShutdownWatch) {
        let mut changes = self.live.changes();
        let following = async {
            while changes.changed().await.is_ok() {
                self.follow();
            }
        };
        let writing = async {
            if let Some(leaving) = &self.leaving {
                leaving.gone().await;
            }
            self.evidence.run().await;
        };
        tokio::join!(following, writing);
    }
}

/// Adds the metrics of evidence to a registry.
pub(crate) fn register(evidence: &Arc<Evidence>, registry: &mut Registry) {
    registry.register_collector(Box::new(Kept(Arc::clone(evidence))));
}

/// Asks the evidence when it is asked itself.
#[derive(Debug)]
struct Kept(Arc<Evidence>);

impl Collector for Kept {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pending = i64::try_from(self.0.pending()).unwrap_or(i64::MAX);
        let gauges = [
            (
                "evidence_store_degraded",
                "1 while evidence is kept in memory only because its store does not work",
                i64::from(self.0.is_degraded()),
            ),
            (
                "evidence_outcomes_pending",
                "Mirrored requests that are not in the store yet",
                pending,
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        let lost = ConstCounter::new(self.0.lost());
        let help =
            "Mirrored requests whose evidence was given up because the store was away for long";
        let metric =
            encoder.encode_descriptor("evidence_outcomes_lost", help, None, lost.metric_type())?;
        lost.encode(metric)
    }
}
