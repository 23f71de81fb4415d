//! One PostgreSQL for all the tests of a process that need one at the same time, with a database for each.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

use crate::postgres::Postgres;

static CURRENT: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

/// A cluster that ends with its last database.
#[derive(Debug)]
pub struct Cluster {
    /// The URL of a database whose name is `NAME`.
    url: String,
    /// None once it is told to end.
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    made: AtomicU32,
    /// What `CREATE DATABASE` is told besides.
    copying: &'static str,
}

/// A database of its own. It is dropped with the value, whoever is still connected to it.
#[derive(Debug)]
pub struct Database {
    cluster: Arc<Cluster>,
    name: String,
    stays: bool,
}

struct Order {
    sql: String,
    done: SyncSender<()>,
}

impl Cluster {
    /// The cluster that is running, or a new one. Tests come and go on threads of their own, and the kernel ends a server
    /// with the thread that started it; so it has one too.
    pub fn current() -> Arc<Self> {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = current.upgrade() {
            return cluster;
        }
        let (orders, received) = channel();
        let (started, url) = sync_channel(1);
        let thread = std::thread::spawn(move || serve(&started, &received));
        let (url, version) = url.recv().expect("PostgreSQL has started");
        // Without a word, newer ones copy by way of their log, which takes four times as long.
        let copying = if version >= 150_000 { " STRATEGY FILE_COPY" } else { "" };
        let made = AtomicU32::new(0);
        let cluster =
            Arc::new(Self { url, orders: Some(orders), thread: Some(thread), made, copying });
        *current = Arc::downgrade(&cluster);
        cluster
    }

    /// A new database like another one, to which nobody may be connected; `template1` is empty.
    pub fn database(self: &Arc<Self>, template: &str) -> Database {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        self.order(&format!("CREATE DATABASE {name} TEMPLATE {template}{}", self.copying));
        Database { cluster: Arc::clone(self), name, stays: false }
    }

    fn order(&self, sql: &str) {
        let (done, end) = sync_channel(1);
        let orders = self.orders.as_ref().expect("is running");
        orders.send(Order { sql: sql.to_owned(), done }).expect("its thread waits for orders");
        end.recv().unwrap_or_else(|_| panic!("failed: {sql}"));
    }
}

/// Tells the URL and the version (`150018`), and does as it is told until nobody is left who could.
fn serve(started: &SyncSender<(String, u32)>, orders: &Receiver<Order>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let postgres = runtime.block_on(Postgres::start());
    let version = runtime.block_on(postgres.query("postgres", "SHOW server_version_num"));
    started.send((postgres.url("NAME"), version.parse().expect("it is a number"))).ok();
    while let Ok(order) = orders.recv() {
        runtime.block_on(postgres.query("postgres", &order.sql));
        order.done.send(()).ok();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.orders = None;
        // Its folder is gone when this returns.
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Database {
    /// For a program on this machine.
    pub fn url(&self) -> String {
        self.cluster.url.replacen("NAME", &self.name, 1)
    }

    /// Lets it stay until its cluster ends; its name there.
    pub fn stay(mut self) -> String {
        self.stays = true;
        self.name.clone()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        let (done, _end) = sync_channel(1);
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        if let Some(orders) = &self.cluster.orders {
            orders.send(Order { sql, done }).ok();
        }
    }
}
