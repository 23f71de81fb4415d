//! The page of a scan in a real browser: its graph can be explored, and nothing that the source says becomes markup.

use std::process::Command;

use e2e::stack::run;
use tempfile::TempDir;

use crate::BINARIES;
use crate::dashboard::browser::Browser;

/// Names of files that would be markup if anybody let them.
const PLANTED: &str = "<img src=x onerror='window.hacked=1'>";

/// The page of a small monolith, in a folder that goes with the value.
async fn page() -> (TempDir, String) {
    let folder = TempDir::with_prefix("e2e-scan-").unwrap();
    let app = folder.path().join("mono/app");
    std::fs::create_dir_all(&app).unwrap();
    let planted = format!("planted{PLANTED}.py");
    for (name, text) in [
        ("__init__.py", ""),
        (
            "agents.py",
            "from .domain import Agent\nrouter = APIRouter()\n@router.get('/agents')\ndef list_agents(): ...\n",
        ),
        ("domain.py", "class Agent: ...\n"),
        ("jobs.py", "from .agents import list_agents\nlist_agents()\n"),
        ("main.py", "from .agents import router\napp = FastAPI()\napp.include_router(router)\n"),
        (
            planted.as_str(),
            "from .agents import list_agents as x\nx('</script><script>window.hacked=1</script>')\n",
        ),
    ] {
        std::fs::write(app.join(name), text).unwrap();
    }
    let html = folder.path().join("scan.html");
    let mut command = Command::new(BINARIES.migrate);
    command.arg("scan").arg(folder.path().join("mono")).args(["--extract", "app/agents.py"]);
    let output = run({
        command.arg("--html").arg(&html).current_dir(folder.path());
        command
    })
    .await;
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    let url = format!("file://{}", html.display());
    (folder, url)
}

#[tokio::test]
async fn the_graph_can_be_explored_and_is_for_everybody() {
    let (_folder, url) = page().await;
    let browser = Browser::start().await;
    for scheme in ["light", "dark"] {
        browser.look(1280, 900, scheme).await;
        browser.client.goto(&url).await.unwrap();
        browser.shows("main", "The border is not clean").await;
        browser.assert_accessible(&format!("the page of a scan, {scheme}")).await;
    }
    let rows =
        "[...document.querySelectorAll('tr[data-from]')].filter((row) => !row.hidden).length";
    assert_eq!(browser.value(rows).await, 4);

    // A file that is chosen, by keys alone, shows its edges.
    browser.value("document.querySelector('.node[data-file$=\"jobs.py\"]').focus()").await;
    browser.press("\u{e007}").await;
    browser.shows("#status", "app/jobs.py: 1 edges").await;
    assert_eq!(browser.value(rows).await, 1);
    browser.assert_accessible("a file that is chosen").await;
    browser.find("#all").await.click().await.unwrap();
    assert_eq!(browser.value(rows).await, 4);

    browser.find("#search").await.send_keys("domain").await.unwrap();
    browser.shows("#status", "1 files found").await;
    assert_eq!(browser.value("document.querySelectorAll('.node.found').length").await, 1);

    let view = "document.getElementById('graph').getAttribute('viewBox')";
    let before = browser.value(view).await;
    browser.find("#closer").await.click().await.unwrap();
    assert_ne!(browser.value(view).await, before);

    browser.look(320, 700, "light").await;
    browser.assert_accessible("the page on a small screen").await;
    let wide = browser.value("document.documentElement.scrollWidth > 320").await;
    assert_eq!(wide, false, "the page is not wider than the screen");
    assert_eq!(browser.value("window.hacked === undefined").await, true);
    assert_eq!(browser.console().await, Vec::<String>::new());
}
