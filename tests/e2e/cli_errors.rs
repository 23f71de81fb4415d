//! What is said when something is wrong: what, where, and what to do.

use std::process::Command;

use e2e::stack::{CommandOutput, run};
use e2e::{RouteSpec, Stack};
use insta::assert_snapshot;

use crate::{BINARIES, stack};

async fn one_route() -> Stack {
    stack().route(RouteSpec::new("workflows", "/w/{*rest}")).start_without_proxy().await
}

/// Exit code, stdout and stderr, with what differs from run to run replaced.
fn told(stack: &Stack, output: &CommandOutput) -> String {
    let code = output.code.map_or("a signal".to_owned(), |code| code.to_string());
    let said = format!("exit {code}\n{}{}", output.stdout, output.stderr)
        .replace(&stack.folder().display().to_string(), "[FOLDER]")
        .replace(&stack.table.admin.to_string(), "[ADMIN]")
        .replace(&stack.table.http.to_string(), "[HTTP]");
    // Snapshots don't keep blanks at the end of a line.
    said.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Starts the proxy, which is expected to end by itself.
async fn proxy(stack: &Stack) -> CommandOutput {
    let mut command = Command::new(BINARIES.proxy);
    command
        .arg("--routes")
        .arg(stack.routes_path())
        .current_dir(stack.folder())
        .env("NO_COLOR", "1");
    run(command).await
}

#[tokio::test]
async fn an_unknown_route_is_named_with_the_nearest_one() {
    let stack = one_route().await;
    let output = stack.migrate(&["cutover", "worklfows"]).await;
    assert_snapshot!(told(&stack, &output), @r"
    exit 2
    error: no route is named `worklfows`
      what to do: did you mean `workflows`?
    ");
}

#[tokio::test]
async fn no_proxy_at_the_admin_address() {
    let stack = one_route().await;
    let output = stack.migrate(&["cutover", "workflows"]).await;
    assert_eq!(output.code, Some(4));
    let said = told(&stack, &output);
    let digest = (r"\b[0-9a-f]{16}\b", "[DIGEST]");
    insta::with_settings!({filters => vec![digest]}, {
        assert_snapshot!(said, @r#"
        exit 4
        CONDITION                     WANTED   FOUND                                                                                                                        VERDICT
        proxy http://[ADMIN]  answers  no proxy answers at http://[ADMIN]/api/routes?wait=[DIGEST]&timeout=1000: Connection refused (os error 111)  fail
          what to do about proxy http://[ADMIN]: start it, or take its address out of `[proxies] admin` if it is gone for good

        workflows: monolith → shadow
        refused: generation 0 ([DIGEST]) stays in force; to go past it: --force --reason "…"
        "#);
    });
}

#[tokio::test]
async fn a_table_that_is_not_there() {
    let stack = one_route().await;
    std::fs::remove_file(stack.routes_path()).unwrap();
    let output = stack.migrate(&["routes", "list"]).await;
    assert_snapshot!(told(&stack, &output), @r"
    exit 1
    error: failed to open [FOLDER]/routes.toml
      because No such file or directory (os error 2)
      what to do: check that the path is right and that you may write to the file and its folder; another table is named with --routes FILE
    ");
    assert_snapshot!(told(&stack, &proxy(&stack).await), @r"
    exit 1
      x the route table [FOLDER]/routes.toml can't be used
      |-> failed to open [FOLDER]/routes.toml
      `-> No such file or directory (os error 2)
    ");
}

#[tokio::test]
async fn a_backend_url_without_scheme() {
    let stack = one_route().await;
    let text =
        stack.read_routes().replace(&format!("{:?}", stack.table.new), "[\"127.0.0.1:8012\"]");
    stack.write_routes(&text);
    let output = stack.migrate(&["routes", "validate"]).await;
    assert_snapshot!(told(&stack, &output), @r#"
    exit 1
    error: [FOLDER]/routes.toml is not a valid route table
      × `127.0.0.1:8012` has no scheme
        ╭─[[FOLDER]/routes.toml:18:12]
     17 │ [backends.agent-service]
     18 │ targets = ["127.0.0.1:8012"]
        ·            ────────────────
     19 │ health = "/healthz"
        ╰────
      help: write `http://127.0.0.1:8012`
      what to do: correct the places shown, or take the last good table from the journal: migrate rollback
    "#);
    let of_proxy = proxy(&stack).await;
    assert_ne!(of_proxy.code, Some(0));
    assert!(of_proxy.stderr.contains("127.0.0.1:8012"), "{}", of_proxy.stderr);
}

#[tokio::test]
async fn a_misspelt_key() {
    let stack = one_route().await;
    stack.write_routes(&stack.read_routes().replace("stage = ", "stgae = "));
    let output = stack.migrate(&["routes", "validate"]).await;
    assert_snapshot!(told(&stack, &output), @r#"
    exit 1
    error: [FOLDER]/routes.toml is not a valid route table
      × unknown key `stgae` in a route
        ╭─[[FOLDER]/routes.toml:32:1]
     31 │ path = "/w/{*rest}"
     32 │ stgae = "monolith"
        · ─────
        ╰────
      help: did you mean `stage`?
      what to do: correct the places shown, or take the last good table from the journal: migrate rollback
    "#);
}

#[tokio::test]
async fn two_routes_that_cannot_be_told_apart() {
    let stack = one_route().await;
    let more = "\n[[routes]]\nname = \"others\"\npath = \"/w/{*more}\"\n";
    stack.write_routes(&(stack.read_routes() + more));
    let output = stack.migrate(&["routes", "validate"]).await;
    assert_snapshot!(told(&stack, &output), @r#"
    exit 1
    error: [FOLDER]/routes.toml is not a valid route table
      × routes `workflows` (line 31) and `others` (line 36) can't be told apart for any method
        ╭─[[FOLDER]/routes.toml:36:8]
     30 │ name = "workflows"
     31 │ path = "/w/{*rest}"
        ·        ──────┬─────
        ·              ╰── names the same requests
     32 │ stage = "monolith"
     33 │
     34 │ [[routes]]
     35 │ name = "others"
     36 │ path = "/w/{*more}"
        ·        ────────────
        ╰────
      help: change the path of one, or give each its own `methods`
      what to do: correct the places shown, or take the last good table from the journal: migrate rollback
    "#);
}

#[tokio::test]
async fn a_port_in_use() {
    let stack = one_route().await;
    let holder = std::net::TcpListener::bind(stack.table.http).unwrap();
    let output = proxy(&stack).await;
    drop(holder);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_snapshot!(told(&stack, &output), @r"
    exit 1
      x failed to listen on [HTTP] (clients)
      `-> Address already in use (os error 98)
      help: another program listens there; stop it, or choose another address in
            `[listen]` or by flag
    ");
}

#[tokio::test]
async fn a_service_port_in_use() {
    let stack = one_route().await;
    let holder = std::net::TcpListener::bind(stack.table.http).unwrap();
    let mut command = Command::new(BINARIES.service);
    command
        .current_dir(stack.folder())
        .env("APP_PORT", stack.table.http.port().to_string())
        .env("DATABASE_URL", stack.database.url());
    let output = run(command).await;
    drop(holder);
    assert_snapshot!(told(&stack, &output).replace(&stack.table.http.port().to_string(), "[PORT]"), @r"
    exit 1
    agent-service: cannot listen on [HTTP]; another process listens there; stop it, or set APP_PORT to a free port: Address already in use (os error 98)
    ");
}

#[tokio::test]
async fn a_database_that_is_none() {
    let stack = one_route().await;
    std::fs::write(
        stack.database.path(),
        "this is not a database, it is a text of some length\n".repeat(40),
    )
    .unwrap();
    let mut command = Command::new(BINARIES.service);
    command
        .current_dir(stack.folder())
        .env("APP_PORT", stack.table.http.port().to_string())
        .env("DATABASE_URL", stack.database.url());
    let output = run(command).await;
    assert_snapshot!(told(&stack, &output), @r"
    exit 1
    agent-service: database file [FOLDER]/shared.db: is not an SQLite database; point DATABASE_URL at the monolith's database
    ");
}

#[tokio::test]
async fn an_admin_address_where_something_else_answers() {
    let mut stack = one_route().await;
    let other = stack.old.fake().url();
    let admin = format!("http://{}", stack.table.admin);
    stack.write_routes(
        &stack
            .read_routes()
            .replace(&format!("admin = [\"{admin}\"]"), &format!("admin = [\"{other}\"]")),
    );
    let output = stack.migrate(&["cutover", "workflows"]).await;
    assert_ne!(output.code, Some(0));
    let all = format!("{}{}", output.stdout, output.stderr);
    assert!(all.contains(&other) && !stack.folder().join("routes.toml.journal").exists(), "{all}");
}
