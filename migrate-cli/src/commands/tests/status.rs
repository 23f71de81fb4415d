//! `migrate status`

use insta::assert_snapshot;

use crate::commands::tests::mirror::evidence;
use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Folder, Manner, dead_address, settings, shape};

#[tokio::test]
async fn status_tells_who_is_out_of_step() {
    let good = FakeProxy::with_evidence(Manner::Follows, true, Some(evidence()));
    let bad = FakeProxy::start(Manner::Sleeps, false);
    let folder = Folder::with_proxies(&[&good.url(), &bad.url(), &dead_address()]);
    good.follow(&folder);
    bad.follow(&folder);
    folder.write(&format!("{}# edited\n", folder.text()));
    let ran = folder.run(&["status"]).await;
    let (exit, json) = folder.json(&["status"]).await;
    assert_eq!((ran.exit, exit), (Exit::Done, Exit::Done));
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
        routes.toml  generation 0 ([digest])

        ROUTE       STAGE     OLD → NEW                 COMPARED  MATCHED  DIFFERENCES  FAILED  FAILOVERS
        workflows   shadow    monolith → agent-service  1200      96.50 %  2            2       6          
        executions  monolith  monolith → agent-service  0         –        0            0       6          

        proxy http://[proxy]  follows the table: generation 0 ([digest])
          backend monolith  127.0.0.1:8011 healthy
          backend agent-service  127.0.0.1:8012 healthy
        proxy http://[proxy]  out of step with the table: generation 0 ([digest]) of routes.toml
          backend monolith  127.0.0.1:8011 healthy
          backend agent-service  127.0.0.1:8012 unhealthy
        proxy http://[proxy]  no proxy answers at http://[proxy]/api/routes: Connection refused (os error 111)

        last changes
        no change is journaled yet
        "#);
        assert_snapshot!(shape(&json), @r#"
        file: "routes.toml"
        source: "file"
        generation: {"number":0,"digest":"[digest]"}
        damaged: null
        routes:
          - {"name":"workflows","stage":"shadow","old":"monolith","new":"agent-service","compared":1200,"matched":1158,"failed":2,"differences":2,"failovers":6}
          - {"name":"executions","stage":"monolith","old":"monolith","new":"agent-service","compared":0,"matched":0,"failed":0,"differences":0,"failovers":6}
        proxies:
          - {"address":"http://[proxy]","in_step":true,"generation":{"number":0,"digest":"[digest]"},"table":"routes.toml","version":"0.1.0","pid":4711,"rejected":[],"lost":null,"backends":[{"name":"monolith","healthy":true,"targets":[{"address":"127.0.0.1:8011","healthy":true}]},{"name":"agent-service","healthy":true,"targets":[{"address":"127.0.0.1:8012","healthy":true}]}],"error":null}
          - {"address":"http://[proxy]","in_step":false,"generation":{"number":0,"digest":"[digest]"},"table":"routes.toml","version":"0.1.0","pid":4711,"rejected":[],"lost":null,"backends":[{"name":"monolith","healthy":true,"targets":[{"address":"127.0.0.1:8011","healthy":true}]},{"name":"agent-service","healthy":false,"targets":[{"address":"127.0.0.1:8012","healthy":false}]}],"error":null}
          - {"address":"http://[proxy]","in_step":false,"generation":null,"table":null,"version":null,"pid":null,"rejected":[],"lost":null,"backends":[],"error":"no proxy answers at http://[proxy]/api/routes: Connection refused (os error 111)"}
        interrupted: []
        history: {"in_file":"[digest]","changes":[],"findings":[]}
        "#);
    });
}

#[tokio::test]
async fn status_of_a_damaged_table_still_finds_the_proxies() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    assert_eq!(folder.run(&["cutover", "workflows"]).await.exit, Exit::Done);
    proxy.follow(&folder);
    folder.write("format = 1\nnonsense\n");
    let ran = folder.run(&["status"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    routes.toml  routes.toml is not a valid route table; the routes below are those of the last good one

    ROUTE       STAGE        OLD → NEW                 COMPARED  MATCHED  DIFFERENCES  FAILED  FAILOVERS
    workflows   canary 10 %  monolith → agent-service  0         –        0            0       3          
    executions  monolith     monolith → agent-service  0         –        0            0       3          

    proxy http://[proxy]  out of step with the table: generation 1 ([digest]) of routes.toml
      backend monolith  127.0.0.1:8011 healthy
      backend agent-service  127.0.0.1:8012 healthy

    last changes
       GENERATION          WHEN (UTC)           WHO      WHAT     MOVES                            ENDED  WHY
       1 [digest]  [time]  ann@box  cutover  workflows: shadow → canary 10 %  done
    "#));
}
