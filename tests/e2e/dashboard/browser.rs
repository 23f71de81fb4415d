//! A headless Chromium of the test's own: driven by chromedriver, gone with the value.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::port::PortGuard;
use e2e::process::Process;
use e2e::programs::project;
use e2e::{LIMIT, wait};
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What bootstrap fetched.
const AXE: &str = ".tools/axe/4.14.1/package/axe.min.js";

/// The faults that axe looks for: what WCAG 2.2 asks for at level AA, and what its authors hold to be good practice.
const CHECK: &str = "const [done] = arguments; \
    axe.run(document, { resultTypes: ['violations'] }).then( \
        (found) => done(found.violations.map((one) => \
            `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary).join(' | ')}`)), \
        (error) => done([String(error)]))";

/// One browser with one tab.
#[derive(Debug)]
pub(crate) struct Browser {
    /// What drives the tab.
    pub(crate) client: Client,
    driver: SocketAddr,
    _process: Process,
    _folder: TempDir,
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Starts it with an empty tab.
    pub(crate) async fn start() -> Self {
        let folder = TempDir::with_prefix("e2e-browser-").unwrap();
        let driver = PortGuard::take().release();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={}", driver.port()));
        let mut process =
            Process::spawn("chromedriver", &command, &folder.path().join("driver.log"));
        let (http, status) = (reqwest::Client::new(), format!("http://{driver}/status"));
        wait::until("chromedriver answers (`make setup` installs it)", LIMIT, async || {
            assert!(process.ended().is_none(), "chromedriver has ended\n{}", process.tail());
            http.get(&status).send().await.ok()
        })
        .await;
        let capabilities = json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage",
                format!("--user-data-dir={}", folder.path().join("profile").display()),
            ]},
        });
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://{driver}"))
            .await
            .unwrap();
        Self { client, driver, _process: process, _folder: folder }
    }

    /// Waits for an element that a CSS selector finds.
    pub(crate) async fn find(&self, selector: &str) -> Element {
        wait::until(&format!("`{selector}` is on the page"), LIMIT, async || {
            self.client.find(Locator::Css(selector)).await.ok()
        })
        .await
    }

    /// The visible text of the page, or of a part of it.
    pub(crate) async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await.unwrap_or_default()
    }

    /// Waits until a part of the page shows this.
    pub(crate) async fn shows(&self, selector: &str, wanted: &str) {
        wait::until(&format!("`{selector}` shows `{wanted}`"), LIMIT, async || {
            self.text(selector).await.contains(wanted).then_some(())
        })
        .await;
    }

    /// What an expression has for a value.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.client.execute(&format!("return {expression}"), Vec::new()).await.unwrap()
    }

    /// Types keys where the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Makes the page as wide as a device, and light or dark.
    pub(crate) async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.chromium("Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.chromium("Emulation.setEmulatedMedia", media).await;
    }

    /// Fails the test on any fault of accessibility that axe finds.
    pub(crate) async fn assert_accessible(&self, what: &str) {
        if self.value("typeof axe").await == "undefined" {
            let axe = project().join(AXE);
            let axe = std::fs::read_to_string(&axe)
                .unwrap_or_else(|error| panic!("{}: {error}: run `make setup`", axe.display()));
            self.client.execute(&axe, Vec::new()).await.unwrap();
        }
        let found = self.client.execute_async(CHECK, Vec::new()).await.unwrap();
        assert_eq!(found, json!([]), "{what}: {found:#}");
    }

    /// What the console has said since the last time it was asked: nothing, in a page that is well.
    pub(crate) async fn console(&self) -> Vec<String> {
        let log = self.own("se/log", json!({ "type": "browser" })).await;
        log.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// Keeps a picture of the page where `DASHBOARD_SHOTS` names a folder.
    pub(crate) async fn shoot(&self, name: &str) {
        if let Some(folder) = std::env::var_os("DASHBOARD_SHOTS") {
            let picture = self.client.screenshot().await.unwrap();
            std::fs::write(Path::new(&folder).join(name).with_extension("png"), picture).unwrap();
        }
    }

    async fn chromium(&self, command: &str, parameters: Value) {
        self.own("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.unwrap()
    }
}

impl Drop for Browser {
    /// chromedriver is asked to end the browser; killed, it would leave it behind.
    fn drop(&mut self) {
        let Ok(mut stream) = TcpStream::connect(self.driver) else { return };
        let request = format!("GET /shutdown HTTP/1.1\r\nHost: {}\r\n\r\n", self.driver);
        let _patience = stream.set_read_timeout(Some(Duration::from_secs(5)));
        if stream.write_all(request.as_bytes()).is_ok() {
            let _until_it_is_gone = stream.read_to_end(&mut Vec::new());
        }
    }
}
