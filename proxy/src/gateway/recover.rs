//! `fail_to_connect`, `error_while_proxy`: whether a failed attempt may be repeated, and where.
//!
//! | what failed | who may repeat it | where |
//! | --- | --- | --- |
//! | connecting | every method: not one byte was sent | next target, then the old backend |
//! | connecting in time, and nobody is left | the same | every target once more |
//! | a kept connection that was dead | idempotent methods, body still held | same backend, then the old one |
//! | the exchange, before an answer began | idempotent methods, body still held | the old backend |
//! | a 5xx of the new backend to a safe request | its body still held | the old backend |
//! | anything after an answer began | nobody | |

use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};

use super::weigh_answer::ERROR_ANSWER;
use super::{Gateway, RequestContext};
use crate::backends::pool::Tried;

/// How many dead kept connections a request tries on one backend. A killed server leaves many of
/// them in the pool, and they are found dead one by one.
const DEAD_CONNECTIONS: u8 = 2;

/// No byte was sent: any request may go elsewhere.
pub(super) fn from_failed_connect(gateway: &Gateway, ctx: &mut RequestContext, error: &mut Error) {
    let reason = note(gateway, ctx, error);
    if let Some(target) = &ctx.target
        && reason != "no_socket"
        && target.connect_failed()
    {
        tracing::warn!(
            backend = ctx.backend_name(), target_server = %target.label, reason, %error,
            "target is unhealthy: a request could not connect"
        );
    }
    let someone_left = ctx.failover().is_some()
        || ctx.pool().is_some_and(|pool| pool.pick_any(ctx.tried).is_some());
    // A server whose queue of connections is full drops the first packet of a new one, and the
    // client's kernel sends it again only after a second: when all clients of a killed backend come
    // over at once, asking again is what helps.
    let once_more = !someone_left && reason == "connect_timeout" && !ctx.is_second_round;
    if once_more {
        ctx.is_second_round = true;
        ctx.tried = Tried::default();
    }
    error.set_retry(someone_left || once_more);
}

/// Something was sent: only what may be done twice is repeated.
pub(super) fn from_failed_exchange(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut RequestContext,
    error: &mut Error,
    connection_was_reused: bool,
) {
    error.set_retry(false);
    if *error.esource() != ErrorSource::Upstream {
        return;
    }
    note(gateway, ctx, error);
    let answer_began = session.was_upgraded()
        || session.response_written().is_some_and(|answer| !answer.status.is_informational());
    let is_repeatable =
        session.req_header().method.is_idempotent() && !session.retry_buffer_truncated();
    if answer_began || !is_repeatable {
        return;
    }
    if connection_was_reused && is_disconnect(error) && ctx.dead_connections < DEAD_CONNECTIONS {
        // The server may have closed the connection while it was idle; that says nothing of it.
        ctx.dead_connections += 1;
        ctx.tried = Tried::default();
        error.set_retry(true);
        return;
    }
    ctx.give_up_on_asked = true;
    error.set_retry(ctx.failover().is_some());
}

fn note(gateway: &Gateway, ctx: &mut RequestContext, error: &Error) -> &'static str {
    let reason = reason(error);
    gateway.metrics.backend_failed(ctx.backend_name(), reason);
    ctx.failure = Some(reason);
    reason
}

fn is_disconnect(error: &Error) -> bool {
    matches!(
        error.etype(),
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError
    )
}

/// The label of a failure: few words, whatever goes wrong.
pub(super) fn reason(error: &Error) -> &'static str {
    match error.etype() {
        ErrorType::ConnectTimedout => "connect_timeout",
        ErrorType::ConnectRefused => "connect_refused",
        ErrorType::ConnectNoRoute | ErrorType::ConnectError => "connect_failed",
        // This side ran out of something; that says nothing of the target.
        ErrorType::SocketError | ErrorType::BindError => "no_socket",
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => "timeout",
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => "reset",
        ErrorType::TLSHandshakeFailure
        | ErrorType::TLSHandshakeTimedout
        | ErrorType::HandshakeError
        | ErrorType::InvalidCert => "tls",
        ErrorType::InvalidHTTPHeader
        | ErrorType::H1Error
        | ErrorType::H2Error
        | ErrorType::InvalidH2 => "invalid_answer",
        ErrorType::Custom(ERROR_ANSWER) => "error_answer",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use home::Home;

    use super::super::choose_backend;
    use super::*;
    use crate::edge::RequestRates;
    use crate::headers::trusted::TrustedProxies;
    use crate::in_flight::InFlight;
    use crate::live_table::LiveTable;
    use crate::live_table::load::Loader;
    use crate::metrics::Metrics;
    use crate::mirror::Mirror;
    use evidence::Evidence;

    const TABLE: &str = r#"format = 1
[backends.monolith]
targets = ["http://127.0.0.1:1"]
[backends.agent-service]
targets = ["http://127.0.0.1:2", "http://127.0.0.1:3"]
[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"
[[routes]]
name = "api"
path = "/api"
stage = "service"
"#;

    async fn gateway() -> Gateway {
        let mirror = Arc::new(Mirror::new(Arc::new(Evidence::new(chrono::Utc::now()))));
        let metrics = Arc::new(Metrics::default());
        let loader = Loader {
            home: Home::file("routes.toml"),
            metrics: Arc::clone(&metrics),
            mirror: Arc::clone(&mirror),
        };
        let first = loader.load(TABLE.to_owned(), &[]).await.unwrap();
        let live = Arc::new(LiveTable::new(first, Arc::clone(&metrics)));
        let trusted = TrustedProxies::default();
        let (in_flight, rates) = (InFlight::default(), RequestRates::default());
        let let_go = crate::handover::LetGo::default();
        Gateway { live, metrics, in_flight, trusted, mirror, rates, traces: None, let_go }
    }

    /// A request of the route, on its way to the new backend.
    fn request(gateway: &Gateway) -> RequestContext {
        let mut ctx = RequestContext::new(gateway.live.snapshot(), gateway.in_flight.enter());
        let table = &ctx.in_force.table;
        let route = &table.routes[0];
        ctx.decision.primary = route.new;
        ctx.decision.failover = Some(route.old);
        ctx.asked = route.new;
        ctx.route = table.match_route("GET", "/api").unwrap();
        ctx
    }

    /// The targets that are asked, one after the other, when none takes a connection.
    fn asked(gateway: &Gateway, ctx: &mut RequestContext, failure: &ErrorType) -> Vec<String> {
        let mut asked = Vec::new();
        loop {
            choose_backend::run(gateway, false, ctx).unwrap();
            asked.push(ctx.target.as_ref().unwrap().label.to_string());
            let mut error = Error::new_up(failure.clone());
            from_failed_connect(gateway, ctx, &mut error);
            if !error.retry() {
                return asked;
            }
        }
    }

    #[tokio::test]
    async fn every_target_is_asked_and_then_the_old_backend() {
        let gateway = gateway().await;
        let mut ctx = request(&gateway);
        let refused = asked(&gateway, &mut ctx, &ErrorType::ConnectRefused);
        assert_eq!(refused, ["127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:1"]);
        assert_eq!(ctx.failed_over, Some("connect_refused"));
        assert_eq!(gateway.metrics.failovers("api"), 1);
    }

    #[tokio::test]
    async fn a_backend_known_to_be_down_is_passed_over_and_the_last_one_never_is() {
        let gateway = gateway().await;
        asked(&gateway, &mut request(&gateway), &ErrorType::ConnectRefused);
        let mut ctx = request(&gateway);
        assert_eq!(asked(&gateway, &mut ctx, &ErrorType::ConnectRefused), ["127.0.0.1:1"]);
        assert_eq!(ctx.failed_over, Some("unhealthy"));
    }

    #[tokio::test]
    async fn the_last_backend_is_asked_once_more_when_it_takes_too_long_to_connect() {
        let gateway = gateway().await;
        let mut ctx = request(&gateway);
        let slow = asked(&gateway, &mut ctx, &ErrorType::ConnectTimedout);
        assert_eq!(slow, ["127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:1", "127.0.0.1:1"]);
    }

    #[tokio::test]
    async fn what_this_side_lacks_is_not_held_against_the_target() {
        let gateway = gateway().await;
        asked(&gateway, &mut request(&gateway), &ErrorType::SocketError);
        assert!(gateway.live.snapshot().pools.iter().all(|pool| pool.is_usable()));
    }

    #[test]
    fn every_reason_is_a_label_that_is_known() {
        let failures = [
            ErrorType::ConnectTimedout,
            ErrorType::ConnectRefused,
            ErrorType::ConnectNoRoute,
            ErrorType::SocketError,
            ErrorType::TLSHandshakeFailure,
            ErrorType::ReadTimedout,
            ErrorType::ConnectionClosed,
            ErrorType::InvalidHTTPHeader,
            ErrorType::InternalError,
            ErrorType::Custom(ERROR_ANSWER),
        ];
        for failure in failures {
            let reason = reason(&Error::new_up(failure));
            assert!(crate::metrics::FAILURE_REASONS.contains(&reason), "{reason}");
        }
    }
}
