//! `migrate mirror report`

use std::collections::BTreeMap;

use chrono::DateTime;
use insta::assert_snapshot;
use routes::admin::{
    DifferenceExample, DifferenceGroup, DifferenceKind, EvidenceReport, Grade, Latency,
    OperationEvidence, RouteEvidence, Trust,
};

use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Folder, Manner, dead_address, settings, shape};

#[tokio::test]
async fn mirror_report_shows_differences_side_by_side() {
    let proxy = FakeProxy::with_evidence(Manner::Follows, true, Some(evidence()));
    let folder = proxy.folder();
    let ran = folder.run(&["mirror", "report"]).await;
    let (_, json) = folder.json(&["mirror", "report", "workflows"]).await;
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
        proxy http://[proxy], since [time] UTC

        route workflows
        OPERATION                    COMPARED  MATCHED (95 % INTERVAL)  INCONCLUSIVE  OLD p50 / p99 ms  NEW p50 / p99 ms
        GET /api/v1/agent/workflows  1200      96.50 % (95.30–97.40)    0             4.2 / 12.5        0.8 / 2.0
        dropped 4 not compared: too_large
        failed GET /api/v1/agent/workflows: 2 mirrored requests got no answer: timeout

        difference 35 × value at $[*].timeout (value)  GET /api/v1/agent/workflows, 00000023
          GET /api/v1/agent/workflows?limit=2 at $[3].timeout, request r-1
          old  3600
          new  3601

        difference 7 × extra at $[*].owner (additive)  GET /api/v1/agent/workflows, 00000007
          GET /api/v1/agent/workflows?limit=2 at $[3].owner, request r-1
          old  
          new  "ann"
        "#);
        assert_snapshot!(shape(&json), @r#"
        proxies:
          - {"address":"http://[proxy]","evidence":{"since":"[time]Z","store":{"url":"sqlite://evidence.db","pending":0,"lost":0},"routes":[{"route":"workflows","dropped":{"too_large":4},"operations":[{"operation":"GET /api/v1/agent/workflows","compared":1200,"matched":1158,"mismatched":42,"inconclusive":0,"controlled":0,"trust":{"samples":1200,"rate":0.965,"lower":0.953,"upper":0.974},"failed":{"timeout":2},"new_failed_alone":0,"old_failed_alone":0,"old_latency":{"count":1200,"p50":4.21,"p95":9.0,"p99":12.5,"max":40.0},"new_latency":{"count":1198,"p50":0.8,"p95":1.2,"p99":2.0,"max":6.0},"differences":[{"fingerprint":"00000007","kind":"extra","grade":"additive","path":"$[*].owner","count":7,"inconclusive":0,"first_seen":"[time]Z","last_seen":"[time]Z","examples":[{"seen_at":"[time]Z","request":"GET /api/v1/agent/workflows?limit=2","request_id":"r-1","old_status":200,"new_status":200,"at":"$[3].owner","old":"","new":"\"ann\"","old_body":"{\"id\":1,\"owner\":null,\"timeout\":}","new_body":"{\"id\":1,\"owner\":\"<script>alert(1)</script>\",\"timeout\":\"ann\"}"}]},{"fingerprint":"00000023","kind":"value","grade":"value","path":"$[*].timeout","count":35,"inconclusive":0,"first_seen":"[time]Z","last_seen":"[time]Z","examples":[{"seen_at":"[time]Z","request":"GET /api/v1/agent/workflows?limit=2","request_id":"r-1","old_status":200,"new_status":200,"at":"$[3].timeout","old":"3600","new":"3601","old_body":"{\"id\":1,\"owner\":null,\"timeout\":3600}","new_body":"{\"id\":1,\"owner\":\"<script>alert(1)</script>\",\"timeout\":3601}"}]}]}]}]},"error":null}
        "#);
    });
}

#[tokio::test]
async fn mirror_report_without_evidence_or_proxy() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    let ran = folder.run(&["mirror", "report"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    proxy http://[proxy], since [time] UTC
    no exchange was mirrored yet; mirroring begins at stage shadow: migrate cutover ROUTE --to shadow
    "#));
    let folder = Folder::with_proxies(&[&dead_address()]);
    let ran = folder.run(&["mirror", "report"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    settings().bind(|| assert_snapshot!(ran.err, @r#"
    error: no proxy answers
      because no proxy answers at http://[proxy]/api/evidence: Connection refused (os error 111)
      what to do: start the proxy, or correct `[proxies] admin` in the table so that it names the admin address of each running proxy
    "#));
}

#[tokio::test]
async fn mirror_report_as_a_page_is_self_contained_and_escapes_what_came_from_the_network() {
    let proxy = FakeProxy::with_evidence(Manner::Follows, true, Some(evidence()));
    let folder = proxy.folder();
    let file = folder.path().with_file_name("report.html");
    let ran = folder.run(&["mirror", "report", "--html", file.to_str().unwrap()]).await;
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, ""));
    let page = std::fs::read_to_string(&file).unwrap();
    for shown in
        ["GET /api/v1/agent/workflows", "96.50 % (95.30–97.40)", "$[*].timeout", "35 ×", "3601"]
    {
        assert!(page.contains(shown), "{shown} is not in the page");
    }
    for loaded in ["<script", "src=", "href=", "url(", "@import", "http-equiv=\"refresh"] {
        assert!(!page.contains(loaded), "the page has {loaded}");
    }
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"));
    let ran = folder.run(&["mirror", "report", "--html", "/nowhere/report.html"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("/nowhere/report.html can't be written"), "{}", ran.err);
}

#[tokio::test]
async fn mirror_report_with_bodies_shows_both_answers_side_by_side() {
    let proxy = FakeProxy::with_evidence(Manner::Follows, true, Some(evidence()));
    let folder = proxy.folder();
    let ran = folder.run(&["mirror", "report", "workflows", "--bodies", "--limit", "1"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    proxy http://[proxy], since [time] UTC

    route workflows
    OPERATION                    COMPARED  MATCHED (95 % INTERVAL)  INCONCLUSIVE  OLD p50 / p99 ms  NEW p50 / p99 ms
    GET /api/v1/agent/workflows  1200      96.50 % (95.30–97.40)    0             4.2 / 12.5        0.8 / 2.0
    dropped 4 not compared: too_large
    failed GET /api/v1/agent/workflows: 2 mirrored requests got no answer: timeout

    difference 35 × value at $[*].timeout (value)  GET /api/v1/agent/workflows, 00000023
      GET /api/v1/agent/workflows?limit=2 at $[3].timeout, request r-1
      old  3600
      new  3601
      {                                                            {
        "id": 1,                                                     "id": 1,
        "owner": null,                                           |   "owner": "<script>alert(1)</script>",
        "timeout": 3600                                          |   "timeout": 3601
      }                                                            }
    and 1 more; see --limit
    "#));
}

/// Evidence of one route with two kinds of difference.
pub(crate) fn evidence() -> EvidenceReport {
    let group = |kind, path: &str, count, old: &str, new: &str| DifferenceGroup {
        fingerprint: format!("{count:08x}"),
        kind,
        grade: if kind == DifferenceKind::Extra { Grade::Additive } else { Grade::Value },
        gap: None,
        path: path.to_owned(),
        count,
        inconclusive: 0,
        first_seen: DateTime::UNIX_EPOCH,
        last_seen: DateTime::UNIX_EPOCH,
        examples: vec![DifferenceExample {
            seen_at: DateTime::UNIX_EPOCH,
            old_status: 200,
            new_status: 200,
            old_body: Some(format!(r#"{{"id":1,"owner":null,"timeout":{old}}}"#)),
            new_body: Some(format!(
                r#"{{"id":1,"owner":"<script>alert(1)</script>","timeout":{new}}}"#
            )),
            request: "GET /api/v1/agent/workflows?limit=2".to_owned(),
            request_id: "r-1".to_owned(),
            at: path.replace('*', "3"),
            old: old.to_owned(),
            new: new.to_owned(),
        }],
    };
    let operation = OperationEvidence {
        operation: "GET /api/v1/agent/workflows".to_owned(),
        compared: 1200,
        matched: 1158,
        mismatched: 42,
        inconclusive: 0,
        controlled: 0,
        trust: Trust { samples: 1200, rate: 0.965, lower: 0.953, upper: 0.974 },
        new_failed_alone: 0,
        old_failed_alone: 0,
        failed: BTreeMap::from([("timeout".to_owned(), 2)]),
        old_latency: Latency { count: 1200, p50: 4.21, p95: 9.0, p99: 12.5, max: 40.0 },
        new_latency: Latency { count: 1198, p50: 0.8, p95: 1.2, p99: 2.0, max: 6.0 },
        differences: vec![
            group(DifferenceKind::Extra, "$[*].owner", 7, "", "\"ann\""),
            group(DifferenceKind::Value, "$[*].timeout", 35, "3600", "3601"),
        ],
    };
    EvidenceReport {
        since: DateTime::UNIX_EPOCH,
        store: crate::testing::store_report(),
        routes: vec![RouteEvidence {
            route: "workflows".to_owned(),
            basis: None,
            writes_off: None,
            dropped: BTreeMap::from([("too_large".to_owned(), 4)]),
            operations: vec![operation],
        }],
    }
}
