//! The steps of a migration, each with the command that measures it.

use serde_json::Value;

use super::importers;
use super::measured::{Measured, measure};
use super::{Args, State, Step};
use crate::context::Context;
use crate::exit_code::Exit;

/// Everything, in the order in which it is done.
pub(super) async fn of(args: &Args, context: &Context) -> (Exit, Vec<Step>) {
    let status = measure(&["status"], context).await;
    let client = match &args.source {
        Some(source) => importers::client(source).await,
        None => None,
    };
    let border = border(args, context, client.as_deref()).await;
    let mut steps = vec![border, database(args, context).await];
    steps.push(units(args, context).await);
    steps.push(table(&status, context));
    if status.report.pointer("/routes").is_none() {
        return (status.exit, steps);
    }
    let proxies = proxies(&status);
    let follow = proxies.iter().all(|proxy| proxy.state == State::Done);
    steps.extend(proxies);
    steps.extend(backends(&status));
    let routes = status.list("/routes");
    // Once clients are on the new side there is no first flip any more.
    if routes.iter().all(|route| matches!(word(route, "stage"), "monolith" | "shadow")) {
        steps.push(doctor(args, context).await);
    }
    for route in routes {
        steps.push(route_step(route, follow, context).await);
    }
    steps.push(cleanup(args, context, client.as_deref()).await);
    steps.push(retire(args, context).await);
    (status.exit, steps)
}

async fn border(args: &Args, context: &Context, client: Option<&str>) -> Step {
    let Some(source) = &args.source else {
        let found = "give the monolith's source with --source DIR";
        return unknown("border", "monolith", found, "migrate scan DIR");
    };
    let source = source.to_string_lossy();
    if !args.config.exists() {
        let found = format!("{} does not say yet which files leave", args.config.display());
        let command = format!("migrate init {source} --extract GLOB");
        return step("border", &source, State::Open, found, command);
    }
    let command = format!("migrate scan {source}");
    let config = args.config.to_string_lossy();
    let scan = measure(&["scan", &source, "--config", &config], context).await;
    if scan.exit == Exit::Refused && scan.report.get("error").is_none() {
        let found = crossings(&scan);
        return importers::step(&scan, &source, client, &found)
            .unwrap_or_else(|| step("border", &source, State::Open, found, command));
    }
    let (state, found) = match scan.exit {
        Exit::Done => (State::Done, "clean".to_owned()),
        _ => (State::Unknown, scan.failure()),
    };
    step("border", &source, state, found, command)
}

/// What a scan counts, in words.
fn crossings(scan: &Measured) -> String {
    let counted = [
        ("/importers", "imports of extracted files"),
        ("/needs", "imports of the rest"),
        ("/cycles", "circles"),
        ("/nowhere", "imports that lead nowhere"),
        ("/hidden", "hidden files"),
        ("/unread", "files that could not be read"),
    ];
    let told = counted.iter().filter_map(|(pointer, what)| match scan.list(pointer).len() {
        0 => None,
        count => Some(format!("{count} {what}")),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "not clean".to_owned() } else { told.join(", ") }
}

async fn database(args: &Args, context: &Context) -> Step {
    let Some(url) = &args.database else {
        let found = "give it with --database URL or DATABASE_URL";
        return unknown("database", "shared", found, "migrate schema check --database URL");
    };
    let check = measure(&["schema", "check", "--database", url], context).await;
    let on = check.text("/database").unwrap_or("shared").to_owned();
    let command = format!("migrate schema check --database {on}");
    let (state, found) = match (check.exit, check.text("/result")) {
        (Exit::Done, _) => (State::Done, "both programs can live with it".to_owned()),
        (_, Some(_)) => {
            let harmless = |finding: &&Value| word(finding, "severity") != "harmless";
            let breaks = check.list("/findings").iter().filter(harmless).count();
            (State::Open, format!("{breaks} findings that break something"))
        }
        _ => (State::Unknown, check.failure()),
    };
    step("database", &on, state, found, command)
}

async fn units(args: &Args, context: &Context) -> Step {
    let root = args.root.to_string_lossy();
    let words = ["deploy", "check", "--root", &root, "--service", &args.service];
    let check = measure(&words, context).await;
    let bad: Vec<String> = check
        .list("/checks")
        .iter()
        .filter(|check| word(check, "verdict") == "fails")
        .map(|check| format!("{}, {}", word(check, "unit"), word(check, "what")))
        .collect();
    let on = format!("strangler-proxy, {}", args.service);
    match bad.first() {
        None if check.exit == Exit::Done => {
            let found = "installed, and would run".to_owned();
            step("units", &on, State::Done, found, "migrate deploy check".to_owned())
        }
        None => unknown("units", &on, &check.failure(), "migrate deploy check"),
        Some(first) if first.ends_with(", unit") => {
            let found = "not installed on this machine".to_owned();
            step("units", &on, State::Open, found, "migrate deploy render --to DIR".to_owned())
        }
        Some(first) => {
            let found = format!("{} checks fail: {first}, …", bad.len());
            step("units", &on, State::Open, found, "migrate deploy check".to_owned())
        }
    }
}

fn table(status: &Measured, context: &Context) -> Step {
    let on = context.home.full_name();
    let command = "migrate routes validate".to_owned();
    match (status.report.pointer("/generation/number"), status.text("/damaged")) {
        (Some(number), None) => {
            step("table", &on, State::Done, format!("generation {number}"), command)
        }
        (_, Some(why)) => step("table", &on, State::Open, why.replace('\n', " "), command),
        (None, None) => step("table", &on, State::Open, status.failure(), command),
    }
}

fn proxies(status: &Measured) -> Vec<Step> {
    let all = status.list("/proxies").iter().map(|proxy| {
        let on = word(proxy, "address");
        let (state, found) = match (text(proxy, "error"), is(proxy, "in_step")) {
            (Some(error), _) => (State::Open, error.to_owned()),
            (None, true) => (State::Done, "has the table in force".to_owned()),
            (None, false) => (State::Open, "another generation is in force".to_owned()),
        };
        step("proxy", on, state, found, "migrate status".to_owned())
    });
    all.collect()
}

/// Each backend once, as the proxy that sees it worst.
fn backends(status: &Measured) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (proxy, backend) in status.list("/proxies").iter().flat_map(|proxy| {
        let backends = list(proxy, "backends");
        backends.iter().map(move |backend| (proxy, backend))
    }) {
        let targets = list(backend, "targets");
        let ill = targets.iter().filter(|target| !is(target, "healthy"));
        let ill: Vec<&str> = ill.map(|target| word(target, "address")).collect();
        let (state, found) = if ill.is_empty() {
            (State::Done, "healthy".to_owned())
        } else {
            let (ill, proxy) = (ill.join(", "), word(proxy, "address"));
            (State::Open, format!("{ill} is not healthy, says {proxy}"))
        };
        let on = word(backend, "name");
        let new = step("backend", on, state, found, "migrate status".to_owned());
        match steps.iter_mut().find(|known| known.on == on) {
            Some(known) if known.state == State::Done => *known = new,
            Some(_) => {}
            None => steps.push(new),
        }
    }
    steps
}

/// Whether both backends take the same clients.
async fn doctor(args: &Args, context: &Context) -> Step {
    let headers = args.header.iter().flat_map(|header| ["--header", header]);
    // What is long costs the backends something, and this is asked every morning.
    let words: Vec<&str> = ["doctor", "--no-limits"].into_iter().chain(headers).collect();
    let doctor = measure(&words, context).await;
    let first = |outcome: &str, group: Option<&str>| {
        let is_it = |check: &&Value| {
            word(check, "outcome") == outcome
                && group.is_none_or(|group| word(check, "group") == group)
        };
        let check = doctor.list("/checks").iter().find(is_it)?;
        Some(format!("{}: {}", word(check, "what"), word(check, "found")))
    };
    let (state, found) = match doctor.text("/result") {
        Some("good") => (State::Done, "both backends take the same clients".to_owned()),
        Some("partial") => {
            let why = first("not_looked_at", Some("identity")).unwrap_or_default();
            (State::Unknown, why)
        }
        Some(_) => (State::Open, format!("{}, …", first("failed", None).unwrap_or_default())),
        None => (State::Unknown, doctor.failure()),
    };
    let command = "migrate doctor --header \"x-api-key: @FILE\"".to_owned();
    step("doctor", "backends", state, found, command)
}

/// A route; `follow`: whether every proxy has the table in force, without which no gate can be asked.
async fn route_step(route: &Value, follow: bool, context: &Context) -> Step {
    let (name, stage) = (word(route, "name"), word(route, "stage"));
    if let Some(reason) = route.pointer("/guard/reason").and_then(Value::as_str) {
        let found = format!("at {stage}; the guard took it back: {reason}");
        let command = format!("migrate guard acknowledge {name}");
        return step("route", name, State::Open, found, command);
    }
    let command = format!("migrate cutover {name}");
    if stage == "service" {
        let found = format!("at {stage}");
        return step("route", name, State::Done, found, format!("migrate rollback {name}"));
    }
    if !follow {
        let found = format!("at {stage}; not every proxy has the table in force");
        return step("route", name, State::Waits, found, "migrate status".to_owned());
    }
    let dry = measure(&["cutover", name, "--dry-run"], context).await;
    let unmet = dry.list("/gate/conditions").iter().filter(|condition| !is(condition, "met"));
    let unmet: Vec<&Value> = unmet.collect();
    match unmet.first() {
        None if dry.exit == Exit::Done => {
            step("route", name, State::Open, format!("at {stage}; the next may come"), command)
        }
        None => unknown("route", name, &format!("at {stage}; {}", dry.failure()), &command),
        Some(first) => {
            let more = match unmet.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let (what, found) = (word(first, "condition"), word(first, "found"));
            let found = format!("at {stage}; {what}: {found}{more}");
            step("route", name, State::Waits, found, format!("migrate gate {name}"))
        }
    }
}

/// Whether the extracted files can be taken out of the monolith, or are.
async fn cleanup(args: &Args, context: &Context, client: Option<&str>) -> Step {
    let Some(source) = &args.source else {
        let found = "give the monolith's source with --source DIR";
        return unknown("cleanup", "monolith", found, "migrate cleanup DIR --dry-run");
    };
    let (source, config) = (source.to_string_lossy(), args.config.to_string_lossy());
    let mut words = vec!["cleanup", &source, "--config", &config, "--dry-run"];
    words.extend(client.iter().flat_map(|client| ["--use-client", client]));
    let dry = measure(&words, context).await;
    let command = match client {
        Some(client) => format!("migrate cleanup {source} --use-client {client}"),
        None => format!("migrate cleanup {source}"),
    };
    let against = dry.list("/against");
    let (state, found) = match (dry.text("/result"), against.first()) {
        (Some("nothing-to-do"), _) => (State::Done, "the extracted files are out".to_owned()),
        (Some("planned"), _) => (State::Open, format!("{} files may go", dry.list("/moved").len())),
        (_, Some(first)) => {
            let (file, what) = (word(first, "file"), word(first, "what"));
            (State::Waits, format!("{} obstacles: {file}: {what}, …", against.len()))
        }
        (_, None) if dry.exit == Exit::Refused => (State::Waits, dry.failure()),
        (_, None) => (State::Unknown, dry.failure()),
    };
    step("cleanup", &source, state, found, command)
}

/// Whether the proxy can be taken out, or is.
async fn retire(args: &Args, context: &Context) -> Step {
    let command = "migrate retire --for FRONT --listen ADDRESS --to DIR";
    let folder = args.front.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    if let Some(folder) = &folder
        && super::super::retire::leads_past_the_proxy(std::path::Path::new(folder))
    {
        let found = format!("the front of {folder} passes it by");
        let back = format!("migrate retire --undo --to {folder}");
        return step("retire", "proxy", State::Done, found, back);
    }
    // Nothing is written, and where the front listens is no condition: any of them says whether the proxy may go.
    let to = folder.as_deref().unwrap_or("front");
    let words = ["retire", "--for", "haproxy", "--listen", "127.0.0.1:1", "--to", to];
    let dry = measure(&words, context).await;
    let unmet = dry.list("/conditions").iter().filter(|condition| !is(condition, "met"));
    let unmet: Vec<&Value> = unmet.collect();
    let (state, found) = match unmet.first() {
        None if dry.exit == Exit::Done => (State::Open, "it can be taken out".to_owned()),
        None => (State::Waits, dry.failure()),
        Some(first) => {
            let (what, found) = (word(first, "condition"), word(first, "found"));
            (State::Waits, format!("{} conditions: {what}: {found}, …", unmet.len()))
        }
    };
    step("retire", "proxy", state, found, command.to_owned())
}

/// What a document has under a key; documents of our own commands have it.
pub(super) fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    text(value, key).unwrap_or_default()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

fn is(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn step(
    name: &'static str,
    on: &str,
    state: State,
    found: String,
    command: String,
) -> Step {
    Step { name, on: on.to_owned(), state, found, command }
}

fn unknown(name: &'static str, on: &str, found: &str, command: &str) -> Step {
    step(name, on, State::Unknown, found.to_owned(), command.to_owned())
}
