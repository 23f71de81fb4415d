//! A workflow's whole life through one way in, and what the other backends see of it.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::abandoned;
use super::asking::{Asker, Body, member};
use super::made::Made;
use super::places::Place;
use crate::checks::{Checks, Wrong};

/// How long an execution without steps may take.
const EXECUTION: Duration = Duration::from_secs(30);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(100);

/// What to do where one backend does not see what another wrote.
const SHARED: &str = "see that both backends use the same database (DATABASE_URL), and that it has not moved \
    (`migrate db split status`)";

/// Lives it.
pub(super) async fn live(asker: &Asker<'_>, place: &Place, made: &mut Made, checks: &mut Checks) {
    checks.group(place.who.word());
    let workflow = json!({
        "name": format!("{}-{}", made.mark, place.who.word()), "description": "made by `migrate verify service`",
        "steps": {"ü": {"k": "✓", "n": 1e-7}}, "dependencies": {}, "max_cost_budget": 12.5,
        "verification_level": "full", "tags": [made.mark, abandoned::TAG],
    });
    made.begin(place.who);
    let created = checks.check("a workflow is created", create(asker, place, &workflow)).await;
    let Some((id, created)) = created else {
        return checks.skip("the life of a workflow", "none was created");
    };
    made.workflow(&id, place.who);
    let path = format!("/workflows/{id}");
    checks.check("it reads as it was answered", reads(asker, place, &path, &created)).await;
    checks.check("the list has it", lists(asker, place, &made.mark, &id)).await;
    let updated = checks.check("it is updated", update(asker, place, &path)).await;
    for other in asker.places.others(place.who) {
        let what = format!("the {} sees it so", other.who.word());
        let now = updated.as_ref().unwrap_or(&created);
        checks.check(what, sees(asker, other, &path, now)).await;
    }
    execute(asker, place, &id, made, checks).await;
    let deleted = checks.check("it is deleted", delete(asker, place, &path)).await;
    if deleted.is_some() {
        made.gone(&id);
        for other in asker.places.others(place.who) {
            let what = format!("the {} sees it no more", other.who.word());
            checks.check(what, is_gone(asker, other, &path)).await;
        }
    }
}

async fn create(
    asker: &Asker<'_>,
    place: &Place,
    workflow: &Value,
) -> Result<((String, Value), String), Wrong> {
    let answer = asker.api(place, Method::POST, "/workflows", Body::Json(workflow)).await?;
    let created = answer.of(200)?;
    for field in ["name", "description", "steps", "max_cost_budget", "verification_level"] {
        if member(&created, field) != member(workflow, field) {
            let found = format!(
                "{field} is {} instead of {}",
                member(&created, field),
                member(workflow, field)
            );
            return Err(Wrong::new(found, "see the contract of POST /workflows"));
        }
    }
    let Some(id) = member(&created, "id").as_str().filter(|id| !id.is_empty()) else {
        return Err(Wrong::new("the answer has no id", "see the contract of POST /workflows"));
    };
    let id = id.to_owned();
    Ok(((id.clone(), created), id))
}

async fn reads(
    asker: &Asker<'_>,
    place: &Place,
    path: &str,
    expected: &Value,
) -> Result<((), String), Wrong> {
    let found = asker.api(place, Method::GET, path, Body::None).await?.of(200)?;
    same(expected, &found, "see whether something else changes it, and the log")
}

async fn sees(
    asker: &Asker<'_>,
    other: &Place,
    path: &str,
    expected: &Value,
) -> Result<((), String), Wrong> {
    let answer = asker.api(other, Method::GET, path, Body::None).await?;
    if answer.status == 404 {
        return Err(Wrong::new(format!("the {} does not have it (404)", other.who.word()), SHARED));
    }
    same(expected, &answer.of(200)?, SHARED)
}

/// Names the fields that differ.
fn same(expected: &Value, found: &Value, help: &str) -> Result<((), String), Wrong> {
    if expected == found {
        let fields = found.as_object().map_or(0, serde_json::Map::len);
        return Ok(((), format!("{fields} fields equal")));
    }
    let names =
        expected.as_object().into_iter().chain(found.as_object()).flat_map(|all| all.keys());
    let mut differing: Vec<String> = names
        .filter(|name| expected.get(name) != found.get(name))
        .map(|name| {
            let shown =
                |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            format!("{name}: {} instead of {}", shown(found.get(name)), shown(expected.get(name)))
        })
        .collect();
    differing.sort_unstable();
    differing.dedup();
    let told = if differing.is_empty() { "is no object".to_owned() } else { differing.join("; ") };
    Err(Wrong::new(told, help))
}

async fn lists(
    asker: &Asker<'_>,
    place: &Place,
    mark: &str,
    id: &str,
) -> Result<((), String), Wrong> {
    let target = format!("/workflows?tags={mark}");
    let all = asker.api(place, Method::GET, &target, Body::None).await?.of(200)?;
    let count = all.as_array().map_or(0, Vec::len);
    let is_there =
        all.as_array().into_iter().flatten().any(|workflow| member(workflow, "id") == id);
    if is_there {
        return Ok(((), format!("{count} with the tag {mark}")));
    }
    let found = format!("it is not among the {count} with the tag {mark}");
    Err(Wrong::new(found, "see the log, and whether this key owns what it creates"))
}

async fn update(asker: &Asker<'_>, place: &Place, path: &str) -> Result<(Value, String), Wrong> {
    let change = json!({"description": "updated ✓", "max_execution_time": 60});
    let answer = asker.api(place, Method::PUT, path, Body::Json(&change)).await?;
    let updated = answer.of(200)?;
    for field in ["description", "max_execution_time"] {
        if member(&updated, field) != member(&change, field) {
            let found = format!(
                "{field} is {} instead of {}",
                member(&updated, field),
                member(&change, field)
            );
            return Err(Wrong::new(found, "see the contract of PUT /workflows/{id}"));
        }
    }
    reads(asker, place, path, &updated).await.map(|((), found)| (updated, found))
}

async fn execute(asker: &Asker<'_>, place: &Place, id: &str, made: &mut Made, checks: &mut Checks) {
    let begun = checks.check("it is executed", begin(asker, place, id)).await;
    let Some(execution) = begun else { return };
    made.identifiers.push(execution.clone());
    let status = format!("/executions/{execution}/status");
    let ended = checks.check("the execution completes", completes(asker, place, &status)).await;
    if ended.is_some() {
        for other in asker.places.others(place.who) {
            let what = format!("the {} sees that", other.who.word());
            checks.check(what, has_completed(asker, other, &status)).await;
        }
    }
}

async fn begin(asker: &Asker<'_>, place: &Place, id: &str) -> Result<(String, String), Wrong> {
    let order = json!({"workflow_id": id, "inputs": {}});
    let target = format!("/workflows/{id}/execute");
    let begun = asker.api(place, Method::POST, &target, Body::Json(&order)).await?.of(200)?;
    match member(&begun, "execution_id").as_str() {
        Some(execution) => Ok((execution.to_owned(), execution.to_owned())),
        None => {
            Err(Wrong::new("the answer has no execution_id", "see the contract of POST …/execute"))
        }
    }
}

async fn completes(asker: &Asker<'_>, place: &Place, status: &str) -> Result<((), String), Wrong> {
    let until = Instant::now() + EXECUTION;
    loop {
        let now = asker.api(place, Method::GET, status, Body::None).await?.of(200)?;
        match member(&now, "status").as_str().unwrap_or_default() {
            "completed" => return Ok(((), "completed".to_owned())),
            "pending" | "running" if Instant::now() < until => {
                tokio::time::sleep(PAUSE).await;
            }
            word => {
                let found = format!("it is {word}: {}", member(&now, "error_message"));
                let help = "see that a worker of the backend runs, and its log";
                return Err(Wrong::new(found, help));
            }
        }
    }
}

async fn has_completed(
    asker: &Asker<'_>,
    other: &Place,
    status: &str,
) -> Result<((), String), Wrong> {
    let now = asker.api(other, Method::GET, status, Body::None).await?.of(200)?;
    if member(&now, "status") == "completed" {
        return Ok(((), "completed".to_owned()));
    }
    Err(Wrong::new(format!("there it is {}", member(&now, "status")), SHARED))
}

async fn delete(asker: &Asker<'_>, place: &Place, path: &str) -> Result<((), String), Wrong> {
    asker.api(place, Method::DELETE, path, Body::None).await?.of(200)?;
    is_gone(asker, place, path).await
}

async fn is_gone(asker: &Asker<'_>, place: &Place, path: &str) -> Result<((), String), Wrong> {
    let answer = asker.api(place, Method::GET, path, Body::None).await?;
    answer.of(404).map(|_| ((), "404".to_owned()))
}
