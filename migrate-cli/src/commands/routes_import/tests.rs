//! Routes of a small monolith come into a table, once.

use insta::assert_snapshot;

use crate::exit_code::Exit;
use crate::testing::{Folder, settings};

fn monolith() -> (Folder, String) {
    let folder = Folder::with_proxies(&[]);
    let at = folder.path().parent().unwrap().join("mono");
    std::fs::create_dir_all(at.join("app")).unwrap();
    for (name, text) in [
        ("app/__init__.py", ""),
        (
            "app/agents.py",
            "router = APIRouter(prefix='/agent')\n@router.get('/networks/{id}')\ndef one(): ...\n@router.post('/networks')\n\
             def make(): ...\n@router.get('/executions/{id}')\ndef run(): ...\n@router.get('/mixed')\ndef mixed(): ...\n",
        ),
        ("app/lost.py", "router = APIRouter()\n@router.get('/lost')\ndef lost(): ...\n"),
        (
            "app/main.py",
            "from .agents import router\napp = FastAPI()\napp.include_router(router, prefix='/api/v1')\n\
             @app.post('/api/v1/agent/mixed')\ndef stays(): ...\n",
        ),
    ] {
        std::fs::write(at.join(name), text).unwrap();
    }
    (folder, at.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn groups_are_shown_added_once_and_taken_back() {
    let (folder, dir) = monolith();
    let before = folder.text();
    let line = ["routes", "import", &dir, "--extract", "app/agents.py", "app/lost.py"];
    let ran = folder.run(&line).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    settings().bind(|| assert_snapshot!(ran.out, @r#"
    executions /api/v1/agent/executions/{*rest} (1 route): left out: another route is named `executions`
    api-v1-agent-mixed-get /api/v1/agent/mixed (1 route): new
    networks /api/v1/agent/networks/{*rest} (2 routes): new
    not taken: app/lost.py:2 lost: nobody takes its router in
    --- routes.toml
    +++ routes.toml, new generation
    @@ -1,4 +1,5 @@
     format = 1
    +generation = 1
     # The table of the tests.
     [proxies]
     admin = []
    @@ -28,3 +29,16 @@
     name = "executions"
     path = "/api/v1/agent/executions/{id}"
     stage = "monolith"
    +
    +# served by app/agents.py
    +[[routes]]
    +name = "api-v1-agent-mixed-get"
    +path = "/api/v1/agent/mixed"
    +methods = ["GET"]
    +stage = "monolith"
    +
    +# served by app/agents.py
    +[[routes]]
    +name = "networks"
    +path = "/api/v1/agent/networks/{*rest}"
    +stage = "monolith"
    to add the routes: --write
    would be generation 1 ([digest]); nothing was changed
    "#));
    assert_eq!(folder.text(), before, "nothing is written without --write");

    let write = [&line[..], &["--write", "--yes"]].concat();
    let ran = folder.run(&[&write[..], &["--dry-run"]].concat()).await;
    assert_eq!((ran.exit, folder.text()), (Exit::Done, before.clone()));

    let ran = folder.run(&write).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let table = folder.table();
    let route = table.route_named("networks").unwrap();
    assert_eq!(route.path.to_string(), "/api/v1/agent/networks/{*rest}");
    let route = table.route_named("api-v1-agent-mixed-get").unwrap();
    assert_eq!(route.methods, Some(vec!["GET".to_owned()]));

    let after = folder.text();
    let (exit, report) = folder.json(&write).await;
    assert_eq!((exit, folder.text()), (Exit::Done, after));
    assert_eq!(report["change"]["result"], "nothing-to-do");
    let ran = folder.run(&["rollback", "--to", "0", "--yes"]).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(folder.table().route_named("networks").is_none());
}

/// A monolith whose `app/agents.py` has these routes below `/v1/agents`, beside others that stay.
fn odd(routes: &str, stays: &str) -> (Folder, String) {
    let (folder, at) = monolith();
    let text = |body: &str| format!("router = APIRouter(prefix='/v1/agents')\n{body}");
    std::fs::write(format!("{at}/app/agents.py"), text(routes)).unwrap();
    std::fs::write(format!("{at}/app/rest.py"), text(stays)).unwrap();
    let main = "from . import agents, rest\napp = FastAPI()\napp.include_router(agents.router)\napp.include_router(rest.router)\n";
    std::fs::write(format!("{at}/app/main.py"), main).unwrap();
    (folder, at)
}

#[tokio::test]
async fn a_path_that_ends_with_a_slash_is_reached() {
    let (folder, dir) =
        odd("@router.get('/')\ndef all(): ...\n", "@router.post('')\ndef make(): ...\n");
    let line = ["routes", "import", &dir, "--extract", "app/agents.py", "--write", "--yes"];
    let (exit, report) = folder.json(&line).await;
    assert_eq!((exit, &report["left_out"]), (Exit::Done, &serde_json::json!([])));
    let table = folder.table();
    let found = table.match_route("GET", "/v1/agents/").unwrap();
    let found = found.map(|found| table.route(found.route).path.to_string());
    assert_eq!(found.as_deref(), Some("/v1/agents/{*rest}"));
    assert_eq!(table.match_route("POST", "/v1/agents").unwrap(), None, "it stays");
    let (exit, report) = folder.json(&line).await;
    assert_eq!((exit, &report["groups"][0]["standing"]), (Exit::Done, &"there".into()));
}

#[tokio::test]
async fn an_odd_path_does_not_keep_the_others_out() {
    let routes = "@router.get('/list')\ndef all(): ...\n@router.get('/e-{id}')\ndef one(id): ...\n\
        @router.get('/{name}.json')\ndef file(name): ...\n@router.get('/a?b')\ndef query(): ...\n";
    let (folder, dir) = odd(routes, "@router.get('/stays')\ndef stays(): ...\n");
    let line = ["routes", "import", &dir, "--extract", "app/agents.py", "--write", "--yes"];
    let (exit, report) = folder.json(&line).await;
    assert_eq!(exit, Exit::Done, "{report}");
    assert_snapshot!(serde_json::to_string_pretty(&report["left_out"]).unwrap(), @r#"
    [
      "app/agents.py:4 one: /v1/agents/e-{id} would be /v1/agents/{p1} in a route table, and that takes /v1/agents/stays (app/rest.py:2), which stays",
      "app/agents.py:6 file: /v1/agents/{name}.json would be /v1/agents/{p1} in a route table, and that takes /v1/agents/stays (app/rest.py:2), which stays",
      "app/agents.py:8 query: a route table can't have its path /v1/agents/a?b: `?` does not belong in a path"
    ]
    "#);
    assert!(folder.table().route_named("list").is_some());
}
