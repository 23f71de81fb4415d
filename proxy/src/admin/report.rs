//! `/api/routes`: the generation in force in the shape that `migrate` reads.

use std::collections::BTreeMap;
use std::time::Duration;

use routes::RouteTable;
use routes::admin::{
    BackendReport, ProxyIdentity, RouteReport, RoutesReport, SourceReport, TargetReport,
};
use routes::table::Route;

use super::Admin;
use crate::backends::Pool;
use crate::live_table::InForce;
use crate::metrics::Handles;

/// Longest time that a caller may wait for a generation.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(30);

/// Waits until the generation with that digest is in force, or was refused, or something else was
/// refused meanwhile, or the time is over.
pub(super) async fn wait_for(admin: &Admin, digest: &str, limit: Duration) {
    let mut changes = admin.live.changes();
    let refused_before = admin.live.rejected().map(|rejected| rejected.at);
    let followed = async {
        loop {
            changes.mark_unchanged();
            if admin.live.snapshot().table.generation.digest.as_str() == digest {
                return;
            }
            let is_refused = admin.live.rejected().is_some_and(|rejected| {
                Some(rejected.at) != refused_before
                    || rejected.digest.as_ref().is_some_and(|refused| refused.as_str() == digest)
            });
            if is_refused || changes.changed().await.is_err() {
                return;
            }
        }
    };
    let _time_is_over = tokio::time::timeout(limit.min(MAX_WAIT), followed).await;
}

/// What is in force now.
pub(super) fn routes(admin: &Admin) -> RoutesReport {
    let in_force = admin.live.snapshot();
    let table = &in_force.table;
    RoutesReport {
        generation: table.generation.clone(),
        in_force_since: in_force.since,
        rejected: admin.live.rejected().map(|rejected| (*rejected).clone()),
        proxy: ProxyIdentity {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: admin.started_at,
            table: admin.home.full_name(),
        },
        source: SourceReport {
            kind: admin.home.source().to_owned(),
            lost: admin.live.lost().map(|lost| (*lost).clone()),
        },
        certificate: admin.certificate.as_ref().map(|served| served.report()),
        fallback: table.backend(table.fallback).name.clone(),
        backends: in_force.pools.iter().map(|pool| backend(pool)).collect(),
        routes: table.routes.iter().map(|one| route(admin, &in_force, table, one)).collect(),
    }
}

/// A backend and its servers.
pub(super) fn backend(pool: &Pool) -> BackendReport {
    BackendReport {
        name: pool.name.to_string(),
        healthy: pool.is_usable(),
        build: pool.build.get().as_deref().map(str::to_owned),
        targets: pool
            .targets()
            .iter()
            .map(|target| TargetReport {
                address: target.label.to_string(),
                healthy: target.is_usable(),
            })
            .collect(),
    }
}

fn route(admin: &Admin, in_force: &InForce, table: &RouteTable, route: &Route) -> RouteReport {
    let answered = [route.old, route.new]
        .into_iter()
        .map(|backend| {
            let handles = in_force.route_handles(route, backend);
            (table.backend(backend).name.clone(), handles.map_or(0, Handles::answered))
        })
        .collect::<BTreeMap<_, _>>();
    RouteReport {
        name: route.name.clone(),
        path: route.path.to_string(),
        methods: route.methods.clone(),
        stage: route.stage,
        old: table.backend(route.old).name.clone(),
        new: table.backend(route.new).name.clone(),
        canary_percent: route.canary.percent,
        mirror_sample: route.mirror.sample,
        answered,
        failovers: admin.metrics.failovers(&route.name),
        guard: admin.live.taken_back.report(&route.name),
    }
}
