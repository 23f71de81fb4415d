//! What was learned of noise, kept in the store beside evidence: it outlives a restart and is shared between proxies.

use routes::admin::{BasisReport, RouteEvidence, RouteNoise};
use routes::compare::CompareRules;

use super::NoiseModel;
use crate::state::StoredState;
use crate::{Basis, Evidence};

/// Under which name the store has it.
const NAME: &str = "noise";

impl Evidence {
    /// What is noise in this evidence, and which rules would silence it; `rules` are those in force. Where the store does not
    /// answer within two seconds, it is what this proxy learned since it was started.
    pub async fn noise(&self, evidence: &RouteEvidence, rules: &CompareRules) -> RouteNoise {
        let Some(basis) = evidence.basis.as_ref().and_then(basis) else {
            return NoiseModel::default().report(evidence, rules);
        };
        let (mut model, has_earlier) = self.noise.model(&evidence.route, &basis);
        let stored = self.load_states(&evidence.route, &basis, NAME).await.unwrap_or_default();
        for state in stored.into_iter().filter(|state| !(state.is_own && has_earlier)) {
            if let Some(other) = read(state) {
                model.merge(&other);
            }
        }
        model.report(evidence, rules)
    }

    /// Hands what was learned to the store. Earlier runs are read first, so that nothing of them is written over.
    pub(crate) async fn keep_noise(&self) {
        for (route, basis, is_restored) in self.noise.unkept() {
            if !is_restored {
                let Ok(states) = self.load_states(&route, &basis, NAME).await else { continue };
                let earlier = states.into_iter().find(|state| state.is_own).and_then(read);
                self.noise.restore(&route, &basis, earlier.as_ref());
            }
            let Some(model) = self.noise.to_keep(&route, &basis) else { continue };
            let kept =
                serde_json::to_value(&model).map_err(|error| error.to_string()).and_then(|json| {
                    let saved = self.save_state(&route, &basis, NAME, &json);
                    saved.map_err(|error| error.to_string())
                });
            if let Err(error) = kept {
                tracing::warn!(route = &*route, error, "what was learned of noise is not kept");
            }
        }
    }
}

/// `None` where another version wrote it in a form of its own.
fn read(state: StoredState) -> Option<NoiseModel> {
    serde_json::from_value(state.json).ok()
}

/// The basis that a report is of.
fn basis(report: &BasisReport) -> Option<Basis> {
    let rules = u64::from_str_radix(&report.rules, 16).ok()?;
    Some(Basis { rules, build: report.build.as_deref().map(Into::into) })
}
