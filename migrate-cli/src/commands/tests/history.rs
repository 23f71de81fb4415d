//! `migrate history`

use insta::assert_snapshot;

use crate::testing::{FakeProxy, Manner, settings, shape};

#[tokio::test]
async fn history_tells_every_change() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    let ran = folder.run(&["history"]).await;
    assert_snapshot!(ran.out, @"no change is journaled yet");
    folder.run(&["cutover", "workflows", "--percent", "5", "--reason", "first try"]).await;
    folder.run(&["rollback"]).await;
    let ran = folder.run(&["history"]).await;
    let (_, json) = folder.json(&["history", "--limit", "1"]).await;
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
           GENERATION          WHEN (UTC)           WHO      WHAT      MOVES                           ENDED  WHY
           1 [digest]  [time]  ann@box  cutover   workflows: shadow → canary 5 %  done   first try
        ▶  2 [digest]  [time]  ann@box  rollback  workflows: canary → shadow      done
        "#);
        assert_snapshot!(shape(&json), @r#"
        in_file: "[digest]"
        changes:
          - {"sequence":3,"at":"[time]","who":"ann@box","action":"rollback","outcome":"done","in_force":true,"before":{"number":1,"digest":"[digest]"},"after":{"number":2,"digest":"[digest]"},"moves":[{"route":"workflows","from":"canary","to":"shadow"}],"reason":null}
        findings: []
        "#);
    });
}
