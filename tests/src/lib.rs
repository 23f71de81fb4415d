//! The harness of the tests across processes.
//!
//! A scenario asks [`Stack::builder`] for what it needs: who plays the old and the new backend, and which routes there are.
//! [`StackBuilder::start`](stack::StackBuilder::start) starts the backends on ports of their own, writes a `routes.toml` into a
//! temporary folder, starts the real proxy with it and returns when it is ready. The [`Stack`] owns all of that: when the
//! scenario ends, well or not, the processes are stopped and the folder is removed; when it ends badly, the last lines of each
//! process are shown.
//!
//! Backends are fakes in the test's own process unless said otherwise. A [`FakeBackend`] answers what it is told to, slowly,
//! broken off or without end if need be, and remembers what it was asked. Each answer carries the name of its backend in the
//! header [`fake_backend::MARK`], which is how a scenario knows who answered. [`Load`] keeps connections busy and writes down
//! who answered what and when. Nothing sleeps for a guessed time: [`wait::until`] waits for a condition and names it when it
//! does not come true.
//!
//! ```no_run
//! # use e2e::{Binaries, RouteSpec, Stack};
//! # async fn scenario(binaries: Binaries) {
//! let mut stack = Stack::builder(binaries)
//!     .route(RouteSpec::new("workflows", "/workflows/{*rest}").stage("service"))
//!     .start()
//!     .await;
//! assert_eq!(stack.who_answers("/workflows/1").await, "agent-service");
//!
//! stack.migrate_ok(&["rollback", "workflows"]).await;
//! assert_eq!(stack.who_answers("/workflows/1").await, "monolith");
//! assert_eq!(stack.old.fake().seen().len(), 1);
//! # }
//! ```
//!
//! In an integration test the paths of the binaries come from Cargo: `env!("CARGO_BIN_EXE_e2e-proxy")`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed step is a failed test, and a failed test explains itself"
)]

pub mod stack;
pub mod programs;
pub mod fake_backend;
pub mod routes_file;
pub mod database;
pub mod load;
pub mod raw;
pub mod certificate;
pub mod between;
pub mod collector;
pub mod har;
pub mod fronts;
pub mod smuggling;
pub mod port;

pub use throwaway::{LIMIT, postgres, process, wait};

pub use fake_backend::{Answer, FakeBackend};
pub use load::Load;
pub use programs::Binaries;
pub use routes_file::RouteSpec;
pub use stack::{Player, Stack};
