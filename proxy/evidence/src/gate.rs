//! The gate: whether evidence allows a cutover, as a list of conditions that say what to do next.
//!
//! Pure: what the proxy knows goes in ([`Facts`]), the report that `migrate` and the dashboard show comes out. A condition
//! that does not hold *fails*; one of which not enough is known is *inconclusive*. Both refuse.

mod words;
mod samples;
pub mod operations;
mod operation;
mod route;

use routes::Stage;
use routes::admin::{
    BackendReport, BasisReport, GateCondition, GateReport, Proposal, RouteEvidence, StoreReport,
    Verdict,
};
use routes::policy::GateSettings;

pub use operations::Known;

/// Everything that a route is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Where the route stands.
    pub stage: Stage,
    /// What comparing has shown.
    pub evidence: &'a RouteEvidence,
    /// Where that is kept.
    pub store: &'a StoreReport,
    /// Rules and build that answers are compared by at present; evidence of others does not count.
    pub basis: &'a Present<'a>,
    /// Rules that would silence noise.
    pub proposals: &'a [Proposal],
    /// The operations that the new backend says it has.
    pub known: &'a Known,
    /// The new backend.
    pub backend: &'a BackendReport,
    /// What it says of the database.
    pub schema: &'a Schema,
}

/// What the new backend says of its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// It is not asked: the table names no path for it.
    Unasked,
    /// It is as the backend needs it.
    AsNeeded,
    /// It is not, and why.
    Drifted(String),
    /// It was asked and did not say, and why.
    Unknown(String),
}

/// What answers are compared by at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present<'a> {
    /// Hash of the compare rules, as in [`BasisReport::rules`].
    pub rules: &'a str,
    /// Build of the new backend, where it names one.
    pub build: Option<&'a str>,
}

impl Present<'_> {
    fn is(&self, basis: &BasisReport) -> bool {
        self.rules == basis.rules && self.build == basis.build.as_deref()
    }
}

/// Judges a route.
pub fn judge(facts: &Facts<'_>, settings: &GateSettings) -> GateReport {
    let mut conditions = vec![route::health(facts)];
    conditions.extend(route::schema(facts));
    conditions.extend([route::store(facts), route::basis(facts)]);
    conditions.extend(route::writes(facts));
    conditions.extend(route::exercised(facts));
    for evidence in &facts.evidence.operations {
        conditions.extend(operation::conditions(facts, evidence, settings));
    }
    let verdict = conditions.iter().map(|condition| condition.verdict).max();
    GateReport {
        route: facts.evidence.route.clone(),
        verdict: verdict.unwrap_or(Verdict::Inconclusive),
        conditions,
    }
}

/// A condition that holds, to be changed where it does not.
fn holds(condition: &str, wanted: impl Into<String>, found: impl Into<String>) -> GateCondition {
    GateCondition {
        condition: condition.to_owned(),
        operation: None,
        wanted: wanted.into(),
        found: found.into(),
        verdict: Verdict::Pass,
        what_to_do: None,
    }
}

/// The same condition, not held.
fn not_held(condition: GateCondition, verdict: Verdict, what_to_do: String) -> GateCondition {
    GateCondition { verdict, what_to_do: Some(what_to_do), ..condition }
}

#[cfg(test)]
mod tests;
