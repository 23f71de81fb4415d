//! A throw-away PostgreSQL: a real server with a folder of its own, on a Unix socket only.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::Process;
use crate::{LIMIT, stack, wait};

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
}

impl Postgres {
    /// Makes a cluster, starts it, and returns when it answers.
    pub async fn start() -> Self {
        let programs = find().unwrap_or_else(|| panic!("{HELP}"));
        let folder = TempDir::with_prefix("e2e-pg-").unwrap();
        if is_root() {
            let open = std::fs::Permissions::from_mode(0o777);
            std::fs::set_permissions(folder.path(), open).unwrap();
        }
        let mut postgres = Self { server: None, programs, folder };
        let mut initdb = postgres.command("initdb", &[]);
        initdb.arg("-D").arg(postgres.data()).args([
            "--username",
            ROLE,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let made = stack::run(initdb).await;
        assert_eq!(made.code, Some(0), "initdb: {made:#?}");
        postgres.begin().await;
        postgres
    }

    /// Starts the server, again after it was stopped.
    pub async fn begin(&mut self) {
        // Told to end with the test: a change of user would forget what an outer wrapper asked for.
        let mut command = self.command("postgres", &["--pdeathsig", "INT"]);
        command.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
        for setting in
            ["listen_addresses=", "fsync=off", "max_connections=20", "shared_buffers=8MB"]
        {
            command.args(["-c", setting]);
        }
        let log = self.folder.path().join("server.log");
        self.server = Some(Process::spawn("postgres", &command, &log));
        wait::until("PostgreSQL answers", LIMIT, async || {
            let answer = stack::run(self.psql("postgres", "SELECT 1")).await;
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
        format!("postgres:///{database}?host={}&user={ROLE}", self.folder.path().display())
    }

    /// Runs one statement as a third program; the rows as `psql` prints them, columns apart by `|`.
    pub async fn query(&self, database: &str, sql: &str) -> String {
        let answer = stack::run(self.psql(database, sql)).await;
        assert_eq!(answer.code, Some(0), "{sql}: {}", answer.stderr);
        answer.stdout.trim().to_owned()
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg("-h").arg(self.folder.path()).args(["-U", ROLE, "-d", database]);
        command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of PostgreSQL, as a user who may run it.
    fn command(&self, program: &str, wrapping: &[&str]) -> Command {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
            command.args(wrapping).arg("--").arg(path);
            command
        } else {
            Command::new(path)
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
