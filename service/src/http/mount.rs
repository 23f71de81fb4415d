//! Puts groups of endpoints under their prefixes, and answers what no endpoint does.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::header::{ALLOW, HOST, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::endpoint::{Endpoint, Group};
use super::paths::Places;
use super::{ApiError, dispatch, paths};
use crate::app::App;

/// The router of all groups, without the layers around it.
pub fn mount(app: &Arc<App>, groups: &[Group]) -> Router {
    let known = places(groups).map(|(mount, e)| (e.method.clone(), format!("{mount}{}", e.path)));
    let known = Arc::new(Places::new(known));
    let mut router = Router::new();
    for group in groups {
        let routes: Vec<_> = group.endpoints.iter().map(|e| (&e.method, e.path)).collect();
        let shown = routes.iter().map(|(_, path)| *path).enumerate();
        let stands: Vec<_> = shown.chain(paths::hidden(&routes)).collect();
        for mount in group.mounts {
            for (index, path) in &stands {
                let Some(endpoint) = group.endpoints.get(*index) else { continue };
                let route = route(app, &known, mount, endpoint);
                router = router.route(&format!("{mount}{path}"), route);
            }
        }
    }
    let (for_path, for_method) = (Arc::clone(app), Arc::clone(app));
    let (of_paths, of_methods) = (Arc::clone(&known), known);
    router
        .fallback(async move |request: Request| no_such_path(&for_path, &of_paths, &request))
        .method_not_allowed_fallback(async move |request: Request| {
            no_such_method(&for_method, &of_methods, &request)
        })
}

/// One endpoint under one prefix.
fn route(app: &Arc<App>, known: &Arc<Places>, mount: &str, endpoint: &Endpoint) -> MethodRouter {
    let (app, known) = (Arc::clone(app), Arc::clone(known));
    let template: Arc<str> = format!("{mount}{}", endpoint.path).into();
    let action = endpoint.action.clone();
    let handler = move |request: Request| async move {
        // The router hands HEAD to whoever answers GET; the monolith knows no HEAD.
        if request.method() == Method::HEAD {
            return no_such_method(&app, &known, &request);
        }
        dispatch::serve(app, action, &template, request).await
    };
    match MethodFilter::try_from(endpoint.method.clone()) {
        Ok(filter) => on(filter, handler),
        Err(_no_filter) => MethodRouter::new(),
    }
}

/// Puts the path of every request into its one form before anybody looks at it.
pub fn canonical(mut request: Request) -> Request {
    if let Cow::Owned(path) = paths::canonical(request.uri().path()) {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = format!("{path}{query}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Every endpoint with every prefix it stands under.
pub fn places(groups: &[Group]) -> impl Iterator<Item = (&'static str, &Endpoint)> {
    groups.iter().flat_map(|group| {
        group.mounts.iter().flat_map(|mount| group.endpoints.iter().map(|e| (*mount, e)))
    })
}

fn no_such_path(app: &App, known: &Places, request: &Request) -> Response {
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() < path.len() && known.know(trimmed) {
        return redirect(request.headers(), request.uri(), trimmed);
    }
    dispatch::refuse(app, ApiError::no_such_path(), request)
}

fn no_such_method(app: &App, known: &Places, request: &Request) -> Response {
    let mut response = dispatch::refuse(app, ApiError::method_not_allowed(), request);
    let allowed = known.first_method(request.uri().path()).map(Method::as_str);
    if let Some(Ok(allowed)) = allowed.map(HeaderValue::from_str) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
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
