//! The one definition of every table that the service touches: columns, types, keys, and the rows they hold.
//!
//! `CREATE TABLE`, queries, answers and the check of a found database all come from the definitions in
//! [`agents`], [`security`], [`performance`], [`creativity`], [`jobs`] and [`portfolio`] (shared with the monolith) and [`own`] (the service's
//! own). Nothing here talks to a database.

pub mod agents;
pub mod security;
pub mod performance;
pub mod creativity;
pub mod integration;
pub mod jobs;
pub mod portfolio;
pub mod own;
pub mod cell;
pub mod money;
pub mod choice;
pub mod column;
pub mod engine;
pub mod ddl;
pub mod indexes;

pub use cell::{Bytes, Cell, Fault, Float, Int, Json};
pub use column::{Column, ColumnType, Record, Table};
pub use engine::Engine;
pub use money::Money;

/// Whether a table is the service's own; the monolith never looks at it.
pub fn is_own(table: &str) -> bool {
    table.starts_with("agent_service_")
}

/// Every table that the service creates when it is missing, shared ones first.
pub const ALL: &[&Table] = &[
    &agents::Workflow::TABLE,
    &agents::Step::TABLE,
    &agents::Execution::TABLE,
    &agents::StepExecution::TABLE,
    &security::AuditLog::TABLE,
    &security::Policy::TABLE,
    &security::TrustScore::TABLE,
    &security::Sandbox::TABLE,
    &performance::Profile::TABLE,
    &performance::MetaModel::TABLE,
    &performance::Allocation::TABLE,
    &performance::Optimization::TABLE,
    &performance::Capability::TABLE,
    &creativity::CreativeCapability::TABLE,
    &integration::DeploymentConfig::TABLE,
    &integration::DeploymentInstance::TABLE,
    &jobs::Job::TABLE,
    &portfolio::PortfolioStrategy::TABLE,
    &portfolio::AgentPortfolio::TABLE,
    &portfolio::StrategySignal::TABLE,
    &portfolio::PerformanceMetrics::TABLE,
    &portfolio::PortfolioAlert::TABLE,
    &portfolio::PortfolioAsset::TABLE,
    &portfolio::PortfolioSnapshot::TABLE,
    &portfolio::PortfolioTrade::TABLE,
    &portfolio::RebalanceHistory::TABLE,
    &portfolio::RiskMetrics::TABLE,
    &portfolio::TradingRule::TABLE,
    &portfolio::MarketCondition::TABLE,
    &own::versions::SchemaVersion::TABLE,
    &own::Run::TABLE,
    &own::ProofRow::TABLE,
    &own::MetaTraining::TABLE,
    &own::audit::AuditLink::TABLE,
    &own::policies::PolicyOwner::TABLE,
    &own::limits::ExecutionLimits::TABLE,
    &own::learning::Learner::TABLE,
    &own::learning::Training::TABLE,
    &own::learning::Model::TABLE,
    &own::learning::Weights::TABLE,
    &own::orchestration::Orchestrator::TABLE,
    &own::orchestration::Agent::TABLE,
    &own::orchestration::Plan::TABLE,
    &own::orchestration::Assignment::TABLE,
    &own::orchestration::Allocation::TABLE,
    &own::marketplace::Agent::TABLE,
    &own::marketplace::Service::TABLE,
    &own::marketplace::Tag::TABLE,
    &own::marketplace::ServiceRequest::TABLE,
    &own::marketplace::Sales::TABLE,
    &own::marketplace::Guild::TABLE,
    &own::marketplace::Membership::TABLE,
    &own::Lease::TABLE,
    &own::portfolio::StrategyOwner::TABLE,
    &own::portfolio::PortfolioOwner::TABLE,
    &own::portfolio::Price::TABLE,
    &own::portfolio::Transfer::TABLE,
    &own::portfolio::Assessment::TABLE,
    &own::communication::Correspondent::TABLE,
    &own::communication::Relation::TABLE,
    &own::communication::Message::TABLE,
    &own::communication::Content::TABLE,
    &own::communication::Channel::TABLE,
    &own::communication::Member::TABLE,
    &own::communication::Template::TABLE,
    &own::communication::Tally::TABLE,
    &own::communication::Event::TABLE,
];
