//! Evidence of one route, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use routes::admin::OperationEvidence;

use super::groups::{Groups, Sighting};
use super::latency::Latencies;
use super::mask;
use super::operation::{OVERFLOW, operation};
use super::outcome::{Basis, Failure, Outcome, Verdict};

/// Most operations that one route is told apart into; later ones are counted under `…`.
const MAX_OPERATIONS: usize = 64;

/// Evidence of one route.
#[derive(Debug, Default)]
pub(super) struct RouteMemory {
    basis: Option<(Arc<Basis>, DateTime<Utc>)>,
    operations: BTreeMap<String, OperationMemory>,
}

#[derive(Debug, Default)]
struct OperationMemory {
    compared: u64,
    matched: u64,
    failed: BTreeMap<Failure, u64>,
    primary_latency: Latencies,
    mirrored_latency: Latencies,
    differences: Groups,
}

impl RouteMemory {
    /// Adds an outcome. `true` when it began anew, because the outcome has another basis.
    pub(super) fn record(&mut self, outcome: Outcome) -> bool {
        let exchange = &outcome.exchange;
        let is_anew = match &self.basis {
            Some((basis, _)) if *basis == exchange.basis => false,
            // A straggler of the basis before.
            Some((_, since)) if exchange.at < *since => return false,
            known => {
                let is_anew = known.is_some();
                self.operations.clear();
                self.basis = Some((Arc::clone(&exchange.basis), exchange.at));
                is_anew
            }
        };
        let path = exchange.target.split('?').next().unwrap_or_default();
        let mut name = operation(&exchange.method, path);
        if self.operations.len() >= MAX_OPERATIONS && !self.operations.contains_key(&name) {
            OVERFLOW.clone_into(&mut name);
        }
        self.operations.entry(name.clone()).or_default().record(&name, outcome);
        is_anew
    }

    pub(super) fn report(&self) -> Vec<OperationEvidence> {
        let report = |(name, memory): (&String, &OperationMemory)| OperationEvidence {
            operation: name.clone(),
            compared: memory.compared,
            matched: memory.matched,
            failed: memory
                .failed
                .iter()
                .map(|(failure, count)| (failure.as_str().to_owned(), *count))
                .collect(),
            primary_latency: memory.primary_latency.report(),
            mirrored_latency: memory.mirrored_latency.report(),
            differences: memory.differences.report(),
        };
        self.operations.iter().map(report).collect()
    }
}

impl OperationMemory {
    fn record(&mut self, name: &str, outcome: Outcome) {
        let Outcome { exchange, primary_latency, verdict } = outcome;
        match verdict {
            Verdict::Failed(failure) => *self.failed.entry(failure).or_default() += 1,
            Verdict::Compared { primary, mirrored, latency, comparison } => {
                self.compared += 1;
                // Both sides of the same exchanges, or the two could not be set against each other.
                self.primary_latency.record(primary_latency);
                self.mirrored_latency.record(latency);
                if comparison.is_match() {
                    self.matched += 1;
                    return;
                }
                let request = format!("{} {}", exchange.method, mask::target(&exchange.target));
                let sighting = Sighting {
                    operation: name,
                    statuses: (primary, mirrored),
                    at: exchange.at,
                    request: &request,
                    request_id: &exchange.request_id,
                };
                for difference in &comparison.differences {
                    self.differences.add(difference, &sighting);
                }
            }
        }
    }
}
