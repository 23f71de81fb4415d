//! Evidence of one route, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use routes::admin::{BasisReport, OperationEvidence};

use super::groups::{Groups, Sighting};
use super::latency::Latencies;
use super::mask;
use super::operation::{OVERFLOW, operation};
use super::outcome::{Basis, Compared, Failure, Outcome, Verdict};
use super::wilson;

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
    matched: u64,
    mismatched: u64,
    inconclusive: u64,
    controlled: u64,
    failed: BTreeMap<Failure, u64>,
    new_failed_alone: u64,
    old_failed_alone: u64,
    old_latency: Latencies,
    new_latency: Latencies,
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

    pub(super) fn basis(&self) -> Option<BasisReport> {
        let (basis, since) = self.basis.as_ref()?;
        Some(BasisReport {
            rules: format!("{:016x}", basis.rules),
            build: basis.build.as_deref().map(str::to_owned),
            since: *since,
        })
    }

    pub(super) fn report(&self) -> Vec<OperationEvidence> {
        let report = |(name, memory): (&String, &OperationMemory)| OperationEvidence {
            operation: name.clone(),
            compared: memory.matched + memory.mismatched + memory.inconclusive,
            matched: memory.matched,
            mismatched: memory.mismatched,
            inconclusive: memory.inconclusive,
            controlled: memory.controlled,
            trust: wilson::trust(memory.matched, memory.matched + memory.mismatched),
            failed: memory
                .failed
                .iter()
                .map(|(failure, count)| (failure.as_str().to_owned(), *count))
                .collect(),
            new_failed_alone: memory.new_failed_alone,
            old_failed_alone: memory.old_failed_alone,
            old_latency: memory.old_latency.report(),
            new_latency: memory.new_latency.report(),
            differences: memory.differences.report(),
        };
        self.operations.iter().map(report).collect()
    }
}

impl OperationMemory {
    fn record(&mut self, name: &str, outcome: Outcome) {
        let Outcome { exchange, verdict } = outcome;
        let compared = match verdict {
            Verdict::Failed(failure) => return *self.failed.entry(failure).or_default() += 1,
            Verdict::Compared(compared) => compared,
        };
        let Compared { old, new, comparison, control, bodies } = *compared;
        // Both sides of the same exchanges, or the two could not be set against each other.
        self.old_latency.record(old.latency);
        self.new_latency.record(new.latency);
        self.controlled += u64::from(control.is_some());
        match (old.status.is_server_error(), new.status.is_server_error()) {
            (false, true) => self.new_failed_alone += 1,
            (true, false) => self.old_failed_alone += 1,
            _ => {}
        }
        match (comparison.differences.is_empty(), comparison.noise.is_empty()) {
            (true, true) => return self.matched += 1,
            (true, false) => self.inconclusive += 1,
            (false, _) => self.mismatched += 1,
        }
        let request = format!("{} {}", exchange.method, mask::target(&exchange.target));
        let sighting = Sighting {
            operation: name,
            statuses: (old.status, new.status),
            at: exchange.at,
            request: &request,
            request_id: &exchange.request_id,
            bodies: bodies.as_ref(),
        };
        for difference in &comparison.differences {
            self.differences.add(difference, false, &sighting);
        }
        for difference in &comparison.noise {
            self.differences.add(difference, true, &sighting);
        }
    }
}
