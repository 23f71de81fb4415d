//! Commands that ask backends themselves ask `https://` ones as the proxy does: who does not prove who it is gets no request.

use std::path::PathBuf;
use std::time::Duration;

use e2e::between::Between;
use e2e::certificate::{Certificate, NAME};
use e2e::har;
use e2e::stack::{CommandOutput, Player};
use e2e::{RouteSpec, Stack};
use serde_json::Value;
use tempfile::TempDir;

use crate::stack;

const MONTH: Duration = Duration::from_hours(30 * 24);
const KEY: &str = "an-api-key-of-the-tests";
const IDENTITY: [&str; 2] = ["--header", "x-api-key: an-api-key-of-the-tests"];

/// Gives the new backend another server and another `tls`.
fn rewrite(stack: &Stack, from: &str, to: &str, old_tls: &str, tls: &str) {
    let section = "[backends.agent-service]";
    let text = stack.read_routes().replace(from, to);
    stack.write_routes(
        &text.replace(&format!("{section}\n{old_tls}"), &format!("{section}\n{tls}\n")),
    );
}

fn tls(ca: &Certificate, name: &str) -> String {
    format!("tls = {{ ca = \"{}\", server_name = \"{name}\" }}", ca.certificate.display())
}

/// A recording of one read that answered this.
fn recording(stack: &Stack, target: &str, answer: &str) -> PathBuf {
    har::write(stack.folder(), &[har::entry("GET", target, answer)])
}

async fn doctor(stack: &Stack) -> CommandOutput {
    stack.migrate(&[&["doctor", "--output", "json"], &IDENTITY[..]].concat()).await
}

async fn verify(stack: &Stack, more: &[&str]) -> CommandOutput {
    let words = ["verify", "service", "--yes", "--output", "json"];
    stack.migrate(&[&words, &IDENTITY[..], more].concat()).await
}

async fn replay(stack: &Stack, url: &str) -> CommandOutput {
    let file = stack.folder().join("recorded.har");
    let words = ["mirror", "replay", file.to_str().unwrap(), "--against", url, "--min-match", "1"];
    stack.migrate(&[&words, &IDENTITY[..]].concat()).await
}

/// The checks of a report with this outcome.
fn checks(output: &CommandOutput, outcome: &str) -> Vec<Value> {
    let report: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"));
    let all = report["checks"].as_array().unwrap().iter();
    all.filter(|check| check["outcome"] == outcome).cloned().collect()
}

/// The one of a group that speaks of the new backend's health.
fn health<'c>(checks: &'c [Value], group: &str) -> Option<&'c Value> {
    let is_it = |check: &&Value| {
        let what = check["what"].as_str().unwrap();
        check["group"] == group && what.contains("service") && what.ends_with("is well")
    };
    checks.iter().find(is_it)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_proves_who_it_is_is_asked_for_everything() {
    let folder = TempDir::new().unwrap();
    let certificate = Certificate::write(folder.path(), MONTH);
    let settings = |name: &str| (name.to_owned(), KEY.to_owned());
    let own = [("APP_ENV".to_owned(), "production".to_owned())];
    let own: Vec<_> =
        own.into_iter().chain(["ADMIN_API_KEYS", "CLIENT_API_KEYS"].map(settings)).collect();
    let builder = stack()
        .old(Player::MonolithWith(own.clone()))
        .new_backend(Player::Service(own))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}").stage("service"))
        .route(RouteSpec::new("workflows", "/api/v1/agents/workflows/{*rest}").stage("service"));
    let mut stack = builder.start_without_proxy().await;
    let between = Between::with_tls(stack.new.program().address(), &certificate).await;
    rewrite(&stack, &stack.new.url(), between.url(), "", &tls(&certificate, NAME));
    stack.start_proxy().await;

    let output = doctor(&stack).await;
    assert_eq!(checks(&output, "failed"), Vec::<Value>::new(), "{output:#?}");
    let passed = checks(&output, "passed");
    assert!(health(&passed, "backends").is_some(), "{passed:#?}");
    let accepted = "/api/v1/agents/workflows with the x-api-key given is accepted by both";
    assert!(passed.iter().any(|check| check["what"] == accepted), "{passed:#?}");
    let unseen = checks(&output, "not_looked_at");
    assert!(!unseen.iter().any(|check| check["found"].to_string().contains("TLS")), "{unseen:#?}");

    let file = recording(&stack, "/api/v1/agents/workflows?tags=nobody", "[]");
    let output = verify(&stack, &["--replay", file.to_str().unwrap()]).await;
    assert_eq!(checks(&output, "failed"), Vec::<Value>::new(), "{output:#?}");
    assert_eq!(output.code, Some(0), "{output:#?}");
    let passed = checks(&output, "passed");
    let health = health(&passed, "health").unwrap()["found"].as_str().unwrap();
    assert!(health.starts_with(between.url()), "{health}");
    // The service wants keys here, so an unknown one is refused.
    assert!(passed.iter().any(|check| check["what"] == "an unknown key is 401"), "{passed:#?}");
    assert!(passed.iter().any(|check| check["group"] == "recording"), "{passed:#?}");

    let output = replay(&stack, between.url()).await;
    assert_eq!(output.code, Some(0), "{output:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_prove_it_gets_no_request_and_what_to_do_is_told() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let certificate = Certificate::write(folder.path(), MONTH);
    let stranger = Certificate::write(other.path(), MONTH);
    let route = RouteSpec::new("agents", "/api/v1/agents/{*rest}");
    let mut stack = stack().route(route).start_without_proxy().await;
    let between = Between::with_tls(stack.new.fake().address(), &certificate).await;
    recording(&stack, "/api/v1/agents/workflows", r#"{"backend":"agent-service"}"#);
    let said = "`tls` of [backends.agent-service]";
    let (mut url, mut before) = (stack.new.url(), String::new());
    for (now, why) in [
        (tls(&stranger, NAME), "invalid peer certificate"),
        (tls(&certificate, "other.example"), "not valid for name \"other.example\""),
        ("tls = { ca = \"nowhere.pem\" }".to_owned(), "nowhere.pem, which holds no certificate"),
    ] {
        rewrite(&stack, &url, between.url(), &before, &now);
        (url, before) = (between.url().to_owned(), now);
        for (output, group) in [
            (doctor(&stack).await, "backends"),
            (verify(&stack, &["--timeout", "5s"]).await, "health"),
        ] {
            assert_eq!(output.code, Some(3), "{output:#?}");
            let failed = checks(&output, "failed");
            let check = health(&failed, group).unwrap_or_else(|| panic!("{output:#?}"));
            assert!(check["found"].as_str().unwrap().contains(why), "{check:#}");
            assert!(check["help"].as_str().unwrap().contains(said), "{check:#}");
        }
        let output = replay(&stack, between.url()).await;
        assert!(matches!(output.code, Some(1 | 3)), "{output:#?}");
        assert!(output.stderr.contains(why) && output.stderr.contains(said), "{output:#?}");
        assert_eq!(stack.new.fake().count(), 0, "{why}");
    }
    // The name of the certificate is not the host of the URL.
    let unnamed = format!("tls = {{ ca = \"{}\" }}", certificate.certificate.display());
    rewrite(&stack, &url, &url, &before, &unnamed);
    let failed = checks(&doctor(&stack).await, "failed");
    let check = health(&failed, "backends").unwrap();
    assert!(
        check["found"].as_str().unwrap().contains("not valid for name \"127.0.0.1\""),
        "{check:#}"
    );

    rewrite(&stack, &url, &url, &unnamed, "tls = { verify = false }");
    assert!(health(&checks(&doctor(&stack).await, "passed"), "backends").is_some());
    let output = verify(&stack, &["--timeout", "5s"]).await;
    assert!(health(&checks(&output, "passed"), "health").is_some(), "{output:#?}");
    let output = replay(&stack, between.url()).await;
    assert_eq!(output.code, Some(0), "{output:#?}");

    // One that the table does not have is trusted by whom this machine trusts.
    rewrite(&stack, &url, "https://127.0.0.1:1", "", "");
    let output = replay(&stack, between.url()).await;
    assert!(output.stderr.contains("this machine"), "{output:#?}");
    let output = verify(&stack, &["--service", between.url(), "--timeout", "5s"]).await;
    let failed = checks(&output, "failed");
    let help = health(&failed, "health").unwrap()["help"].as_str().unwrap();
    assert!(help.contains("this machine"), "{help}");
}
