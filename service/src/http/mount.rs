//! Puts groups of endpoints under their prefixes, and answers what no endpoint does.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use http::header::{HOST, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::endpoint::{Endpoint, Group};
use super::rehearsal::Purpose;
use super::{ApiError, dispatch};
use crate::app::App;

/// The router of all groups, without the layers around it.
pub fn mount(app: &Arc<App>, groups: &[Group]) -> Router {
    let mut router = Router::new();
    let mut paths = Vec::new();
    for (mount, endpoint) in places(groups) {
        let Ok(filter) = MethodFilter::try_from(endpoint.method.clone()) else { continue };
        let path = format!("{mount}{}", endpoint.path);
        let (app, action) = (Arc::clone(app), endpoint.action.clone());
        let handler = move |request: Request| dispatch::serve(app, action, request);
        router = router.route(&path, on(filter, handler));
        paths.push(path);
    }
    let (for_path, for_method) = (Arc::clone(app), Arc::clone(app));
    router
        .fallback(async move |request: Request| no_such_path(&for_path, &paths, &request))
        .method_not_allowed_fallback(async move |request: Request| {
            dispatch::refuse(&for_method, ApiError::method_not_allowed(), &request)
        })
}

/// Every endpoint with every prefix it stands under.
pub fn places(groups: &[Group]) -> impl Iterator<Item = (&'static str, &Endpoint)> {
    groups.iter().flat_map(|group| {
        group.mounts.iter().flat_map(|mount| group.endpoints.iter().map(|e| (*mount, e)))
    })
}

fn no_such_path(app: &App, paths: &[String], request: &Request) -> Response {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() < path.len() && paths.iter().any(|template| matches(template, trimmed)) {
        let mut response = redirect(request.headers(), request.uri(), trimmed);
        Purpose::of(request.method(), request.headers()).mark(&mut response);
        return response;
    }
    dispatch::refuse(app, ApiError::no_such_path(), request)
}

/// 307 to the path without its trailing slash, as an absolute address like the monolith's.
fn redirect(headers: &HeaderMap, uri: &Uri, path: &str) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
    let host = text(HOST.as_str()).or_else(|| uri.authority().map(http::uri::Authority::as_str));
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let address = match host {
        Some(host) => format!("{scheme}://{host}{path}{query}"),
        None => format!("{path}{query}"),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(address) = HeaderValue::from_str(&address) {
        response.headers_mut().insert(LOCATION, address);
    }
    response
}

fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn templates() {
        assert!(matches("/a/{id}/b", "/a/x/b"));
        assert!(!matches("/a/{id}/b", "/a//b"));
        assert!(!matches("/a/{id}", "/a"));
        assert!(!matches("/a", "/a/b"));
    }
}
