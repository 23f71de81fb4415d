//! Flips from the page: only with the table's leave and the token, through the gate, and journaled.

use std::process::Command;

use e2e::process::Process;
use e2e::stack::Kept;
use e2e::{LIMIT, RouteSpec, Stack, wait};
use fantoccini::Locator;
use routes::admin::RoutesReport;
use routes::journal::{Action, Outcome};
use serde_json::{Value, json};

use super::browser::Browser;
use crate::{BINARIES, NEW, stack};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A proxy with a token, over a table that allows flips or not.
struct Guarded {
    stack: Stack,
    _proxy: Process,
}

impl Guarded {
    async fn start(section: &str, flags: &[&str], kept: Kept) -> Self {
        let stack = stack()
            .kept(kept)
            .section(section)
            .defaults("gate = { min_samples = 100 }")
            .route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"))
            .start_without_proxy()
            .await;
        let mut command = Command::new(BINARIES.proxy);
        command.arg("--routes").arg(stack.routes_path()).args(flags).current_dir(stack.folder());
        let proxy = Process::spawn("strangler-proxy", &command, &stack.folder().join("proxy.log"));
        let ready = format!("{}/readyz", stack.admin_url());
        wait::until("the proxy is ready", LIMIT, async || {
            stack.client.get(&ready).send().await.ok().filter(|ready| ready.status().is_success())
        })
        .await;
        Self { stack, _proxy: proxy }
    }

    async fn allowing(kept: Kept) -> Self {
        Self::start("[admin]\nallow_flips = true\n", &["--admin-token", TOKEN], kept).await
    }

    /// Asks for a flip as the page does, with these headers besides.
    async fn ask(&self, way: &str, wish: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/api/routes/w/{way}", self.stack.admin_url());
        let mut request = self.stack.client.post(url).json(wish);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    fn stage(&self) -> String {
        let home = &self.stack.home;
        let table = routes::RouteTable::parse(home.path(), &home.read().unwrap()).unwrap();
        table.route_named("w").unwrap().stage.to_string()
    }

    /// The last change in the journal that is no hand edit.
    fn last(&self) -> routes::journal::Change {
        let mut changes = self.stack.home.journal().unwrap().history(None).into_iter();
        changes.rfind(|change| change.intent.action != Action::Edit).unwrap()
    }
}

fn bearer() -> (&'static str, String) {
    ("authorization", format!("Bearer {TOKEN}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flip_needs_the_tables_leave_the_token_and_the_page_itself() {
    let wish = json!({ "to": "canary", "reason": "because" });
    let token = bearer();
    let token = (token.0, token.1.as_str());
    let refusing = Guarded::start("", &["--admin-token", TOKEN], Kept::File).await;
    let (status, body) = refusing.ask("flip", &wish, &[token]).await;
    assert_eq!(status, 403);
    assert!(body["message"].as_str().unwrap().contains("allow_flips"), "{body}");
    drop(refusing);

    let open = Guarded::start("[admin]\nallow_flips = true\n", &[], Kept::File).await;
    let (status, body) = open.ask("flip", &wish, &[]).await;
    assert_eq!(status, 403);
    assert!(body["message"].as_str().unwrap().contains("token"), "{body}");
    drop(open);

    let proxy = Guarded::allowing(Kept::File).await;
    assert_eq!(proxy.ask("flip", &wish, &[]).await.0, 401);
    assert_eq!(proxy.ask("flip", &wish, &[("authorization", "Bearer wrong")]).await.0, 401);
    let elsewhere = ("origin", "http://evil.example");
    assert_eq!(proxy.ask("flip", &wish, &[token, elsewhere]).await.0, 403);
    assert_eq!(proxy.ask("flip", &json!({ "to": "canary" }), &[token]).await.0, 422);
    assert_eq!(proxy.ask("nothing", &wish, &[token]).await.0, 405);
    assert_eq!(proxy.stage(), "shadow", "none of these changed anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flip_goes_through_the_gate_and_into_the_journal() {
    for kept in Kept::BOTH {
        let mut proxy = Guarded::allowing(kept).await;
        let token = bearer();
        let token = (token.0, token.1.as_str());
        proxy.stack.new.fake().set_healthy(false);
        wait::until("the new backend is known to be down", LIMIT, async || {
            let url = format!("{}/api/routes", proxy.stack.admin_url());
            let report = proxy.stack.client.get(url).header(token.0, token.1).send().await.ok()?;
            let report: RoutesReport = serde_json::from_str(&report.text().await.ok()?).ok()?;
            let new = report.backends.iter().find(|backend| backend.name == NEW)?;
            (!new.healthy).then_some(())
        })
        .await;
        let wish = json!({ "to": "canary", "percent": 20, "reason": "try" });
        let (status, body) = proxy.ask("flip", &wish, &[token]).await;
        assert_eq!((status, &body["result"]), (409, &json!("refused")), "{body}");
        assert!(body["gate"]["conditions"].is_array(), "{body}");
        assert_eq!(proxy.stage(), "shadow");
        let wish = json!({ "to": "canary", "percent": 20, "reason": "we know", "force": true });
        let (status, body) = proxy.ask("flip", &wish, &[token]).await;
        assert_eq!(
            (status, &body["result"], &body["forced"]),
            (200, &json!("done"), &json!(true)),
            "{body}"
        );
        let flip = proxy.last();
        assert!(flip.intent.who.starts_with("dashboard@"), "{flip:?}");
        let reason = flip.intent.reason.unwrap();
        assert!(reason.starts_with("forced past ") && reason.ends_with(": we know"), "{reason}");
        assert_eq!(flip.outcome, Outcome::Done);
        let (status, body) = proxy.ask("rollback", &json!({ "reason": "enough" }), &[token]).await;
        assert_eq!((status, &body["result"]), (200, &json!("done")), "{body}");
        assert_eq!(
            (proxy.stage().as_str(), proxy.last().intent.action),
            ("shadow", Action::Rollback)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_flips_on_the_page() {
    let mut proxy = Guarded::allowing(Kept::File).await;
    let browser = Browser::start().await;
    browser.client.goto(&proxy.stack.admin_url()).await.unwrap();
    let enter_token = async |token: &str| {
        browser.find("#token").await.send_keys(token).await.unwrap();
        browser.find("#token-form button").await.click().await.unwrap();
    };
    browser.shows("#token-dialog", "token").await;
    browser.assert_accessible("asking for the token").await;
    enter_token("a wrong token").await;
    browser.shows("#token-problem", "not the token").await;
    enter_token(TOKEN).await;
    browser.shows("#routes", "shadow").await;

    let press = async |name: &str| browser.find(name).await.click().await.unwrap();
    let open = async |way: &str| {
        press(&format!("[data-flip={way}]")).await;
        browser.find("#flip-dialog[open] #flip-reason").await
    };
    proxy.stack.new.fake().set_healthy(false);
    browser.shows("#alerts", "agent-service is down").await;
    open("forward").await.send_keys("from the page").await.unwrap();
    press("#flip-form [type=submit]").await;
    browser.shows("#flip-dialog", "The gate refuses this cutover").await;
    browser.shows("#flip-dialog table", "healthy").await;
    browser.assert_accessible("a refusal").await;
    browser.shoot("refused").await;
    press("#flip-force").await;
    press("#flip-form [type=submit]").await;
    browser.shows("#flip-dialog", "Done").await;
    press("#flip-close").await;
    browser.shows("[data-route=w] .stage", "canary").await;
    browser.shows("#journal", "from the page").await;

    open("back").await.send_keys("and back").await.unwrap();
    browser.assert_accessible("rolling back").await;
    press("#flip-form [type=submit]").await;
    browser.shows("#flip-dialog", "Done").await;
    press("#flip-close").await;
    browser.shows("[data-route=w] .stage", "shadow").await;
    browser.shows("#journal", "and back").await;
    assert!(browser.client.find(Locator::Css("dialog[open]")).await.is_err());
    // The browser itself logs what was refused on purpose: the questions without the token, and the gate's refusal.
    let console = browser.console().await;
    let expected = |line: &&String| line.contains("401") || line.contains("409");
    assert!(console.iter().all(|line| expected(&line)), "{console:?}");
}
