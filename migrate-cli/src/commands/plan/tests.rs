//! A migration at several points of its way.

use insta::assert_snapshot;
use serde_json::Value;

use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Folder, Manner, dead_address, settings};

/// The checklist, on a machine without units.
async fn plan(folder: &Folder, more: &[&str]) -> (Exit, String) {
    let root = folder.path().with_file_name("machine");
    let words = ["plan", "--root", root.to_str().unwrap()];
    let ran = folder.run(&[&words, more].concat()).await;
    assert_eq!(ran.err, "", "{}", ran.out);
    (ran.exit, ran.out)
}

/// A folder whose table lists these proxies and these backends, and listens where nobody does.
fn with_backends(proxies: &[&str], [old, new]: [&str; 2]) -> Folder {
    let folder = Folder::with_proxies(proxies);
    let text = folder.text();
    let text = text.replace("http://127.0.0.1:8011", old).replace("http://127.0.0.1:8012", new);
    let [http, admin] = [dead_address(), dead_address()].map(|url| url.replace("http://", ""));
    folder.write(&format!("{text}\n[listen]\nhttp = \"{http}\"\nadmin = \"{admin}\"\n"));
    folder
}

async fn steps(folder: &Folder, more: &[&str]) -> Vec<Value> {
    let (_, out) = plan(folder, &[&["--output", "json"], more].concat()).await;
    let report: Value = serde_json::from_str(&out).unwrap();
    report["steps"].as_array().unwrap().clone()
}

fn step<'s>(steps: &'s [Value], name: &str) -> &'s Value {
    steps.iter().find(|step| step["step"] == name).unwrap()
}

#[tokio::test]
async fn each_step_says_how_far_it_is_and_the_first_open_one_comes_next() {
    let proxy = FakeProxy::start(Manner::Follows, false);
    let (old, new) = (dead_address(), dead_address());
    let proxies = [proxy.url(), dead_address()];
    let folder = with_backends(&proxies.each_ref().map(String::as_str), [&old, &new]);
    proxy.follow(&folder);
    let (exit, page) = plan(&folder, &[]).await;
    assert_eq!(exit, Exit::Done);
    let [old, new] = [&old, &new].map(|url| url.trim_start_matches("http://"));
    let page = page.replace(old, "[old]").replace(new, "[new]");
    // Columns are as wide as the path of the folder.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let page = page.lines().map(words).collect::<Vec<_>>().join("\n");
    settings().bind(|| assert_snapshot!(page, @"
    STEP ON FOUND
    border monolith unknown give the monolith's source with --source DIR
    database shared unknown give it with --database URL or DATABASE_URL
    units strangler-proxy, agent-service open not installed on this machine
    table routes.toml done generation 0
    proxy http://[proxy] done has the table in force
    proxy http://[proxy] open no proxy answers at http://[proxy]/api/routes: Connection refused (os error 111)
    backend monolith done healthy
    backend agent-service open [new] is not healthy, says http://[proxy]
    doctor backends open monolith at [old] is well: GET http://[old]/v1/health: tcp connect error: Connection refused (os error 111), …
    route workflows waits at shadow; not every proxy has the table in force
    route executions waits at monolith; not every proxy has the table in force
    cleanup monolith unknown give the monolith's source with --source DIR
    retire proxy waits 4 conditions: route workflows: at shadow, …
    next: migrate deploy render --to DIR
    "));
}

#[tokio::test]
async fn doctor_is_done_only_where_an_identity_was_accepted() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let (old, new) =
        (FakeProxy::start(Manner::Follows, true), FakeProxy::start(Manner::Follows, true));
    let folder = with_backends(&[&proxy.url()], [&old.url(), &new.url()]);
    for server in [&proxy, &old, &new] {
        server.follow(&folder);
    }
    let doctor = async |more: &[&str]| {
        let step = step(&steps(&folder, more).await, "doctor").clone();
        (step["state"].clone(), step["found"].as_str().unwrap().to_owned())
    };
    let (state, found) = doctor(&[]).await;
    assert_eq!(state, "unknown");
    assert!(found.starts_with("an identity is accepted by both: give one"), "{found}");
    let (state, found) = doctor(&["--header", "x-api-key: a"]).await;
    assert_eq!((state, found), ("done".into(), "both backends take the same clients".to_owned()));

    // Nothing can be asked for without writing.
    let text = folder.text().replace("\npath = \"", "\nmethods = [\"PUT\"]\npath = \"");
    folder.write(&text.replace("methods = [\"GET\", \"POST\"]\n", ""));
    let (state, found) = doctor(&["--header", "x-api-key: a"]).await;
    assert_eq!(state, "unknown", "{found}");
    assert!(found.starts_with("route workflows: it takes no GET"), "{found}");
}

#[tokio::test]
async fn a_route_whose_cutover_would_pass_is_open() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = Folder::with_proxies(&[&proxy.url()]);
    proxy.follow(&folder);
    let before = folder.text();
    let all = steps(&folder, &[]).await;
    let routes: Vec<&Value> = all.iter().filter(|step| step["step"] == "route").collect();
    for (step, name) in routes.iter().zip(["workflows", "executions"]) {
        assert_eq!((&step["on"], &step["state"]), (&name.into(), &"open".into()));
        assert_eq!(step["command"], format!("migrate cutover {name}"));
    }
    // It was asked, and nothing was done.
    assert_eq!(folder.text(), before);
}

#[tokio::test]
async fn a_route_waits_for_the_gate_where_its_proxies_answer() {
    let proxy = FakeProxy::start(Manner::Follows, false);
    let folder = Folder::with_proxies(&[&proxy.url()]);
    proxy.follow(&folder);
    let all = steps(&folder, &[]).await;
    let workflows = step(&all, "route");
    assert_eq!((&workflows["on"], &workflows["state"]), (&"workflows".into(), &"waits".into()));
    assert_eq!(workflows["command"], "migrate gate workflows");
}

#[tokio::test]
async fn border_and_database_are_measured() {
    let folder = Folder::with_proxies(&[&dead_address()]);
    let here = folder.path().parent().unwrap().to_owned();
    let at = |name: &str| here.join(name).display().to_string();
    std::fs::create_dir_all(at("source")).unwrap();
    std::fs::write(at("source/leaves.py"), "x = 1\n").unwrap();
    std::fs::write(at("source/stays.py"), "y = 1\n").unwrap();
    let words = ["--source", &at("source"), "--config", &at("migration.toml")];
    let all = steps(&folder, &words).await;
    // What runs the command takes the folder's path out.
    assert_eq!(step(&all, "border")["command"], "migrate init source --extract GLOB");
    let border = "format = 1\n[scan]\nextracted = ['leaves.py']\n";
    std::fs::write(at("migration.toml"), border).unwrap();
    rusqlite::Connection::open(at("app.db")).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let (source, config, database) =
        (at("source"), at("migration.toml"), format!("sqlite://{}", at("app.db")));
    let words = ["--source", &source, "--config", &config, "--database", &database];

    let all = steps(&folder, &words).await;
    assert_eq!(step(&all, "border")["found"], "clean");
    assert_eq!(step(&all, "database")["state"], "open");
    assert!(step(&all, "database")["found"].as_str().unwrap().contains("break something"));

    std::fs::write(at("source/stays.py"), "import leaves\nleaves.x\n").unwrap();
    let all = steps(&folder, &words).await;
    assert_eq!(step(&all, "border")["found"], "1 imports of extracted files");
    assert_eq!(step(&all, "border")["state"], "open");
    let command = step(&all, "border")["command"].as_str().unwrap();
    assert!(command.starts_with("migrate client generate source --openapi URL"), "{command}");
    assert!(command.contains("migrate cleanup source --use-client FILE"), "{command}");

    // With the client there, the border waits for the cleanup, which takes it into use.
    let api = crate::client::document::Api::of(
        r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}}"#,
        &|_| true,
    );
    let client = crate::client::module::write(&api.unwrap(), &[], "x").unwrap();
    std::fs::write(at("source/client.py"), client).unwrap();
    let all = steps(&folder, &words).await;
    assert_eq!(step(&all, "border")["state"], "waits");
    for name in ["border", "cleanup"] {
        let command = &step(&all, name)["command"];
        assert_eq!(command, "migrate cleanup source --use-client client.py", "{name}");
    }
    // The folder is no repository.
    assert_eq!(step(&all, "cleanup")["state"], "unknown");
}

#[tokio::test]
async fn a_damaged_table_comes_first_and_is_a_failure() {
    let folder = Folder::with_table("format = 1\n[[routes]]\n");
    let (exit, page) = plan(&folder, &[]).await;
    assert_eq!(exit, Exit::Failed);
    assert!(page.contains("next: migrate"), "{page}");
    let all = steps(&folder, &[]).await;
    assert_eq!(step(&all, "table")["state"], "open");
    assert_eq!(step(&all, "table")["command"], "migrate routes validate");
}
