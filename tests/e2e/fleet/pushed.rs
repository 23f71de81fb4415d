//! A table goes into a database and out again, with every generation; and no secret is ever shown.

use e2e::stack::{CommandOutput, run};

use super::*;

/// `migrate --routes …` with these words.
async fn migrate(stack: &Stack, routes: &str, words: &[&str]) -> CommandOutput {
    let mut command = Command::new(BINARIES.migrate);
    command.args(["--routes", routes]).args(words).current_dir(stack.folder());
    command.env("NO_COLOR", "1").env("COLUMNS", "100");
    run(command).await
}

async fn migrate_ok(stack: &Stack, routes: &str, words: &[&str]) -> CommandOutput {
    let output = migrate(stack, routes, words).await;
    assert_eq!(output.code, Some(0), "{routes} {words:?}: {output:#?}");
    output
}

/// The journal without its findings, of which there must be none.
async fn changes(stack: &Stack, routes: &str) -> Vec<Value> {
    let output = migrate_ok(stack, routes, &["--output", "json", "history"]).await;
    let history: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(history["findings"], Value::Array(Vec::new()), "{history:#}");
    history["changes"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_generation_survives_the_way_in_and_out() {
    let mut stack = stack().route(RouteSpec::new("w", "/w/{*rest}").stage("shadow")).start().await;
    stack.cut_over(&["w", "--to", "service"]).await;
    let second = stack.routes_report().await.generation.number;
    stack.migrate_ok(&["rollback", "w"]).await;
    stack.proxy().kill();
    let in_file = changes(&stack, "routes.toml").await;

    let postgres = e2e::postgres::Postgres::start().await;
    let url = format!("{}&table=first", postgres.url("postgres"));
    let missing = migrate(&stack, &url, &["routes", "list"]).await;
    assert!(missing.stderr.contains("migrate routes push FILE"), "{missing:#?}");
    let planned = migrate_ok(&stack, &url, &["--dry-run", "routes", "push", "routes.toml"]).await;
    assert!(planned.stdout.starts_with("planned:"), "{planned:#?}");
    migrate_ok(&stack, &url, &["routes", "push", "routes.toml"]).await;
    assert_eq!(changes(&stack, &url).await, in_file, "with the journal as it was");
    // Nothing is needed of the file to go back to what only it had known.
    migrate_ok(&stack, &url, &["rollback", "--to", &second.to_string()]).await;
    let listed = migrate_ok(&stack, &url, &["--output", "json", "routes", "list"]).await.stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["routes"][0]["stage"], "service");

    let refused = migrate(&stack, &url, &["routes", "pull", "routes.toml"]).await;
    assert_eq!(refused.code, Some(0), "it is an earlier generation: {refused:#?}");
    assert_eq!(changes(&stack, "routes.toml").await, changes(&stack, &url).await);
    migrate_ok(&stack, "routes.toml", &["rollback", "w"]).await;
    assert_eq!(changes(&stack, "routes.toml").await.len(), in_file.len() + 2);
    let refused = migrate(&stack, &url, &["routes", "pull", "routes.toml"]).await;
    assert_eq!(refused.code, Some(3), "the file went its own way: {refused:#?}");
    migrate_ok(&stack, &url, &["routes", "pull", "routes.toml", "--force"]).await;
    stack.start_proxy().await;
    assert_eq!(stack.who_answers("/w/1").await, NEW);
    let wrong = migrate(&stack, "routes.toml", &["routes", "pull", "x.toml"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_pulled_and_pushed_and_followed_by_every_proxy() {
    let fleet = Fleet::start().await;
    let stack = &fleet.stack;
    stack.migrate_ok(&["routes", "pull", "table.toml", "--force"]).await;
    let path = stack.folder().join("table.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}# edited\n")).unwrap();
    let shown = stack.migrate_ok(&["--dry-run", "routes", "push", "table.toml"]).await;
    assert!(shown.stdout.contains("+# edited"), "{shown:#?}");
    let pushed = fleet.json(&["routes", "push", "table.toml", "--reason", "for a test"]).await;
    assert_eq!(pushed["result"], "done", "{pushed:#}");
    assert_eq!(pushed["change"]["proxies"].as_array().unwrap().len(), PROXIES, "{pushed:#}");
    assert!(stack.read_routes().ends_with("# edited\n"));
    let again = fleet.json(&["routes", "push", "table.toml"]).await;
    assert_eq!(again["result"], "nothing-to-do", "but for its number: {again:#}");

    stack.cut_over(&["v", "--to", "service"]).await;
    std::fs::write(&path, format!("{text}# edited otherwise\n")).unwrap();
    let stale = stack.migrate(&["routes", "push", "table.toml"]).await;
    assert_eq!(stale.code, Some(3), "{stale:#?}");
    assert!(stale.stderr.contains("starts from generation"), "{stale:#?}");
    std::fs::write(&path, text.replace("stage = ", "stgae = ")).unwrap();
    let bad = stack.migrate(&["routes", "push", "table.toml"]).await;
    assert_eq!(bad.code, Some(1), "{bad:#?}");
    assert!(bad.stderr.contains("did you mean `stage`?"), "{bad:#?}");
    assert_eq!(fleet.sides("/v/1").await, [NEW; PROXIES]);
    let history = fleet.json(&["history"]).await;
    let edit = &history["changes"].as_array().unwrap().iter().rev().nth(1).unwrap();
    assert_eq!((&edit["action"], &edit["reason"]), (&"edit".into(), &"for a test".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_password_is_ever_shown() {
    const SECRET: &str = "sesame-4711";
    let mut fleet = Fleet::start().await;
    let pointer = fleet.stack.routes_path();
    let text = std::fs::read_to_string(&pointer).unwrap();
    std::fs::write(&pointer, text.replace("&user=", &format!("&password={SECRET}&user="))).unwrap();
    let Proxy { mut process, http, admin } = fleet.proxies.remove(0);
    process.kill();
    fleet.proxies.insert(0, Proxy::start(&fleet.stack, 9, http, admin).await);
    let mut said = String::new();
    let words: [&[&str]; 7] = [
        &["status"],
        &["--verbose", "--output", "json", "status"],
        &["routes", "validate"],
        &["--verbose", "cutover", "w", "--to", "service", "--force", "--reason", "a test"],
        &["rollback", "w"],
        &["routes", "pull", "pulled.toml"],
        &["help", "status"],
    ];
    for words in words {
        let output = fleet.stack.migrate_ok(words).await;
        said += &(output.stdout + &output.stderr);
    }
    for target in ["/api/routes", "/metrics", "/api/journal"] {
        let url = format!("http://{admin}{target}");
        said += &fleet.stack.client.get(url).send().await.unwrap().text().await.unwrap();
    }
    fleet.stack.postgres.as_mut().unwrap().kill();
    wait::until("the proxy has noticed", LIMIT, async || {
        fleet.proxies[0].report(&fleet.stack).await.source.lost.map(|_| ())
    })
    .await;
    said += &serde_json::to_string(&fleet.proxies[0].report(&fleet.stack).await).unwrap();
    let output = fleet.stack.migrate(&["status"]).await;
    said += &(output.stdout + &output.stderr);
    let broken = std::fs::read_to_string(&pointer).unwrap().replace("source", "sauce");
    std::fs::write(&pointer, broken).unwrap();
    let output = fleet.stack.migrate(&["status"]).await;
    assert!(output.stderr.contains("did you mean `source`?"), "{output:#?}");
    said += &(output.stdout + &output.stderr);
    said += &fleet.proxies[0].process.output();
    said += &std::fs::read_to_string(fleet.stack.folder().join("copy-9.toml")).unwrap();
    assert!(said.contains("postgres:///postgres?host="), "the table is named: {said}");
    let shown = said.lines().find(|line| line.contains(SECRET));
    assert_eq!(shown, None);
}
