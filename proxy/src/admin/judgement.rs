//! `/api/evidence`, and what it is worth: `/api/noise` and `/api/gate`, judged when somebody asks.

use evidence::Basis;
use evidence::gate::{self, Facts, Present};
use routes::admin::{EvidenceReport, GateReport, NoiseReport};
use routes::table::Route;

use super::Admin;
use super::report::backend;
use crate::live_table::InForce;

/// What comparing has shown of these routes.
pub(super) async fn evidence(admin: &Admin, in_force: &InForce, names: &[&str]) -> EvidenceReport {
    let mut report = admin.evidence.report(names).await;
    for route in &mut report.routes {
        route.writes_off = in_force.mirror.writes_off(&route.route);
    }
    report
}

/// What is noise in the evidence of these routes.
pub(super) async fn noise(admin: &Admin, in_force: &InForce, names: &[&str]) -> NoiseReport {
    let evidence = evidence(admin, in_force, names).await;
    let mut routes = Vec::new();
    for evidence in &evidence.routes {
        if let Some(route) = in_force.table.route_named(&evidence.route) {
            routes.push(admin.evidence.noise(evidence, &route.compare).await);
        }
    }
    NoiseReport { routes }
}

/// Whether this route may be cut over; `None` where its new backend is none of this generation.
pub(super) async fn gate(admin: &Admin, in_force: &InForce, route: &Route) -> Option<GateReport> {
    let pool = in_force.pool(route.new)?;
    let known = admin.documents.known(&in_force.table, route, pool).await;
    let schema = admin.schema_checks.of(pool).await;
    let report = evidence(admin, in_force, &[&route.name]).await;
    let evidence = report.routes.first()?;
    let noise = admin.evidence.noise(evidence, &route.compare).await;
    let basis = Basis::new(&route.compare, pool.build.get());
    let rules = format!("{:016x}", basis.rules);
    let facts = Facts {
        stage: route.stage,
        evidence,
        store: &report.store,
        basis: &Present { rules: &rules, build: basis.build.as_deref() },
        proposals: &noise.proposals,
        known: &known,
        backend: &backend(pool),
        schema: &schema,
    };
    Some(gate::judge(&facts, &route.gate))
}
