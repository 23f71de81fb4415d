//! What a new process serves by: the table and the certificate that hold, not those of a moment ago.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use e2e::certificate::Certificate;
use e2e::port::PortGuard;
use e2e::stack::{Kept, forced, run};
use e2e::{LIMIT, RouteSpec, wait};
use routes::Stage;
use routes::journal::Action;
use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::rig::{Rig, TOKEN};
use crate::{NEW, stack};

/// A file that a process can't read before the test lets it.
struct Gate(PathBuf);

impl Gate {
    fn new(folder: &Path) -> Self {
        let path = folder.join("token");
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        Self(path)
    }

    /// Told when a process wants to read it. That reads on when the file that is sent is written and closed.
    fn reached(&self) -> oneshot::Receiver<std::fs::File> {
        let (path, (tell, reached)) = (self.0.clone(), oneshot::channel());
        // A thread that nobody waits for, if nobody ever reads.
        std::thread::spawn(move || tell.send(OpenOptions::new().write(true).open(path).unwrap()));
        reached
    }
}

/// A process reads its token after the table.
#[tokio::test]
async fn a_flip_while_the_new_process_starts_is_in_force_from_its_first_answer() {
    for kept in Kept::BOTH {
        let folder = TempDir::new().unwrap();
        let gate = Gate::new(folder.path());
        let first = gate.reached();
        let open = tokio::spawn(async move { write!(first.await.unwrap(), "{TOKEN}").unwrap() });
        let builder = stack().kept(kept).route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"));
        let argument = format!("--admin-token-file={}", gate.0.display());
        let mut rig = Rig::start_with_token(builder, &argument).await;
        open.await.unwrap();
        rig.stack.recorded().await;
        let edits = |rig: &Rig| {
            let journal = rig.stack.home.journal().unwrap();
            journal.entries.iter().filter(|entry| entry.action == Action::Edit).count()
        };
        let edits_before = edits(&rig);

        let reached = gate.reached();
        rig.ask().await;
        let mut reading = reached.await.unwrap();
        let mut flip = rig.stack.migrate_command(&forced(&["w", "--to", "canary"]));
        flip.env("MIGRATE_ADMIN_TOKEN", TOKEN);
        let flipped = run(flip).await;
        assert_eq!(flipped.code, Some(0), "the old process has followed: {flipped:#?}");
        write!(reading, "{TOKEN}").unwrap();
        drop(reading);
        let before = rig.newest();
        assert!(rig.is_succeeded().await, "{}", rig.log());
        let report = rig.stack.routes_report().await;
        assert_eq!(report.routes[0].stage, Stage::Canary, "{kept:?}: {}", rig.log());
        rig.until_gone(before).await;
        assert_eq!(edits(&rig), edits_before, "{kept:?}: nobody has edited the table by hand");
    }
}

#[tokio::test]
async fn a_new_process_never_goes_back_to_an_older_copy() {
    let builder =
        stack().kept(Kept::Postgres).route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"));
    let mut rig = Rig::start(builder, &[]).await;
    rig.stack.recorded().await;
    let copy = rig.stack.folder().join("routes.toml.copy");
    let kept = async |than: &str| {
        wait::until("there is a copy", LIMIT, async || {
            std::fs::read_to_string(&copy).ok().filter(|text| text != than)
        })
        .await
    };
    let older = kept("").await;
    rig.stack.cut_over(&["w", "--to", "service"]).await;
    let newer = kept(&older).await;
    rig.stack.postgres.as_mut().unwrap().kill();

    std::fs::write(&copy, older).unwrap();
    assert!(!rig.reload().await, "{}", rig.log());
    assert!(rig.log().contains("the new process has another generation"), "{}", rig.log());
    assert_eq!(rig.counted("failed").await, 1);
    std::fs::write(&copy, newer).unwrap();
    assert!(rig.reload().await, "it has what is in force: {}", rig.log());
    assert_eq!(rig.stack.who_answers("/w/1").await, NEW);
    let report = rig.stack.routes_report().await;
    assert!(report.source.lost.is_some_and(|lost| lost.from_copy));
}

#[tokio::test]
async fn a_certificate_that_was_refused_is_not_promoted_by_a_reload() {
    let folder = TempDir::new().unwrap();
    let good = Arc::new(Certificate::write(folder.path(), Duration::from_hours(240)));
    let https = PortGuard::take().release();
    let builder = stack().listen_line(&format!("https = \"{https}\"")).listen_line(&good.line());
    let mut rig = Rig::start(builder, &[]).await;
    Certificate::write(folder.path(), Duration::ZERO);
    wait::until("it is refused", LIMIT, async || {
        rig.log().contains("certificate rejected").then_some(())
    })
    .await;
    assert!(!rig.reload().await, "{}", rig.log());
    assert_eq!(rig.counted("failed").await, 1);
    assert!(rig.log().contains("renew it"), "{}", rig.log());
    good.connect(https, &["h2"]).await.unwrap();
    let renewed = Certificate::write(folder.path(), Duration::from_hours(240));
    assert!(rig.reload().await, "{}", rig.log());
    renewed.connect(https, &["h2"]).await.unwrap();
}
