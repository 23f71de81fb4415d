//! Says what a stack consists of, and starts it.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use home::Home;
use tempfile::TempDir;
use throwaway::command::run;
use throwaway::postgres::Postgres;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::Stack;
use super::backend::{Player, play};
use crate::LIMIT;
use crate::database::Database;
use crate::port::PortGuard;
use crate::programs::Binaries;
use crate::routes_file::{RouteSpec, TableSpec};

/// Stacks run side by side, but one that measures has the machine for itself.
static MACHINE: std::sync::LazyLock<Arc<RwLock<()>>> = std::sync::LazyLock::new(Arc::default);

/// What a stack holds of the machine while it lives.
#[derive(Debug)]
pub(super) enum MachineShare {
    Some { _guard: OwnedRwLockReadGuard<()> },
    All { _guard: OwnedRwLockWriteGuard<()> },
}

/// Where the route table is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In `routes.toml`.
    File,
    /// In a PostgreSQL of its own; `routes.toml` says so.
    Postgres,
}

impl Kept {
    /// For scenarios that hold wherever the table is.
    pub const BOTH: [Self; 2] = [Self::File, Self::Postgres];
}

/// Puts the table where it is to be kept.
async fn keep(
    kept: Kept,
    binaries: &Binaries,
    folder: &TempDir,
    text: &str,
) -> (Home, Option<Postgres>) {
    let path = folder.path().join("routes.toml");
    if kept == Kept::File {
        std::fs::write(&path, text).unwrap();
        return (Home::file(path), None);
    }
    let postgres = Postgres::start().await;
    let pointer =
        format!("[table]\nsource = \"postgres\"\nurl = \"{}\"\n", postgres.url("postgres"));
    std::fs::write(&path, pointer).unwrap();
    std::fs::write(folder.path().join("table.toml"), text).unwrap();
    let mut push = Command::new(binaries.migrate);
    push.args(["routes", "push", "table.toml"]).current_dir(folder.path());
    let pushed = run(push).await;
    assert_eq!(pushed.code, Some(0), "{pushed:#?}");
    (Home::open(&path).unwrap(), Some(postgres))
}

/// Says what a [`Stack`] consists of.
#[derive(Debug, Clone)]
pub struct StackBuilder {
    binaries: Binaries,
    old: Player,
    new: Player,
    alone: bool,
    kept: Kept,
    more_admin: Vec<SocketAddr>,
    backend_lines: Vec<String>,
    new_lines: Vec<String>,
    default_lines: Vec<String>,
    listen_lines: Vec<String>,
    sections: Vec<String>,
    routes: Vec<RouteSpec>,
    proxy_environment: Vec<(String, String)>,
}

impl Stack {
    /// A stack of two fakes and no route, to be changed.
    pub fn builder(binaries: Binaries) -> StackBuilder {
        StackBuilder {
            binaries,
            old: Player::Fake,
            new: Player::Fake,
            alone: false,
            kept: Kept::File,
            more_admin: Vec::new(),
            backend_lines: vec!["health_interval = \"100ms\"".to_owned()],
            new_lines: Vec::new(),
            default_lines: Vec::new(),
            listen_lines: Vec::new(),
            sections: Vec::new(),
            routes: Vec::new(),
            proxy_environment: Vec::new(),
        }
    }
}

impl StackBuilder {
    /// Who comes from: `monolith` (a fake unless said otherwise).
    #[must_use]
    pub fn old(mut self, player: Player) -> Self {
        self.old = player;
        self
    }

    /// Where to: `agent-service` (a fake unless said otherwise).
    #[must_use]
    pub fn new_backend(mut self, player: Player) -> Self {
        self.new = player;
        self
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, route: RouteSpec) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds a line to the tables of both backends: `connect_timeout = "200ms"`.
    #[must_use]
    pub fn each_backend(mut self, line: &str) -> Self {
        self.backend_lines.push(line.to_owned());
        self
    }

    /// Adds a line to the table of the new backend: `mirror_writes = "twin"`.
    #[must_use]
    pub fn new_line(mut self, line: &str) -> Self {
        self.new_lines.push(line.to_owned());
        self
    }

    /// Adds a line to `[defaults]`.
    #[must_use]
    pub fn defaults(mut self, line: &str) -> Self {
        self.default_lines.push(line.to_owned());
        self
    }

    /// Adds a line to `[listen]`: `https = "127.0.0.1:8443"`.
    #[must_use]
    pub fn listen_line(mut self, line: &str) -> Self {
        self.listen_lines.push(line.to_owned());
        self
    }

    /// Adds a whole table: `"[limits]\nmax_body_bytes = 100"`.
    #[must_use]
    pub fn section(mut self, text: &str) -> Self {
        self.sections.push(text.to_owned());
        self
    }

    /// Adds an environment variable of the proxy.
    #[must_use]
    pub fn proxy_environment(mut self, name: &str, value: &str) -> Self {
        self.proxy_environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where the table is kept: in a file unless said otherwise.
    #[must_use]
    pub fn kept(mut self, kept: Kept) -> Self {
        self.kept = kept;
        self
    }

    /// Another proxy that is to follow the table; whoever names it starts it.
    #[must_use]
    pub fn with_proxy_at(mut self, admin: SocketAddr) -> Self {
        self.more_admin.push(admin);
        self
    }

    /// Waits until no other stack runs, and lets none begin: for measurements.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Starts the backends, writes the table, starts the proxy, and returns when it is ready.
    pub async fn start(self) -> Stack {
        let mut stack = self.start_without_proxy().await;
        stack.start_proxy().await;
        stack
    }

    /// The same without the proxy.
    pub async fn start_without_proxy(self) -> Stack {
        let machine = Arc::clone(&MACHINE);
        let share = if self.alone {
            MachineShare::All { _guard: machine.write_owned().await }
        } else {
            MachineShare::Some { _guard: machine.read_owned().await }
        };
        let folder = TempDir::with_prefix("e2e-").unwrap();
        let database = Database::fresh(folder.path());
        let old = play(&self.old, "monolith", &self.binaries, &database, folder.path()).await;
        let new = play(&self.new, "agent-service", &self.binaries, &database, folder.path()).await;
        let table = TableSpec {
            http: PortGuard::take().release(),
            admin: PortGuard::take().release(),
            more_admin: self.more_admin,
            old: vec![old.url()],
            new: vec![new.url()],
            old_health: old.health(),
            new_health: new.health(),
            backend_lines: self.backend_lines,
            new_lines: self.new_lines,
            default_lines: self.default_lines,
            listen_lines: self.listen_lines,
            sections: self.sections,
            routes: self.routes,
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .build()
            .unwrap();
        let (home, postgres) = keep(self.kept, &self.binaries, &folder, &table.to_toml()).await;
        let (proxy, binaries) = (None, self.binaries);
        Stack {
            proxy,
            old,
            new,
            table,
            client,
            database,
            home,
            postgres,
            binaries,
            proxy_environment: self.proxy_environment,
            folder,
            _share: share,
        }
    }
}
