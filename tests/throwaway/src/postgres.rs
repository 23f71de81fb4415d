//! A throw-away PostgreSQL: a real server with a folder of its own, on a Unix socket, and where asked on loopback with TLS.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::command::{CommandOutput, run};
use crate::process::Process;
use crate::{LIMIT, wait};

/// What to do where there is none.
const HELP: &str = "PostgreSQL's server is not installed (no `initdb` on PATH or in /usr/lib/postgresql/*/bin): run \
    scripts/bootstrap.sh as root, or: apt install postgresql (Debian, Ubuntu), dnf install postgresql-server (Fedora)";
/// Whoever runs the server, because it refuses to run as root.
const NOBODY: &str = "65534";
const ROLE: &str = "tester";

/// A cluster with one role that may do everything. All of it is gone when the value is dropped.
#[derive(Debug)]
pub struct Postgres {
    // The server ends before its folder goes.
    server: Option<Process>,
    programs: PathBuf,
    folder: TempDir,
    /// In the socket's name, and where it listens with TLS.
    port: u16,
    settings: Vec<String>,
}

impl Postgres {
    /// Makes a cluster, starts it, and returns when it answers.
    pub async fn start() -> Self {
        let mut postgres = Self::make().await;
        postgres.settings.push("listen_addresses=".to_owned());
        postgres.begin().await;
        postgres
    }

    /// The same, listening on a port of 127.0.0.1 as well, for TLS only. [`Postgres::certificate`] is what to trust.
    pub async fn start_with_tls(port: u16) -> Self {
        let mut postgres = Self::make().await;
        let mut openssl = postgres.as_its_user("openssl".as_ref(), &[]);
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.args(["-keyout", "server.key", "-out", "server.crt"]);
        let made = run(openssl).await;
        assert_eq!(made.code, Some(0), "openssl: {made:#?}");
        let access = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";
        std::fs::write(postgres.data().join("pg_hba.conf"), access).unwrap();
        let folder = postgres.folder.path().display();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={folder}/server.crt"),
            format!("ssl_key_file={folder}/server.key"),
        ];
        postgres.settings.extend(settings);
        postgres.port = port;
        postgres.begin().await;
        postgres
    }

    /// The same with its files on a disk and every commit synced, as in production: for measuring.
    pub async fn start_durable() -> Self {
        let mut postgres = Self::make_in(&std::env::temp_dir(), &[]).await;
        postgres.settings.push("listen_addresses=".to_owned());
        postgres.begin().await;
        postgres
    }

    async fn make() -> Self {
        // Nothing of it outlives the test, so nothing is kept safe.
        Self::make_in(&roomy_folder(), &["fsync=off", "full_page_writes=off"]).await
    }

    async fn make_in(parent: &Path, more: &[&str]) -> Self {
        let programs = find().unwrap_or_else(|| panic!("{HELP}"));
        let folder = TempDir::with_prefix_in("e2e-pg-", parent).unwrap();
        if is_root() {
            let open = std::fs::Permissions::from_mode(0o777);
            std::fs::set_permissions(folder.path(), open).unwrap();
        }
        let settings = [
            "wal_level=minimal",
            "max_wal_senders=0",
            "checkpoint_timeout=1h",
            "max_wal_size=128MB",
            "max_connections=200",
            "shared_buffers=32MB",
            "timezone=UTC",
        ];
        let settings = settings.iter().chain(more).map(|&setting| setting.to_owned()).collect();
        let postgres = Self { server: None, programs, folder, port: 5432, settings };
        let mut initdb = postgres.command("initdb", &[]);
        initdb.arg("-D").arg(postgres.data()).args([
            "--username",
            ROLE,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let made = run(initdb).await;
        assert_eq!(made.code, Some(0), "initdb: {made:#?}");
        postgres
    }

    /// Starts the server, again after it was stopped.
    pub async fn begin(&mut self) {
        // Told to end with the test: a change of user would forget what an outer wrapper asked for.
        let mut command = self.command("postgres", &["--pdeathsig", "INT"]);
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        command.arg("-p").arg(self.port.to_string());
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let log = self.folder.path().join("server.log");
        self.server = Some(Process::spawn("postgres", &command, &log));
        wait::until("PostgreSQL answers", LIMIT, async || {
            let answer = run(self.psql("postgres", "SELECT 1")).await;
            (answer.code == Some(0)).then_some(())
        })
        .await;
    }

    /// Ends the server at once, as a crash would; [`Postgres::begin`] starts it again.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.signal(Signal::QUIT);
            let gone = std::time::Instant::now() + LIMIT;
            while server.ended().is_none() {
                assert!(std::time::Instant::now() < gone, "PostgreSQL does not end");
                std::thread::yield_now();
            }
        }
    }

    /// The URL of a database, for a program on this machine.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres:///{database}?host={folder}&port={}&user={ROLE}", self.port)
    }

    /// The same as Python's SQLAlchemy wants it.
    pub fn python_url(&self, database: &str) -> String {
        self.url(database).replacen("postgres:", "postgresql+psycopg:", 1)
    }

    /// The URL of a database at localhost, with a parameter such as `sslmode=require`.
    pub fn tls_url(&self, database: &str, parameters: &str) -> String {
        format!("postgres://{ROLE}@localhost:{}/{database}?{parameters}", self.port)
    }

    /// The certificate of a server with TLS, which it has signed itself.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// Runs statements as a third program, in one transaction; the rows of the last as `psql` prints them, columns apart by `|`.
    pub async fn query(&self, database: &str, sql: &str) -> String {
        let answer = self.attempt(database, sql).await;
        assert_eq!(answer.code, Some(0), "{sql}: {}", answer.stderr);
        answer.stdout.trim().to_owned()
    }

    /// The same where it may fail.
    pub async fn attempt(&self, database: &str, sql: &str) -> CommandOutput {
        run(self.psql(database, sql)).await
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg("-h").arg(self.folder.path()).arg("-p").arg(self.port.to_string());
        command.args(["-U", ROLE, "-d", database]);
        command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of PostgreSQL, as a user who may run it.
    fn command(&self, program: &str, wrapping: &[&str]) -> Command {
        self.as_its_user(&self.programs.join(program), wrapping)
    }

    fn as_its_user(&self, program: &Path, wrapping: &[&str]) -> Command {
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
            command.args(wrapping).arg("--").arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).env("HOME", self.folder.path()).env("LC_ALL", "C");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast end; SIGTERM would wait for clients.
        if let Some(server) = &mut self.server
            && server.ended().is_none()
        {
            server.signal(Signal::INT);
        }
    }
}

/// In memory, where the system has a folder for that with room enough: the tests are not about how fast a busy disk is.
fn roomy_folder() -> PathBuf {
    /// For some databases and a log.
    const ROOM: u64 = 2 << 30;
    let memory = Path::new("/dev/shm");
    let free =
        rustix::fs::statvfs(memory).map(|there| there.f_bavail.saturating_mul(there.f_frsize));
    if free.is_ok_and(|free| free >= ROOM) { memory.to_owned() } else { std::env::temp_dir() }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder of the server's programs: on the path, or where Debian and others hide them, newest first.
fn find() -> Option<PathBuf> {
    let asked = Command::new("/bin/sh").args(["-c", "command -v initdb"]).output().ok()?;
    let on_path = String::from_utf8(asked.stdout).ok()?;
    let on_path = Path::new(on_path.trim()).parent().map(Path::to_owned).into_iter();
    let hidden = versions("/usr/lib/postgresql");
    let is_whole = |folder: &PathBuf| {
        ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
    };
    on_path.chain(hidden).find(is_whole)
}

/// `ROOT/17/bin` before `ROOT/16/bin`.
fn versions(root: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some((version(&entry.path())?, entry.path()))).collect();
    found.sort_unstable_by(|one, next| next.cmp(one));
    found.into_iter().map(|(_, path)| path.join("bin")).collect()
}
