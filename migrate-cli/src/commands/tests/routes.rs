//! `migrate routes …`

use insta::assert_snapshot;

use crate::exit_code::Exit;
use crate::testing::{Folder, settings, shape};

#[tokio::test]
async fn routes_list() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["routes", "list"]).await;
    let (exit, json) = folder.json(&["routes", "list"]).await;
    assert_eq!((ran.exit, exit), (Exit::Done, Exit::Done));
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
        ROUTE       STAGE     PATH                             METHODS       OLD → NEW
        workflows   shadow    /api/v1/agent/workflows/{*rest}  GET POST      monolith → agent-service
        executions  monolith  /api/v1/agent/executions/{id}    every method  monolith → agent-service

        generation 0 ([digest]); every other path goes to monolith
        "#);
        assert_snapshot!(shape(&json), @r#"
        generation: {"number":0,"digest":"[digest]"}
        fallback: "monolith"
        routes:
          - {"name":"workflows","path":"/api/v1/agent/workflows/{*rest}","methods":["GET","POST"],"stage":"shadow","old":"monolith","new":"agent-service","line":19}
          - {"name":"executions","path":"/api/v1/agent/executions/{id}","stage":"monolith","old":"monolith","new":"agent-service","line":27}
        "#);
    });
}

#[tokio::test]
async fn routes_show() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["routes", "show", "workflows"]).await;
    let (_, json) = folder.json(&["routes", "show", "workflows"]).await;
    settings().bind(|| {
        assert_snapshot!(ran.out, @r#"
        workflows  routes.toml:19
          path      /api/v1/agent/workflows/{*rest}
          methods   GET POST
          stage     shadow
          old       monolith (127.0.0.1:8011) as the same path
          new       agent-service (127.0.0.1:8012) as /api/v1/agents/workflows/{rest}
          canary    10 % by header:x-api-key
          mirrored  100 % of requests at shadow and canary
        "#);
        assert_snapshot!(shape(&json), @r#"
        name: "workflows"
        file: "routes.toml"
        line: 19
        path: "/api/v1/agent/workflows/{*rest}"
        methods:
          - "GET"
          - "POST"
        stage: "shadow"
        old: {"name":"monolith","targets":["127.0.0.1:8011"],"health":"/v1/health","rewritten_path":null}
        new: {"name":"agent-service","targets":["127.0.0.1:8012"],"health":"/health","rewritten_path":"/api/v1/agents/workflows/{rest}"}
        canary: {"percent":10.0,"sticky":"header:x-api-key"}
        mirror_sample: 1.0
        compare: {"ignore":[],"timestamp":[],"unordered":[],"headers":[],"tolerance":0.0}
        "#);
    });
    assert_eq!(folder.run(&["routes", "show", "workflow"]).await.exit, Exit::Usage);
}

#[tokio::test]
async fn routes_validate() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["routes", "validate"]).await;
    settings().bind(|| assert_snapshot!(ran.out, @"valid: routes.toml, generation 0 ([digest]), routes: 2, backends: 2"));

    folder.write(&folder.text().replace("stage = \"monolith\"", "stage = \"cannary\""));
    let ran = folder.run(&["routes", "validate"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    assert_snapshot!(ran.err, @r#"
    error: routes.toml is not a valid route table
      × `cannary` is no stage
        ╭─[routes.toml:30:9]
     29 │ path = "/api/v1/agent/executions/{id}"
     30 │ stage = "cannary"
        ·         ─────────
        ╰────
      help: did you mean `canary`?
      what to do: correct the places shown, or take the last good table from the journal: migrate rollback
    "#);
    let (exit, json) = folder.json(&["routes", "validate"]).await;
    assert_eq!(exit, Exit::Failed);
    assert_snapshot!(shape(&json), @r#"
    file: "routes.toml"
    valid: false
    generation: null
    routes: null
    backends: null
    problems:
      - {"line":30,"column":9,"message":"`cannary` is no stage","help":"did you mean `canary`?"}
    "#);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named() {
    let folder = Folder::with_proxies(&[]);
    std::fs::remove_file(folder.path()).unwrap();
    let ran = folder.run(&["routes", "list"]).await;
    assert_eq!(ran.exit, Exit::Failed);
    assert_snapshot!(ran.err, @r#"
    error: failed to open routes.toml
      because No such file or directory (os error 2)
      what to do: check that the path is right and that you may write to the file and its folder; another table is named with --routes FILE
    "#);
}

#[tokio::test]
async fn routes_test_explains_a_canary() {
    let folder = Folder::with_proxies(&[]);
    folder.cut_over(&["workflows", "--percent", "50"]).await;
    let request = ["routes", "test", "get", "/api/v1/agent/workflows/7"];
    let without = folder.run(&request).await;
    let with = folder.run(&[&request[..], &["--header", "X-Api-Key: k-1"]].concat()).await;
    let (_, json) = folder.json(&[&request[..], &["--header", "X-Api-Key: k-1"]].concat()).await;
    assert_snapshot!(without.out, @r#"
    GET /api/v1/agent/workflows/7
    1 check    the path may be matched
    2 match    `workflows` is the only route that names this path and method
               workflows (line 20) /api/v1/agent/workflows/{*rest}: wins
               routes whose pattern does not fit: 1
               {rest} is `7`
    3 choose   stage canary, below 5000 is new: no header:x-api-key in the request (give --header 'x-api-key: …'), so monolith answers
    4 forward  to monolith as GET /api/v1/agent/workflows/7
    5 mirror   100 % of safe requests → agent-service, answers compared
    "#);
    assert_snapshot!(with.out, @r#"
    GET /api/v1/agent/workflows/7
    1 check    the path may be matched
    2 match    `workflows` is the only route that names this path and method
               workflows (line 20) /api/v1/agent/workflows/{*rest}: wins
               routes whose pattern does not fit: 1
               {rest} is `7`
    3 choose   stage canary, below 5000 is new: bucket 7578 of 10000 by header:x-api-key, so monolith answers
    4 forward  to monolith as GET /api/v1/agent/workflows/7
    5 mirror   100 % of safe requests → agent-service, answers compared
    "#);
    assert_snapshot!(shape(&json), @r#"
    matching: {"method":"GET","path":"/api/v1/agent/workflows/7","refusal":null,"considered":[{"route":"executions","path":"/api/v1/agent/executions/{id}","methods":null,"line":28,"path_matches":false,"method_matches":true},{"route":"workflows","path":"/api/v1/agent/workflows/{*rest}","methods":["GET","POST"],"line":20,"path_matches":true,"method_matches":true}],"winner":"workflows","why":"`workflows` is the only route that names this path and method","captured":[["rest","7"]],"old_path":"/api/v1/agent/workflows/7","new_path":"/api/v1/agents/workflows/7"}
    stage: "canary"
    decision: {"primary":"monolith","path":"/api/v1/agent/workflows/7","failover":null,"mirror":"agent-service","mirror_sample":1.0,"canary":{"sticky":"header:x-api-key","bucket":7578,"limit":5000.0}}
    "#);
}

#[tokio::test]
async fn routes_test_explains_the_fallback_and_a_refusal() {
    let folder = Folder::with_proxies(&[]);
    let fallback = folder.run(&["routes", "test", "DELETE", "/api/v1/agent/workflows"]).await;
    let refused = folder.run(&["routes", "test", "GET", "/api/v1/%2e%2e/x"]).await;
    assert_snapshot!(fallback.out, @r#"
    DELETE /api/v1/agent/workflows
    1 check    the path may be matched
    2 match    no route that names this path has this method: the fallback `monolith` answers
               workflows (line 19) /api/v1/agent/workflows/{*rest}: passed over: only GET POST
               routes whose pattern does not fit: 1
    3 choose   monolith is the fallback
    4 forward  to monolith as DELETE /api/v1/agent/workflows
    5 mirror   nothing
    "#);
    assert_snapshot!(refused.out, @r#"
    GET /api/v1/%2e%2e/x
    1 check    the path has a dot segment: answered with 400
    "#);
}
