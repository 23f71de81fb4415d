//! The same in PostgreSQL, on a real server.

use std::path::Path;

use routes::policy::EvidenceSettings;
use throwaway::postgres::Postgres;

use super::store::{
    gives_up_what_is_oldest, goes_when_too_old, keeps_states_by_proxy, shares_what_is_noise,
    started_with,
};

/// Settings that name a database of its own.
async fn database(postgres: &Postgres, name: &str) -> EvidenceSettings {
    postgres.query("postgres", &format!("CREATE DATABASE {name}")).await;
    EvidenceSettings { url: postgres.url(name), ..EvidenceSettings::default() }
}

/// Rows of a table that are there, whoever asks.
async fn count(postgres: &Postgres, database: &str, what: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM strangler_evidence.{what}");
    postgres.query(database, &sql).await.parse().unwrap()
}

#[tokio::test]
async fn time_and_size_are_bounds_in_postgresql_too() {
    let postgres = Postgres::start().await;
    let by_time = started_with(Path::new(""), &database(&postgres, "by_time").await);
    goes_when_too_old(&by_time).await;
    assert_eq!(count(&postgres, "by_time", "bases").await, 1);
    assert_eq!(count(&postgres, "by_time", "tallies WHERE minute > 0").await, 30);
    by_time.stop().await;

    let by_size = started_with(Path::new(""), &database(&postgres, "by_size").await);
    gives_up_what_is_oldest(&by_size).await;
    let examples = count(&postgres, "by_size", "examples").await;
    assert!((1..150).contains(&examples), "{examples}");
    assert_eq!(count(&postgres, "by_size", "tallies WHERE minute = 0").await, 30, "totals stay");
    by_size.stop().await;
}

#[tokio::test]
async fn states_and_noise_are_kept_in_postgresql_too() {
    let postgres = Postgres::start().await;
    let states = database(&postgres, "states").await;
    keeps_states_by_proxy(Path::new(""), &states).await;
    assert_eq!(count(&postgres, "states", "states").await, 2, "one for each proxy");
    let noise = database(&postgres, "noise").await;
    shares_what_is_noise(Path::new(""), &noise).await;
}

#[tokio::test]
async fn a_url_may_ask_for_tls() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let postgres = Postgres::start_with_tls(port).await;
    postgres.query("postgres", "CREATE DATABASE encrypted").await;
    let url = postgres.tls_url("encrypted", "sslmode=require");
    let settings = EvidenceSettings { url, ..EvidenceSettings::default() };
    keeps_states_by_proxy(Path::new(""), &settings).await;
    assert_eq!(count(&postgres, "encrypted", "states").await, 2);
}
