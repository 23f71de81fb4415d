//! The life of a request, one file per hook, in the order in which they run.

mod context;
mod trace;
mod match_route;
mod rehearse;
mod choose_backend;
mod forward_request;
mod capture_request;
mod weigh_answer;
mod relay_response;
mod stream;
mod mirror;
mod recover;
mod answer;
mod record;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};
use traces::Traces;

use self::context::RequestContext;
use crate::edge::RequestRates;
use crate::handover::LetGo;
use crate::headers::trusted::TrustedProxies;
use crate::in_flight::InFlight;
use crate::live_table::LiveTable;
use crate::metrics::Metrics;
use crate::mirror::Mirror;

pub(crate) use self::stream::StreamKind;

/// What the hooks need besides the request itself.
pub(crate) struct Gateway {
    pub(crate) live: Arc<LiveTable>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) in_flight: InFlight,
    pub(crate) trusted: TrustedProxies,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) rates: RequestRates,
    /// Where each request is told of; `None`: nowhere.
    pub(crate) traces: Option<Traces>,
    /// Answers then close their connections.
    pub(crate) let_go: LetGo,
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        RequestContext::new(self.live.snapshot(), self.in_flight.enter())
    }

    /// None: answers pass as they are, compressed or not.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
    ) -> Result<bool> {
        trace::begin(self, session, ctx);
        match match_route::run(self, session, ctx) {
            Ok(()) => rehearse::run(self, session, ctx).await.map(|()| false),
            Err(refusal) => answer::refuse(self, session, ctx, refusal).await.map(|()| true),
        }
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
    ) -> Result<Box<HttpPeer>> {
        choose_backend::run(self, stream::is_asked_for(session), ctx)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        forward_request::run(self, session, request, ctx)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        capture_request::run(self, body.as_ref(), end_of_stream, ctx)
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        weigh_answer::run(session, response, ctx)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        relay_response::run(self, session, response, ctx)
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<Option<Duration>> {
        mirror::body(body.as_ref(), ctx);
        Ok(None)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut RequestContext,
        mut error: Box<Error>,
    ) -> Box<Error> {
        recover::from_failed_connect(self, ctx, &mut error);
        error
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        ctx: &mut RequestContext,
        connection_was_reused: bool,
    ) -> Box<Error> {
        recover::from_failed_exchange(self, session, ctx, &mut error, connection_was_reused);
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut RequestContext,
    ) -> FailToProxy {
        answer::fail(session, ctx, error).await
    }

    async fn logging(
        &self,
        session: &mut Session,
        error: Option<&Error>,
        ctx: &mut RequestContext,
    ) {
        record::run(self, session, error, ctx);
    }

    /// `answer` has logged it, with the request it belongs to.
    fn suppress_error_log(&self, _: &Session, _: &RequestContext, _: &Error) -> bool {
        true
    }

    /// `recover` has counted it.
    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &RequestContext,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}
