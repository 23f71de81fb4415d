//! `migrate db clone` from a PostgreSQL that others are writing to.

use std::process::Command;

use e2e::port::PortGuard;
use e2e::postgres::Postgres;
use e2e::process::Process;
use e2e::stack::{CommandOutput, run};
use e2e::{LIMIT, Stack, wait};
use rustix::process::Signal;
use serde_json::Value;

use crate::stack;

/// Two tables that grow together, some megabytes of them.
const TABLES: &str = "\
    CREATE TABLE a (id TEXT PRIMARY KEY, text TEXT); CREATE TABLE b (a TEXT); CREATE TABLE stop (); \
    INSERT INTO a SELECT 'old-' || i, repeat(md5(i::text), 20) FROM generate_series(1, 10000) AS i; \
    INSERT INTO b SELECT id FROM a";

/// Writes to both in one transaction, again and again, until there is a row in `stop`.
const WRITER: &str = "\
    DO $$ BEGIN FOR i IN 1..1000000 LOOP INSERT INTO a VALUES ('new-' || i, 'x'); INSERT INTO b VALUES ('new-' || i); \
    COMMIT; PERFORM pg_sleep(0.002); EXIT WHEN EXISTS (SELECT 1 FROM stop); END LOOP; END $$";

/// Waits for whoever has a table of the source locked.
const LOCK: &str = "BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)";

/// A server with a source, and where `migrate` is.
struct Scene {
    postgres: Postgres,
    stack: Stack,
}

impl Scene {
    async fn new(postgres: Postgres) -> Self {
        postgres.query("postgres", "CREATE DATABASE shared").await;
        postgres.query("shared", TABLES).await;
        Self { postgres, stack: stack().start_without_proxy().await }
    }

    fn command(&self, more: &[&str]) -> Command {
        let (from, to) = (self.postgres.url("shared"), self.postgres.url("clone"));
        self.stack.migrate_command(&[&["db", "clone", "--from", &from, "--to", &to], more].concat())
    }

    async fn clone(&self, more: &[&str]) -> CommandOutput {
        run(self.command(more)).await
    }

    async fn count(&self, database: &str, of: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM {of}");
        self.postgres.query(database, &sql).await.parse().unwrap()
    }

    /// Every database but those that a server begins with.
    async fn databases(&self) -> String {
        let sql = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database \
                   WHERE NOT datistemplate AND datname <> 'postgres'";
        self.postgres.query("postgres", sql).await
    }

    /// Begins a clone that has to wait for a lock, does something to it, and lets go of the lock.
    async fn while_it_waits(&self, act: impl AsyncFnOnce(&mut Process)) {
        let locked = self.postgres.attempt("shared", LOCK);
        let clone = async {
            self.until("a table is locked", "pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'a'::regclass").await;
            let log = self.stack.folder().join("migrate.log");
            let mut migrate = Process::spawn("migrate", &self.command(&[]), &log);
            let waits =
                "pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'";
            self.until("pg_dump waits for the lock", waits).await;
            act(&mut migrate).await;
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'";
            self.postgres.query("postgres", end).await;
        };
        let (locked, ()) = tokio::join!(locked, clone);
        assert_ne!(locked.code, Some(0), "it was ended: {locked:?}");
    }

    async fn until(&self, what: &str, rows: &str) {
        wait::until(what, LIMIT, async || (self.count("shared", rows).await > 0).then_some(()))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_of_a_live_database_is_consistent_and_says_how_stale_it_is() {
    let scene = Scene::new(Postgres::start().await).await;
    let clone = async {
        scene.until("the source is being written", "a WHERE id = 'new-5'").await;
        let before = scene.count("shared", "a").await;
        let cloned = scene.clone(&["--output", "json"]).await;
        let after = scene.count("shared", "a").await;
        scene.postgres.query("shared", "INSERT INTO stop DEFAULT VALUES").await;
        (before, cloned, after)
    };
    let (_, (before, cloned, after)) = tokio::join!(scene.postgres.query("shared", WRITER), clone);
    assert_eq!(cloned.code, Some(0), "{cloned:?}");
    assert!(before < after, "writes went on: {before}, {after}");
    let rows = scene.count("clone", "a").await;
    assert_eq!(rows, scene.count("clone", "b").await, "half a transaction");
    assert!((before..=after).contains(&rows), "{before} {rows} {after}");
    let report: Value = serde_json::from_str(&cloned.stdout).unwrap();
    assert_eq!((&report["result"], &report["method"]), (&"done".into(), &"postgres-dump".into()));
    let staleness = &report["staleness"];
    assert_eq!((&staleness["tables"], &staleness["source_changed"]), (&3.into(), &true.into()));
    assert_eq!(staleness["differing"][0]["table"], "public.a", "{report}");
    assert_eq!(staleness["differing"][0]["clone"], rows);
    let watched = "pg_trigger WHERE tgname = 'strangler_twin_note'";
    assert_eq!(scene.count("clone", watched).await, 1, "the table with a key");
    assert_eq!(scene.count("shared", "pg_trigger WHERE NOT tgisinternal").await, 0);

    let refused = scene.clone(&[]).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("exists already") && refused.stderr.contains("--force"));
    let used = async {
        let used = "SELECT pg_sleep(60)";
        scene.postgres.attempt("clone", used).await
    };
    let forced = async {
        scene
            .until("the clone is in use", "pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")
            .await;
        let forced = scene.clone(&["--force", "--yes"]).await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'";
        scene.postgres.query("postgres", end).await;
        forced
    };
    let (_, forced) = tokio::join!(used, forced);
    assert_eq!(forced.code, Some(3), "{forced:?}");
    assert!(forced.stderr.contains("stop the new backend"), "{forced:?}");
    assert_eq!(scene.count("clone", "a").await, rows, "as it was");
    let replaced = scene.clone(&["--force", "--yes"]).await;
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    assert!(replaced.stdout.contains("snapshot of "), "{replaced:?}");
    assert_eq!(scene.count("clone", "a").await, scene.count("shared", "a").await);
    assert_eq!(scene.databases().await, "clone shared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_that_is_stopped_or_killed_leaves_nothing_behind() {
    let scene = Scene::new(Postgres::start().await).await;
    scene
        .while_it_waits(async |migrate| {
            let ended = migrate.stop(LIMIT).await;
            assert_eq!(ended.status.code(), Some(1), "{}", migrate.tail());
            assert!(migrate.output().contains("stopped by a signal"), "{}", migrate.tail());
            assert_eq!(scene.databases().await, "shared", "cleared away at once");
        })
        .await;
    scene
        .while_it_waits(async |migrate| {
            migrate.signal(Signal::KILL);
            migrate.stop(LIMIT).await;
            let left = scene.databases().await;
            assert!(left.starts_with("clone-cloning-") && left.ends_with(" shared"), "{left}");
        })
        .await;
    let tools =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('pg_dump', 'pg_restore')";
    wait::until("the tools have ended with the command", LIMIT, async || {
        (scene.postgres.query("postgres", tools).await == "0").then_some(())
    })
    .await;
    let cloned = scene.clone(&[]).await;
    assert_eq!(cloned.code, Some(0), "{cloned:?}");
    assert_eq!(scene.databases().await, "clone shared", "what was left went at the next run");
}

#[tokio::test]
async fn a_terminal_shows_how_far_the_copy_is() {
    let scene = Scene::new(Postgres::start().await).await;
    // Somebody is connected, so that it is no matter of one statement.
    let words = format!("{:?}", scene.command(&[])).replace("NO_COLOR=\"1\" ", "");
    let (_, shown) = tokio::join!(scene.postgres.query("shared", WRITER), async {
        scene.until("the source is being written", "a WHERE id = 'new-5'").await;
        let mut terminal = Command::new("script");
        terminal.args(["--quiet", "--return", "--flush", "--command", &words, "/dev/null"]);
        let shown = run({
            terminal.env("TERM", "xterm").env("COLUMNS", "120");
            terminal
        })
        .await;
        scene.postgres.query("shared", "INSERT INTO stop DEFAULT VALUES").await;
        shown
    });
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("% ") && shown.stdout.contains(" of about "), "{}", shown.stdout);
    assert!(shown.stdout.contains("cloned:"), "{}", shown.stdout);
}

#[tokio::test]
async fn a_source_that_wants_tls_is_cloned_with_tls() {
    let port = PortGuard::take().release().port();
    let scene = Scene::new(Postgres::start_with_tls(port).await).await;
    let clone = async |parameters: &str| {
        let from = scene.postgres.tls_url("shared", parameters);
        let to = scene.postgres.tls_url("clone", parameters);
        run(scene.stack.migrate_command(&["db", "clone", "--from", &from, "--to", &to])).await
    };
    let plain = clone("sslmode=disable").await;
    assert_eq!(plain.code, Some(1), "{plain:?}");
    assert!(plain.stderr.contains("no encryption"), "{plain:?}");
    let nobody = clone("sslmode=verify-full&sslrootcert=/dev/null").await;
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    let known =
        format!("sslmode=verify-full&sslrootcert={}", scene.postgres.certificate().display());
    let verified = clone(&known).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert_eq!(scene.count("clone", "a").await, 10_000);
}
