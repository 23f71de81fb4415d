//! Puts the program together: table, sockets, services; then runs it until it is told to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use chrono::Utc;
use home::{Home, LocalCopy};
use miette::{Context as _, IntoDiagnostic as _, Report};
use pingora::listeners::tls::Acceptor;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;

use routes::Listen;
use traces::Traces;

use crate::admin::access::Token;
use crate::admin::{Admin, AdminService, Flipping};
use crate::backends::health::HealthService;
use crate::config::Config;
use crate::drain::{Drain, Duties, StopSignals};
use crate::edge::tls::{CertificateFiles, CertificateFollower, ServedCertificate};
use crate::edge::{ClientListener, Endpoint, RequestRates};
use crate::gateway::Gateway;
use crate::guard::Guard;
use crate::handover::{
    HandOver, Handed, Launch, Leaving, LetGo, NoPredecessor, Outcome, Predecessor, Standing,
};
use crate::headers::trusted::TrustedProxies;
use crate::in_flight::InFlight;
use crate::keep_evidence::{self, EvidenceKeeper};
use crate::listener::{Inherited, Role};
use crate::live_table::LiveTable;
use crate::live_table::first::{self, First};
use crate::live_table::hand_edits::HandEdits;
use crate::live_table::load::Loader;
use crate::live_table::watch::TableWatcher;
use crate::metrics::Metrics;
use crate::mirror::Mirror;
use crate::signals::Signals;
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
/// The table is not good, an address can't be bound, the admin interface would be open to others, or there is no process to
/// take over from where there should be one.
pub(crate) fn run(config: &Config) -> Result<(), Report> {
    let home = first::open(&config.routes)?;
    let evidence = Arc::new(Evidence::new(Utc::now()));
    let mirror = Arc::new(Mirror::new(Arc::clone(&evidence)));
    mirror.resolve_in(&home.folder());
    let metrics = Arc::new(Metrics::new(|registry| {
        mirror.register(registry);
        keep_evidence::register(&evidence, registry);
    }));
    let loader = Loader { home, metrics: Arc::clone(&metrics), mirror };
    let home = &loader.home;
    let copy = home.copy(config.routes_copy.as_deref());
    let first = first::load(&loader, copy.as_ref().filter(|_| !config.check))?;
    let table = &first.in_force.table;
    if config.check {
        tracing::info!(table = %home.path().display(), routes = table.routes.len(), "the route table is good");
        return Ok(());
    }
    let (predecessor, inherited) = match config.take_over {
        Some(_) => {
            Predecessor::meet().map(|(predecessor, sockets)| (Some(predecessor), sockets))?
        }
        None => (None, Inherited::default()),
    };
    let sockets = Sockets::open(config, &table.listen, home, inherited)?;
    let token = crate::admin::access::token(config, sockets.admin.1)?;
    let collector = config.traces.as_ref().and_then(traces::Endpoint::address);
    let traces = collector.map(traces_to).transpose()?;
    let mut server = Server::new_with_opt_and_conf(None, server_conf(config));
    server.bootstrap();
    // From here on a signal is heard, and acted on when everything runs.
    let signals = Signals::listen(config.is_in_terminal)
        .into_diagnostic()
        .wrap_err("signals can't be listened to")?;
    // Nothing can fail from here on but that, and nothing has begun that must be there once.
    let (first, leaving) = take_over(predecessor, &loader, first)?;
    let live = Arc::new(LiveTable::new(first.in_force, Arc::clone(&metrics)));
    if let Some(why) = first.lost {
        live.source_lost(why, true);
    }

    let generation = &live.snapshot().table.generation;
    tracing::info!(
        http = %sockets.http, admin = %sockets.admin.1, table = %home.path().display(),
        generation = generation.number, digest = %generation.digest, "listening"
    );
    let in_flight = InFlight::new(metrics.in_flight.clone());
    let let_go = LetGo::default();
    let (notices, flipping) = (InFlight::default(), Flipping::default());
    let duties = Duties { live: Arc::clone(&live), notices, flipping };
    let program = Program { live, loader, evidence, in_flight, duties, traces, let_go, leaving };
    program.add_traffic(&mut server, config, sockets.endpoints);
    program.add_keepers(&mut server, sockets.admin.1, copy);
    program.add_interface(&mut server, sockets.admin.0, token, sockets.certificate);
    program.run(server, signals, config.launch.clone(), sockets.handed)
}

/// Takes over from another process, if there is one, with the table as it is by then.
fn take_over(
    predecessor: Option<Predecessor>,
    loader: &Loader,
    first: First,
) -> Result<(First, Option<Leaving>), NoPredecessor> {
    let Some(mut predecessor) = predecessor else { return Ok((first, None)) };
    predecessor.ready()?;
    let first = first::look_again(loader, first);
    let standing = Standing::new(&first.in_force.table.generation.digest, first.is_current);
    let leaving = predecessor.take_over(&standing)?;
    loader.metrics.handover(Outcome::Done);
    Ok((first, Some(leaving)))
}

/// What the services share.
struct Program {
    live: Arc<LiveTable>,
    loader: Loader,
    evidence: Arc<Evidence>,
    in_flight: InFlight,
    duties: Duties,
    /// `None`: nobody is told of requests.
    traces: Option<Traces>,
    let_go: LetGo,
    /// The process from which this one took over.
    leaving: Option<Leaving>,
}

impl Program {
    /// What requests need.
    fn add_traffic(&self, server: &mut Server, config: &Config, endpoints: Vec<Endpoint>) {
        let gateway = Gateway {
            live: Arc::clone(&self.live),
            metrics: Arc::clone(&self.loader.metrics),
            in_flight: self.in_flight.clone(),
            trusted: TrustedProxies::new(config.trusted_proxies.clone()),
            mirror: Arc::clone(&self.loader.mirror),
            rates: RequestRates::default(),
            traces: self.traces.clone(),
            let_go: self.let_go.clone(),
        };
        let conf = Arc::clone(&server.configuration);
        server.add_service(ClientListener::new(&conf, gateway, endpoints, config.h2c));
        let health = HealthService { live: Arc::clone(&self.live) };
        server.add_service(background_service("health", health));
        server.add_service(self.loader.mirror.service());
    }

    /// What follows the table and writes to it, and to the store of evidence.
    fn add_keepers(&self, server: &mut Server, admin: SocketAddr, copy: Option<LocalCopy>) {
        let (live, home) = (|| Arc::clone(&self.live), &self.loader.home);
        let notices = self.duties.notices.clone();
        let guard = Guard { live: live(), loader: self.loader.clone(), notices };
        server.add_service(background_service("guard", guard));
        let evidence = Arc::clone(&self.evidence);
        let keeper = EvidenceKeeper::new(evidence, live(), &home.folder(), admin);
        server.add_service(background_service("evidence", keeper.after(self.leaving.clone())));
        let watcher = TableWatcher { live: live(), loader: self.loader.clone(), copy };
        server.add_service(background_service("table", watcher));
        let hand_edits = HandEdits { live: live(), home: home.clone() };
        server.add_service(background_service("journal", hand_edits));
    }

    /// The admin interface, and the certificate that it tells of.
    fn add_interface(
        &self,
        server: &mut Server,
        socket: TcpListener,
        token: Option<Token>,
        certificate: Option<Arc<ServedCertificate>>,
    ) {
        if let Some(served) = &certificate {
            let follower = CertificateFollower(Arc::clone(served));
            server.add_service(background_service("certificate", follower));
        }
        let interface = Admin::new(
            Arc::clone(&self.live),
            Arc::clone(&self.loader.metrics),
            Arc::clone(&self.evidence),
            Arc::clone(self.loader.mirror.feed()),
            self.loader.home.clone(),
            token,
        );
        let interface = interface.telling_of(certificate).flipping_in(self.duties.flipping.clone());
        let service = AdminService::new(interface, socket, self.let_go.clone());
        server.add_service(background_service("admin", service));
    }

    /// Runs all of it, with what ends the program or lets another go on in its place.
    fn run(
        self,
        mut server: Server,
        signals: Signals,
        launch: Launch,
        sockets: Handed,
    ) -> Result<(), Report> {
        let Self { live, loader, evidence, in_flight, duties, traces, let_go, leaving } = self;
        let Loader { metrics, mirror, .. } = loader;
        let (done, stopped) = mpsc::channel();
        let drain = Drain {
            in_flight,
            connections: metrics.edge.open.clone(),
            mirror,
            duties: duties.clone(),
            let_go: let_go.clone(),
            leaving,
            stops: tokio::sync::Mutex::new(signals.further_stops),
            evidence,
            done: done.clone(),
        };
        server.add_service(background_service("drain", drain));
        let stop = StopSignals::new(signals.stops, let_go.clone());
        let tell = TellSupervisor { let_go: let_go.clone(), is_ready: Arc::default() };
        let is_ready = Arc::clone(&tell.is_ready);
        server.add_service(background_service("supervisor", tell));
        let hand_over = HandOver {
            launch,
            sockets: Mutex::new(Some(sockets)),
            live,
            metrics,
            flipping: duties.flipping,
            let_go,
            is_ready,
            hangups: Mutex::new(signals.hangups),
        };
        server.add_service(background_service("handover", hand_over));
        std::thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                server.run(RunArgs { shutdown_signal: Box::new(stop) });
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
    /// All of them, for a process that takes over.
    handed: Handed,
}

impl Sockets {
    fn open(
        config: &Config,
        listen: &Listen,
        home: &Home,
        mut inherited: Inherited,
    ) -> Result<Self, Report> {
        let hand = |sockets: &[_]| {
            Handed::of(sockets).into_diagnostic().wrap_err("a socket can't be duplicated")
        };
        let (plain, http) = inherited.open(Role::Http, config.listen.unwrap_or(listen.http))?;
        let admin = inherited.open(Role::Admin, config.admin.unwrap_or(listen.admin))?;
        let Some(https) = &listen.https else {
            let handed = hand(&[(Role::Http, &plain), (Role::Admin, &admin.0)])?;
            let endpoints = vec![Endpoint { listener: plain, tls: None }];
            return Ok(Self { endpoints, certificate: None, http, admin, handed });
        };
        let folder = home.folder();
        let (certificate, key) = (folder.join(&https.certificate), folder.join(&https.key));
        let files = CertificateFiles { certificate, key };
        let served = if inherited.is_from_another() {
            ServedCertificate::renewed(files)?
        } else {
            ServedCertificate::first(files)?
        };
        let served = Arc::new(served);
        let tls = served.server_config().into_diagnostic().wrap_err("TLS can't be set up")?;
        let (listener, address) = inherited.open(Role::Https, https.address)?;
        tracing::info!(https = %address, not_after = %served.not_after(), "listening with TLS");
        let tls = Some(Arc::new(Acceptor::from_server_config(Arc::new(tls))));
        let roles = [(Role::Http, &plain), (Role::Https, &listener), (Role::Admin, &admin.0)];
        let handed = hand(&roles)?;
        let plain = Endpoint { listener: plain, tls: None };
        let endpoints = vec![plain, Endpoint { listener, tls }];
        Ok(Self { endpoints, certificate: Some(served), http, admin, handed })
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
