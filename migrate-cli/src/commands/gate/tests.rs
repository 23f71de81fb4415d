//! The table of the gate: what a refusal says, and how several proxies are told.

use insta::assert_snapshot;
use routes::admin::{GateCondition, GateReport, Verdict};

use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Folder, Manner, dead_address, settings, shape};

/// A report with one condition of each verdict.
fn refusing() -> GateReport {
    let condition =
        |condition: &str, operation: Option<&str>, verdict, found: &str| GateCondition {
            condition: condition.to_owned(),
            operation: operation.map(str::to_owned),
            wanted: "surely at least 99 %".to_owned(),
            found: found.to_owned(),
            verdict,
            what_to_do: (verdict != Verdict::Pass).then(|| "321 more `GET /w`".to_owned()),
        };
    GateReport {
        route: "workflows".to_owned(),
        verdict: Verdict::Fail,
        conditions: vec![
            condition("health", None, Verdict::Pass, "healthy"),
            condition("evidence", None, Verdict::Pass, "since yesterday"),
            condition("match rate", Some("GET /w"), Verdict::Inconclusive, "100 %"),
            condition("match rate", Some("POST /w"), Verdict::Fail, "90 %"),
        ],
    }
}

#[tokio::test]
async fn a_refusal_shows_every_condition_and_what_to_do() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    proxy.says(refusing());
    let folder = proxy.folder();
    let ran = folder.run(&["gate", "workflows"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r"
    CONDITION                                               WANTED                           FOUND                                           VERDICT
    proxy http://[proxy]                            answers                          answers                                         pass          
    table at http://[proxy]                         generation 0 ([digest])  generation 0 ([digest]) of routes.toml  pass          
    backend agent-service seen from http://[proxy]  healthy                          healthy                                         pass          
    evidence of route workflows                             surely at least 99 %             since yesterday                                 pass          
    match rate of GET /w                                    surely at least 99 %             100 %                                           inconclusive  
    match rate of POST /w                                   surely at least 99 %             90 %                                            fail          
      what to do about match rate of GET /w: 321 more `GET /w`
      what to do about match rate of POST /w: 321 more `GET /w`
    refused: 2 of 6 conditions stand against a cutover of workflows
    "));
    assert_eq!(ran.exit, Exit::Refused);
    assert!(!folder.file().journal_path().exists());
    let (exit, report) = folder.json(&["gate", "workflows"]).await;
    assert_eq!(exit, Exit::Refused);
    settings().bind(|| assert_snapshot!(shape(&report), @r#"
    routes:
      - "workflows"
    passed: false
    conditions:
      - {"condition":"proxy http://[proxy]","wanted":"answers","found":"answers","met":true,"verdict":"pass"}
      - {"condition":"table at http://[proxy]","wanted":"generation 0 ([digest])","found":"generation 0 ([digest]) of routes.toml","met":true,"verdict":"pass"}
      - {"condition":"backend agent-service seen from http://[proxy]","wanted":"healthy","found":"healthy","met":true,"verdict":"pass"}
      - {"condition":"evidence of route workflows","wanted":"surely at least 99 %","found":"since yesterday","met":true,"verdict":"pass"}
      - {"condition":"match rate of GET /w","wanted":"surely at least 99 %","found":"100 %","met":false,"verdict":"inconclusive","what_to_do":"321 more `GET /w`"}
      - {"condition":"match rate of POST /w","wanted":"surely at least 99 %","found":"90 %","met":false,"verdict":"fail","what_to_do":"321 more `GET /w`"}
    "#));
}

#[tokio::test]
async fn good_evidence_passes() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    let ran = folder.run(&["gate", "workflows", "executions"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r"
    CONDITION                                               WANTED                           FOUND                                           VERDICT
    proxy http://[proxy]                            answers                          answers                                         pass     
    table at http://[proxy]                         generation 0 ([digest])  generation 0 ([digest]) of routes.toml  pass     
    backend agent-service seen from http://[proxy]  healthy                          healthy                                         pass     
    samples of GET /workflows                               at least 100                     400                                             pass     
    samples of GET /executions                              at least 100                     400                                             pass     
    pass: nothing stands against a cutover of workflows, executions
    "));
    assert_eq!(ran.exit, Exit::Done);
}

#[tokio::test]
async fn every_proxy_must_pass_and_the_one_that_does_not_is_named() {
    let (good, bad) =
        (FakeProxy::start(Manner::Follows, true), FakeProxy::start(Manner::Follows, true));
    let folder = Folder::with_proxies(&[&good.url(), &bad.url()]);
    good.follow(&folder);
    bad.follow(&folder);
    let (exit, report) = folder.json(&["gate", "workflows"]).await;
    assert_eq!((exit, &report["passed"]), (Exit::Done, &true.into()));
    let conditions = report["conditions"].as_array().unwrap().len();
    assert_eq!(conditions, 7, "what both say of the evidence is shown once: {report:#}");

    bad.says(refusing());
    let (exit, report) = folder.json(&["gate", "workflows"]).await;
    assert_eq!(exit, Exit::Refused);
    let unmet: Vec<&str> = report["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|condition| condition["met"] == false)
        .map(|condition| condition["condition"].as_str().unwrap())
        .collect();
    assert_eq!(
        unmet,
        [
            format!("match rate of GET /w at {}", bad.url()),
            format!("match rate of POST /w at {}", bad.url())
        ]
    );
}

#[tokio::test]
async fn without_an_answer_there_is_no_pass() {
    let folder = Folder::with_proxies(&[&dead_address()]);
    assert_eq!(folder.run(&["gate", "workflows"]).await.exit, Exit::NotFollowed);
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["gate", "workflows"]).await;
    assert_eq!(ran.exit, Exit::Refused);
    assert!(ran.out.contains("the table lists no `[proxies]`"), "{}", ran.out);
    assert_eq!(folder.run(&["gate", "workflow"]).await.exit, Exit::Usage);
}

#[tokio::test]
async fn a_cutover_asks_the_same_and_goes_past_it_by_force_only() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    proxy.says(refusing());
    let folder = proxy.folder();
    let before = folder.text();
    let words = ["cutover", "workflows", "--to", "canary"];
    let (exit, report) = folder.json(&words).await;
    assert_eq!((exit, &report["result"]), (Exit::Refused, &"refused".into()));
    let (exit, dry) = folder.json(&[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!((exit, &dry["gate"]), (Exit::Refused, &report["gate"]));
    assert_eq!(folder.text(), before);

    let (exit, forced) =
        folder.json(&[&words[..], &["--force", "--reason", "seen by hand"]].concat()).await;
    assert_eq!((exit, &forced["forced"]), (Exit::Done, &true.into()));
    let (_, history) = folder.json(&["history"]).await;
    assert_eq!(
        history["changes"][0]["reason"],
        "forced past match rate of GET /w, match rate of POST /w: seen by hand"
    );
    // A smaller share needs no evidence.
    let less = folder.json(&["cutover", "workflows", "--percent", "5"]).await;
    assert_eq!(less.0, Exit::Done, "{:#}", less.1);
    let more = folder.json(&["cutover", "workflows", "--percent", "50"]).await;
    assert_eq!(more.0, Exit::Refused);
}

#[tokio::test]
async fn mirroring_needs_no_evidence() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    proxy.says(refusing());
    let folder = proxy.folder();
    let ran = folder.run(&["cutover", "executions", "--to", "shadow"]).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.out);
}
