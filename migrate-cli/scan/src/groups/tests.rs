//! Routes of both sides in, groups out.

use insta::assert_snapshot;

use super::*;

fn served(base: &str, paths: &[&str]) -> Vec<Served> {
    let one = |path: &&str| {
        let (method, path) = path.split_once(' ').unwrap();
        Served {
            file: "app/x.py".to_owned(),
            line: 1,
            handler: "h".to_owned(),
            router: "router".to_owned(),
            methods: vec![method.to_owned()],
            websocket: false,
            paths: vec![ServedPath {
                path: format!("{base}{path}"),
                base: base.to_owned(),
                mounts: Vec::new(),
                settings: Vec::new(),
            }],
        }
    };
    paths.iter().map(one).collect()
}

fn shown(served: &[Served], rest: &[Served]) -> String {
    let line = |group: Group| {
        format!(
            "{} {} {:?} {} {:?}",
            group.name, group.path, group.methods, group.routes, group.contested
        )
    };
    let grouped = of(served, rest);
    let lines = grouped.groups.into_iter().map(line).chain(grouped.left_out);
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_word_after_the_router_makes_the_group() {
    let mut all =
        served("/v1/agents", &["GET /workflows", "POST /workflows/{id}", "GET /networks"]);
    all.extend(served("/api/v1/agents", &["GET /workflows"]));
    all.extend(served("/v1", &["GET /services/", "GET /services/{id}"]));
    all.extend(served("/v1/jobs", &["GET ", "GET /{id}", "GET /stats/all"]));
    let rest = served("/v1", &["GET /users", "GET /agentsmith"]);
    assert_snapshot!(shown(&all, &rest), @r"
    api-v1-agents-workflows /api/v1/agents/workflows [] 1 []
    networks /v1/agents/networks [] 1 []
    v1-agents-workflows /v1/agents/workflows/{*rest} [] 2 []
    jobs /v1/jobs/{*rest} [] 3 []
    services /v1/services/{*rest} [] 2 []
    ");
}

#[test]
fn what_stays_is_not_taken() {
    let all = served(
        "/v1/agents",
        &["GET /a/{id}", "GET /a/{id}/x", "POST /a/b", "GET /a/c/d", "GET /a/c/e"],
    );
    let rest = served("/v1", &["GET /agents/a/b", "GET /agents/{kind}/c/d"]);
    assert_snapshot!(shown(&all, &rest), @r#"
    v1-agents-a-b-post /v1/agents/a/b ["POST"] 1 []
    c /v1/agents/a/c/{*rest} [] 2 ["/v1/agents/{kind}/c/d (app/x.py:1)"]
    a /v1/agents/a/{p1}/{*rest} [] 2 ["/v1/agents/a/b (app/x.py:1)", "/v1/agents/{kind}/c/d (app/x.py:1)"]
    "#);
}

#[test]
fn a_slash_at_the_end_is_reached() {
    let all = served("/v1/agents", &["GET /"]);
    assert_snapshot!(shown(&all, &[]), @"agents /v1/agents/{*rest} [] 1 []");
    let all = served("/v1", &["GET /jobs/", "GET /things/{id}/", "GET /files/"]);
    let rest = served("/v1", &["POST /jobs", "GET /jobs/all", "POST /things/{id}/", "PUT /files/"]);
    assert_snapshot!(shown(&all, &rest), @r#"
    v1-files-get /v1/files/{*rest} ["GET"] 1 []
    v1-things-get /v1/things/{p1}/{*rest} ["GET"] 1 []
    app/x.py:1 h: /v1/jobs/ would be /v1/jobs/{*rest} in a route table, and that takes /v1/jobs/all (app/x.py:1), which stays
    "#);
}

#[test]
fn what_a_pattern_can_t_say_is_wider_or_left_out() {
    let all = served(
        "/k",
        &[
            "GET /e-{id}",
            "POST /{name}.json",
            "GET /n/{n:int}",
            "GET /f/{p:path}/meta",
            "GET /a//b",
        ],
    );
    assert_snapshot!(shown(&all, &served("/k", &["PUT /stays", "GET /n/stays"])), @r#"
    f /k/f/{*rest} [] 1 []
    k-get-post /k/{p1} ["GET", "POST"] 2 []
    app/x.py:1 h: no route table can name /k/a//b, with its empty part
    app/x.py:1 h: /k/n/{n:int} would be /k/n/{p1} in a route table, and that takes /k/n/stays (app/x.py:1), which stays
    "#);
    assert_snapshot!(shown(&all, &served("/k", &["POST /stays.json", "POST /stays"])), @r"
    f /k/f/{*rest} [] 1 []
    n /k/n/{*rest} [] 1 []
    app/x.py:1 h: no route table can name /k/a//b, with its empty part
    app/x.py:1 h: /k/e-{id} would be /k/{p1} in a route table, and that takes /k/stays (app/x.py:1), which stays
    app/x.py:1 h: /k/{name}.json would be /k/{p1} in a route table, and that takes /k/stays (app/x.py:1), which stays
    ");
}
