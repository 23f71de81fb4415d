//! Flips from the dashboard: the protocol and the gate of `migrate`, for whoever has the token, where the table allows it.

mod wish;
mod outcome;
mod place;

use std::sync::Arc;
use std::time::Duration;

use flip::admin::AdminClient;
use flip::cutover_plan::Wish as Target;
use flip::failure::FlipError;
use flip::whole::{self, Order};
use home::HomeError;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use pingora::server::ShutdownWatch;
use serde::Serialize;
use tokio::runtime::Handle;

use self::outcome::{Told, tell, told, told_back};
pub(crate) use self::place::{Flipping, FlippingPlace};
use self::wish::{Way, Wish};
use super::answer::{Answer, json_with};
use super::{Admin, access, router};
use crate::live_table::hand_edits::host;

/// How long the proxies may take to follow.
const WAIT: Duration = Duration::from_secs(10);

/// Whether flips may be asked for, and why not.
#[derive(Debug, Serialize)]
pub(super) struct Allowed {
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<&'static str>,
}

/// Flips are allowed by the table in force, and only where a token stands between them and everybody.
pub(super) fn allowed(admin: &Admin) -> Allowed {
    let why_not = if !admin.live.snapshot().table.admin.allow_flips {
        Some("the table does not allow flips from the dashboard (`[admin] allow_flips = true`)")
    } else if admin.token.is_none() {
        Some("flips from the dashboard need a token: start the proxy with --admin-token-file")
    } else {
        None
    };
    Allowed { allowed: why_not.is_none(), why_not }
}

/// Whether a request asks for a flip.
pub(super) fn is_wanted<B>(request: &Request<B>) -> bool {
    *request.method() == http::Method::POST && Way::of(request.uri().path()).is_some()
}

/// Flips, or says why not.
pub(super) async fn answer(admin: &Arc<Admin>, request: Request<Incoming>) -> Answer {
    if let Err(denied) = access::check(admin.token.as_ref(), request.headers()) {
        return router::refuse(denied);
    }
    match flip(admin, request).await {
        Ok(answer) | Err(answer) => answer,
    }
}

async fn flip(admin: &Arc<Admin>, request: Request<Incoming>) -> Result<Answer, Answer> {
    if let Some(why_not) = allowed(admin).why_not {
        return Err(tell(StatusCode::FORBIDDEN, why_not, None));
    }
    if !is_from_here(request.headers()) {
        let message = "a flip must be asked for by the dashboard itself, not by another page";
        return Err(tell(StatusCode::FORBIDDEN, message, None));
    }
    let Some((way, route)) = Way::of(request.uri().path()) else {
        return Err(tell(StatusCode::NOT_FOUND, "there is no such flip", None));
    };
    if !is_json(request.headers()) {
        let message = "a flip is asked for in JSON";
        return Err(tell(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, None));
    }
    let wish = Wish::read(request.into_body(), way).await?;
    let Some(place) = admin.flipping.begin() else {
        let message = "another flip from a dashboard is under way, or a new process takes over";
        return Err(tell(StatusCode::CONFLICT, message, Some("wait until it is done")));
    };
    let admin = Arc::clone(admin);
    // On a thread of its own, because it waits for the lock and writes files; and to its end, whatever becomes of the
    // connection that asked for it.
    let flipped = tokio::task::spawn_blocking(move || {
        let answer = Handle::current().block_on(carry_out(&admin, way, &route, &wish));
        drop(place);
        answer
    });
    flipped.await.map_err(|error| {
        tracing::error!(%error, "a flip from the dashboard was interrupted");
        tell(StatusCode::INTERNAL_SERVER_ERROR, "the flip was interrupted", Some("see the journal"))
    })
}

async fn carry_out(admin: &Admin, way: Way, route: &str, wish: &Wish) -> Answer {
    let secret = admin.token.as_ref().map(access::Token::secret);
    let client = match AdminClient::new(secret.as_ref()) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "a flip from the dashboard can't ask the proxies");
            let message = "the proxies can't be asked; the log says why";
            return tell(StatusCode::INTERNAL_SERVER_ERROR, message, None);
        }
    };
    let who = format!("dashboard@{}", host());
    let order = Order { home: &admin.home, who: &who, reason: &wish.reason, wait: WAIT };
    tracing::info!(route, ?way, to = ?wish.to, force = wish.force, "a flip was asked for on the dashboard");
    let came = match way {
        Way::Back => whole::rollback(&order, route, &client).await.map(told_back),
        Way::Flip => {
            let target =
                Target { routes: vec![route.to_owned()], to: wish.to, percent: wish.percent };
            let stop = stopping(admin.shutdown.get().cloned());
            whole::cutover(&order, &target, wish.force, &client, stop).await.map(told)
        }
    };
    came.map_or_else(|error| refuse(&error), |told: Told| json_with(told.status(), &told))
}

fn refuse(error: &FlipError) -> Answer {
    let (status, help) = match error {
        FlipError::UnknownRoute { .. } => (StatusCode::NOT_FOUND, "look at the routes again"),
        FlipError::GoesBack { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "roll the route back instead")
        }
        FlipError::PercentElsewhere { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "leave the percent out")
        }
        FlipError::Home(HomeError::Locked { .. } | HomeError::Changed { .. }) => {
            (StatusCode::CONFLICT, "wait until the other change is done, then look again")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "see what is in force: migrate status"),
    };
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    tracing::warn!(error = message, "a flip from the dashboard was not made");
    tell(status, &message, Some(help))
}

/// A browser says which page asks. A page of another site can't send the token either; this holds without it as well.
fn is_from_here(headers: &HeaderMap) -> bool {
    let is_same_site =
        headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let is_same_origin = headers.get(ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        origin.map(|(_, authority)| authority) == host
    });
    is_same_site && is_same_origin
}

/// A form of another site can't send this type.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|essence| essence.trim() == "application/json")
}

async fn stopping(shutdown: Option<ShutdownWatch>) {
    match shutdown {
        Some(mut shutdown) => {
            let _told_or_gone = shutdown.wait_for(|stops| *stops).await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_may_ask() {
        let asked = |headers: &[(&'static str, &str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
            is_from_here(&headers.collect())
        };
        let host = ("host", "localhost:8081");
        assert!(asked(&[host]));
        assert!(asked(&[
            host,
            ("origin", "http://localhost:8081"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!asked(&[host, ("origin", "http://localhost:8082")]));
        assert!(!asked(&[host, ("origin", "null")]));
        assert!(!asked(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(!asked(&[
            host,
            ("origin", "http://localhost:8081"),
            ("sec-fetch-site", "same-site")
        ]));
    }
}
