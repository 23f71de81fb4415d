//! The endpoints, one line each.

use std::time::Duration;

use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;

use super::access::Denied;
use super::answer::{Answer, json, text, with_type};
use super::{Admin, access, events, exchanges, flips, journal, judgement, page, report};
use crate::backends::target::Health;
use crate::live_table::InForce;

const INDEX: &str = "\
strangler-proxy, admin interface

GET /                                          the dashboard
GET /api/routes                                what is in force: generation, routes, backends
GET /api/routes?wait=DIGEST&timeout=MILLIS     the same, once that generation is in force
GET /api/evidence[?route=NAME]                 what comparing has shown so far
GET /api/timeline?route=NAME[&minutes=60]      the same by the minute, for the last minutes (1 to 1440)
GET /api/noise[?route=NAME]                    what the old backend shows against itself, and rules that would silence it
GET /api/gate?route=NAME                       what stands against a cutover, and what to do about it
GET /api/journal[?limit=N]                     the last flips, the newest first
GET /api/events                                server-sent events: what of all this has changed
GET /api/exchanges[?route=NAME][&limit=N]       finished exchanges as they pass, masked, one line of JSON each
GET /api/flips                                 whether flips are allowed here
POST /api/routes/NAME/flip, …/rollback         a cutover or a rollback, where the table allows it
GET /api/access                                whether a token is needed
GET /metrics                                   for Prometheus
GET /healthz                                   200 while the process runs
GET /readyz                                    200 while it takes requests
";

/// Answers one request.
pub(super) async fn answer(admin: &Admin, request: &Request<Incoming>) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        // Probes know no token, and learn nothing; neither does the page before it has asked for one.
        "/healthz" => return text(StatusCode::OK, "ok\n"),
        "/readyz" => return ready(admin),
        "/api/access" => return json(&access::Needed::of(admin.token.as_ref())),
        // So do the page's own files; they ask for the token.
        path => {
            if let Some(file) = page::answer(path, request.headers()) {
                return file;
            }
        }
    }
    if let Err(denied) = access::check(admin.token.as_ref(), request.headers()) {
        return refuse(denied);
    }
    match request.uri().path() {
        "/api" | "/api/" => text(StatusCode::OK, INDEX),
        "/api/routes" => routes(admin, query).await,
        "/api/evidence" => evidence(admin, query).await,
        "/api/timeline" => timeline(admin, query).await,
        "/api/noise" => noise(admin, query).await,
        "/api/gate" => gate(admin, query).await,
        "/api/journal" => journal::answer(admin, parameter(query, "limit")).await,
        "/api/flips" => json(&flips::allowed(admin)),
        "/api/events" => events::answer(admin),
        "/api/exchanges" => exchanges(admin, query),
        "/metrics" => metrics(admin),
        _ => text(StatusCode::NOT_FOUND, INDEX),
    }
}

pub(super) fn refuse(denied: Denied) -> Answer {
    match denied {
        Denied::Host => text(
            StatusCode::MISDIRECTED_REQUEST,
            "ask for localhost or for an address: other names are refused here\n",
        ),
        Denied::Token => {
            let mut answer = text(StatusCode::UNAUTHORIZED, "a bearer token is needed\n");
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            answer
        }
    }
}

/// Ready: a table is in force, its fallback was checked once, and the proxy is not stopping.
fn ready(admin: &Admin) -> Answer {
    if admin.shutdown.get().is_some_and(|stopping| *stopping.borrow()) {
        return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    let in_force = admin.live.snapshot();
    let is_checked = in_force
        .pool(in_force.table.fallback)
        .is_some_and(|pool| pool.targets().iter().any(|target| target.health() != Health::Unknown));
    if is_checked {
        text(StatusCode::OK, "ready\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "the fallback backend was not checked yet\n")
    }
}

async fn routes(admin: &Admin, query: &str) -> Answer {
    let limit = match parameter(query, "timeout").map(|limit| limit.parse()) {
        None => report::MAX_WAIT,
        Some(Ok(limit)) => Duration::from_millis(limit),
        Some(Err(_)) => {
            return text(StatusCode::BAD_REQUEST, "`timeout` is a number of milliseconds\n");
        }
    };
    if let Some(digest) = parameter(query, "wait") {
        report::wait_for(admin, &digest, limit).await;
    }
    json(&report::routes(admin))
}

async fn evidence(admin: &Admin, query: &str) -> Answer {
    let in_force = admin.live.snapshot();
    match wanted(&in_force, query) {
        Some(names) => json(&judgement::evidence(admin, &in_force, &names).await),
        None => unknown_route(),
    }
}

async fn timeline(admin: &Admin, query: &str) -> Answer {
    let Some(route) = parameter(query, "route") else {
        return text(StatusCode::BAD_REQUEST, "`route` names the route\n");
    };
    let minutes = match parameter(query, "minutes").map(|minutes| minutes.parse()) {
        None => 60,
        Some(Ok(minutes @ 1..=1440)) => minutes,
        Some(_) => {
            return text(StatusCode::BAD_REQUEST, "`minutes` is a number from 1 to 1440\n");
        }
    };
    if admin.live.snapshot().table.route_named(&route).is_none() {
        return unknown_route();
    }
    json(&admin.evidence.timeline(&route, minutes).await)
}

async fn noise(admin: &Admin, query: &str) -> Answer {
    let in_force = admin.live.snapshot();
    match wanted(&in_force, query) {
        Some(names) => json(&judgement::noise(admin, &in_force, &names).await),
        None => unknown_route(),
    }
}

async fn gate(admin: &Admin, query: &str) -> Answer {
    let in_force = admin.live.snapshot();
    let Some(name) = parameter(query, "route") else {
        return text(StatusCode::BAD_REQUEST, "name the route: /api/gate?route=NAME\n");
    };
    let Some(route) = in_force.table.route_named(&name) else { return unknown_route() };
    match judgement::gate(admin, &in_force, route).await {
        Some(report) => json(&report),
        None => unknown_route(),
    }
}

fn exchanges(admin: &Admin, query: &str) -> Answer {
    let route = parameter(query, "route");
    let in_force = admin.live.snapshot();
    if route.as_ref().is_some_and(|name| in_force.table.route_named(name).is_none()) {
        return unknown_route();
    }
    match parameter(query, "limit").map(|limit| limit.parse()) {
        None => exchanges::answer(admin, route, None),
        Some(Ok(limit @ 1..)) => exchanges::answer(admin, route, Some(limit)),
        Some(_) => text(StatusCode::BAD_REQUEST, "`limit` is a number from 1\n"),
    }
}

/// The route that the query names, or all of them; `None` where it names none of the table.
fn wanted<'t>(in_force: &'t InForce, query: &str) -> Option<Vec<&'t str>> {
    let wanted = parameter(query, "route");
    let names = in_force.table.routes.iter().map(|route| route.name.as_str());
    let names: Vec<&str> =
        names.filter(|name| wanted.as_ref().is_none_or(|wanted| wanted == name)).collect();
    (wanted.is_none() || !names.is_empty()).then_some(names)
}

fn unknown_route() -> Answer {
    text(StatusCode::NOT_FOUND, "no route of that name is in force\n")
}

fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn metrics(admin: &Admin) -> Answer {
    match admin.metrics.encode(&admin.live.snapshot(), admin.certificate.as_ref()) {
        Ok(metrics) => with_type(
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            metrics.into(),
        ),
        Err(error) => {
            tracing::error!(%error, "failed to write the metrics");
            text(StatusCode::INTERNAL_SERVER_ERROR, "failed to write the metrics\n")
        }
    }
}
