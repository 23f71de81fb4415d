//! One exchange of a twin, on the mirror's runtime: wait, translate, send, translate back, compare, learn, record.

use std::time::{Duration, Instant};

use bytes::Bytes;
use compare::{Comparison, Difference, decode};
use evidence::{Compared, DropReason};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use routes::admin::{DifferenceKind, Grade};
use serde_json::Value;

use super::PATIENCE;
use super::identifier::Identifier;
use super::learn::{self, Found};
use super::place::Place;
use super::translate::{self, Body};
use super::writes::Watch;
use crate::mirror::capture::Captured;
use crate::mirror::client::{MirroredAnswer, NoAnswer};
use crate::mirror::exchange::{ask, compared};
use crate::mirror::table::RouteMirror;
use crate::mirror::{Mirror, control};

/// Most identifiers of a request's body that count for its order.
const MAX_MENTIONED: usize = 16;

/// Longest wait for its turn, in limits of a mirrored request.
const TURNS: u32 = 3;

/// Sends the mirrored request when its turn has come, and compares the answers.
pub(in crate::mirror) async fn run(
    mirror: &Mirror,
    route: &RouteMirror,
    captured: &mut Captured,
    mut place: Place,
    primary_latency: Duration,
) -> Result<Compared, NoAnswer> {
    prepare(captured, &mut place);
    if !place.turn(captured.bounds.timeout.saturating_mul(TURNS)).await {
        return Err(NoAnswer::Dropped(DropReason::InFlight));
    }
    if place.scope.is_write() && captured.answer.status.is_server_error() {
        // Nobody knows how much of it the primary has done.
        return Err(NoAnswer::Dropped(DropReason::PrimaryFailed));
    }
    let old_target = captured.request.target.clone();
    translate_request(captured, &place);
    let watch = Watch::begin(&place).await;
    let mut compared = attempt(mirror, route, captured, &mut place, primary_latency).await?;
    if place.scope.is_write() {
        // Where only one side has done it, what it touches has diverged.
        if compared.old.status.is_success() == compared.new.status.is_success() {
            place.settle();
        }
    } else {
        for pause in PATIENCE {
            if compared.comparison.is_match() || unknown_reason(&compared, &place).is_some() {
                break;
            }
            tokio::time::sleep(pause).await;
            compared = attempt(mirror, route, captured, &mut place, primary_latency).await?;
        }
    }
    if let Some(reason) = unknown_reason(&compared, &place) {
        return Err(NoAnswer::Dropped(reason));
    }
    if let Some(watch) = watch {
        let found = if place.scope.is_write() {
            watch.after_write(&place, route, captured.bounds.max_body).await
        } else {
            watch.after_read(&place).await
        };
        compared.comparison.differences.extend(found);
    }
    if let Some(control) = captured.control.take() {
        captured.request.target = old_target;
        control::settle(mirror, route, captured, control, &mut compared).await?;
    }
    Ok(compared)
}

/// What the captured request says besides its head.
fn prepare(captured: &mut Captured, place: &mut Place) {
    captured.request.body = Bytes::from(captured.request_body.take());
    if let Some(text) = json_text(&captured.request.headers, &captured.request.body) {
        let collection = place.scope.collection.clone();
        place.mention(translate::mentioned(text, collection.as_deref(), MAX_MENTIONED));
    }
}

/// A body that is JSON and not compressed.
fn json_text<'b>(headers: &HeaderMap, body: &'b [u8]) -> Option<&'b str> {
    let is_json = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            value.split(';').next().is_some_and(|kind| kind.trim().ends_with("json"))
        })
    };
    let is_plain = !headers.contains_key(header::CONTENT_ENCODING);
    headers.get(header::CONTENT_TYPE).filter(|value| is_plain && is_json(value))?;
    std::str::from_utf8(body).ok().filter(|text| !text.is_empty())
}

/// Puts the new side's identifiers in the place of the old side's.
fn translate_request(captured: &mut Captured, place: &Place) {
    let names = |old: &Identifier| place.twin.to_new(old);
    let request = &mut captured.request;
    request.target = translate::target(&request.target, &names);
    let collection = place.scope.collection.as_deref();
    let body = json_text(&request.headers, &request.body)
        .and_then(|text| translate::json(text, Body::Sent, collection, &names));
    if let Some(body) = body {
        request.body = Bytes::from(body);
    }
}

/// Asks the twin once, and compares its answer in the old side's words.
async fn attempt(
    mirror: &Mirror,
    route: &RouteMirror,
    captured: &mut Captured,
    place: &mut Place,
    primary_latency: Duration,
) -> Result<Compared, NoAnswer> {
    let started = Instant::now();
    let mut answer = ask(mirror, captured).await?;
    let latencies = (primary_latency, started.elapsed());
    decode_json(&mut answer, captured.bounds.max_body);
    let broken = learn_from(captured, &answer, place);
    translate_answer(&mut answer, place);
    let mut compared = compared(captured, &answer, route, latencies)?;
    report(broken, &mut compared.comparison);
    Ok(compared)
}

/// Removes the content coding of a JSON answer; whatever can't be decoded is left for comparing to report.
fn decode_json(answer: &mut MirroredAnswer, max_body: usize) {
    if !answer.headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    if let Ok(decoded) = decode::decode(&answer.headers, answer.body.as_bytes(), max_body) {
        let decoded = decoded.into_owned();
        answer.body.replace(decoded);
        answer.headers.remove(header::CONTENT_ENCODING);
    }
}

/// Puts the old side's identifiers in the place of the new side's.
fn translate_answer(answer: &mut MirroredAnswer, place: &Place) {
    let names = |new: &Identifier| place.twin.to_old(new);
    let collection = place.scope.collection.as_deref();
    let body = json_text(&answer.headers, answer.body.as_bytes())
        .and_then(|text| translate::json(text, Body::Answered, collection, &names));
    if let Some(body) = body {
        answer.body.replace(body.into_bytes());
    }
    let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    if let Some(location) = location.map(|text| translate::location(text, &names))
        && let Ok(location) = HeaderValue::try_from(location)
    {
        answer.headers.insert(header::LOCATION, location);
    }
}

/// Learns what both sides called what a create has made; what contradicts an earlier pairing is handed back.
fn learn_from(
    captured: &Captured,
    answer: &MirroredAnswer,
    place: &mut Place,
) -> Vec<(Found, String)> {
    let statuses = [captured.answer.status, answer.status];
    let is_create = place.scope.is_create() || statuses.contains(&StatusCode::CREATED);
    if !is_create || !statuses.iter().all(StatusCode::is_success) {
        return Vec::new();
    }
    let old = captured.answer.as_answer();
    let body = |headers: &HeaderMap, body: &[u8]| -> Option<Value> {
        let decoded = decode::decode(headers, body, captured.bounds.max_body).ok()?;
        serde_json::from_slice(&decoded).ok()
    };
    let bodies = body(old.headers, old.body).zip(body(&answer.headers, answer.body.as_bytes()));
    let collection = place.scope.collection.as_deref();
    let mut found =
        bodies.map_or_else(Vec::new, |(old, new)| learn::from_bodies(&old, &new, collection));
    let location =
        |headers: &HeaderMap| headers.get(header::LOCATION)?.to_str().ok().map(str::to_owned);
    if let Some((old, new)) = location(old.headers).zip(location(&answer.headers)) {
        found.extend(learn::from_locations(&old, &new));
    }
    // What both call the same was there before: an owner, a name that the client gave.
    found.retain(|found| found.old != found.new);
    let made = found.iter().map(|found| found.old.clone()).collect();
    let broken = place.twin.learn(found, &place.scope);
    // What it has made, it touches as well.
    place.mention(made);
    broken
}

/// A pairing that broke is one finding, not also a difference of the value.
fn report(broken: Vec<(Found, String)>, comparison: &mut Comparison) {
    for (found, with) in broken {
        let is_same = |path: &str| path == found.path;
        comparison
            .differences
            .retain(|other| other.kind != DifferenceKind::Value || !is_same(&other.path));
        comparison.differences.push(Difference {
            kind: DifferenceKind::Pairing,
            path: found.path,
            at: found.at,
            places: 1,
            old: found.old.text().to_owned(),
            new: format!("{} (paired with {with} before)", found.new.text()),
            grade: Grade::Value,
            gap: None,
        });
    }
}

/// Why two answers can't be told to be equal or not.
fn unknown_reason(compared: &Compared, place: &Place) -> Option<DropReason> {
    if place.is_blurred {
        return Some(DropReason::Overlapping);
    }
    let reach = place.reach();
    let state = place.twin.state();
    let is_lacking = compared.old.status.is_success()
        && compared.new.status == StatusCode::NOT_FOUND
        && (state.diverged.may_lack(&reach)
            || (reach.has_stranger && state.pairings.forgotten() > 0));
    (is_lacking || !state.diverged.is_comparable(&reach)).then_some(DropReason::Diverged)
}
