//! The mirrored request: what the primary got, addressed as the other backend knows it, and marked.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

use super::consider::Candidate;
use crate::backends::Server;

/// Marks a mirrored request with a secret of this proxy. A client's header of this name must be removed.
pub const MARK: HeaderName = HeaderName::from_static("x-strangler-mirror");

/// Headers that speak of one connection only, besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    header::CONTENT_LENGTH,
];

/// A new secret: 128 random bits.
pub(super) fn new_mark() -> HeaderValue {
    let text = format!("{:032x}", rand::random::<u128>());
    let mut mark =
        HeaderValue::from_str(&text).unwrap_or_else(|_never| HeaderValue::from_static(""));
    mark.set_sensitive(true);
    mark
}

/// A request to mirror, as taken on the client's path.
#[derive(Debug)]
pub(super) struct MirroredRequest {
    pub(super) method: Method,
    /// It goes to the new backend; else (when a flip is verified) to the old one.
    pub(super) is_new: bool,
    pub(super) server: Server,
    /// Path and query as the other backend knows them.
    pub(super) target: String,
    /// As the primary got them; those that speak of one connection are left out when it is sent.
    pub(super) headers: HeaderMap,
    /// Empty for reads. Whoever fills it pays for it with a share of the budgets.
    pub(super) body: Bytes,
}

impl MirroredRequest {
    pub(super) fn new(candidate: &Candidate<'_>, server: Server) -> Self {
        let route = candidate.table.route(candidate.matched.route);
        let is_new = candidate.decision.mirror == Some(route.new);
        let target = target(candidate, is_new);
        let headers = candidate.headers.clone();
        Self {
            method: candidate.method.clone(),
            is_new,
            server,
            target,
            headers,
            body: Bytes::new(),
        }
    }

    /// Sending it twice does no more than sending it once (RFC 9110 calls the method safe).
    pub(super) fn is_read(&self) -> bool {
        self.method.is_safe()
    }

    /// Bytes held, about.
    pub(super) fn size(&self) -> usize {
        let header = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        self.target.len() + self.body.len() + self.headers.iter().map(header).sum::<usize>()
    }

    /// The host that the client asked.
    pub(super) fn host(&self) -> Option<&str> {
        self.headers.get(header::HOST)?.to_str().ok()
    }

    /// The request to send. `None` where the target is no URI, which the primary took for one.
    pub(super) fn to_send(&self, mark: &HeaderValue) -> Option<Request<Full<Bytes>>> {
        let uri: Uri = self.target.parse().ok()?;
        let mut headers = end_to_end(&self.headers);
        headers.insert(MARK, mark.clone());
        if !headers.contains_key(header::HOST) {
            headers.insert(
                header::HOST,
                HeaderValue::from_str(&self.server.address.to_string()).ok()?,
            );
        }
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Some(request)
    }
}

/// Path and query as a route's new or old backend knows them.
pub(super) fn target(candidate: &Candidate<'_>, is_new: bool) -> String {
    let route = candidate.table.route(candidate.matched.route);
    let template = if is_new { &route.new_path } else { &route.old_path };
    let mut target = String::with_capacity(candidate.path.len() + 32);
    match template {
        Some(template) => template.fill(candidate.path, candidate.matched, &mut target),
        None => target.push_str(candidate.path),
    }
    if let Some(query) = candidate.query {
        target.push('?');
        target.push_str(query);
    }
    target
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let mut kept = headers.clone();
    for name in HOP_BY_HOP.iter().chain(&named) {
        kept.remove(name);
    }
    kept
}
