//! Puts the program together: table, sockets, services; then runs it until it is told to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;

use chrono::Utc;
use home::Home;
use miette::{Context as _, IntoDiagnostic as _, Report};
use pingora::listeners::tls::Acceptor;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;

use routes::Listen;
use traces::Traces;

use crate::admin::{Admin, AdminService};
use crate::backends::health::HealthService;
use crate::config::Config;
use crate::drain::{Drain, StopSignals};
use crate::edge::tls::{CertificateFiles, CertificateFollower, ServedCertificate};
use crate::edge::{ClientListener, Endpoint, RequestRates};
use crate::gateway::Gateway;
use crate::guard::Guard;
use crate::headers::trusted::TrustedProxies;
use crate::in_flight::InFlight;
use crate::keep_evidence::{self, EvidenceKeeper};
use crate::listener;
use crate::live_table::hand_edits::HandEdits;
use crate::live_table::load::Loader;
use crate::live_table::watch::TableWatcher;
use crate::live_table::{LiveTable, first};
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::supervisor::TellSupervisor;
use evidence::Evidence;

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
    let home = first::open(&config.routes)?;
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
    let (first, lost) = first::load(&loader, copy.as_ref().filter(|_| !config.check))?;
    if config.check {
        tracing::info!(table = %home.path().display(), routes = first.table.routes.len(), "the route table is good");
        return Ok(());
    }
    let Sockets { endpoints, certificate, http, admin } =
        Sockets::bind(config, &first.table.listen, &home)?;
    let token = crate::admin::access::token(config, admin.1)?;
    let traces = config.traces.as_ref().map(traces_to).transpose()?;

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
        rates: RequestRates::default(),
        traces: traces.clone(),
    };
    let conf = Arc::clone(&server.configuration);
    server.add_service(ClientListener::new(&conf, gateway, endpoints, config.h2c));
    if let Some(served) = &certificate {
        let follower = CertificateFollower(Arc::clone(served));
        server.add_service(background_service("certificate", follower));
    }
    server.add_service(background_service("health", HealthService { live: Arc::clone(&live) }));
    server.add_service(mirror.service());
    let guard = Guard { live: Arc::clone(&live), loader: loader.clone() };
    server.add_service(background_service("guard", guard));
    let keeper =
        EvidenceKeeper::new(Arc::clone(&evidence), Arc::clone(&live), &home.folder(), admin.1);
    server.add_service(background_service("evidence", keeper));
    let watcher = TableWatcher { live: Arc::clone(&live), loader, copy };
    server.add_service(background_service("table", watcher));
    let hand_edits = HandEdits { live: Arc::clone(&live), home: home.clone() };
    server.add_service(background_service("journal", hand_edits));
    let feed = Arc::clone(mirror.feed());
    let interface =
        Admin::new(Arc::clone(&live), metrics, Arc::clone(&evidence), feed, home.clone(), token)
            .telling_of(certificate);
    server.add_service(background_service("admin", AdminService::new(interface, admin.0)));
    server.add_service(background_service("supervisor", TellSupervisor));
    let (done, stopped) = mpsc::channel();
    let drain = Drain { in_flight, live: Arc::clone(&live), evidence, done: done.clone() };
    server.add_service(background_service("drain", drain));

    let generation = &live.snapshot().table.generation;
    tracing::info!(
        %http, admin = %admin.1, table = %home.path().display(),
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
    let ended = stopped.recv();
    if let Some(traces) = traces {
        traces.finish();
    }
    ended.into_diagnostic().wrap_err("the server ended without being told to")
}

fn traces_to(collector: &traces::Address) -> Result<Traces, Report> {
    let traces = Traces::start("strangler-proxy", stamp::VERSION, collector).into_diagnostic()?;
    tracing::info!(%collector, "telling a collector of each request");
    Ok(traces)
}

/// Where the program is spoken to.
struct Sockets {
    endpoints: Vec<Endpoint>,
    /// What clients with TLS are served with.
    certificate: Option<Arc<ServedCertificate>>,
    /// For clients without TLS.
    http: SocketAddr,
    admin: (TcpListener, SocketAddr),
}

impl Sockets {
    fn bind(config: &Config, listen: &Listen, home: &Home) -> Result<Self, Report> {
        let (plain, http) = listener::bind(config.listen.unwrap_or(listen.http), "clients")?;
        let admin = listener::bind(config.admin.unwrap_or(listen.admin), "admin interface")?;
        let plain = Endpoint { listener: plain, tls: None };
        let Some(https) = &listen.https else {
            return Ok(Self { endpoints: vec![plain], certificate: None, http, admin });
        };
        let folder = home.folder();
        let (certificate, key) = (folder.join(&https.certificate), folder.join(&https.key));
        let served = ServedCertificate::first(CertificateFiles { certificate, key })?;
        let served = Arc::new(served);
        let tls = served.server_config().into_diagnostic().wrap_err("TLS can't be set up")?;
        let (listener, address) = listener::bind(https.address, "clients with TLS")?;
        tracing::info!(https = %address, not_after = %served.not_after(), "listening with TLS");
        let tls = Some(Arc::new(Acceptor::from_server_config(Arc::new(tls))));
        let endpoints = vec![plain, Endpoint { listener, tls }];
        Ok(Self { endpoints, certificate: Some(served), http, admin })
    }
}

fn server_conf(config: &Config) -> ServerConf {
    ServerConf {
        threads: config.threads(),
        upstream_keepalive_pool_size: KEPT_CONNECTIONS,
        max_retries: MAX_ATTEMPTS,
        grace_period_seconds: Some(GRACE_SECONDS),
        graceful_shutdown_timeout_seconds: Some(1),
        // Each backend says whom it trusts; pingora need not read the machine's authorities, and must not stumble over them.
        ca_file: Some("/dev/null".to_owned()),
        ..ServerConf::default()
    }
}
