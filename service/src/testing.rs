//! What tests share: a service on a fresh database, with a clock that they move.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use chrono::{DateTime, FixedOffset};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use sqlx::postgres::PgPool;
use tempfile::TempDir;
use throwaway::shared::{Cluster, Database};
use tower::ServiceExt as _;

use crate::alerting::Alerting;
use crate::app::App;
use crate::calculator::Calculator;
use crate::clock::{Chance, Clock, Ids, RandomIds};
use crate::config::{Config, Source, database};
use crate::execution::Bell;
use crate::instances::{Host, Instances};
use crate::learning::environment::FEATURE_NAMES;
use crate::learning::{Algorithm, Course, Environment, Settings, training};
use crate::live_events::LiveEvents;
use crate::live_figures::LiveFigures;
use crate::logic::communication::envelope::ContentKey;
use crate::logic::learning::{self, NewTraining};
use crate::logic::plan::tests::step;
use crate::logic::signing::Signer;
use crate::metrics::Metrics;
use crate::python::time::Stamp;
use crate::schema::Snapshot;
use crate::server;
use crate::store::Store;
use crate::store::open::Place;
use crate::tables::Cell;
use crate::tables::agents::StepType;
use crate::trained_policies::TrainedPolicies;

/// 2026-11-22 10:00:00 UTC.
const START: i64 = 1_795_341_600_000_000;

/// A clock that moves by a microsecond each time it is asked, and further when told.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        let micros = self.0.fetch_add(1, Ordering::SeqCst);
        Stamp::of(DateTime::from_timestamp_micros(micros).unwrap())
    }

    /// An hour east of Greenwich.
    fn on_the_wall(&self, instant: Stamp) -> Stamp {
        instant.on_the_wall(&FixedOffset::east_opt(3600).unwrap())
    }
}

/// The same figures in each test.
#[derive(Debug)]
pub(crate) struct SeededChance(Mutex<StdRng>);

impl SeededChance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Chance for SeededChance {
    fn share(&self) -> f64 {
        self.0.lock().unwrap().random()
    }
}

/// Random identifiers that come again when told.
#[derive(Debug, Default)]
pub(crate) struct TestIds {
    drawn: Mutex<Vec<String>>,
    again: Mutex<VecDeque<String>>,
}

impl TestIds {
    /// Begins to note what is drawn.
    pub(crate) fn note(&self) {
        self.drawn.lock().unwrap().clear();
        self.again.lock().unwrap().clear();
    }

    /// From here on comes again, in its order, what was drawn since [`Self::note`]; after that there is new.
    pub(crate) fn repeat(&self) {
        self.again.lock().unwrap().extend(self.drawn.lock().unwrap().drain(..));
    }
}

impl Ids for TestIds {
    fn hex(&self) -> String {
        let again = self.again.lock().unwrap().pop_front();
        let hex = again.unwrap_or_else(|| RandomIds.hex());
        self.drawn.lock().unwrap().push(hex.clone());
        hex
    }
}

/// A service without a port and without a worker.
pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ids: Arc<TestIds>,
    router: Router,
    _database: Arc<Fresh>,
}

/// A database that goes with its test.
pub(crate) enum Fresh {
    File(TempDir),
    Server(Database),
}

impl Fresh {
    /// In a folder in memory where the system has one: these tests are not about how fast a busy disk syncs.
    pub(crate) fn file() -> Self {
        let memory = Path::new("/dev/shm");
        Self::File(if memory.is_dir() {
            TempDir::new_in(memory).unwrap()
        } else {
            TempDir::new().unwrap()
        })
    }

    /// On a server of PostgreSQL, with the tables as the service makes them.
    pub(crate) async fn server() -> Self {
        /// The one that the others are copied from, and of which cluster.
        static TEMPLATE: tokio::sync::Mutex<Option<(Weak<Cluster>, String)>> =
            tokio::sync::Mutex::const_new(None);
        let cluster = Cluster::current();
        let mut template = TEMPLATE.lock().await;
        if let Some((made_in, name)) = &*template
            && made_in.ptr_eq(&Arc::downgrade(&cluster))
        {
            return Self::Server(cluster.database(name));
        }
        let made = cluster.database("template1");
        let location = database::location(&made.url()).unwrap();
        Store::open(&location).await.unwrap().close().await;
        let name = made.stay();
        let database = cluster.database(&name);
        *template = Some((Arc::downgrade(&cluster), name));
        Self::Server(database)
    }

    /// An empty one on a server.
    pub(crate) fn empty_server() -> Self {
        Self::Server(Cluster::current().database("template1"))
    }

    pub(crate) fn url(&self, busy_timeout: &str) -> String {
        match self {
            Self::File(folder) => {
                format!("sqlite:///{}?timeout={busy_timeout}", folder.path().join("c.db").display())
            }
            Self::Server(database) => format!("{}&timeout={busy_timeout}", database.url()),
        }
    }
}

/// `TEST_DATABASE=postgres`: every test that can takes a server instead of a file.
#[expect(
    clippy::disallowed_methods,
    reason = "it is set where tests are run, and they have no configuration"
)]
fn is_on_server() -> bool {
    std::env::var("TEST_DATABASE").is_ok_and(|engine| engine == "postgres")
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// Lets a test that fails show what was logged: the cause of a 500 stands nowhere else.
fn show_logs() {
    let logs = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_ansi(false);
    // The first test does it for all.
    let _whether = logs.with_test_writer().try_init();
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A service with some settings of its own.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Arc::new(Self::fresh().await), "0.2", settings).await
    }

    /// A service on a file, for what only files have.
    pub(crate) async fn on_file() -> Self {
        Self::on_file_with(&[]).await
    }

    /// The same with some settings of its own.
    pub(crate) async fn on_file_with(settings: &[(&str, &str)]) -> Self {
        Self::on(Arc::new(Fresh::file()), "0.2", settings).await
    }

    /// A service on a server.
    pub(crate) async fn on_server() -> Self {
        Self::on(Arc::new(Fresh::server().await), "0.2", &[]).await
    }

    /// Two services on one database, as two processes are: neither knows of the other, and each waits for its locks. On a
    /// file, and on a server.
    pub(crate) async fn pairs() -> [[Self; 2]; 2] {
        [Self::pair_on(Fresh::file()).await, Self::pair_on(Fresh::server().await).await]
    }

    async fn pair_on(database: Fresh) -> [Self; 2] {
        let database = Arc::new(database);
        [Self::on(Arc::clone(&database), "10", &[]).await, Self::on(database, "10", &[]).await]
    }

    /// Connections to the same server as somebody has them who knows nothing of the service.
    pub(crate) fn monolith_beside(test: &Self) -> PgPool {
        let Place::Server { url, .. } = &test.app.config.database.place else {
            panic!("is a file")
        };
        PgPool::connect_lazy(url.reveal()).unwrap()
    }

    async fn fresh() -> Fresh {
        if is_on_server() { Fresh::server().await } else { Fresh::file() }
    }

    async fn on(database: Arc<Fresh>, busy_timeout: &str, settings: &[(&str, &str)]) -> Self {
        show_logs();
        let url = database.url(busy_timeout);
        // No test touches the units of the machine it runs on.
        let key = "07".repeat(32);
        let mut all = vec![
            ("DATABASE_URL", url.as_str()),
            ("UNIT_MANAGER", "none"),
            ("RECEIPT_SIGNING_KEY_HEX", &key),
        ];
        all.extend(settings);
        let config = Config::read(&Source::of(&all)).unwrap();
        let live_events = Arc::new(LiveEvents::new(&config));
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let ids = Arc::new(TestIds::default());
        let app = Arc::new(App {
            store: Store::open(&config.database).await.unwrap(),
            figures: LiveFigures::default(),
            traces: None,
            alerting: Alerting::new(config.alert_webhook.as_ref(), None).unwrap(),
            schema_snapshot: config
                .schema_snapshot
                .as_deref()
                .map(|file| Snapshot::read(file).unwrap()),
            instances: Instances::Real(Arc::new(Host::new(&config.units).unwrap())),
            config,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::clone(&ids) as Arc<dyn Ids>,
            chance: Arc::new(SeededChance::new(7)),
            signer: Signer::new(&[7; 32]),
            bell: Bell::default(),
            trainer_bell: Bell::default(),
            calculator: Calculator::new("calculator").unwrap(),
            policies: TrainedPolicies::default(),
            meta_training_bell: Bell::default(),
            content_key: ContentKey::derive(&[7; 32]).unwrap(),
            courier_bell: Bell::default(),
            live_events,
            metrics: Metrics::new("test"),
        });
        let router = server::routes(&app);
        Self { app, clock, ids, router, _database: database }
    }

    /// The answer as it begins, whether or not it ends.
    pub(crate) async fn response(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.response(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// A request below `/api/v1/agents` with the key `caller`.
    pub(crate) async fn ask(
        &self,
        caller: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/agents{path}"))
            .header("x-api-key", caller);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// A workflow of alice's whose steps run one after the other; the id of the workflow.
    pub(crate) async fn workflow(&self, steps: &[(&str, StepType)]) -> String {
        let dependencies: serde_json::Map<_, _> =
            steps.windows(2).map(|pair| (pair[1].0.to_owned(), json!([pair[0].0]))).collect();
        let body = json!({"name": "w", "steps": {}, "dependencies": dependencies});
        let created = self.ask("alice", "POST", "/workflows", Some(body)).await.json();
        let id = created["id"].as_str().unwrap().to_owned();
        let mut writing = self.app.store.write().await.unwrap();
        for (order, (name, kind)) in (0..).zip(steps) {
            let mut row = step(name, order, *kind);
            row.workflow_id.clone_from(&id);
            writing.put(&row).await.unwrap();
        }
        writing.commit().await.unwrap();
        id
    }

    /// Begins an execution of alice's workflow; its id.
    pub(crate) async fn execute(&self, workflow: &str, inputs: Value) -> String {
        let body = json!({"workflow_id": workflow, "inputs": inputs});
        let path = format!("/workflows/{workflow}/execute");
        let begun = self.ask("alice", "POST", &path, Some(body)).await.json();
        begun["execution_id"].as_str().unwrap().to_owned()
    }

    /// A learner of alice's with these settings; its id.
    pub(crate) async fn learner(&self, settings: Value) -> String {
        let body = json!({"agent_id": "a", "settings": settings});
        let made = self.ask("alice", "POST", "/learning/agents", Some(body)).await.json();
        made["id"].as_str().unwrap().to_owned()
    }

    /// A state to act in.
    pub(crate) fn state() -> Value {
        FEATURE_NAMES.iter().map(|name| ((*name).to_owned(), json!(0.5))).collect()
    }

    /// A learner of alice's with a model (of one who has learned nothing); its id.
    pub(crate) async fn trained_learner(&self) -> String {
        let id = self.learner(json!({"hidden_size": 16})).await;
        let settings = Settings { hidden_size: 16, ..Settings::of(Algorithm::Ppo) };
        let course = Course {
            environment: Environment::MarketplaceTrading,
            algorithm: Algorithm::Ppo,
            settings: Settings { max_episodes: 1, ..settings },
            seed: 1,
        };
        let trained = training::train(&course, |_| true).unwrap();
        let learner = self.app.store.learner_find(&id).await.unwrap().unwrap();
        let now = self.clock.now();
        let row = serde_json::from_value::<NewTraining>(json!({})).unwrap();
        let row = row.into_row("rljob_past".to_owned(), &learner, now);
        let (model, weights) = learning::model("rlmodel_1".to_owned(), &row, trained, now);
        let mut writing = self.app.store.write().await.unwrap();
        writing.model_put(&model, &weights).await.unwrap();
        writing.commit().await.unwrap();
        id
    }

    /// A training of alice's that waits; its id.
    pub(crate) async fn training(&self) -> String {
        let path = format!("/learning/agents/{}/train", self.learner(json!({})).await);
        let begun = self.ask("alice", "POST", &path, Some(json!({}))).await.json();
        begun["id"].as_str().unwrap().to_owned()
    }

    /// A deployment of alice's workflow, otherwise than by default as `object` says; its id.
    pub(crate) async fn deployment(&self, workflow: &str, object: Value) -> String {
        let path =
            format!("/integration/deployments/config?workflow_id={workflow}&deployment_name=four");
        let made = self.ask("alice", "POST", &path, Some(object)).await.json();
        made["id"].as_str().unwrap().to_owned()
    }

    /// A service of alice's agent `linguist`, otherwise than by default as `fields` say; its id.
    pub(crate) async fn service(&self, fields: Value) -> String {
        let mut body = json!({
            "agent_id": "linguist", "service_type": "translation", "name": "German to Polish",
            "description": "Technical texts", "base_price": 10,
        });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let listed = self.ask("alice", "POST", "/marketplace/services", Some(body)).await.json();
        listed["id"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned()
    }

    /// A request of bob's for a service, otherwise than by default as `fields` say; its id.
    pub(crate) async fn request(&self, service: &str, fields: Value) -> String {
        self.request_of("bob", service, fields).await
    }

    /// The same of somebody else's.
    pub(crate) async fn request_of(&self, client: &str, service: &str, fields: Value) -> String {
        let mut body = json!({
            "client_id": format!("{client}-client"), "service_id": service, "budget": 20,
            "requirements": "",
        });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let asked = self.ask(client, "POST", "/marketplace/requests", Some(body)).await.json();
        asked["id"].as_str().unwrap_or_else(|| panic!("{asked}")).to_owned()
    }

    /// Takes a request for alice's service through these steps: `accept`, `complete`.
    pub(crate) async fn advance_request(&self, request: &str, steps: &[&str]) {
        for step in steps {
            let path = format!("/marketplace/requests/{request}/{step}");
            let answer = self.ask("alice", "POST", &path, Some(json!({"results": {}}))).await;
            assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        }
    }

    /// A guild that alice's agent `founder` makes; its id.
    pub(crate) async fn guild(&self) -> String {
        let body = json!({
            "founder_id": "founder", "name": "Translators", "service_category": "translation",
        });
        let made = self.ask("alice", "POST", "/marketplace/guilds", Some(body)).await.json();
        made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    pub(crate) async fn status(&self, execution: &str) -> Value {
        self.ask("alice", "GET", &format!("/executions/{execution}/status"), None).await.json()
    }

    /// A statement as the monolith, or a hand, would run it.
    pub(crate) async fn sql(&self, statement: &str) {
        self.sql_with(statement, Vec::new()).await;
    }

    /// The same with values for its places.
    pub(crate) async fn sql_with(&self, statement: &str, binds: Vec<Cell>) {
        let mut writing = self.app.store.write().await.unwrap();
        writing.statement_with(statement, binds).await.unwrap();
        writing.commit().await.unwrap();
    }
}

/// Waits until `condition` holds, for ten seconds at most.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < Duration::from_secs(10), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
