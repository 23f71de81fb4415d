//! Which endpoint a path belongs to, in the monolith's order of routes, and the names of its parts.
//!
//! The monolith decodes a path before it looks for a route, and takes the first route whose path and method fit. The
//! router here prefers words to parameters, whatever the method; what that would hide is put back by [`hidden`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Method;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What stands encoded in a path of one form; everything else stands for itself.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path in its one form: an encoded slash is a slash, and no character that could stand for itself is encoded.
pub fn canonical(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    Cow::Owned(utf8_percent_encode(&decoded, ENCODED).to_string())
}

/// Every route in order: its method and the template of its path, with parameters in braces.
#[derive(Debug, Clone, Default)]
pub struct Places(Vec<(Method, String)>);

impl Places {
    /// The routes in the order in which the monolith would look through them.
    pub fn new(places: impl IntoIterator<Item = (Method, String)>) -> Self {
        Self(places.into_iter().collect())
    }

    /// Whether any route has this path.
    pub fn know(&self, path: &str) -> bool {
        self.first_method(path).is_some()
    }

    /// The method of the first route with this path: what the monolith's `Allow` names.
    pub fn first_method(&self, path: &str) -> Option<&Method> {
        self.0
            .iter()
            .find(|(_, template)| parts(template, path).is_some())
            .map(|(method, _)| method)
    }
}

/// Which of these routes are hidden from some paths by a template that has a word where they have a parameter, and no
/// route with their method: the index of the route, and that template.
pub fn hidden<'r>(routes: &[(&'r Method, &'r str)]) -> Vec<(usize, &'r str)> {
    let mut hidden: Vec<(usize, &str)> = Vec::new();
    for (i, (method, template)) in routes.iter().enumerate() {
        for (_, other) in routes.iter().filter(|(_, other)| covers(template, other)) {
            let known = hidden.iter().filter_map(|(j, other)| Some((routes.get(*j)?.0, *other)));
            if !routes.iter().copied().chain(known).any(|taken| taken == (*method, *other)) {
                hidden.push((i, other));
            }
        }
    }
    hidden
}

/// The decoded parts of a path under the names that the template gives them; none where it does not fit.
pub fn parts(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    let mut parts = BTreeMap::new();
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(parts),
            (Some(wanted), Some(found)) => match parameter(wanted) {
                Some(name) if !found.is_empty() => {
                    let text = percent_decode_str(found).decode_utf8_lossy().into_owned();
                    parts.insert(name.to_owned(), text);
                }
                None if wanted == found => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn parameter(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// Whether every path of `other` is one of `template`.
fn covers(template: &str, other: &str) -> bool {
    let (mut wide, mut narrow) = (template.split('/'), other.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (None, None) => return true,
            (Some(wide), Some(narrow)) if parameter(wide).is_some() || wide == narrow => {
                if narrow.is_empty() != wide.is_empty() {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        parts(template, path).map(|parts| parts.into_iter().collect())
    }

    #[test]
    fn templates() {
        let part = |value: &str| Some(vec![("id".to_owned(), value.to_owned())]);
        assert_eq!(found("/a/{id}/b", "/a/x/b"), part("x"));
        assert_eq!(found("/a/{id}", "/a/.."), part(".."));
        assert_eq!(found("/a/{id}", "/a/%C3%A9%20+"), part("é +"));
        for (template, path) in
            [("/a/{id}/b", "/a//b"), ("/a/{id}", "/a"), ("/a", "/a/b"), ("/a/{id}", "/a/x/y")]
        {
            assert_eq!(found(template, path), None, "{template} {path}");
        }
    }

    #[test]
    fn a_path_has_one_form() {
        for (path, form) in [
            ("/a/b", "/a/b"),
            ("/%61/%2e%2E", "/a/.."),
            ("/a%2Fb%2fc", "/a/b/c"),
            ("/a%20b/%C3%A9/%25", "/a%20b/%C3%A9/%25"),
            ("/%FF", "/%EF%BF%BD"),
            ("/%zz", "/%25zz"),
        ] {
            assert_eq!(canonical(path), form);
        }
    }

    #[test]
    fn what_words_would_hide_is_known() {
        let routes = [
            (&Method::GET, "/o/{id}"),
            (&Method::POST, "/o/optimize"),
            (&Method::POST, "/o/{id}/run"),
            (&Method::GET, "/o/{id}/{part}"),
        ];
        assert_eq!(hidden(&routes), [(0, "/o/optimize"), (3, "/o/{id}/run")]);
        let places = Places::new(routes.map(|(method, path)| (method.clone(), path.to_owned())));
        assert_eq!(places.first_method("/o/optimize"), Some(&Method::GET));
        assert_eq!(places.first_method("/o/x/run"), Some(&Method::POST));
        assert!(!places.know("/o"));
    }

    proptest! {
        #[test]
        fn one_form_stays_one_form(path in "(/[ -~é]{0,6}){1,4}") {
            let once = canonical(&path).into_owned();
            prop_assert_eq!(canonical(&once), once.as_str());
        }
    }
}
