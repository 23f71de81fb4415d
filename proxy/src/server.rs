//! Puts the program together: table, sockets, services; then runs it until it is told to stop.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use chrono::Utc;
use home::{Copied, Copy, Home, HomeError};
use miette::{Context as _, IntoDiagnostic as _, Report};
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;

use crate::admin::{Admin, AdminService};
use crate::backends::health::HealthService;
use crate::config::Config;
use crate::drain::{Drain, StopSignals};
use crate::gateway::Gateway;
use crate::guard::Guard;
use crate::headers::trusted::TrustedProxies;
use crate::in_flight::InFlight;
use crate::keep_evidence::{self, EvidenceKeeper};
use crate::listener::{self, ClientListener};
use crate::live_table::hand_edits::HandEdits;
use crate::live_table::load::Loader;
use crate::live_table::watch::{TableWatcher, describe};
use crate::live_table::{InForce, LiveTable};
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use evidence::Evidence;
use routes::store::StoreError;

/// pingora sleeps this long before it kills what is left at a stop; `drain` ends the program before.
const GRACE_SECONDS: u64 = 3600;
/// Idle connections kept to backends, in all.
const KEPT_CONNECTIONS: usize = 1024;
/// Attempts of one request that pingora allows at most; `choose_backend` ends them long before.
const MAX_ATTEMPTS: usize = 16;

/// Starts everything and returns when the program was told to stop.
///
/// # Errors
/// The table is not good, an address can't be bound, or the admin interface would be open to others.
pub(crate) fn run(config: &Config) -> Result<(), Report> {
    let home = open(&config.routes)?;
    let evidence = Arc::new(Evidence::new(Utc::now()));
    let mirror = Arc::new(Mirror::new(Arc::clone(&evidence)));
    mirror.resolve_in(&home.folder());
    let metrics = Arc::new(Metrics::new(|registry| {
        mirror.register(registry);
        keep_evidence::register(&evidence, registry);
    }));
    let loader =
        Loader { home: home.clone(), metrics: Arc::clone(&metrics), mirror: Arc::clone(&mirror) };
    let copy = home.copy(config.routes_copy.as_deref());
    let (first, lost) = first_table(&loader, copy.as_ref().filter(|_| !config.check))?;
    if config.check {
        tracing::info!(table = %home.path().display(), routes = first.table.routes.len(), "the route table is good");
        return Ok(());
    }
    let (clients, http_address) =
        listener::bind(config.listen.unwrap_or(first.table.listen_http), "clients")?;
    let (admin_socket, admin_address) =
        listener::bind(config.admin.unwrap_or(first.table.listen_admin), "admin interface")?;
    let token = crate::admin::access::token(config, admin_address)?;

    let live = Arc::new(LiveTable::new(first, Arc::clone(&metrics)));
    if let Some(why) = lost {
        live.source_lost(why, true);
    }
    let in_flight = InFlight::new(metrics.in_flight.clone());
    let mut server = Server::new_with_opt_and_conf(None, server_conf(config));
    server.bootstrap();
    let gateway = Gateway {
        live: Arc::clone(&live),
        metrics: Arc::clone(&metrics),
        in_flight: in_flight.clone(),
        trusted: TrustedProxies::new(config.trusted_proxies.clone()),
        mirror: Arc::clone(&mirror),
    };
    let conf = Arc::clone(&server.configuration);
    server.add_service(ClientListener::new(&conf, gateway, clients, http_address, config.h2c));
    server.add_service(background_service("health", HealthService { live: Arc::clone(&live) }));
    server.add_service(mirror.service());
    let guard = Guard { live: Arc::clone(&live), loader: loader.clone() };
    server.add_service(background_service("guard", guard));
    let keeper = EvidenceKeeper::new(
        Arc::clone(&evidence),
        Arc::clone(&live),
        &home.folder(),
        admin_address,
    );
    server.add_service(background_service("evidence", keeper));
    let watcher = TableWatcher { live: Arc::clone(&live), loader, copy };
    server.add_service(background_service("table", watcher));
    let hand_edits = HandEdits { live: Arc::clone(&live), home: home.clone() };
    server.add_service(background_service("journal", hand_edits));
    let feed = Arc::clone(mirror.feed());
    let admin =
        Admin::new(Arc::clone(&live), metrics, Arc::clone(&evidence), feed, home.clone(), token);
    server.add_service(background_service("admin", AdminService::new(admin, admin_socket)));
    let (done, stopped) = mpsc::channel();
    let drain = Drain { in_flight, live: Arc::clone(&live), evidence, done: done.clone() };
    server.add_service(background_service("drain", drain));

    let generation = &live.snapshot().table.generation;
    tracing::info!(
        http = %http_address, admin = %admin_address, table = %home.path().display(),
        generation = generation.number, digest = %generation.digest, "listening"
    );
    std::thread::Builder::new()
        .name("server".to_owned())
        .spawn(move || {
            server.run(RunArgs { shutdown_signal: Box::new(StopSignals) });
            let _nobody_waits = done.send(());
        })
        .into_diagnostic()
        .wrap_err("failed to start the server's thread")?;
    // Either `drain` or the server itself says when; a closed channel means that both are gone.
    stopped.recv().into_diagnostic().wrap_err("the server ended without being told to")
}

fn open(named: &Path) -> Result<Home, Report> {
    Home::open(named).map_err(|error| match error {
        HomeError::Pointer(problems) => Report::new(*problems),
        error => Report::msg(describe(&error)),
    })
}

/// Reads the table that the program starts with: without a good one there is nothing to do. Where its database is down, the
/// copy is taken; the second value is then why.
fn first_table(loader: &Loader, copy: Option<&Copy>) -> Result<(InForce, Option<String>), Report> {
    let (text, lost) = match loader.home.read() {
        Ok(text) => (text, None),
        Err(error) => {
            let why = describe(&error);
            match copy.map(Copy::read) {
                Some(Ok(Copied::Text(text))) => (text, Some(why)),
                copied => return Err(no_table(&loader.home, error, copy, copied)),
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .into_diagnostic()
        .wrap_err("failed to start")?;
    let first = runtime.block_on(loader.load(text, &[]))?;
    Ok((first, lost))
}

/// Why there is nothing to start with, and what to do.
fn no_table(
    home: &Home,
    error: HomeError,
    copy: Option<&Copy>,
    copied: Option<Result<Copied, StoreError>>,
) -> Report {
    let report = Err::<(), _>(error).into_diagnostic();
    let unusable = format!("the route table {} can't be used", home.path().display());
    let Err(report) = report.wrap_err(unusable) else { return Report::msg("no table") };
    let Home::Postgres { .. } = home else { return report };
    let path = copy.map_or_else(String::new, |copy| copy.path().display().to_string());
    let about_copy = match copied {
        None => "no copy of it is kept (--routes-copy FILE)".to_owned(),
        Some(Ok(Copied::Foreign)) => format!("{path} is no copy of it"),
        Some(Err(error)) => describe(&error),
        Some(Ok(_)) => format!("there is no copy of it yet in {path}"),
    };
    let help = "start the database, or the proxy with a table in a file: --routes FILE (of `migrate routes pull`, or another proxy's copy)";
    report.wrap_err(format!("{about_copy}; {help}"))
}

fn server_conf(config: &Config) -> ServerConf {
    ServerConf {
        threads: config.threads(),
        upstream_keepalive_pool_size: KEPT_CONNECTIONS,
        max_retries: MAX_ATTEMPTS,
        grace_period_seconds: Some(GRACE_SECONDS),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    }
}
