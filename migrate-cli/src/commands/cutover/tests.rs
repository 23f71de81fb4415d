use insta::assert_snapshot;

use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Folder, Manner, dead_address, settings, shape};

#[tokio::test]
async fn goes_to_the_next_stage_and_sees_every_proxy_follow() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    let ran = folder.run(&["cutover", "workflows", "--percent", "25", "--reason", "first"]).await;
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
        workflows: shadow → canary 25 %
          http://[proxy]  followed after [ms]
        done: generation 1 ([digest]) is in force; proxies: 1, the last followed [ms] after the write
        "#);
    });
    assert_eq!((ran.exit, ran.err.as_str()), (Exit::Done, ""));
    assert_eq!(folder.stage("workflows"), "canary");
    assert!(folder.text().contains("stage = \"canary\" # read only so far"));
    assert!(folder.text().contains("percent = 25,"));

    let (_, history) = folder.json(&["history"]).await;
    assert_eq!(history["changes"][0]["outcome"], "done");
    assert_eq!(history["changes"][0]["reason"], "first");
}

#[tokio::test]
async fn several_routes_move_in_one_generation() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    let (exit, report) =
        folder.json(&["cutover", "workflows", "executions", "--to", "service"]).await;
    assert_eq!(exit, Exit::Done);
    assert_eq!(report["after"]["number"], 1);
    assert_eq!(report["moves"].as_array().unwrap().len(), 2);
    settings().bind(|| {
        assert_snapshot!(shape(&report), @r#"
        action: "cutover"
        result: "done"
        before: {"number":0,"digest":"[digest]"}
        after: {"number":1,"digest":"[digest]"}
        moves:
          - {"route":"workflows","from":"shadow","to":"service"}
          - {"route":"executions","from":"monolith","to":"service"}
        gate: {"conditions":[{"condition":"proxy http://[proxy]","wanted":"answers","found":"answers","met":true,"verdict":"pass"},{"condition":"table at http://[proxy]","wanted":"generation 0 ([digest])","found":"generation 0 ([digest]) of routes.toml","met":true,"verdict":"pass"},{"condition":"backend agent-service seen from http://[proxy]","wanted":"healthy","found":"healthy","met":true,"verdict":"pass"},{"condition":"samples of GET /workflows","wanted":"at least 100","found":"400","met":true,"verdict":"pass"},{"condition":"samples of GET /executions","wanted":"at least 100","found":"400","met":true,"verdict":"pass"}]}
        forced: false
        proxies:
          - {"proxy":"http://[proxy]","result":"followed","after_ms: [ms]}
        followed_ms: [ms]
        astray: []
        notes: []
        diff: null
        "#);
    });
}

#[tokio::test]
async fn a_proxy_that_rejects_the_table_has_the_text_before_put_back() {
    let proxy = FakeProxy::start(Manner::Rejects, true);
    let folder = proxy.folder();
    let before = folder.text();
    let ran = folder.run(&["cutover", "workflows"]).await;
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
    workflows: shadow → canary 10 %
      http://[proxy]  rejected the table: routes.toml:3:1: not to my taste; write it otherwise
    put back: not every proxy followed; generation 0 ([digest]) is in force again
    "#);
    });
    assert_eq!(ran.exit, Exit::NotFollowed);
    assert_eq!(folder.text(), before);
    let (_, history) = folder.json(&["history"]).await;
    assert_eq!(history["changes"][0]["outcome"], "put-back");
}

#[tokio::test]
async fn a_proxy_that_does_not_follow_in_time_is_named() {
    let (good, bad) =
        (FakeProxy::start(Manner::Follows, true), FakeProxy::start(Manner::Sleeps, true));
    let folder = Folder::with_proxies(&[&good.url(), &bad.url()]);
    good.follow(&folder);
    bad.follow(&folder);
    let before = folder.text();
    let (exit, report) = folder.json(&["cutover", "workflows", "--wait", "300ms"]).await;
    assert_eq!(exit, Exit::NotFollowed);
    assert_eq!(folder.text(), before);
    assert_eq!(report["result"], "put-back");
    assert_eq!(report["proxies"][0]["result"], "followed");
    assert_eq!(report["proxies"][1]["result"], "behind");
    assert_eq!(report["proxies"][1]["proxy"], bad.url());
    assert_eq!(report["astray"].as_array().unwrap().len(), 0, "both have the text before again");
}

#[tokio::test]
async fn a_dead_proxy_leaves_the_generation_before_in_force() {
    let address = dead_address();
    let folder = Folder::with_proxies(&[&address]);
    let before = folder.text();
    let ran = folder.run(&["cutover", "workflows"]).await;
    assert_eq!(ran.exit, Exit::NotFollowed);
    assert_eq!(folder.text(), before);
    assert!(ran.out.contains(&address), "{}", ran.out);
    // Forced past the gate it is written, not followed, and put back.
    let forced = ["cutover", "workflows", "--force", "--reason", "try", "--wait", "100ms"];
    let (exit, report) = folder.json(&forced).await;
    assert_eq!((exit, &report["result"]), (Exit::NotFollowed, &"put-back".into()));
    assert_eq!(folder.text(), before);
}

#[tokio::test]
async fn the_gate_refuses_an_unhealthy_backend_and_says_what_to_do() {
    let proxy = FakeProxy::start(Manner::Follows, false);
    let folder = proxy.folder();
    let before = folder.text();
    let ran = folder.run(&["cutover", "workflows", "--to", "service"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    CONDITION                                               WANTED                           FOUND                                           VERDICT
    proxy http://[proxy]                            answers                          answers                                         pass     
    table at http://[proxy]                         generation 0 ([digest])  generation 0 ([digest]) of routes.toml  pass     
    backend agent-service seen from http://[proxy]  healthy                          unhealthy: 127.0.0.1:8012                       fail     
    samples of GET /workflows                               at least 100                     400                                             pass     
      what to do about backend agent-service seen from http://[proxy]: start it, and check `[backends.agent-service] targets` and `health` in the table

    workflows: shadow → service
    refused: generation 0 ([digest]) stays in force; to go past it: --force --reason "…"
    "#));
    assert_eq!((ran.exit, folder.text()), (Exit::Refused, before));

    let forced = ["cutover", "workflows", "--to", "service", "--force", "--reason", "it is fine"];
    let (exit, report) = folder.json(&forced).await;
    assert_eq!((exit, &report["forced"]), (Exit::Done, &true.into()));
    let (_, history) = folder.json(&["history"]).await;
    let reason = history["changes"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("forced past backend agent-service"), "{reason}");
    assert!(reason.ends_with(": it is fine"), "{reason}");
}

#[tokio::test]
async fn the_gate_refuses_a_proxy_that_follows_another_table() {
    let proxy = FakeProxy::start(Manner::Sleeps, true);
    let folder = proxy.folder();
    folder.write(&format!("{}\n# edited\n", folder.text()));
    let (exit, report) = folder.json(&["cutover", "workflows"]).await;
    assert_eq!((exit, &report["result"]), (Exit::Refused, &"refused".into()));
    assert_eq!(report["gate"]["conditions"][1]["met"], false);
}

#[tokio::test]
async fn shadow_needs_no_healthy_backend() {
    let proxy = FakeProxy::start(Manner::Follows, false);
    let folder = proxy.folder();
    assert_eq!(folder.run(&["cutover", "executions"]).await.exit, Exit::Done);
    assert_eq!(folder.stage("executions"), "shadow");
}

#[tokio::test]
async fn the_same_stage_is_nothing_to_do() {
    let folder = Folder::with_proxies(&[]);
    let before = folder.text();
    let ran = folder.run(&["cutover", "workflows", "--to", "shadow"]).await;
    assert_snapshot!(ran.out, @r#"
    workflows at stage shadow already
    nothing to do; nothing was changed
    "#);
    assert_eq!((ran.exit, folder.text()), (Exit::Done, before));
    assert!(!folder.file().journal_path().exists());
}

#[tokio::test]
async fn within_the_canary_the_percent_goes_both_ways() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    for percent in ["10", "50", "20"] {
        let ran = folder.run(&["cutover", "workflows", "--percent", percent]).await;
        assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    }
    assert!(folder.text().contains("percent = 20,"));
    assert_eq!(folder.table().generation.number, 3);
}

#[tokio::test]
async fn without_proxies_it_says_by_force_that_nothing_was_waited_for() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.cut_over(&["workflows", "--to", "service"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r"
    CONDITION                    WANTED               FOUND                           VERDICT
    evidence of route workflows  a proxy that has it  the table lists no `[proxies]`  inconclusive  
      what to do about evidence of route workflows: name the admin address of each running proxy in `[proxies] admin`

    workflows: shadow → service
    done: generation 1 ([digest]) is in force in the table, which lists no `[proxies]`, so nothing was waited for
    "));
}

#[tokio::test]
async fn a_step_back_is_refused_and_points_to_rollback() {
    let folder = Folder::with_proxies(&[]);
    folder.cut_over(&["workflows", "--to", "service"]).await;
    let ran = folder.run(&["cutover", "workflows", "--to", "shadow"]).await;
    assert_eq!(ran.exit, Exit::Refused);
    assert_snapshot!(ran.err, @r#"
    error: route `workflows` is at stage service; shadow would be a step back
      what to do: go back with: migrate rollback workflows
    "#);
}

#[tokio::test]
async fn an_unknown_route_is_answered_with_the_nearest() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["cutover", "workflow"]).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert_snapshot!(ran.err, @r#"
    error: no route is named `workflow`
      what to do: did you mean `workflows`?
    "#);
    let (_, error) = folder.json(&["cutover", "workflow"]).await;
    assert_snapshot!(shape(&error), @r#"
    error: {"message":"no route is named `workflow`","causes":[],"problems":[],"help":"did you mean `workflows`?"}
    exit_code: 2
    "#);
}

#[tokio::test]
async fn a_dry_run_shows_the_diff_and_changes_nothing() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    let before = folder.text();
    let ran = folder.run(&["cutover", "workflows", "--dry-run"]).await;
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
    --- routes.toml
    +++ routes.toml, new generation
    @@ -1,4 +1,5 @@
     format = 1
    +generation = 1
     # The table of the tests.
     [proxies]
     admin = ["http://[proxy]"]
    @@ -21,7 +22,7 @@
     path = "/api/v1/agent/workflows/{*rest}"
     methods = ["GET", "POST"]
     new_path = "/api/v1/agents/workflows/{rest}"
    -stage = "shadow" # read only so far
    +stage = "canary" # read only so far
     canary = { percent = 10, sticky = "header:x-api-key" }
     
     [[routes]]
    workflows: shadow → canary 10 %
    would be generation 1 ([digest]); nothing was changed
    "#);
    });
    assert_eq!((ran.exit, folder.text()), (Exit::Done, before));
    assert!(!folder.file().journal_path().exists());
}

#[tokio::test]
async fn a_held_lock_names_its_holder() {
    let folder = Folder::with_proxies(&[]);
    let _lock = folder.file().lock("bob@box: cutover executions, pid 7", std::time::Duration::ZERO);
    let ran = folder.run(&["cutover", "workflows"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    assert_snapshot!(ran.err, @r#"
    error: bob@box: cutover executions, pid 7 is changing routes.toml right now; try again when it is done
      what to do: wait until the other change is done; the lock is released when its process ends
    "#);
}
