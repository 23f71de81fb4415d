//! `migrate verify service` with the real programs: what is good, what is not, and that nothing is left behind.

use std::io::Write as _;

use e2e::between::{Between, Fault};
use e2e::har;
use e2e::process::Process;
use e2e::stack::{CommandOutput, Player, StackBuilder};
use e2e::{LIMIT, RouteSpec, Stack, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::stack;

const KEY: [&str; 2] = ["--header", "x-api-key: alice"];
/// The one that programs which want keys take.
const KEY_OF_ALL: &str = "an-api-key-of-the-tests";

fn real() -> StackBuilder {
    stack()
        .old(Player::Monolith)
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}").stage("service"))
        .route(RouteSpec::new("jobs", "/v1/jobs/{*rest}").stage("shadow"))
}

async fn verify(stack: &Stack, more: &[&str]) -> CommandOutput {
    let words = ["verify", "service", "--yes", "--output", "json"];
    stack.migrate(&[&words, &KEY[..], more].concat()).await
}

fn report(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"))
}

/// The checks with this outcome, as `group: what`.
fn checks(report: &Value, outcome: &str) -> Vec<String> {
    let all = report["checks"].as_array().unwrap().iter();
    let named = |check: &Value| {
        format!("{}: {}", check["group"].as_str().unwrap(), check["what"].as_str().unwrap())
    };
    all.filter(|check| check["outcome"] == outcome).map(named).collect()
}

fn found<'r>(report: &'r Value, group: &str, what: &str) -> &'r Value {
    let mut all = report["checks"].as_array().unwrap().iter();
    let is_it = |check: &&Value| check["group"] == group && check["what"] == what;
    all.find(is_it).unwrap_or_else(|| panic!("{group}: {what}: {report:#}"))
}

/// How many rows every table has, as the database says it.
async fn counts(stack: &Stack) -> Vec<Vec<Value>> {
    let tables = stack
        .database
        .query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name", &[])
        .await;
    let each: Vec<String> = tables
        .iter()
        .map(|row| row[0].as_str().unwrap())
        .map(|name| format!("SELECT '{name}', count(*) FROM {name}"))
        .collect();
    // SQLite joins so many at once.
    let mut all = Vec::new();
    for some in each.chunks(400) {
        all.extend(stack.database.query(&some.join(" UNION ALL "), &[]).await);
    }
    all
}

async fn workflows(stack: &Stack) -> Value {
    let rows = stack.database.query("SELECT count(*) FROM ai_agent_workflows", &[]).await;
    rows[0][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_good_is_told_and_leaves_no_row_behind() {
    let stack = real().start().await;
    let before = counts(&stack).await;
    let logs = ["agent-service.log", "monolith.log", "proxy.log"];
    let url = format!("sqlite://{}", stack.database.path().display());
    let more = ["--database", &url, "--remove-rows", "--junit", "verify.xml"];
    let logs: Vec<&str> = logs.iter().flat_map(|log| ["--log", log]).collect();
    let output = verify(&stack, &[&more[..], &logs].concat()).await;
    let report = report(&output);
    assert_eq!(checks(&report, "failed"), Vec::<String>::new(), "{report:#}");
    assert_eq!((output.code, &report["result"]), (Some(0), &json!("good")), "{output:#?}");
    let passed = checks(&report, "passed");
    for check in [
        "service: the monolith sees it so",
        "proxy: the execution completes",
        "monolith: the service sees it no more",
        "error paths: malformed JSON is 422",
        "routes: agents (service) is answered by agent-service",
        "routes: jobs (shadow) is answered by monolith",
        "logs: proxy.log has no error since",
        "database: no row is left of what was made",
    ] {
        assert!(passed.iter().any(|passed| passed == check), "{check}: {passed:#?}");
    }
    assert_eq!(
        checks(&report, "not_looked_at"),
        [
            "error paths: an unknown key is 401",
            "recording: recorded reads are answered as they were"
        ]
    );
    let removed = report["leftovers"].as_array().unwrap();
    assert!(
        removed.iter().any(|left| left["table"] == "agent_executions" && left["rows"] == 3),
        "{removed:#?}"
    );
    assert_eq!(counts(&stack).await, before);
    let evidence = stack.evidence().await.routes;
    let operations: Vec<_> = evidence.iter().flat_map(|route| &route.operations).collect();
    assert!(operations.is_empty(), "what verify asks is no evidence: {operations:#?}");
    let junit = std::fs::read_to_string(stack.folder().join("verify.xml")).unwrap();
    let whole = format!("tests=\"{}\"", passed.len() + 2);
    assert!(junit.contains(&whole) && junit.contains("failures=\"0\""), "{junit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_on_different_databases_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let own = format!("sqlite:///{}", folder.path().join("own.db").display());
    let settings = vec![("DATABASE_URL".to_owned(), own.clone())];
    let stack = real().new_backend(Player::Service(settings)).start().await;
    let output = verify(&stack, &[]).await;
    let report = report(&output);
    assert_eq!((output.code, &report["result"]), (Some(3), &json!("bad")));
    let check = found(&report, "service", "the monolith sees it so");
    assert_eq!(check["found"], "the monolith does not have it (404)");
    assert!(check["help"].as_str().unwrap().contains("same database"), "{check}");
    found(&report, "monolith", "the service sees it so");
    let check = found(&report, "cleaning up", "what was made is deleted");
    assert_eq!(check["outcome"], "passed");
    assert_eq!(workflows(&stack).await, 0);
    let human = stack.migrate(&["verify", "service", "--yes"]).await;
    assert!(
        human.stdout.contains("  ✗ the monolith sees it so\n      the monolith does not"),
        "{human:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_down_is_told_with_what_to_do() {
    let mut stack = real().start().await;
    stack.new.program().process().stop(LIMIT).await;
    let output = verify(&stack, &["--timeout", "2s"]).await;
    let report = report(&output);
    assert_eq!(output.code, Some(3));
    let check = found(&report, "health", "the service is well");
    let help = format!("see that the service runs and answers at {}", stack.new.url());
    assert_eq!((&check["outcome"], &check["help"]), (&json!("failed"), &json!(help)));
    assert_eq!(workflows(&stack).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_is_logged_meanwhile_is_found() {
    let stack = real().start().await;
    let log = stack.folder().join("app.log");
    std::fs::write(&log, "ERROR of yesterday\n").unwrap();
    let words = ["verify", "service", "--yes", "--output", "json", "--log", "app.log"];
    let command = stack.migrate_command(&[&words[..], &KEY].concat());
    let mut migrate = Process::spawn("migrate", &command, &stack.folder().join("verify.log"));
    let ended = wait::until("it has ended", LIMIT, async || {
        let mut log = std::fs::File::options().append(true).open(&log).unwrap();
        writeln!(log, "{}", json!({"level": "ERROR", "message": "boom"})).unwrap();
        migrate.ended()
    })
    .await;
    assert_eq!(ended.code(), Some(3));
    let output = migrate.output();
    assert!(output.contains("boom") && !output.contains("of yesterday"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_it_finds_nothing_left() {
    let mut stack = real().start().await;
    // So that there is something when it is stopped.
    let slow = json!({"paths": "/api/v1/agents/workflows", "delay_ms": 3000});
    let switch = format!("{}/__switch", stack.old.program().url());
    let put = stack.client.put(switch).json(&slow).send().await.unwrap();
    assert!(put.status().is_success());
    let words = ["verify", "service", "--yes", "--output", "json"];
    let command = stack.migrate_command(&[&words[..], &KEY].concat());
    let mut migrate = Process::spawn("migrate", &command, &stack.folder().join("verify.log"));
    wait::until("a workflow is there", LIMIT, async || {
        (workflows(&stack).await == 1).then_some(())
    })
    .await;
    migrate.signal(Signal::INT);
    let ended = wait::until("it has ended", LIMIT, async || migrate.ended()).await;
    assert_eq!(ended.code(), Some(3), "{}", migrate.output());
    assert!(migrate.output().contains("\"result\": \"stopped\""), "{}", migrate.output());
    assert_eq!(workflows(&stack).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_leaves_a_later_one_takes_away() {
    let mut stack = real().start().await;
    let switch = format!("{}/__switch", stack.old.program().url());
    let client = stack.client.clone();
    let slow = async |delay: u64| {
        let state = json!({"paths": "/api/v1/agents/workflows", "delay_ms": delay});
        assert!(client.put(&switch).json(&state).send().await.unwrap().status().is_success());
    };
    slow(3000).await;
    let words = ["verify", "service", "--yes", "--output", "json"];
    let command = stack.migrate_command(&[&words[..], &KEY].concat());
    let mut migrate = Process::spawn("migrate", &command, &stack.folder().join("verify.log"));
    wait::until("a workflow is there", LIMIT, async || {
        (workflows(&stack).await == 1).then_some(())
    })
    .await;
    migrate.kill();
    slow(0).await;

    let what = "what killed runs have left is deleted";
    let first = report(&verify(&stack, &[]).await);
    let check = found(&first, "cleaning up", what);
    assert_eq!(
        check["found"],
        "nothing was left; 1 of the last ten minutes may be of a run that is under way"
    );
    assert_eq!(workflows(&stack).await, 1);
    let long_ago = "UPDATE ai_agent_workflows SET created_at = '2026-01-01 00:00:00.000000'";
    stack.database.query(long_ago, &[]).await;
    let second = report(&verify(&stack, &[]).await);
    assert_eq!(found(&second, "cleaning up", what)["found"], "1 workflow of a run that was killed");
    assert_eq!(workflows(&stack).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_be_asked_and_asks_nothing() {
    let stack = real().start().await;
    let output = verify(&stack, &["--dry-run"]).await;
    let planned = report(&output);
    let service = format!("POST {}/api/v1/agents/workflows/ID/execute", stack.new.url());
    assert!(planned["requests"].as_array().unwrap().contains(&json!(service)), "{planned:#}");
    assert_eq!(workflows(&stack).await, 0);
}

/// Records five reads as the proxy answers them.
async fn record(stack: &Stack, target: &str) {
    let words = ["mirror", "record", "--limit", "5", "--for", "20s", "--out", "recorded.har"];
    let traffic = async {
        wait::until("the archive is in its place", LIMIT, async || {
            let asked = stack.client.get(stack.url(target)).header("x-api-key", KEY_OF_ALL);
            assert!(asked.send().await.unwrap().status().is_success());
            stack.folder().join("recorded.har").exists().then_some(())
        })
        .await;
    };
    let (recorded, ()) = tokio::join!(stack.migrate(&words), traffic);
    assert_eq!(recorded.code, Some(0), "{recorded:#?}");
}

/// Programs that want keys.
fn guarded() -> StackBuilder {
    let own = [
        ("APP_ENV", "production"),
        ("ADMIN_API_KEYS", KEY_OF_ALL),
        ("CLIENT_API_KEYS", KEY_OF_ALL),
    ];
    let own: Vec<_> =
        own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    real().old(Player::MonolithWith(own.clone())).new_backend(Player::Service(own))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_reads_are_asked_for_again_and_an_unknown_key_is_refused() {
    let stack = guarded().start().await;
    let steps = json!({"name": "kept", "description": "", "steps": {"a": {}}, "dependencies": {}, "tags": ["kept"]});
    let create = stack.client.post(stack.url("/api/v1/agents/workflows"));
    let created = create.header("x-api-key", KEY_OF_ALL).json(&steps).send().await.unwrap();
    assert!(created.status().is_success(), "{created:?}");
    record(&stack, "/api/v1/agents/workflows?tags=kept").await;

    let header = format!("x-api-key: {KEY_OF_ALL}");
    let words = ["verify", "service", "--yes", "--output", "json", "--header", &header];
    let more = ["--replay", "recorded.har"];
    let again = async || stack.migrate(&[&words[..], &more].concat()).await;
    let output = again().await;
    let good = report(&output);
    assert_eq!((output.code, &good["result"]), (Some(0), &json!("good")), "{good:#}");
    let what = "the reads of recorded.har are answered as they were";
    assert_eq!(found(&good, "recording", what)["found"], "5 sent, 100.00 % of 5 match");
    let refused = found(&good, "error paths", "an unknown key is 401");
    assert_eq!(refused["found"], "401, as the monolith says it");

    let changed = "UPDATE ai_agent_workflows SET description = 'another' WHERE name = 'kept'";
    stack.database.query(changed, &[]).await;
    let output = again().await;
    let bad = report(&output);
    assert_eq!((output.code, &bad["result"]), (Some(3), &json!("bad")), "{bad:#}");
    assert_eq!(checks(&bad, "failed"), [format!("recording: {what}")]);
    assert_eq!(found(&bad, "recording", what)["found"], "5 sent, 0.00 % of 5 match");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_was_not_sent_to_its_end_is_not_good() {
    let mut stack = real().start().await;
    let kept = ["/api/v1/agents/workflows?tags=nobody", "/api/v1/agents/workflows?tags=slow"];
    let to = stack.new.program().address();
    let between =
        Between::with_fault(to, Fault::Held("GET /api/v1/agents/workflows?tags=slow ")).await;
    har::write(stack.folder(), &kept.map(|target| har::entry("GET", target, "[]")));
    let words = ["verify", "service", "--yes", "--output", "json", "--timeout", "60s"];
    let more = ["--service", between.url(), "--replay", "recorded.har"];
    for (signal, met) in [(Signal::INT, 1), (Signal::TERM, 2)] {
        let command = stack.migrate_command(&[&words[..], &KEY, &more].concat());
        let mut migrate = Process::spawn("migrate", &command, &stack.folder().join("verify.log"));
        wait::until("a recorded read is not answered", LIMIT, async || {
            (between.met() == met).then_some(())
        })
        .await;
        migrate.signal(signal);
        let ended = wait::until("it has ended", LIMIT, async || migrate.ended()).await;
        assert_eq!(ended.code(), Some(3), "{signal:?}: {}", migrate.output());
        let output = migrate.output();
        assert!(output.contains("\"result\": \"stopped\""), "{signal:?}: {output}");
        assert_eq!(workflows(&stack).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_without_an_answer_is_found_and_deleted() {
    let mut stack = real().start().await;
    let to = stack.new.program().address();
    let fault = Fault::FirstAnswerLost("POST /api/v1/agents/workflows HTTP");
    let between = Between::with_fault(to, fault).await;
    let output = verify(&stack, &["--service", between.url()]).await;
    let report = report(&output);
    // The service made one, and nobody heard of it; proxy and monolith made theirs afterwards.
    assert_eq!(found(&report, "service", "a workflow is created")["outcome"], "failed");
    assert_eq!(found(&report, "proxy", "a workflow is created")["outcome"], "passed");
    let check = found(&report, "cleaning up", "what was made is deleted");
    assert_eq!(check["found"], "1 workflow that was left", "{report:#}");
    assert_eq!(workflows(&stack).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_at_the_end_does_not_hide_what_was_found() {
    let stack = real().start().await;
    let nobody = format!("postgres://nobody@{}/none", dead_address());
    let output = verify(&stack, &["--database", &nobody, "--junit", "verify.xml"]).await;
    let told = report(&output);
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert_eq!(checks(&told, "failed"), ["database: no row is left of what was made"]);
    let junit = std::fs::read_to_string(stack.folder().join("verify.xml")).unwrap();
    assert!(junit.contains("failures=\"1\""), "{junit}");

    let output = verify(&stack, &["--junit", "nowhere/verify.xml"]).await;
    assert_eq!(report(&output)["result"], "good", "{output:#?}");
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("nowhere/verify.xml can't be written"), "{output:#?}");
}

fn dead_address() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
