//! Waits for conditions: the only place in the tests where time passes on purpose.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(5);

/// Asks `condition` again and again until it has an answer, and fails the test after `limit`, naming `what` was awaited.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        // A condition that hangs must not outlive the limit.
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left.max(PAUSE), condition()).await {
            Ok(Some(answer)) => return answer,
            Ok(None) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            _ => panic!("after {limit:?} still not so: {what}"),
        }
    }
}

/// Fails the test when `condition` turns true within `span`: for things that must not happen.
pub async fn never(what: &str, span: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + span;
    while Instant::now() < end {
        assert!(!condition().await, "happened and must not: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
