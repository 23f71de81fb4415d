//! What lasts: written, read, added up and pruned, in a file.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;

/// As a proxy that has just started with this table's folder.
pub(super) fn started(folder: &Path) -> Evidence {
    started_with(folder, &EvidenceSettings::default())
}

pub(super) fn started_with(folder: &Path, settings: &EvidenceSettings) -> Evidence {
    let evidence = evidence();
    evidence.configure(settings, folder, "here");
    evidence
}

async fn routes(evidence: &Evidence) -> Vec<routes::admin::RouteEvidence> {
    let report: EvidenceReport = evidence.report(&["workflows"]).await;
    assert_eq!(report.store.degraded, None);
    report.routes
}

fn mismatch(target: &str, second: i64) -> Outcome {
    compared(exchange(target, second), vec![difference("$.x")])
}

#[tokio::test]
async fn evidence_lasts_and_goes_on() {
    let folder = TempDir::new().unwrap();
    let before = started(folder.path());
    before.flush().await;
    assert!(!folder.path().join("evidence.db").exists(), "nothing to keep, no file");
    before.drops("workflows").add(DropReason::Bytes);
    for second in 0..7 {
        before.record(mismatch("/a", second));
    }
    before.stop().await;
    assert_eq!((before.pending(), before.lost()), (0, 0));
    let written = routes(&before).await;

    let after = started(folder.path());
    assert_eq!(routes(&after).await, written, "before anything new");
    after.record(mismatch("/a", 100));
    after.record(compared(exchange("/b", 101), vec![]));
    after.drops("workflows").add(DropReason::Bytes);
    for _unwritten_and_written in 0..2 {
        let found = routes(&after).await.remove(0);
        assert_eq!(found.dropped, BTreeMap::from([("bytes".to_owned(), 2)]));
        assert_eq!(found.basis.unwrap().since, time(0));
        let operations: Vec<_> =
            found.operations.iter().map(|one| (one.operation.as_str(), one.compared)).collect();
        assert_eq!(operations, [("GET /a", 8), ("GET /b", 1)]);
        let group = &found.operations[0].differences[0];
        assert_eq!((group.count, group.first_seen, group.last_seen), (8, time(0), time(100)));
        let seen: Vec<_> = group.examples.iter().map(|example| example.seen_at).collect();
        assert_eq!(seen, [100, 6, 5, 4, 3].map(time));
        assert_eq!(found.operations[0].old_latency.count, 8);
        after.flush().await;
    }
    assert_eq!(after.pending(), 0);
}

#[tokio::test]
async fn a_batch_is_never_added_twice() {
    let folder = TempDir::new().unwrap();
    let evidence = started(folder.path());
    evidence.record(mismatch("/a", 1));
    let batch = evidence.memory().next_batch().unwrap();
    evidence.flush().await;
    let mut link = evidence.link.lock().await;
    let (_, store) = link.store.as_mut().unwrap();
    // As after a commit whose answer was lost.
    store.write(&batch, 5).await.unwrap();
    drop(link);
    assert_eq!(routes(&evidence).await[0].operations[0].compared, 1);
}

#[tokio::test]
async fn a_basis_starts_anew_and_one_that_comes_back_goes_on() {
    let folder = TempDir::new().unwrap();
    let on = |build: &str, second| {
        let basis = Arc::new(Basis::new(&CompareRules::default(), Some(build.into())));
        compared(Exchange { basis, ..exchange("/a", second) }, vec![])
    };
    let mut seen = Vec::new();
    for (build, second) in [("b1", 1), ("b1", 2), ("b2", 10), ("b1", 9), ("b2", 11), ("b1", 20)] {
        // Each a proxy of its own.
        let evidence = started(folder.path());
        evidence.record(on(build, second));
        let unwritten = routes(&evidence).await;
        evidence.stop().await;
        assert_eq!(routes(&evidence).await, unwritten);
        let route = &unwritten[0];
        let basis = route.basis.as_ref().unwrap();
        seen.push((basis.build.clone().unwrap(), route.operations[0].compared));
    }
    let expected = [("b1", 1), ("b1", 2), ("b2", 1), ("b2", 1), ("b2", 2), ("b1", 4)];
    assert_eq!(seen, expected.map(|(build, count)| (build.to_owned(), count)));
}

#[tokio::test]
async fn a_timeline_adds_what_is_stored_and_what_is_not() {
    let folder = TempDir::new().unwrap();
    let evidence = started(folder.path());
    let this_minute = Utc::now().timestamp().div_euclid(60) * 60 - time(0).timestamp();
    let outcomes = [
        mismatch("/a", this_minute - 7200),
        mismatch("/a", this_minute - 120),
        compared(exchange("/b", this_minute - 90), vec![]),
        mismatch("/a", this_minute),
    ];
    let failed = Verdict::Failed(Failure::Connect);
    for outcome in outcomes {
        evidence.record(outcome);
        evidence.flush().await;
    }
    evidence.record(Outcome { verdict: failed, ..mismatch("/b", this_minute - 61) });
    evidence.drops("workflows").add(DropReason::Bytes);
    let timeline = evidence.timeline("workflows", 60).await;
    let minutes: Vec<_> = timeline
        .minutes
        .iter()
        .map(|one| {
            ((one.at - time(this_minute)).num_minutes(), one.compared, one.matched, one.failed)
        })
        .collect();
    assert_eq!(minutes, [(-2, 2, 1, 1), (0, 1, 0, 0)]);
    assert_eq!(timeline.minutes[0].old_latency.count, 2);
    assert_eq!(evidence.timeline("workflows", 1440).await.minutes.len(), 3);
    assert!(evidence.timeline("other", 60).await.minutes.is_empty());
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_rest_stays() {
    let folder = TempDir::new().unwrap();
    goes_when_too_old(&started(folder.path())).await;
}

/// Whatever the store is.
pub(super) async fn goes_when_too_old(evidence: &Evidence) {
    let old = Arc::new(Basis::new(&CompareRules::default(), Some("old".into())));
    evidence.record(compared(Exchange { basis: old, ..exchange("/a", 0) }, vec![]));
    for minute in 0..60 {
        evidence.record(mismatch("/a", 60 + minute * 60));
    }
    evidence.flush().await;
    let mut link = evidence.link.lock().await;
    let (_, store) = link.store.as_mut().unwrap();
    let limits = store_limits(time(31 * 60), u64::MAX);
    assert!(store.prune(limits).await.unwrap());
    let old = Basis::new(&CompareRules::default(), Some("old".into())).key("workflows");
    assert!(store.totals(old, 5).await.unwrap().is_none(), "a basis not seen since");
    let key = Basis::default().key("workflows");
    let minutes = store.minutes(key, 1..=i64::MAX).await.unwrap().unwrap();
    assert_eq!(minutes.tallies.len(), 30);
    drop(link);
    let operation = &routes(evidence).await[0].operations[0];
    assert_eq!((operation.compared, operation.differences[0].count), (60, 60));
    assert_eq!(operation.differences[0].examples.len(), 5);
}

fn store_limits(oldest: DateTime<Utc>, bytes: u64) -> super::super::store::Limits {
    super::super::store::Limits { oldest, bytes }
}

#[tokio::test]
async fn a_store_that_is_too_large_gives_up_what_is_oldest() {
    let folder = TempDir::new().unwrap();
    let evidence = started(folder.path());
    let limit = gives_up_what_is_oldest(&evidence).await;
    let file = folder.path().join("evidence.db");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    evidence.stop().await;
    assert!(std::fs::metadata(file).unwrap().len() <= limit, "the file shrinks");
}

/// Whatever the store is; the size to which it was cut.
pub(super) async fn gives_up_what_is_oldest(evidence: &Evidence) -> u64 {
    for number in 0..150 {
        let mut outcome = mismatch(&format!("/a{}", number % 30), number * 60);
        let Verdict::Compared(found) = &mut outcome.verdict else { unreachable!() };
        // A database may compress what repeats itself.
        let body = |side: i64| -> String {
            let words =
                (0..500_i64).map(|word| [number, side, word].map(i64::to_le_bytes).concat());
            let hashes = words.map(|word| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&word)));
            hashes.collect::<Vec<_>>().concat()
        };
        found.bodies = Some(Bodies { old: body(0), new: body(1) });
        evidence.record(outcome);
    }
    evidence.flush().await;
    let mut link = evidence.link.lock().await;
    let (_, store) = link.store.as_mut().unwrap();
    let before = store.bytes().await.unwrap();
    let limit = before / 2;
    assert!(store.prune(store_limits(DateTime::UNIX_EPOCH, limit)).await.unwrap());
    assert!(store.bytes().await.unwrap() <= limit);
    drop(link);
    let operations = routes(evidence).await.remove(0).operations;
    assert_eq!(operations.iter().map(|found| found.compared).sum::<u64>(), 150, "totals stay");
    let examples = || operations.iter().flat_map(|found| &found.differences[0].examples);
    assert!((1..150).contains(&examples().count()));
    assert!(examples().all(|example| example.seen_at > time(30 * 60)), "the oldest went first");
    limit
}

#[tokio::test]
async fn states_are_kept_by_proxy() {
    let folder = TempDir::new().unwrap();
    keeps_states_by_proxy(folder.path(), &EvidenceSettings::default()).await;
}

/// Whatever the store is.
pub(super) async fn keeps_states_by_proxy(folder: &Path, settings: &EvidenceSettings) {
    let basis = Basis::default();
    let here = started_with(folder, settings);
    let there = evidence();
    there.configure(settings, folder, "there");
    here.save_state("workflows", &basis, "noise", &json!({"a": 1})).unwrap();
    here.flush().await;
    here.save_state("workflows", &basis, "noise", &json!({"a": 2})).unwrap();
    there.save_state("workflows", &basis, "noise", &json!([3])).unwrap();
    there.flush().await;
    let mut states = here.load_states("workflows", &basis, "noise").await.unwrap();
    states.sort_by_key(|state| state.is_own);
    let state = |is_own, json| StoredState { is_own, json };
    assert_eq!(states, [state(false, json!([3])), state(true, json!({"a": 2}))]);
    here.stop().await;
    let again = started_with(folder, settings);
    assert_eq!(again.load_states("workflows", &basis, "noise").await.unwrap().len(), 2);
    assert!(again.load_states("other", &basis, "noise").await.unwrap().is_empty());
    let large = json!("x".repeat(MAX_STATE_BYTES));
    let refused = again.save_state("workflows", &basis, "noise", &large).unwrap_err();
    assert!(matches!(refused, StateError::TooLarge { .. }));
}

/// An exchange whose control request showed the old backend changing `$.x` by itself.
fn controlled(second: i64) -> Outcome {
    let mut outcome = compared(exchange("/a", second), vec![]);
    if let Verdict::Compared(compared) = &mut outcome.verdict {
        compared.control =
            Some(Comparison { differences: vec![difference("$.x")], ..Comparison::default() });
    }
    outcome
}

/// Controls and changes of the only volatile place.
async fn volatility(evidence: &Evidence) -> (u64, u64) {
    let route = routes(evidence).await.remove(0);
    let noise = evidence.noise(&route, &CompareRules::default()).await;
    let [place] = noise.volatile.as_slice() else { panic!("one place: {noise:?}") };
    assert_eq!(place.path, "$.x");
    (place.controls, place.changed)
}

#[tokio::test]
async fn what_is_noise_outlives_a_restart_and_is_shared_by_proxies() {
    let folder = TempDir::new().unwrap();
    shares_what_is_noise(folder.path(), &EvidenceSettings::default()).await;
}

/// Whatever the store is.
pub(super) async fn shares_what_is_noise(folder: &Path, settings: &EvidenceSettings) {
    let here = started_with(folder, settings);
    for second in 0..5 {
        here.record(controlled(second));
    }
    assert_eq!(volatility(&here).await, (5, 5), "not stored yet");
    here.stop().await;
    let here = started_with(folder, settings);
    assert_eq!(volatility(&here).await, (5, 5), "before anything new");
    here.record(controlled(10));
    assert_eq!(volatility(&here).await, (6, 6), "earlier runs are added");
    for _again in 0..2 {
        here.keep_noise().await;
        here.flush().await;
        assert_eq!(volatility(&here).await, (6, 6), "and added once");
    }
    let there = evidence();
    there.configure(settings, folder, "there");
    there.record(controlled(20));
    assert_eq!(volatility(&there).await, (7, 7), "what another proxy learned counts");
    there.keep_noise().await;
    there.flush().await;
    assert_eq!(volatility(&here).await, (7, 7));
}

/// One step of a proxy's life.
#[derive(Debug, Clone, Copy)]
enum Step {
    Outcome { path: u8, kind: u8, second: i64, build: bool },
    Drop,
    Flush,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = (0..4_u8, 0..5_u8, 0..300_i64, proptest::bool::weighted(0.9));
    prop_oneof![
        8 => outcome.prop_map(|(path, kind, second, build)| Step::Outcome { path, kind, second, build }),
        1 => Just(Step::Drop),
        3 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

fn outcome(path: u8, kind: u8, second: i64, build: bool) -> Outcome {
    let build = if build { "b1" } else { "b0" };
    let basis = Arc::new(Basis::new(&CompareRules::default(), Some(build.into())));
    let exchange = Exchange { basis, ..exchange(&format!("/p{path}"), second) };
    match kind {
        0 => Outcome { exchange, verdict: Verdict::Failed(Failure::Timeout) },
        kind => compared(exchange, (1..kind).map(|at| difference(&format!("$.d{at}"))).collect()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whenever it is written and however often the proxy restarts: a report says what it would say from memory alone.
    #[test]
    fn stored_and_waiting_add_up(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = TempDir::new().unwrap();
            let memory = evidence();
            let mut stored = started(folder.path());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Outcome { path, kind, second, build } => {
                        // One at a time: of examples of the same microsecond either may be kept.
                        let second = second * 100 + i64::try_from(number).unwrap();
                        memory.record(outcome(path, kind, second, build));
                        stored.record(outcome(path, kind, second, build));
                    }
                    Step::Drop => {
                        memory.drops("workflows").add(DropReason::InFlight);
                        stored.drops("workflows").add(DropReason::InFlight);
                    }
                    Step::Flush => stored.flush().await,
                    Step::Restart => {
                        stored.stop().await;
                        let waiting = stored.drops("workflows").counts();
                        stored = started(folder.path());
                        for _ in 0..waiting.values().sum::<u64>() {
                            stored.drops("workflows").add(DropReason::InFlight);
                        }
                    }
                }
            }
            let expected = memory.report(&["workflows"]).await.routes;
            let mut found = routes(&stored).await;
            let mut expected_without_drops = expected.clone();
            for route in found.iter_mut().chain(&mut expected_without_drops) {
                // A drop counts on the basis that its proxy saw last, which a restarted one does not know yet.
                route.dropped.clear();
            }
            prop_assert_eq!(found, expected_without_drops);
            Ok(())
        })?;
    }
}
