//! Why a request goes where it goes, for people: the same matcher, one route at a time.

use serde::Serialize;

use crate::matcher::{Matcher, PathRefusal, RouteMatch};
use crate::pattern::Segment;
use crate::table::{Route, RouteId, RouteTable};

/// How a request was matched (for `migrate routes test`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Of the request.
    pub method: String,
    /// Of the request, without query.
    pub path: String,
    /// Why the path is answered with 400; no route is considered then.
    pub refusal: Option<PathRefusal>,
    /// Every route, the most specific first.
    pub considered: Vec<Considered>,
    /// The route that wins; `None`: the fallback backend answers.
    pub winner: Option<String>,
    /// In one sentence.
    pub why: String,
    /// What the winner's parameters captured, in order of its path.
    pub captured: Vec<(String, String)>,
    /// The path as the old backend gets it; with the fallback, the path as it came.
    pub old_path: Option<String>,
    /// The path as the new backend would get it; `None` without a winner.
    pub new_path: Option<String>,
}

/// One route that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Considered {
    /// Name.
    pub route: String,
    /// Pattern.
    pub path: String,
    /// Methods; `None`: every method.
    pub methods: Option<Vec<String>>,
    /// Line in the file, from 1.
    pub line: usize,
    /// Whether the path fits the pattern.
    pub path_matches: bool,
    /// Whether the method is one of the route's.
    pub method_matches: bool,
}

impl RouteTable {
    /// Tells how a request is matched. `path` may carry a query; it plays no part.
    pub fn explain(&self, method: &str, path: &str) -> Explanation {
        let path = path.split('?').next().unwrap_or_default();
        let outcome = self.match_route(method, path);
        let mut explanation = Explanation {
            method: method.to_owned(),
            path: path.to_owned(),
            refusal: None,
            considered: Vec::new(),
            winner: None,
            why: String::new(),
            captured: Vec::new(),
            old_path: None,
            new_path: None,
        };
        match outcome {
            Err(refusal) => {
                explanation.why = format!("{refusal}: answered with 400");
                explanation.refusal = Some(refusal);
            }
            Ok(found) => {
                explanation.considered = self.considered(method, path);
                explanation.why = self.why(&explanation.considered, found.as_ref());
                self.fill_in(&mut explanation, path, found.as_ref());
            }
        }
        explanation
    }

    fn considered(&self, method: &str, path: &str) -> Vec<Considered> {
        let mut routes: Vec<&Route> = self.routes.iter().collect();
        routes.sort_by_key(|route| precedence(route));
        let looked_at = routes.into_iter().map(|route| Considered {
            route: route.name.clone(),
            path: route.path.to_string(),
            methods: route.methods.clone(),
            line: route.line,
            path_matches: path_matches(route, path),
            method_matches: accepts(route, method),
        });
        looked_at.collect()
    }

    fn why(&self, considered: &[Considered], found: Option<&RouteMatch>) -> String {
        let Some(found) = found else {
            let fallback = &self.backend(self.fallback).name;
            let by_path = considered.iter().filter(|route| route.path_matches).count();
            return if by_path == 0 {
                format!("no route names this path: the fallback `{fallback}` answers")
            } else {
                format!(
                    "no route that names this path has this method: the fallback `{fallback}` answers"
                )
            };
        };
        let winner = &self.route(found.route).name;
        let fits =
            considered.iter().filter(|route| route.path_matches && route.method_matches).count();
        if fits == 1 {
            format!("`{winner}` is the only route that names this path and method")
        } else {
            format!(
                "`{winner}` is the most specific of {fits} routes that name this path and method"
            )
        }
    }

    fn fill_in(&self, explanation: &mut Explanation, path: &str, found: Option<&RouteMatch>) {
        let Some(found) = found else {
            explanation.old_path = Some(path.to_owned());
            return;
        };
        let route = self.route(found.route);
        let parameters = route.path.parameters().enumerate();
        explanation.captured = parameters
            .map(|(index, name)| (name.to_owned(), found.value(index, path).to_owned()))
            .collect();
        explanation.winner = Some(route.name.clone());
        let rewritten = |backend| {
            let mut out = String::new();
            match route.rewrite_for(backend) {
                Some(template) => template.fill(path, found, &mut out),
                None => out.push_str(path),
            }
            Some(out)
        };
        explanation.old_path = rewritten(route.old);
        explanation.new_path = rewritten(route.new);
    }
}

/// Whether the path fits, whatever the method.
fn path_matches(route: &Route, path: &str) -> bool {
    // Any method of the route's own will do.
    let method = route.methods.as_ref().and_then(|methods| methods.first());
    let method = method.map_or("GET", String::as_str);
    Matcher::compile([(RouteId(0), route)]).find(method, path).is_ok_and(|found| found.is_some())
}

fn accepts(route: &Route, method: &str) -> bool {
    route.methods.as_ref().is_none_or(|methods| methods.iter().any(|name| name == method))
}

/// Orders routes the way the matcher prefers them: segment by segment literal, parameter, end, wildcard; then with methods
/// before without.
fn precedence(route: &Route) -> (Vec<(u8, &str)>, bool) {
    let mut ranks: Vec<(u8, &str)> = route
        .path
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => (0, text.as_str()),
            Segment::Parameter(_) => (1, ""),
            Segment::Wildcard(_) => (3, ""),
        })
        .collect();
    ranks.push((2, ""));
    (ranks, route.methods.is_none())
}
