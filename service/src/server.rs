//! Starts the service: database, key, port, workers; runs it until a signal; lets everything under way end.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tower::util::MapRequest;
use traces::{Traces, TracesError};
use utoipa_swagger_ui::{Config as DocsConfig, SwaggerUi};

use crate::alerting::{Alerting, AlertingError};
use crate::app::App;
use crate::build::BUILD_ID;
use crate::calculator::Calculator;
use crate::clock::{RandomChance, RandomIds, SystemClock};
use crate::compatibility::Compatibility;
use crate::config::{Config, ExecutorChoice};
use crate::content_key::content_key;
use crate::courier;
use crate::execution::openai::client::ClientError;
use crate::execution::{Bell, Executor, OpenAi, Simulated, Worker};
use crate::http::connections::Limits;
use crate::http::{connections, cors, mount, observe, openapi};
use crate::instances::{Host, Instances};
use crate::live_events::LiveEvents;
use crate::live_figures::LiveFigures;
use crate::logic::communication::envelope::EnvelopeError;
use crate::meta_training;
use crate::metrics::Metrics;
use crate::monitoring;
use crate::receipt_key::{self, KeyError};
use crate::request_expiry;
use crate::router;
use crate::schema::Snapshot;
use crate::schema::snapshot::SnapshotError;
use crate::store::{Store, StoreError};
use crate::trained_policies::TrainedPolicies;
use crate::trainer::Trainer;

/// Where the API's own description stands.
const DOCUMENT: &str = "/openapi.json";

/// How long closing the database may take. What was cut off may still hold a connection, and loses what it has not committed.
const CLOSE: Duration = Duration::from_secs(2);

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file of `SCHEMA_SNAPSHOT`.
    #[error("SCHEMA_SNAPSHOT cannot be used")]
    Snapshot(#[from] SnapshotError),
    /// The key that signs receipts.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What runs steps.
    #[error("the executor openai cannot be set up")]
    Executor(#[from] ClientError),
    /// The key that keeps messages.
    #[error("the key for the contents of messages cannot be made; check COMMUNICATION_KEY_HEX")]
    ContentKey(#[from] EnvelopeError),
    /// The port.
    #[error("cannot listen on {address}; {advice}")]
    Listen {
        /// The address as configured.
        address: String,
        /// What to do.
        advice: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The threads that calculate.
    #[error("cannot start a thread")]
    Thread(#[from] rayon::ThreadPoolBuildError),
    /// The client that asks instances.
    #[error("cannot set up an HTTP client")]
    Client(#[from] reqwest::Error),
    /// The one that posts alerts.
    #[error("alerts cannot be posted")]
    Alerting(#[from] AlertingError),
    /// The way to the collector of traces.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The signals that end it.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
}

/// Finds out whether the service could start, but for its port.
pub async fn check(config: Config) -> Result<(), StartError> {
    let app = open(config).await?;
    executor(&app.config)?;
    app.store.close().await;
    Ok(())
}

/// Opens what the configuration names.
async fn open(config: Config) -> Result<Arc<App>, StartError> {
    let store = Store::open(&config.database).await?;
    let signer = receipt_key::signer(&config.receipt_key)?;
    let content_key = content_key(config.communication.key.as_ref(), &signer)?;
    let live_events = Arc::new(LiveEvents::new(&config));
    let metrics = Metrics::new(config.build_id.as_str());
    let alerting = Alerting::new(config.alert_webhook.as_ref(), config.tls_ca_file.as_deref())?;
    let host = Host::new(&config.units)?;
    let schema_snapshot = config.schema_snapshot.as_deref().map(Snapshot::read).transpose()?;
    let traces = config.traces.as_ref();
    let traces = traces.map(|to| Traces::start("agent-service", BUILD_ID, to)).transpose()?;
    Ok(Arc::new(App {
        config,
        traces,
        figures: LiveFigures::default(),
        alerting,
        schema_snapshot,
        instances: Instances::Real(Arc::new(host)),
        store,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        chance: Arc::new(RandomChance),
        signer,
        bell: Bell::default(),
        trainer_bell: Bell::default(),
        calculator: Calculator::new("calculator")?,
        policies: TrainedPolicies::default(),
        meta_training_bell: Bell::default(),
        content_key,
        courier_bell: Bell::default(),
        live_events,
        metrics,
    }))
}

/// What runs the steps of executions.
fn executor(config: &Config) -> Result<Arc<dyn Executor>, StartError> {
    Ok(match &config.executor {
        ExecutorChoice::Simulated => Arc::new(Simulated),
        ExecutorChoice::OpenAi(settings) => {
            Arc::new(OpenAi::new((**settings).clone(), config.tls_ca_file.as_deref())?)
        }
    })
}

/// The whole HTTP side: endpoints, documentation, and the layer around them.
pub fn routes(app: &Arc<App>) -> Router {
    let docs = SwaggerUi::new("/docs").config(DocsConfig::from(DOCUMENT));
    let router = mount::mount(app, &router::groups())
        .route(DOCUMENT, document(app.config.compatibility))
        .merge(docs);
    let router = router
        .layer(from_fn_with_state(Arc::clone(app), cors::answer))
        .layer(from_fn_with_state(Arc::clone(app), observe::observe));
    Router::new().fallback_service(MapRequest::new(router, mount::canonical))
}

/// Answers with the API's own description, which is made when somebody first asks: it is large, and few do.
fn document(compatibility: Compatibility) -> MethodRouter {
    let made = Arc::new(LazyLock::new(move || openapi::text(&router::groups(), compatibility)));
    get(async move || {
        // It takes a while.
        let answer = tokio::task::spawn_blocking(move || match &**made {
            Ok(text) => ([(CONTENT_TYPE, "application/json")], text.clone()).into_response(),
            Err(error) => {
                tracing::error!(%error, "the API's own description does not hold");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        });
        answer.await.unwrap_or_else(|_panicked| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    })
}

/// Runs the service until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), StartError> {
    let address = format!("{}:{}", bracketed(&config.host), config.port);
    let listener = TcpListener::bind(&address).await.map_err(|source| {
        let advice = listen_advice(source.kind());
        StartError::Listen { address, advice, source }
    })?;
    let app = open(config).await?;
    let router = routes(&app);
    let executor = executor(&app.config)?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    if let Ok(address) = listener.local_addr() {
        let database = app.config.database.place.to_string();
        let build_id = app.config.build_id.as_str();
        tracing::info!(%address, database, build_id, mode = ?app.config.mode, "listening");
    }
    let worker = Worker::new(Arc::clone(&app), executor, stop.clone());
    let work = tokio::spawn(worker.work());
    let calculator = Calculator::giving_way("trainer")?;
    let trainer = Trainer::new(Arc::clone(&app), calculator, stop.clone());
    let train = tokio::spawn(trainer.work());
    let meta_trainings = tokio::spawn(meta_training::work(Arc::clone(&app), stop.clone()));
    let monitoring = tokio::spawn(monitoring::work(Arc::clone(&app), stop.clone()));
    let expiry = tokio::spawn(request_expiry::work(Arc::clone(&app), stop.clone()));
    let deliver = tokio::spawn(courier::work(Arc::clone(&app), stop.clone()));
    end_streams_with(&app, stop.clone());
    let drain = app.config.drain_timeout;
    let limits = Limits {
        connections: app.config.max_connections,
        slow_client: app.config.slow_client_timeout,
        drain,
    };
    // All of it has the same time to end, counted from the word to stop.
    let settled = async {
        stop.cancelled().await;
        tokio::join!(
            settle(work, drain),
            settle(train, drain),
            settle(expiry, drain),
            settle(deliver, drain)
        )
    };
    let told = tell_supervisor(stop.clone());
    tokio::join!(connections::serve(listener, router, limits, stop.clone()), settled, told);
    // They hold nothing that another start would not find again.
    meta_trainings.abort();
    monitoring.abort();
    if tokio::time::timeout(CLOSE, app.store.close()).await.is_err() {
        tracing::warn!("a request that was cut off still holds the database; it rolls back");
    }
    if let Some(traces) = app.traces.clone() {
        // A thread that may wait; it is not waited for longer than the traces take.
        let _panicked = tokio::task::spawn_blocking(move || traces.finish()).await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Requests that come before the first turn of the loop wait in the listener's queue.
async fn tell_supervisor(stop: CancellationToken) {
    supervised::ready();
    tokio::select! {
        () = supervised::keep_telling() => {}
        () = stop.cancelled() => {}
    }
    supervised::stopping();
}

/// Answers that would go on for ever end when the service does, so that their connections can.
fn end_streams_with(app: &App, stop: CancellationToken) {
    let live_events = Arc::clone(&app.live_events);
    tokio::spawn(async move {
        stop.cancelled().await;
        live_events.end();
    });
}

/// Waits for what is under way. What does not end in time is cut off, and whoever takes it up repeats it.
async fn settle(mut work: tokio::task::JoinHandle<()>, drain: Duration) {
    match tokio::time::timeout(drain, &mut work).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the worker failed"),
        Err(_elapsed) => {
            work.abort();
            tracing::warn!("some work did not end in time and will be repeated");
        }
    }
}

fn stop_on_signal(stop: CancellationToken) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: no new requests, and what is under way may end");
        stop.cancel();
    });
    Ok(())
}

/// IPv6 addresses need brackets before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn listen_advice(kind: std::io::ErrorKind) -> &'static str {
    match kind {
        std::io::ErrorKind::AddrInUse => {
            "another process listens there; stop it, or set APP_PORT to a free port"
        }
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; set APP_PORT",
        _ => "set APP_HOST to an address of this machine",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;
    use crate::http::error::chain;

    #[tokio::test]
    async fn a_check_finds_what_would_keep_the_service_from_starting() {
        let folder = tempfile::TempDir::new().unwrap();
        let database = format!("sqlite:///{}", folder.path().join("c.db").display());
        let checked = async |settings: &[(&str, &str)]| {
            let mut all = vec![("DATABASE_URL", database.as_str()), ("UNIT_MANAGER", "none")];
            all.extend(settings);
            check(Config::read(&Source::of(&all)).unwrap()).await
        };
        checked(&[]).await.unwrap();
        let missing = ("TLS_CA_FILE", "/nowhere/ca.pem");
        for asking in [
            vec![("EXECUTOR", "openai"), ("OPENAI_MODEL", "m"), missing],
            vec![("AITBC_ALERT_WEBHOOK_URL", "https://alerts.example/hook"), missing],
        ] {
            let error = chain(&checked(&asking).await.unwrap_err());
            assert!(error.contains("TLS_CA_FILE /nowhere/ca.pem: "), "{error}");
        }
    }
}
