//! Several proxies follow one table in PostgreSQL: together, and on without it while it is gone.

mod lost;
mod operators;
mod pushed;

use std::net::SocketAddr;
use std::process::Command;

use e2e::port::PortGuard;
use e2e::process::Process;
use e2e::stack::Kept;
use e2e::{LIMIT, RouteSpec, Stack, fake_backend, wait};
use routes::admin::RoutesReport;
use serde_json::Value;

use crate::{BINARIES, NEW, OLD, stack};

const PROXIES: usize = 3;

/// Three proxies over one table with the routes `w` and `v`.
struct Fleet {
    proxies: Vec<Proxy>,
    stack: Stack,
}

struct Proxy {
    process: Process,
    http: SocketAddr,
    admin: SocketAddr,
}

impl Fleet {
    async fn start() -> Self {
        let addresses: Vec<[SocketAddr; 2]> = (0..PROXIES)
            .map(|_| [PortGuard::take().release(), PortGuard::take().release()])
            .collect();
        let mut builder = stack()
            .kept(Kept::Postgres)
            .route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"))
            .route(RouteSpec::new("v", "/v/{*rest}").stage("shadow"));
        for [_, admin] in &addresses {
            builder = builder.with_proxy_at(*admin);
        }
        let mut stack = builder.start_without_proxy().await;
        // The one of the table's own `[listen]` is no part of the fleet.
        let text = stack.read_routes();
        let without = text.replace(&format!("\"http://{}\", ", stack.table.admin), "");
        std::fs::write(stack.folder().join("edited.toml"), without).unwrap();
        let mut proxies = Vec::new();
        for (number, [http, admin]) in addresses.into_iter().enumerate() {
            proxies.push(Proxy::start(&stack, number, http, admin).await);
        }
        stack.migrate_ok(&["routes", "push", "edited.toml"]).await;
        stack.table.http = proxies[0].http;
        stack.table.admin = proxies[0].admin;
        Self { proxies, stack }
    }

    /// Who answers a request at each proxy.
    async fn sides(&self, target: &str) -> Vec<String> {
        let mut sides = Vec::new();
        for proxy in &self.proxies {
            let url = format!("http://{}{target}", proxy.http);
            let answer = self.stack.client.get(url).send().await.unwrap();
            let mark = answer.headers().get(fake_backend::MARK).unwrap();
            sides.push(mark.to_str().unwrap().to_owned());
        }
        sides
    }

    async fn reports(&self) -> Vec<RoutesReport> {
        let mut reports = Vec::new();
        for proxy in &self.proxies {
            reports.push(proxy.report(&self.stack).await);
        }
        reports
    }

    async fn json(&self, words: &[&str]) -> Value {
        json(&self.stack, words).await
    }
}

impl Proxy {
    fn command(stack: &Stack, number: usize, http: SocketAddr, admin: SocketAddr) -> Command {
        let mut command = Command::new(BINARIES.proxy);
        command.arg("--routes").arg(stack.routes_path()).current_dir(stack.folder());
        command.args(["--listen", &http.to_string(), "--admin", &admin.to_string()]);
        command.args(["--routes-copy", &format!("copy-{number}.toml")]);
        command
    }

    async fn start(stack: &Stack, number: usize, http: SocketAddr, admin: SocketAddr) -> Self {
        let log = stack.folder().join(format!("proxy-{number}.log"));
        let command = Self::command(stack, number, http, admin);
        let process = Process::spawn("strangler-proxy", &command, &log);
        let mut proxy = Self { process, http, admin };
        let ready = format!("http://{admin}/readyz");
        wait::until("the proxy is ready", LIMIT, async || {
            assert!(proxy.process.ended().is_none(), "{}", proxy.process.tail());
            stack.client.get(&ready).send().await.ok().filter(|ready| ready.status().is_success())
        })
        .await;
        proxy
    }

    async fn report(&self, stack: &Stack) -> RoutesReport {
        let url = format!("http://{}/api/routes", self.admin);
        let answer = stack.client.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

async fn json(stack: &Stack, words: &[&str]) -> Value {
    let output = stack.migrate_ok(&[&["--output", "json"], words].concat()).await;
    serde_json::from_str(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_proxies_follow_each_flip_together() {
    let fleet = Fleet::start().await;
    let mut times = Vec::new();
    for _ in 0..10 {
        let words = ["cutover", "w", "--to", "service", "--force", "--reason", "a test"];
        for (words, side) in [(&words[..], NEW), (&["rollback", "w"], OLD)] {
            let flip = fleet.json(words).await;
            assert_eq!(flip["proxies"].as_array().unwrap().len(), PROXIES, "{flip:#}");
            times.push(flip["followed_ms"].as_f64().unwrap());
            assert_eq!(fleet.sides("/w/1").await, [side; PROXIES]);
        }
    }
    let digests: Vec<_> = fleet.reports().await.into_iter().map(|one| one.generation).collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    let status = fleet.json(&["status"]).await;
    assert_eq!(status["source"], "postgres");
    let proxies = status["proxies"].as_array().unwrap();
    assert!(proxies.iter().all(|proxy| proxy["in_step"] == true), "{status:#}");
    assert_eq!(fleet.json(&["history"]).await["findings"], Value::Array(Vec::new()));
    times.sort_by(f64::total_cmp);
    eprintln!(
        "{} flips, from the commit until the last of {PROXIES} proxies followed: median {:.1} ms, longest {:.1} ms",
        times.len(),
        times[times.len() / 2],
        times.last().unwrap()
    );
}
