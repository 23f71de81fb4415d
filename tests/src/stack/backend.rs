//! Who plays a backend: a fake in the test's process, or a program.

use std::path::Path;
use std::process::Command;

use crate::database::Database;
use crate::fake_backend::{self, FakeBackend};
use crate::programs::{self, Binaries, Program};

/// What plays a backend.
#[derive(Debug, Clone)]
pub enum Player {
    /// A [`FakeBackend`] in the test's process.
    Fake,
    /// The Python stand-in for the monolith, with its faults on demand switched on.
    Monolith,
    /// The same, with further environment variables.
    MonolithWith(Vec<(String, String)>),
    /// The real agent service, with further environment variables.
    Service(Vec<(String, String)>),
    /// The real agent service on a clone of the database, made by `migrate db clone`.
    Twin,
    /// The Python stand-in on a clone in PostgreSQL, made by `migrate db clone`.
    PostgresTwin {
        /// URL of the shared database.
        from: String,
        /// URL of the clone, and the same as Python wants it.
        to: [String; 2],
    },
}

/// A backend that plays.
#[derive(Debug)]
pub enum Backend {
    /// In the test's process.
    Fake(FakeBackend),
    /// A program.
    Program(Program),
}

impl Backend {
    /// The fake that plays it; fails the test when it is a program.
    pub fn fake(&mut self) -> &mut FakeBackend {
        match self {
            Self::Fake(fake) => fake,
            Self::Program(program) => panic!("{} is no fake", program.name()),
        }
    }

    /// The program that plays it; fails the test when it is a fake.
    pub fn program(&mut self) -> &mut Program {
        match self {
            Self::Program(program) => program,
            Self::Fake(_) => panic!("a fake is no program"),
        }
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        match self {
            Self::Fake(fake) => fake.url(),
            Self::Program(program) => program.url(),
        }
    }

    pub(super) fn health(&self) -> &'static str {
        match self {
            Self::Fake(_) => fake_backend::HEALTH,
            Self::Program(_) => "/health",
        }
    }
}

pub(super) async fn play(
    player: &Player,
    name: &'static str,
    binaries: &Binaries,
    database: &Database,
    folder: &Path,
) -> Backend {
    match player {
        Player::Fake => Backend::Fake(FakeBackend::start(name).await),
        Player::Monolith => Backend::Program(programs::monolith(database, folder, &[]).await),
        Player::MonolithWith(more) => {
            Backend::Program(programs::monolith(database, folder, more).await)
        }
        Player::Service(more) => {
            Backend::Program(programs::service(binaries, database, folder, more).await)
        }
        Player::Twin => {
            let clone = database.clone_of();
            let [from, to] =
                [database, &clone].map(|place| format!("sqlite://{}", place.path().display()));
            make_clone(binaries, &from, &to).await;
            let is_clone = [("DATABASE_IS_CLONE".to_owned(), "true".to_owned())];
            Backend::Program(programs::service(binaries, &clone, folder, &is_clone).await)
        }
        Player::PostgresTwin { from, to: [to, for_python] } => {
            make_clone(binaries, from, to).await;
            let more = [("DATABASE_URL".to_owned(), for_python.clone())];
            Backend::Program(programs::monolith(database, folder, &more).await)
        }
    }
}

async fn make_clone(binaries: &Binaries, from: &str, to: &str) {
    let mut migrate = Command::new(binaries.migrate);
    migrate.args(["db", "clone", "--from", from, "--to", to]);
    let cloned = super::run(migrate).await;
    assert_eq!(cloned.code, Some(0), "{cloned:#?}");
}
