//! Ends requests of the marketplace that nobody has accepted by their deadline.
//!
//! One process at a time does it, by a lease, so that several do not stand in each other's way; whoever holds it and falls
//! silent loses it. What is done is done in small transactions, each for itself, so a crash leaves only the rest.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::execution::lease::lease_end;
use crate::http::error::chain;
use crate::store::StoreError;
use crate::store::leases::DutyLease;

/// How often somebody looks whether a deadline is over.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How many requests are ended in one transaction.
const BATCH: u8 = 100;

/// What the lease is for.
const DUTY: &str = "expire requests";

/// Ends requests until told to stop, first of all those whose deadline passed while no process ran.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let holder = app.ids.id("expiry_", 12);
    loop {
        match expire_all(&app, &holder, &stop).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "requests have expired"),
            Err(error) => tracing::warn!(error = chain(&error), "expired requests are put off"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Ends every request whose deadline is over, unless another process is at it. Says how many.
pub async fn expire_all(
    app: &App,
    holder: &str,
    stop: &CancellationToken,
) -> Result<u64, StoreError> {
    let App { store, clock, ids, config, .. } = app;
    if !store.market_request_overdue(clock.now()).await? {
        return Ok(0);
    }
    let lease = DutyLease { duty: DUTY, token: ids.hex() };
    let mut writing = store.write().await?;
    let now = clock.now();
    if !writing.duty_take(&lease, holder, now, lease_end(now, config.execution_lease)).await? {
        return Ok(0);
    }
    writing.commit().await?;
    let mut ended = 0;
    while !stop.is_cancelled() {
        let more = expire_some(app, &lease).await?;
        ended += more;
        if more < u64::from(BATCH) {
            break;
        }
    }
    let mut writing = store.write().await?;
    writing.duty_give_up(&lease).await?;
    writing.commit().await?;
    Ok(ended)
}

/// Ends some requests, if the lease is still this one's.
async fn expire_some(app: &App, lease: &DutyLease) -> Result<u64, StoreError> {
    let mut writing = app.store.write().await?;
    let now = app.clock.now();
    if !writing.duty_prolong(lease, lease_end(now, app.config.execution_lease)).await? {
        return Ok(0);
    }
    let ended = writing.market_requests_expire(now, BATCH).await?;
    writing.commit().await?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{TestApp, until};

    const DAY: i64 = 86_400;

    /// Requests of bob's with these deadlines.
    async fn requests(test: &TestApp, service: &str, deadlines: &[&str]) {
        for deadline in deadlines {
            test.request(service, json!({"deadline": deadline})).await;
        }
    }

    async fn statuses(test: &TestApp) -> Vec<String> {
        let path = "/marketplace/requests?limit=100";
        let listed = test.ask("bob", "GET", path, None).await.json();
        let status = |request: &Value| request["status"].as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().rev().map(status).collect()
    }

    async fn expire(test: &TestApp, holder: &str) -> u64 {
        expire_all(&test.app, holder, &CancellationToken::new()).await.unwrap()
    }

    #[tokio::test]
    async fn only_what_waits_past_its_deadline_expires() {
        let test = TestApp::new().await;
        let service = test.service(json!({})).await;
        requests(&test, &service, &["2026-11-23", "2026-11-23", "2026-11-25"]).await;
        let accepted = test.request(&service, json!({"deadline": "2026-11-23"})).await;
        let path = format!("/marketplace/requests/{accepted}/accept");
        assert_eq!(test.ask("alice", "POST", &path, None).await.status.as_u16(), 200);
        assert_eq!(expire(&test, "one").await, 0);
        test.clock.advance(2 * DAY);
        assert_eq!(expire(&test, "one").await, 2);
        assert_eq!(statuses(&test).await, ["expired", "expired", "pending", "accepted"]);
        assert_eq!(expire(&test, "one").await, 0);
    }

    #[tokio::test]
    async fn more_than_one_batch_is_done_at_once() {
        let test = TestApp::new().await;
        let service = test.service(json!({})).await;
        requests(&test, &service, &["2026-11-23"; 205]).await;
        test.clock.advance(2 * DAY);
        assert_eq!(expire(&test, "one").await, 205);
    }

    #[tokio::test]
    async fn one_process_at_a_time_until_it_falls_silent() {
        let test = TestApp::new().await;
        let service = test.service(json!({})).await;
        requests(&test, &service, &["2026-11-23"]).await;
        test.clock.advance(2 * DAY);
        let lease = DutyLease { duty: DUTY, token: "of one that has crashed".to_owned() };
        let now = test.app.clock.now();
        let mut writing = test.app.store.write().await.unwrap();
        assert!(writing.duty_take(&lease, "one", now, now.plus_seconds(10)).await.unwrap());
        writing.commit().await.unwrap();
        assert_eq!(expire(&test, "two").await, 0);
        test.clock.advance(11);
        assert_eq!(expire(&test, "two").await, 1);
        // Whoever was silent for too long and comes back does nothing.
        assert_eq!(expire_some(&test.app, &lease).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_expired_while_nobody_ran_is_ended_at_the_start() {
        let test = TestApp::new().await;
        let service = test.service(json!({})).await;
        requests(&test, &service, &["2026-11-23"]).await;
        test.clock.advance(2 * DAY);
        let stop = CancellationToken::new();
        let worker = tokio::spawn(work(Arc::clone(&test.app), stop.clone()));
        let expired = async || statuses(&test).await == ["expired"];
        until("the request expires", expired).await;
        stop.cancel();
        worker.await.unwrap();
    }
}
