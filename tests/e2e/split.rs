//! `migrate db split` while clients write: the mover is killed again and again, and every acknowledged write is there exactly once.

mod clients;

use std::time::{SystemTime, UNIX_EPOCH};

use e2e::postgres::Postgres;
use e2e::process::Process;
use e2e::stack::Player;
use e2e::{LIMIT, RouteSpec, Stack, wait};
use serde_json::Value;

use crate::stack;
use clients::{Clients, Done, Wishes};

/// A server has no folder to keep a key in.
const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// Where the tables come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    File,
    Server,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_file_every_write_is_there_once_however_often_the_mover_is_killed() {
    moved(From::File, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_server_every_write_is_there_once_however_often_the_mover_is_killed() {
    moved(From::Server, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; `make split-proof` runs it"]
async fn every_write_is_there_once_after_many_kills() {
    for from in [From::File, From::Server] {
        moved(from, 20).await;
    }
}

/// A move in progress.
struct Scene {
    stack: Stack,
    postgres: Postgres,
    urls: [String; 2],
    from: From,
    chance: u64,
}

async fn moved(from: From, kills: usize) {
    let mut scene = Scene::new(from).await;
    let wishes = Wishes::new(&scene.stack.new.url());
    let clients = Clients::start(&wishes);
    wishes.until(40, "some rows are there").await;

    scene.killed(&wishes, kills, &["start", "--follow"]).await;
    scene.migrate(&["start"]).await;
    scene.killed(&wishes, kills, &["switch"]).await;
    let switched = scene.migrate(&["switch"]).await;
    assert_eq!(switched["standing"], "moved");
    wishes.until(20, "writes are refused for now").await;
    scene.restart_on(1, &wishes).await;
    wishes.until_done(40, "clients write the target").await;

    scene.killed(&wishes, kills, &["back"]).await;
    let back = scene.migrate(&["back"]).await;
    assert_eq!(back["standing"], "following");
    scene.restart_on(0, &wishes).await;
    wishes.until_done(40, "clients write the source again").await;
    let done = clients.stop().await;
    eprintln!(
        "{} writes, {} refused for a while; switch: {} ms, {} changes; back: {} ms, {} changes",
        done.writes,
        done.refusals,
        switched["pause_ms"],
        switched["carried"],
        back["pause_ms"],
        back["carried"]
    );
    assert!(done.refusals > 0, "nobody met the fence");

    scene.has(0, &done).await;
    // Whom they came from reads them as well.
    let url = format!("{}/api/v1/agents/workflows", scene.stack.old.url());
    let read = scene.stack.client.get(url).header("x-api-key", "alice").send().await.unwrap();
    let read: Vec<Value> = serde_json::from_str(&read.text().await.unwrap()).unwrap();
    let mut names: Vec<String> = read
        .iter()
        .map(|row| {
            format!("{}|{}", row["name"].as_str().unwrap(), row["description"].as_str().unwrap())
        })
        .collect();
    names.sort_unstable();
    assert_eq!(names, done.workflows);

    // Another switch carries everything over once more, and compares every row.
    let verified = scene.migrate(&["switch"]).await;
    assert!(
        verified["compared"]
            .as_array()
            .unwrap()
            .iter()
            .all(|table| table["source"] == table["target"])
    );
    scene.has(1, &done).await;
}

impl Scene {
    async fn new(from: From) -> Self {
        let postgres = Postgres::start().await;
        postgres.query("postgres", "CREATE DATABASE own").await;
        let told = |pairs: &[(&str, String)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let key = ("RECEIPT_SIGNING_KEY_HEX", KEY.to_owned());
        let (old, new) = if from == From::File {
            (Player::Monolith, Player::Service(told(&[key])))
        } else {
            postgres.query("postgres", "CREATE DATABASE shared").await;
            let old = told(&[("DATABASE_URL", postgres.python_url("shared"))]);
            let new = told(&[("DATABASE_URL", postgres.url("shared")), key]);
            (Player::MonolithWith(old), Player::Service(new))
        };
        let stack = stack()
            .old(old)
            .new_backend(new)
            .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}").stage("service"))
            .start()
            .await;
        let source = match from {
            From::File => stack.database.url(),
            From::Server => postgres.url("shared"),
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let chance = u64::from(since.subsec_nanos()) | 1;
        eprintln!("chance begins with {chance}");
        Self { stack, urls: [source, postgres.url("own")], postgres, from, chance }
    }

    fn words<'w>(&'w self, words: &[&'w str]) -> Vec<&'w str> {
        let ends = ["--from", &self.urls[0], "--to", &self.urls[1], "--output", "json", "--yes"];
        [&["db", "split"], words, &ends].concat()
    }

    /// Runs a step to its end.
    async fn migrate(&self, words: &[&str]) -> Value {
        let done = self.stack.migrate(&self.words(words)).await;
        assert_eq!(done.code, Some(0), "{words:?}: {done:#?}");
        serde_json::from_str(&done.stdout).unwrap()
    }

    /// Begins a step and kills it when clients have tried to write a few times more.
    async fn killed(&mut self, wishes: &Wishes, times: usize, words: &[&str]) {
        for kill in 0..times {
            let mut migrate = Process::spawn(
                "migrate",
                &self.stack.migrate_command(&self.words(words)),
                &self.stack.folder().join("split.log"),
            );
            let tries = self.draw(60);
            let until = wishes.tries() + tries;
            wait::until("clients have tried", LIMIT, async || {
                (wishes.tries() >= until || migrate.ended().is_some()).then_some(())
            })
            .await;
            match migrate.ended() {
                None => migrate.kill(),
                // It was quicker; what came of it is what the next one finds.
                Some(ended) => {
                    assert!(ended.success(), "{words:?}, kill {kill}: {}", migrate.tail());
                }
            }
        }
    }

    /// Up to so many.
    fn draw(&mut self, most: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % most
    }

    /// Lets the service use one of the two databases.
    async fn restart_on(&mut self, database: usize, wishes: &Wishes) {
        let _closed = wishes.close_gate().await;
        let url = self.urls[database].clone();
        let service = self.stack.new.program();
        service.process().stop(LIMIT).await;
        service.set("DATABASE_URL", &url);
        service.restart().await;
    }

    async fn rows(&self, database: usize, sql: &str) -> Vec<String> {
        let mut rows: Vec<String> = if database == 0 && self.from == From::File {
            let rows = self.stack.database.query(sql, &[]).await;
            rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
        } else {
            let name = if database == 0 { "shared" } else { "own" };
            self.postgres.query(name, sql).await.lines().map(str::to_owned).collect()
        };
        rows.sort_unstable();
        rows
    }

    /// Everything that was acknowledged is in a database, exactly once.
    async fn has(&self, database: usize, done: &Done) {
        assert_eq!(self.workflows(database).await, done.workflows, "database {database}");
        assert_eq!(self.executions(database).await, done.executions, "database {database}");
    }

    async fn workflows(&self, database: usize) -> Vec<String> {
        self.rows(database, "SELECT name || '|' || description FROM ai_agent_workflows").await
    }

    async fn executions(&self, database: usize) -> Vec<String> {
        self.rows(database, "SELECT id FROM agent_executions").await
    }
}
