//! Rules are shown, written once, and journaled.

use insta::assert_snapshot;
use routes::admin::{Proposal, ProposalKind, RouteNoise, RuleUse};

use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Manner, dead_address, settings};

fn noise() -> RouteNoise {
    let proposal = |kind, path: &str, value: &str, would_silence| Proposal {
        kind,
        path: path.to_owned(),
        value: value.to_owned(),
        origin: format!(
            "GET /w/{{id}}: 200 of 200 control requests differ at {path} (98 to 100 %)"
        ),
        would_silence,
    };
    let doubtful = RuleUse {
        rule: "compare.ignore \"$.gone\"".to_owned(),
        compared: 5000,
        used: 0,
        breadth: 0.0,
        advice:
            "dead: it silenced nothing in 5000 compared exchanges; correct its path or take it out"
                .to_owned(),
    };
    RouteNoise {
        route: "workflows".to_owned(),
        volatile: Vec::new(),
        proposals: vec![
            proposal(ProposalKind::Timestamp, "$.at", "", 98),
            proposal(ProposalKind::Unordered, "$.steps", "id", 2),
        ],
        doubtful_rules: vec![doubtful],
    }
}

#[tokio::test]
async fn the_lines_are_shown_as_a_diff_and_nothing_is_changed() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    proxy.learned(noise());
    let folder = proxy.folder();
    let before = folder.text();
    let ran = folder.run(&["mirror", "suggest", "workflows"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    compare.timestamp $.at
      GET /w/{id}: 200 of 200 control requests differ at $.at (98 to 100 %)
      would have silenced 98 mismatches so far
    compare.unordered $.steps by "id"
      GET /w/{id}: 200 of 200 control requests differ at $.steps (98 to 100 %)
      would have silenced 2 mismatches so far
    doubtful compare.ignore "$.gone"
      dead: it silenced nothing in 5000 compared exchanges; correct its path or take it out (used in 0 of 5000 exchanges)
    --- routes.toml
    +++ routes.toml, new generation
    @@ -1,4 +1,5 @@
     format = 1
    +generation = 1
     # The table of the tests.
     [proxies]
     admin = ["http://[proxy]"]
    @@ -22,6 +23,10 @@
     methods = ["GET", "POST"]
     new_path = "/api/v1/agents/workflows/{rest}"
     stage = "shadow" # read only so far
    +# noise: GET /w/{id}: 200 of 200 control requests differ at $.at (98 to 100 %)
    +compare.timestamp = ["$.at"]
    +# noise: GET /w/{id}: 200 of 200 control requests differ at $.steps (98 to 100 %)
    +compare.unordered = { "$.steps" = "id" }
     canary = { percent = 10, sticky = "header:x-api-key" }
     
     [[routes]]
    evidence counts for the rules that it was gathered with: with these it starts anew
    to write the lines: --apply
    would be generation 1 ([digest]); nothing was changed
    "#));
    assert_eq!((ran.exit, folder.text()), (Exit::Done, before.clone()));
    assert!(!folder.file().journal_path().exists());
    let dry = folder.run(&["mirror", "suggest", "workflows", "--apply", "--dry-run"]).await;
    assert_eq!((dry.exit, folder.text()), (Exit::Done, before));
}

#[tokio::test]
async fn applied_lines_are_journaled_as_an_edit_and_not_written_twice() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    proxy.learned(noise());
    let folder = proxy.folder();
    let (exit, report) = folder.json(&["mirror", "suggest", "workflows", "--apply"]).await;
    assert_eq!((exit, &report["change"]["result"]), (Exit::Done, &"done".into()));
    assert_eq!(report["change"]["action"], "edit");
    assert_eq!(report["proposals"].as_array().unwrap().len(), 2);
    let rules = &folder.table().route_named("workflows").unwrap().compare.clone();
    assert_eq!((rules.timestamp.len(), rules.unordered[0].1.as_str()), (1, "id"));
    assert!(
        folder.text().contains("# noise: GET /w/{id}: 200 of 200 control requests differ at $.at")
    );
    assert!(folder.text().contains("stage = \"shadow\" # read only so far"));
    let (_, history) = folder.json(&["history"]).await;
    assert_eq!(history["changes"][0]["action"], "edit");
    assert_eq!(history["changes"][0]["outcome"], "done");
    assert_eq!(history["changes"][0]["reason"], "compare rules of workflows from noise");

    let once = folder.text();
    let (exit, again) = folder.json(&["mirror", "suggest", "workflows", "--apply"]).await;
    assert_eq!((exit, &again["change"]["result"]), (Exit::Done, &"nothing-to-do".into()));
    assert_eq!(folder.text(), once);
}

#[tokio::test]
async fn a_proxy_that_rejects_the_rules_has_the_text_before_put_back() {
    let proxy = FakeProxy::start(Manner::Rejects, true);
    proxy.learned(noise());
    let folder = proxy.folder();
    let before = folder.text();
    let ran = folder.run(&["mirror", "suggest", "workflows", "--apply"]).await;
    assert_eq!((ran.exit, folder.text()), (Exit::NotFollowed, before), "{}", ran.out);
}

#[tokio::test]
async fn without_noise_it_says_where_noise_comes_from() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    let ran = folder.run(&["mirror", "suggest", "workflows"]).await;
    assert_snapshot!(ran.out, @r"
    no rule is proposed for route workflows; noise is learned from control requests: `mirror.control`
    nothing to do; nothing was changed
    ");
    assert_eq!(ran.exit, Exit::Done);
}

#[tokio::test]
async fn nobody_to_ask_is_a_failure_and_an_unknown_route_a_usage_error() {
    let folder = crate::testing::Folder::with_proxies(&[&dead_address()]);
    assert_eq!(folder.run(&["mirror", "suggest", "workflows"]).await.exit, Exit::Failed);
    assert_eq!(folder.run(&["mirror", "suggest", "workflow"]).await.exit, Exit::Usage);
}
