use insta::assert_snapshot;

use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Folder, Manner, dead_address, settings};

#[tokio::test]
async fn undoes_the_last_cutover_and_then_the_one_before_it() {
    let folder = Folder::with_proxies(&[]);
    for route in ["workflows", "executions", "workflows"] {
        assert_eq!(folder.cut_over(&[route]).await.exit, Exit::Done);
    }
    assert_eq!(
        (folder.stage("workflows"), folder.stage("executions")),
        ("service".into(), "shadow".into())
    );
    let stages = [("canary", "shadow"), ("canary", "monolith"), ("shadow", "monolith")];
    for (workflows, executions) in stages {
        let ran = folder.run(&["rollback"]).await;
        assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
        assert_eq!(
            (folder.stage("workflows").as_str(), folder.stage("executions").as_str()),
            (workflows, executions)
        );
    }
    let ran = folder.run(&["rollback"]).await;
    assert_eq!(ran.exit, Exit::Done);
    assert_snapshot!(ran.out, @r#"
    there is no cutover to take back
    nothing to do; nothing was changed
    "#);
    assert_eq!(folder.table().generation.number, 6);
}

#[tokio::test]
async fn a_raised_percent_is_lowered_again() {
    let folder = Folder::with_proxies(&[]);
    folder.cut_over(&["workflows", "--percent", "10"]).await;
    folder.cut_over(&["workflows", "--percent", "50"]).await;
    let ran = folder.run(&["rollback", "workflows"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    workflows: canary → canary 10 %
    done: generation 3 ([digest]) is in force in the table, which lists no `[proxies]`, so nothing was waited for
    "#));
    assert!(folder.text().contains("percent = 10,"));
    folder.run(&["rollback", "workflows"]).await;
    assert_eq!(folder.stage("workflows"), "shadow");
}

#[tokio::test]
async fn a_route_without_a_journaled_cutover_goes_to_the_old_backend() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["rollback", "workflows"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    workflows: shadow → monolith
    the journal has no cutover that brought `workflows` to shadow: it goes back to monolith
    done: generation 1 ([digest]) is in force in the table, which lists no `[proxies]`, so nothing was waited for
    "#));
    assert_eq!((ran.exit, folder.stage("workflows")), (Exit::Done, "monolith".into()));
}

#[tokio::test]
async fn other_edits_survive() {
    let folder = Folder::with_proxies(&[]);
    folder.cut_over(&["workflows"]).await;
    folder.write(&format!("{}\n# noted later\n", folder.text()));
    assert_eq!(folder.run(&["rollback"]).await.exit, Exit::Done);
    assert!(folder.text().ends_with("\n# noted later\n"));
    assert_eq!(folder.stage("workflows"), "shadow");
}

#[tokio::test]
async fn a_damaged_table_is_replaced_by_the_last_good_one() {
    let folder = Folder::with_proxies(&[]);
    folder.cut_over(&["workflows"]).await;
    let good = folder.text();
    folder.write("format = 1\n[backends.monolith\n");
    let ran = folder.run(&["rollback"]).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    routes.toml is not a valid route table; it is replaced by generation 1 ([digest]) of the journal, under a new number
    done: generation 2 ([digest]) is in force in the table, which lists no `[proxies]`, so nothing was waited for
    "#));
    assert_eq!(folder.text(), good.replace("generation = 1", "generation = 2"));
    let (_, history) = folder.json(&["history"]).await;
    assert_eq!(history["changes"][1]["before"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_missing_table_comes_back_and_a_route_goes_back_with_it() {
    let folder = Folder::with_proxies(&[]);
    folder.cut_over(&["workflows"]).await;
    std::fs::remove_file(folder.path()).unwrap();
    assert_eq!(folder.run(&["rollback", "workflows"]).await.exit, Exit::Done);
    assert_eq!(folder.stage("workflows"), "shadow");
}

#[tokio::test]
async fn a_damaged_table_without_a_journal_is_an_error_that_says_what_to_do() {
    let folder = Folder::with_table("format = \n");
    let ran = folder.run(&["rollback"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    assert_snapshot!(ran.err, @r#"
    error: routes.toml is not a valid route table, and the journal has no good table to put in its place
      what to do: correct the file by hand; its problems: migrate routes validate
    "#);
    assert_eq!(folder.text(), "format = \n");
}

#[tokio::test]
async fn a_generation_comes_back_whole_under_a_new_number() {
    let folder = Folder::with_proxies(&[]);
    folder.cut_over(&["workflows"]).await;
    folder.cut_over(&["workflows", "executions", "--to", "service"]).await;
    let (exit, report) = folder.json(&["rollback", "--to", "1", "--reason", "slow"]).await;
    assert_eq!(exit, Exit::Done);
    assert_eq!(report["after"]["number"], 3);
    assert_eq!(report["moves"].as_array().unwrap().len(), 2);
    assert_eq!(
        (folder.stage("workflows"), folder.stage("executions")),
        ("canary".into(), "monolith".into())
    );
    let ran = folder.run(&["rollback", "--to", "77"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    assert_snapshot!(ran.err, @r#"
    error: the journal has no text of a generation `77`
      what to do: see which generations there are: migrate history
    "#);
}

#[tokio::test]
async fn a_dead_proxy_is_a_warning_and_a_sleeping_one_is_told() {
    let dead = dead_address();
    let folder = Folder::with_proxies(&[&dead]);
    let ran = folder.run(&["rollback", "workflows"]).await;
    assert_eq!(ran.exit, Exit::Done);
    assert!(ran.err.contains(&dead), "{}", ran.err);

    let proxy = FakeProxy::start(Manner::Sleeps, true);
    let folder = proxy.folder();
    let ran = folder.run(&["rollback", "workflows", "--wait", "200ms"]).await;
    assert_eq!(ran.exit, Exit::NotFollowed);
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    workflows: shadow → monolith
    the journal has no cutover that brought `workflows` to shadow: it goes back to monolith
      http://[proxy]  still has generation 0 ([digest]) in force, of routes.toml
    not followed: generation 1 ([digest]) is in the table, yet not in force at every proxy that answers
    "#));
    assert_eq!(folder.stage("workflows"), "monolith");
}
