//! The dashboard: files that the program carries, served to anybody who may reach the interface. They hold no data; what
//! they show comes from the endpoints, which ask for the token.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use xxhash_rust::xxh3::xxh3_64;

use super::answer::{Answer, with_type};

/// Nothing is loaded from anywhere else, nothing runs but our own files, and no page may frame this one.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, type and body of every file.
macro_rules! files {
    ($($path:literal: $content_type:ident = $name:literal,)*) => {
        [$(($path, $content_type, include_str!(concat!("../../dashboard/", $name)))),*]
    };
}

const FILES: [(&str, &str, &str); 17] = files! {
    "/": HTML = "index.html",
    "/dashboard/base.css": CSS = "base.css",
    "/dashboard/parts.css": CSS = "parts.css",
    "/dashboard/icon.svg": SVG = "icon.svg",
    "/dashboard/app.js": SCRIPT = "app.js",
    "/dashboard/api.js": SCRIPT = "api.js",
    "/dashboard/dom.js": SCRIPT = "dom.js",
    "/dashboard/format.js": SCRIPT = "format.js",
    "/dashboard/header.js": SCRIPT = "header.js",
    "/dashboard/routes.js": SCRIPT = "routes.js",
    "/dashboard/detail.js": SCRIPT = "detail.js",
    "/dashboard/plot.js": SCRIPT = "plot.js",
    "/dashboard/differences.js": SCRIPT = "differences.js",
    "/dashboard/sides.js": SCRIPT = "sides.js",
    "/dashboard/gate.js": SCRIPT = "gate.js",
    "/dashboard/journal.js": SCRIPT = "journal.js",
    "/dashboard/flip.js": SCRIPT = "flip.js",
};

/// A tag for each file, that changes with its body.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    FILES.iter().map(|(_, _, body)| format!("\"{:016x}\"", xxh3_64(body.as_bytes()))).collect()
});

/// The file at `path`, or word that the browser has it already; `None` where there is no such file.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Option<Answer> {
    let place = FILES.iter().position(|(known, ..)| *known == path)?;
    let (_, content_type, body) = *FILES.get(place)?;
    let tag = TAGS.get(place)?;
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut answer = if is_known {
        with_type(StatusCode::NOT_MODIFIED, content_type, Bytes::new())
    } else {
        with_type(StatusCode::OK, content_type, Bytes::from_static(body.as_bytes()))
    };
    let answered = answer.headers_mut();
    answered.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answered.insert(CONTENT_SECURITY_POLICY, POLICY);
    answered.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answered.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answered.insert(ETAG, tag);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let first = answer("/dashboard/app.js", &HeaderMap::new()).unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
        let again = answer("/dashboard/app.js", &known).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = answer("/dashboard/dom.js", &known).unwrap();
        assert_eq!(other.status(), StatusCode::OK);
        assert!(answer("/dashboard/../Cargo.toml", &HeaderMap::new()).is_none());
    }

    #[test]
    fn the_page_asks_nobody_else_for_anything_and_has_nothing_inline() {
        for (path, _, body) in FILES {
            // The namespace of SVG is a name, nothing is loaded from there.
            let body = body.replace("http://www.w3.org/2000/svg", "");
            for foreign in
                ["http://", "https://", "innerHTML", "insertAdjacentHTML", "eval(", " style="]
            {
                assert!(!body.contains(foreign), "{path} has {foreign}");
            }
        }
        let (_, _, index) = FILES[0];
        assert_eq!(
            index.matches("<script").count(),
            index.matches("<script type=\"module\" src=").count()
        );
        for (path, ..) in FILES.iter().filter(|(_, content_type, _)| *content_type == CSS) {
            assert!(index.contains(path), "{path} is used");
        }
    }
}
