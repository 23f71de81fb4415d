//! The dashboard in a real browser: it renders, follows, shows a real mismatch, and can be used by everybody.

pub(crate) mod browser;
mod flips;

use browser::Browser;
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use serde_json::json;

use crate::stack;

/// Markup that a hostile backend could answer.
const PLANTED: &str = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>";

/// A stack whose two backends differ in one value of a list, with planted markup in what differs.
async fn differing() -> Stack {
    let mut stack = stack()
        .route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"))
        .route(RouteSpec::new("quiet", "/quiet/{id}"))
        .start()
        .await;
    let list = |name: &str| json!([{ "id": 1, "name": name, "tags": ["a", "b"] }]).to_string();
    let (old, new) = stack.fakes();
    old.answer(Answer::json(&list(&format!("old {PLANTED}"))));
    new.answer(Answer::json(&list(&format!("new {PLANTED}"))));
    compare_until(&stack, 3).await;
    stack
}

/// Mismatches of route `w` so far.
async fn mismatched(stack: &Stack) -> u64 {
    let evidence = stack.evidence().await;
    let route = evidence.routes.into_iter().find(|route| route.route == "w").unwrap();
    route.operations.iter().map(|operation| operation.mismatched).sum()
}

/// Asks until this many mismatches are known: a busy proxy leaves copies out.
async fn compare_until(stack: &Stack, wanted: u64) {
    wait::until(&format!("{wanted} mismatches are known"), LIMIT, async || {
        stack.get("/w/1").await;
        (mismatched(stack).await >= wanted).then_some(())
    })
    .await;
}

/// Waits until a part of the page shows as many mismatches as the proxy knows.
async fn shows_count(
    browser: &Browser,
    stack: &Stack,
    selector: &str,
    words: impl Fn(u64) -> String,
) {
    wait::until(&format!("`{selector}` shows how many mismatches there are"), LIMIT, async || {
        let words = words(mismatched(stack).await);
        browser.text(selector).await.contains(&words).then_some(())
    })
    .await;
}

async fn opened(stack: &Stack) -> Browser {
    let browser = Browser::start().await;
    browser.look(1280, 900, "light").await;
    browser.client.goto(&stack.admin_url()).await.unwrap();
    browser.shows("#routes", "shadow").await;
    browser
}

async fn open_tab(browser: &Browser, name: &str) {
    browser.find(&format!("#tab-{name}")).await.click().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mismatch_is_shown_side_by_side_and_its_markup_is_only_text() {
    let stack = differing().await;
    let browser = opened(&stack).await;
    browser.shows("[data-route=w]", "0 %").await;
    shows_count(&browser, &stack, "[data-route=w]", |count| format!("of {count}")).await;
    open_tab(&browser, "differences").await;
    browser.shows(".difference summary", "$[*].name").await;
    shows_count(&browser, &stack, ".difference summary", |count| format!("{count} ×")).await;
    browser.shows(".sides tr.differs td.old", PLANTED).await;
    browser.shows(".sides tr.differs td.new", PLANTED).await;
    browser.shows(".sides td.old mark", "old").await;
    browser.shows(".sides td.new mark", "new").await;
    browser.shoot("differences").await;
    assert_eq!(browser.value("typeof window.hacked").await, "undefined");
    let made = browser.value("document.querySelectorAll('img, script:not([src])').length").await;
    assert_eq!(made, 0, "what a backend answers never becomes an element");
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flip_appears_without_a_reload() {
    let stack = differing().await;
    let browser = opened(&stack).await;
    browser.shows("#link", "live").await;
    browser.value("(window.loaded = 'once')").await;
    let flip =
        ["cutover", "w", "--to", "canary", "--percent", "25", "--force", "--reason", "to see it"];
    stack.migrate_ok(&flip).await;
    browser.shows("[data-route=w] .stage", "canary 25").await;
    browser.shows("#journal", "to see it").await;
    browser.shows("#journal", "w: shadow → canary 25").await;
    let generation = stack.routes_report().await.generation.number.to_string();
    browser.shows("#generation", &generation).await;
    let told = browser.value("document.getElementById('live').textContent").await;
    let told = told.as_str().unwrap();
    assert!(
        told.contains(&format!("Generation {generation}")) && told.contains("canary"),
        "{told}"
    );
    assert_eq!(browser.value("window.loaded").await, "once", "the page was not loaded again");

    let good = stack.read_routes();
    stack.write_routes(&good.replace("stage = \"canary\"", "stage = \"cannery\""));
    browser.shows("#alerts", "not in force").await;
    browser.shows("#alerts", "routes.toml:").await;
    browser.shoot("rejected").await;
    browser.assert_accessible("with a warning").await;
    stack.write_routes(&good);
    wait::until("the warning is gone", LIMIT, async || {
        browser.text("#alerts").await.is_empty().then_some(())
    })
    .await;
    stack.recorded().await;
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_kept_out_wide_or_narrow_light_or_dark() {
    let stack = differing().await;
    let browser = opened(&stack).await;
    let tabs = browser
        .value("[...document.querySelectorAll('[data-tab]')].map((tab) => tab.dataset.tab)")
        .await;
    let tabs: Vec<String> = serde_json::from_value(tabs).unwrap();
    assert!(tabs.len() >= 2, "{tabs:?}");
    for (width, height) in [(1280, 900), (390, 844), (320, 640)] {
        for scheme in ["light", "dark"] {
            browser.look(width, height, scheme).await;
            for tab in &tabs {
                open_tab(&browser, tab).await;
                let what = format!("{tab}, {width} wide, {scheme}");
                browser.assert_accessible(&what).await;
                let root = "document.documentElement";
                let room = browser.value(&format!("{root}.clientWidth")).await.as_u64();
                let wide = browser.value(&format!("{root}.scrollWidth")).await.as_u64();
                assert!(wide <= room, "{what} scrolls sideways: {wide:?} in {room:?}");
                browser.shoot(&format!("{tab}-{width}-{scheme}")).await;
            }
        }
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_by_keyboard() {
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    const RIGHT: &str = "\u{e014}";
    let stack = differing().await;
    let browser = opened(&stack).await;
    let focused = async |expression: &str| {
        browser.value(&format!("document.activeElement.{expression}")).await
    };
    browser.press(TAB).await;
    assert_eq!(focused("textContent").await, "Skip to the routes");
    browser.press(ENTER).await;
    assert_eq!(focused("id").await, "main");
    browser.press(TAB).await;
    browser.press(TAB).await;
    assert_eq!(focused("textContent").await, "quiet");
    let outline = browser.value("getComputedStyle(document.activeElement).outlineStyle").await;
    assert_eq!(outline, "solid", "the focus is seen");
    browser.press(ENTER).await;
    browser.shows("#detail-title", "quiet").await;
    browser.client.back().await.unwrap();
    browser.shows("#detail-title", "w").await;

    browser.find("[role=tab][aria-selected=true]").await;
    browser.value("document.querySelector('[role=tab][aria-selected=true]').focus()").await;
    browser.press(RIGHT).await;
    assert_eq!(focused("id").await, "tab-differences");
    assert_eq!(focused("ariaSelected").await, "true");
    browser.press(TAB).await;
    assert_eq!(focused("id").await, "tabpanel");
    browser.press(TAB).await;
    assert_eq!(focused("localName").await, "summary");
    let is_open = "document.querySelector('.difference').open";
    assert_eq!(browser.value(is_open).await, true);
    browser.press(ENTER).await;
    assert_eq!(browser.value(is_open).await, false);
    compare_until(&stack, mismatched(&stack).await + 1).await;
    shows_count(&browser, &stack, ".difference summary", |count| format!("{count} ×")).await;
    assert_eq!(browser.value(is_open).await, false, "what was closed stays closed");
    assert_eq!(focused("localName").await, "summary", "the focus stays where it was");
}

/// Rows as `sign old | new`; the path that is looked at is marked by `!`.
const LAID_OUT: &str = "const [old, fresh, at, done] = arguments; \
    import('/dashboard/sides.js').then(({ sideBySide }) => done(sideBySide(old, fresh, at).map((row) => \
        row.skipped ? `… ${row.skipped}` \
        : row.equal ? `= ${row.old.trim()}` \
        : `${row.here ? '!' : '~'} ${row.old?.trim() ?? ''} | ${row.new?.trim() ?? ''}`)))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_answers_are_paired_line_by_line() {
    let stack = stack().route(RouteSpec::new("w", "/w").stage("shadow")).start().await;
    let browser = opened(&stack).await;
    let rows = async |old: &str, new: &str, at: &str| {
        let arguments = vec![json!(old), json!(new), json!(at)];
        let rows = browser.client.execute_async(LAID_OUT, arguments).await.unwrap();
        serde_json::from_value::<Vec<String>>(rows).unwrap()
    };
    // Spellings that a number type would lose, and an order of keys that means nothing.
    let spelled = rows(
        r#"{"a": 1.0, "b": [1], "c": 9007199254740993}"#,
        r#"{"c":9007199254740992,"b":[1],"a":1}"#,
        "$.a",
    )
    .await;
    assert_eq!(
        spelled,
        [
            "= {",
            "! \"a\": 1.0, | \"a\": 1,",
            "= \"b\": [",
            "= 1",
            "= ],",
            "~ \"c\": 9007199254740993 | \"c\": 9007199254740992",
            "= }"
        ]
    );
    let gone =
        rows(r#"[{"id": 1, "x": null}, {"id": 2}]"#, r#"[{"id": 1}, {"id": 2}]"#, "$[0].x").await;
    assert_eq!(
        gone,
        ["= [", "= {", "= \"id\": 1,", "! \"x\": null | ", "= },", "= {", "= \"id\": 2", "… 2"]
    );
    let text = rows("a\nb\nc", "a\nB\nc", "$").await;
    assert_eq!(text, ["= a", "~ b | B", "= c"]);
    for (old, new) in
        [("{\"cut\": [1, 2", "{\"cut\": [1, 3"), ("", "x"), ("{}", "[]"), ("NaN", "null")]
    {
        let rows = rows(old, new, "$").await;
        assert!(rows.iter().any(|row| row.starts_with('~') || row.starts_with('!')), "{rows:?}");
    }
    let deep = "[".repeat(5000);
    assert!(!rows(&deep, "[]", "$").await.is_empty(), "too deep to lay out is still shown");
}
