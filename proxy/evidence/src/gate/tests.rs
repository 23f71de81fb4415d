//! What the gate says of evidence, case by case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::DateTime;
use insta::assert_snapshot;
use proptest::prelude::*;
use routes::admin::{
    DifferenceGroup, DifferenceKind, Grade, Latency, OperationEvidence, ProposalKind, TargetReport,
};

use super::*;
use crate::wilson;

const RULES: &str = "00000000000000aa";

/// What a case changes.
struct Case {
    stage: Stage,
    evidence: RouteEvidence,
    store: StoreReport,
    proposals: Vec<Proposal>,
    known: Known,
    backend: BackendReport,
    schema: Schema,
    settings: GateSettings,
}

fn operation(operation: &str, matched: u64, mismatched: u64) -> OperationEvidence {
    let latency = Latency { count: matched + mismatched, p50: 4.0, p95: 8.0, p99: 10.0, max: 20.0 };
    OperationEvidence {
        operation: operation.to_owned(),
        compared: matched + mismatched,
        matched,
        mismatched,
        inconclusive: 0,
        controlled: 0,
        trust: wilson::trust(matched, matched + mismatched),
        failed: BTreeMap::new(),
        new_failed_alone: 0,
        old_failed_alone: 0,
        old_latency: latency,
        new_latency: latency,
        differences: Vec::new(),
    }
}

fn group(path: &str, count: u64) -> DifferenceGroup {
    DifferenceGroup {
        fingerprint: "0".to_owned(),
        kind: DifferenceKind::Value,
        grade: Grade::Value,
        gap: None,
        path: path.to_owned(),
        count,
        inconclusive: 0,
        first_seen: DateTime::UNIX_EPOCH,
        last_seen: DateTime::UNIX_EPOCH,
        examples: Vec::new(),
    }
}

fn case(operations: Vec<OperationEvidence>) -> Case {
    let basis = BasisReport {
        rules: RULES.to_owned(),
        build: Some("b1".to_owned()),
        since: DateTime::UNIX_EPOCH,
    };
    let targets = vec![TargetReport { address: "127.0.0.1:8012".to_owned(), healthy: true }];
    Case {
        stage: Stage::Shadow,
        evidence: RouteEvidence {
            route: "w".to_owned(),
            basis: Some(basis),
            dropped: BTreeMap::new(),
            writes_off: None,
            operations,
        },
        store: StoreReport {
            url: "sqlite://evidence.db".to_owned(),
            degraded: None,
            pending: 0,
            lost: 0,
        },
        proposals: Vec::new(),
        known: Known::Unlisted,
        backend: BackendReport {
            name: "agent-service".to_owned(),
            healthy: true,
            build: None,
            targets,
        },
        schema: Schema::Unasked,
        settings: GateSettings::default(),
    }
}

impl Case {
    fn judge(&self) -> GateReport {
        let facts = Facts {
            stage: self.stage,
            evidence: &self.evidence,
            store: &self.store,
            basis: &Present { rules: RULES, build: Some("b1") },
            proposals: &self.proposals,
            known: &self.known,
            backend: &self.backend,
            schema: &self.schema,
        };
        judge(&facts, &self.settings)
    }

    /// The verdict, and the conditions that do not hold.
    fn refusals(&self) -> String {
        let report = self.judge();
        let mut page = format!("{:?}\n", report.verdict);
        for condition in
            report.conditions.iter().filter(|condition| condition.verdict != Verdict::Pass)
        {
            let operation = condition.operation.as_deref().unwrap_or("-");
            let _written = writeln!(
                page,
                "{:?}: {} of {operation}: wanted {}, found {}; {}",
                condition.verdict,
                condition.condition,
                condition.wanted,
                condition.found,
                condition.what_to_do.as_deref().unwrap_or("?"),
            );
        }
        page
    }
}

#[test]
fn good_evidence_passes_and_shows_every_condition() {
    let report = case(vec![operation("GET /w/{id}", 400, 0)]).judge();
    assert_eq!((report.route.as_str(), report.verdict), ("w", Verdict::Pass));
    let shown: Vec<String> = report
        .conditions
        .iter()
        .map(|condition| {
            assert_eq!((condition.verdict, &condition.what_to_do), (Verdict::Pass, &None));
            format!(
                "{}: wanted {}, found {}",
                condition.condition, condition.wanted, condition.found
            )
        })
        .collect();
    assert_snapshot!(shown.join("\n"), @r"
    health: wanted backend agent-service is healthy, found healthy
    evidence store: wanted evidence is kept, found kept
    evidence: wanted of these rules and of build b1, found since 1970-01-01 00:00:00 UTC
    exercised: wanted every operation at least once, found those that clients asked for; backend agent-service has no /openapi.json that lists more
    samples: wanted at least 100, found 400
    match rate: wanted surely at least 99 %, found 100 % (99.04 % to 100 %)
    latency: wanted p99 at most 1.5 × the old one's, found 1 × (10.0 ms to 10.0 ms)
    one-sided failures: wanted none, found none
    ");
}

#[test]
fn a_database_that_is_not_as_needed_refuses() {
    let mut case = case(vec![operation("GET /w", 400, 0)]);
    case.schema = Schema::AsNeeded;
    assert_eq!(case.judge().verdict, Verdict::Pass);
    assert_eq!(case.judge().conditions[1].condition, "schema");
    case.schema = Schema::Drifted("w.name is missing".to_owned());
    assert_snapshot!(case.refusals(), @r"
    Fail
    Fail: schema of -: wanted the database is as agent-service needs it, found w.name is missing; bring the database back, or give agent-service a build that knows it
    ");
    case.schema = Schema::Unknown("/s is answered with 404".to_owned());
    assert_snapshot!(case.refusals(), @r"
    Inconclusive
    Inconclusive: schema of -: wanted the database is as agent-service needs it, found unknown: /s is answered with 404; see why agent-service does not say, and check `[backends.agent-service] schema` in the table
    ");
}

#[test]
fn too_few_samples_say_how_many_more() {
    let case = case(vec![operation("POST /w", 60, 0)]);
    assert_snapshot!(case.refusals(), @r"
    Inconclusive
    Inconclusive: samples of POST /w: wanted at least 100, found 60; 321 more `POST /w`
    Inconclusive: match rate of POST /w: wanted surely at least 99 %, found 100 % (93.98 % to 100 %); 321 more `POST /w`
    Inconclusive: latency of POST /w: wanted p99 at most 1.5 × the old one's, found 60 measured; 40 more `POST /w`
    ");
}

#[test]
fn a_match_rate_that_more_samples_reach_says_how_many() {
    let mut operation = operation("GET /w", 996, 4);
    operation.differences = vec![group("$.a", 1), group("$.b", 3)];
    assert_snapshot!(case(vec![operation]).refusals(), @r"
    Inconclusive
    Inconclusive: match rate of GET /w: wanted surely at least 99 %, found 99.6 % (98.97 % to 99.84 %); 57 more `GET /w` at the present match rate; most differ at $.b (3 of 4 mismatches)
    ");
}

#[test]
fn a_match_rate_that_no_sample_reaches_fails_and_names_path_and_rule() {
    let mut operation = operation("GET /w", 900, 100);
    operation.differences = vec![group("$.at", 98), group("$.b", 2)];
    let mut case = case(vec![operation]);
    case.proposals = vec![Proposal {
        kind: ProposalKind::Timestamp,
        path: "$.at".to_owned(),
        value: String::new(),
        origin: String::new(),
        would_silence: 98,
    }];
    assert_snapshot!(case.refusals(), @r"
    Fail
    Fail: match rate of GET /w: wanted surely at least 99 %, found 90 % (87.98 % to 91.7 %); no number of samples reaches it at the present match rate; most differ at $.at (98 of 100 mismatches), which `compare.timestamp $.at` would silence as noise: migrate mirror suggest w
    ");
}

#[test]
fn nothing_conclusive_is_inconclusive() {
    let mut noisy = operation("GET /w", 0, 0);
    (noisy.compared, noisy.inconclusive) = (50, 50);
    assert_snapshot!(case(vec![noisy]).refusals(), @r"
    Inconclusive
    Inconclusive: samples of GET /w: wanted at least 100, found 0, besides 50 inconclusive; 100 more `GET /w`; most are inconclusive, so see what is noise: migrate mirror suggest w
    Inconclusive: match rate of GET /w: wanted surely at least 99 %, found no conclusive exchange; 381 more `GET /w`
    Inconclusive: latency of GET /w: wanted p99 at most 1.5 × the old one's, found 0 measured; 100 more `GET /w`
    ");
}

#[test]
fn a_slower_new_backend_fails() {
    let mut slow = operation("GET /w", 400, 0);
    (slow.new_latency.p50, slow.new_latency.p99) = (7.0, 15.01);
    assert_snapshot!(case(vec![slow.clone()]).refusals(), @r"
    Fail
    Fail: latency of GET /w: wanted p99 at most 1.5 × the old one's, found 1.51 × (15.0 ms to 10.0 ms); at the median it takes 7.0 ms to the old 4.0 ms; make `GET /w` faster in the new backend
    ");
    slow.new_latency.p99 = 15.0;
    assert_eq!(case(vec![slow]).judge().verdict, Verdict::Pass);
}

#[test]
fn a_failure_of_the_new_side_alone_fails() {
    let mut failing = operation("GET /w", 400, 0);
    failing.failed.insert("timeout".to_owned(), 2);
    failing.new_failed_alone = 1;
    assert_snapshot!(case(vec![failing]).refusals(), @r"
    Fail
    Fail: one-sided failures of GET /w: wanted none, found 2 × timeout, 1 × 5xx; find out why `GET /w` fails in the new backend where the old one answers; evidence starts anew with its next build
    ");
    let mut old = operation("GET /w", 400, 0);
    old.old_failed_alone = 5;
    assert_eq!(case(vec![old]).judge().verdict, Verdict::Pass);
}

#[test]
fn what_was_never_exercised_is_named() {
    let mut case = case(vec![operation("GET /w/{id}", 400, 0)]);
    case.known = Known::Listed(vec![
        "GET /w/{workflow_id}".to_owned(),
        "POST /w".to_owned(),
        "GET /w/{workflow_id}/runs".to_owned(),
    ]);
    assert_snapshot!(case.refusals(), @r"
    Inconclusive
    Inconclusive: exercised of POST /w: wanted at least once, found never; send `POST /w` through the proxy with `mirror_writes` on [backends.agent-service], or look at it by hand and use --force
    Inconclusive: exercised of GET /w/{workflow_id}/runs: wanted at least once, found never; ask for `GET /w/{workflow_id}/runs` through the proxy
    ");
    case.known = Known::Listed(vec!["GET /w/{workflow_id}".to_owned()]);
    assert_eq!(case.judge().verdict, Verdict::Pass);
    case.known = Known::Unreadable("no answer within 1.5 s".to_owned());
    assert_eq!(case.judge().verdict, Verdict::Inconclusive);
}

#[test]
fn without_evidence_it_says_how_to_get_some() {
    let mut case = case(Vec::new());
    case.evidence.basis = None;
    case.stage = Stage::Monolith;
    assert_snapshot!(case.refusals(), @r"
    Inconclusive
    Inconclusive: evidence of -: wanted of these rules and of build b1, found nothing was compared yet; mirroring begins at stage shadow: migrate cutover w --to shadow; then let clients ask
    ");
}

#[test]
fn evidence_of_another_build_or_other_rules_does_not_count() {
    let mut case = case(vec![operation("GET /w", 400, 0)]);
    let basis = case.evidence.basis.as_mut().unwrap();
    basis.build = Some("b0".to_owned());
    assert_snapshot!(case.refusals(), @r"
    Inconclusive
    Inconclusive: evidence of -: wanted of these rules and of build b1, found of build b0; it starts anew with the next exchange: let clients ask, and see `mirror.sample` and what was dropped: migrate mirror report
    ");
    case.evidence.basis.as_mut().unwrap().rules = "00".to_owned();
    assert!(case.refusals().contains("found of other compare rules"));
}

#[test]
fn a_degraded_store_writes_that_are_off_and_a_dead_backend_refuse() {
    let mut case = case(vec![operation("GET /w", 400, 0)]);
    case.store.degraded = Some("the disk is full".to_owned());
    case.evidence.writes_off = Some("an answer without `tx=rollback`".to_owned());
    case.backend.healthy = false;
    assert_snapshot!(case.refusals(), @r"
    Fail
    Fail: health of -: wanted backend agent-service is healthy, found unhealthy: 127.0.0.1:8012; start it, and check `[backends.agent-service] targets` and `health` in the table
    Inconclusive: evidence store of -: wanted evidence is kept, found the disk is full; see to sqlite://evidence.db; what it held is missing from this judgement
    Inconclusive: writes of -: wanted mirrored, as the table says, found not mirrored: an answer without `tx=rollback`; correct backend agent-service; its next build, or a new generation of the table, is tried again
    ");
}

proptest! {
    /// Whatever the evidence, a refusal says what to do, and the verdict is the worst of the conditions.
    #[test]
    fn every_refusal_says_what_to_do(
        matched in 0_u64..2000,
        mismatched in 0_u64..200,
        inconclusive in 0_u64..50,
        p99 in 0.0..50.0,
        old_p99 in 0.0..50.0,
        min_match in 0.0..0.999_999,
        min_samples in 1_u64..3000,
    ) {
        let mut one = operation("GET /w", matched, mismatched);
        one.inconclusive = inconclusive;
        one.compared += inconclusive;
        (one.new_latency.p99, one.old_latency.p99) = (p99, old_p99);
        let mut case = case(vec![one]);
        case.settings = GateSettings { min_samples, min_match, max_latency_ratio: 1.5 };
        let report = case.judge();
        let worst = report.conditions.iter().map(|condition| condition.verdict).max();
        prop_assert_eq!(Some(report.verdict), worst);
        for condition in &report.conditions {
            prop_assert_eq!(condition.verdict != Verdict::Pass, condition.what_to_do.is_some());
        }
        let passes = matched + mismatched >= min_samples
            && wilson::interval(matched, matched + mismatched).0 >= min_match
            && (p99 <= 1.5 * old_p99);
        prop_assert_eq!(report.verdict == Verdict::Pass, passes);
    }
}
