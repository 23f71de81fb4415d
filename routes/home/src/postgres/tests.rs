//! On a real server.

use std::path::Path;

use routes::Digest;
use routes::generation::Generation;
use routes::journal::{Action, Outcome, Phase, Record};
use throwaway::postgres::Postgres;
use throwaway::{LIMIT, wait};

use super::*;
use crate::{Held, Home, Replacement, Seen};

fn text(number: u64) -> String {
    format!("generation = {number}\n# ü\n")
}

fn generation(number: u64) -> Generation {
    Generation { number, digest: Digest::of(&text(number)) }
}

fn intent(from: u64, to: u64) -> Record {
    Record {
        who: "ann@box".to_owned(),
        action: Action::Cutover,
        phase: Phase::Intent,
        before: Some(generation(from)),
        after: generation(to),
        moves: Vec::new(),
        reason: None,
        text: Some(text(to)),
        text_before: None,
    }
}

/// A server with one table, `main`.
struct Stand {
    home: Home,
    postgres: Postgres,
}

impl Stand {
    async fn start() -> Self {
        let postgres = Postgres::start().await;
        let home = Home::open(Path::new(&postgres.url("postgres"))).unwrap();
        assert!(matches!(home.read(), Err(HomeError::Missing { .. })));
        let made = database(&home).import(&text(1), &generation(1), b"", "ann@box");
        assert_eq!(made.unwrap(), Imported::Made);
        Self { home, postgres }
    }
}

fn database(home: &Home) -> &Arc<Database> {
    match home {
        Home::Postgres { database, .. } => database,
        Home::File(_) => panic!("no file"),
    }
}

fn write(held: &Held, from: u64, to: u64) -> Result<(), HomeError> {
    let (replaces, text) = (Digest::of(&text(from)), text(to));
    held.write(intent(from, to), Replacement { replaces: Some(&replaces), text: &text }, || {})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_comes_with_its_journal_or_not_at_all() {
    let Stand { home, postgres } = Stand::start().await;
    let held = home.lock("ann", LIMIT).unwrap();
    write(&held, 1, 2).unwrap();
    held.note(intent(1, 2).ending(Phase::Done)).unwrap();
    assert_eq!(home.read().unwrap(), text(2));
    let stamp = home.journal_stamp().unwrap();

    // From another generation than the one in force: neither text nor entry.
    assert!(matches!(write(&held, 1, 3), Err(HomeError::Changed { .. })));
    assert_eq!((home.read().unwrap(), home.journal_stamp().unwrap()), (text(2), stamp));
    // The lock is still good.
    write(&held, 2, 3).unwrap();
    let (replaces, before) = (Digest::of(&text(3)), text(2));
    let back = Replacement { replaces: Some(&replaces), text: &before };
    held.put_back(intent(2, 3).ending(Phase::PutBack), back, || {}).unwrap();
    assert_eq!(home.read().unwrap(), text(2));
    drop(held);

    let journal = home.journal().unwrap();
    assert_eq!(journal.findings, Vec::<String>::new());
    let ends: Vec<Outcome> =
        journal.history(Some(&Digest::of(&text(2)))).iter().map(|change| change.outcome).collect();
    assert_eq!(ends, [Outcome::Done, Outcome::PutBack]);
    let end = home.journal_end(1 << 20).unwrap();
    assert_eq!(end.entries, journal.entries);
    let rows = "SELECT generation, changed_by FROM strangler_routes.tables";
    assert_eq!(postgres.query("postgres", rows).await, "2|ann@box");
    // What was changed in the past shows.
    let forge = "UPDATE strangler_routes.journal SET bytes = \
                 convert_to(replace(convert_from(bytes, 'UTF8'), 'ann@box', 'bob@box'), 'UTF8') WHERE line = 2";
    postgres.query("postgres", forge).await;
    assert_eq!(home.journal().unwrap().findings.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_one_holds_the_lock_and_the_other_hears_who() {
    let Stand { home, postgres } = Stand::start().await;
    let other = Home::open(Path::new(&postgres.url("postgres"))).unwrap();
    let held = home.lock("ann: cutover w, pid 7", LIMIT).unwrap();
    let told = other.lock("bob", Duration::from_millis(50)).unwrap_err();
    assert!(told.to_string().starts_with("ann: cutover w, pid 7 is changing postgres:"), "{told}");
    // Another table of the database is nobody's business.
    let url = format!("{}&table=other", postgres.url("postgres"));
    let elsewhere = Home::open(Path::new(&url)).unwrap();
    assert!(matches!(elsewhere.read(), Err(HomeError::Missing { .. })));
    drop(elsewhere.lock("bob", Duration::ZERO).unwrap());
    drop(held);
    drop(other.lock("bob", LIMIT).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_whose_connection_is_gone_writes_nothing_any_more() {
    let Stand { home, postgres } = Stand::start().await;
    let held = home.lock("ann", LIMIT).unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'";
    postgres.query("postgres", end).await;
    let other = home.lock("bob", LIMIT).unwrap();
    assert!(matches!(write(&held, 1, 2), Err(HomeError::Unreachable { .. })));
    assert!(matches!(write(&held, 1, 2), Err(HomeError::LockLost { .. })));
    write(&other, 1, 3).unwrap();
    assert_eq!(home.read().unwrap(), text(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_comes_in_and_goes_on_as_it_was() {
    let Stand { home: _home, postgres } = Stand::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = Home::file(folder.path().join("routes.toml"));
    std::fs::write(file.path(), text(1)).unwrap();
    let held = file.lock("ann", LIMIT).unwrap();
    write(&held, 1, 2).unwrap();
    held.note(intent(1, 2).ending(Phase::Done)).unwrap();
    let bytes = std::fs::read(folder.path().join("routes.toml.journal")).unwrap();

    let url = format!("{}&table=pushed", postgres.url("postgres"));
    let home = Home::open(Path::new(&url)).unwrap();
    let import = || database(&home).import(&text(2), &generation(2), &bytes, "ann@box").unwrap();
    assert_eq!((import(), import()), (Imported::Made, Imported::There));
    assert_eq!(database(&home).journal_bytes().unwrap(), bytes);
    let held = home.lock("ann", LIMIT).unwrap();
    write(&held, 2, 3).unwrap();
    drop(held);
    let journal = home.journal().unwrap();
    assert_eq!((journal.findings.len(), journal.entries.len()), (0, 3));
    assert_eq!(journal.entries[2].sequence, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_sees_every_change_and_survives_the_database() {
    let Stand { home, mut postgres } = Stand::start().await;
    let mut watch = home.watch();
    let seen = async |watch: &mut crate::Watch| {
        tokio::time::timeout(LIMIT, watch.next()).await.expect("something is seen")
    };
    assert!(matches!(seen(&mut watch).await, Seen::Text(now) if now == text(1)));
    let held = home.lock("ann", LIMIT).unwrap();
    write(&held, 1, 2).unwrap();
    drop(held);
    assert!(matches!(seen(&mut watch).await, Seen::Text(now) if now == text(2)));
    // By hand, which tells nobody: the look every now and then finds it, whatever the digest beside it says.
    let by_hand = "UPDATE strangler_routes.tables SET text = 'by hand'";
    postgres.query("postgres", by_hand).await;
    assert!(matches!(seen(&mut watch).await, Seen::Text(now) if now == "by hand"));

    postgres.kill();
    assert!(matches!(seen(&mut watch).await, Seen::Lost(_)));
    let lost = home.read().unwrap_err();
    assert!(matches!(lost, HomeError::Unreachable { .. }), "{lost}");
    postgres.begin().await;
    wait::until("the text is seen again", LIMIT, async || {
        matches!(seen(&mut watch).await, Seen::Text(now) if now == "by hand").then_some(())
    })
    .await;
    assert_eq!(home.read().unwrap(), "by hand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_only_read_is_told_so() {
    let Stand { home: _home, postgres } = Stand::start().await;
    let reader = "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA strangler_routes TO reader; \
                  GRANT SELECT ON ALL TABLES IN SCHEMA strangler_routes TO reader";
    postgres.query("postgres", reader).await;
    let url = postgres.url("postgres").replace("user=tester", "user=reader");
    let home = Home::open(Path::new(&url)).unwrap();
    assert_eq!(home.read().unwrap(), text(1));
    let told = home.lock("bob", LIMIT).unwrap_err();
    assert!(matches!(told, HomeError::Database { .. }), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_checked_where_the_url_asks_for_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let postgres = Postgres::start_with_tls(port).await;
    let read = |parameters| {
        Home::open(Path::new(&postgres.tls_url("postgres", parameters)))
            .unwrap()
            .read()
            .unwrap_err()
    };
    let let_in = read("sslmode=require");
    assert!(matches!(let_in, HomeError::Missing { .. }), "{let_in:?}");
    let unsigned = read("sslmode=verify-full");
    assert!(
        matches!(unsigned, HomeError::Unreachable { .. }),
        "nobody has signed it: {unsigned:?}"
    );
    let plain = read("sslmode=disable");
    assert!(
        matches!(plain, HomeError::Unreachable { .. }),
        "it is let in with TLS only: {plain:?}"
    );
}
