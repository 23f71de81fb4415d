//! The table as a list in which the first rule that fits is the route that the proxy would take.

use routes::pattern::{Pattern, Segment};
use routes::target_path::{Part, TargetPath};
use routes::{Route, RouteTable, Stage};

use super::Inexpressible;
use super::path::{Paths, Rest, paths, places};

/// Most groups that a replacement may name, in any front.
const MOST_GROUPS: usize = 9;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// `r1`, …: what variables hold.
    pub(super) name: String,
    /// For people: the route, its methods and its path.
    pub(super) about: String,
    /// `None`: every method.
    pub(super) methods: Option<Vec<String>>,
    pub(super) paths: Paths,
    /// How the backend knows the path; `None`: as the client sent it.
    pub(super) rewrite: Option<Rewrite>,
    /// Who answers, by place.
    pub(super) servers: usize,
}

/// A replacement of the whole path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewrite {
    /// With groups, without anchors; fits every path of the rule.
    pub(super) from: String,
    pub(super) to: Vec<Piece>,
}

/// One piece of what a path becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands. Of letters, digits and what means nothing to any front.
    Text(String),
    /// What a group holds, counted from 1.
    Group(usize),
}

/// The rules of a table's routes, each at the stage where it is.
pub(super) fn of(table: &RouteTable) -> Result<Vec<Rule>, Inexpressible> {
    let mut routes: Vec<&Route> = table.routes.iter().collect();
    routes.sort_by(|one, two| rank(one).cmp(&rank(two)));
    let mut rules = Vec::new();
    for route in routes {
        add(route, &mut rules)?;
    }
    Ok(rules)
}

/// The order in which the proxy tries routes: segment by segment a literal, then a parameter, then the wildcard; with equal paths
/// those with methods first.
fn rank(route: &Route) -> (Vec<(u8, &str)>, bool) {
    fn of(segment: &Segment) -> (u8, &str) {
        match segment {
            Segment::Literal(text) => (0, text),
            Segment::Parameter(_) => (1, ""),
            Segment::Wildcard(_) => (2, ""),
        }
    }
    (route.path.segments().iter().map(of).collect(), route.methods.is_none())
}

fn add(route: &Route, rules: &mut Vec<Rule>) -> Result<(), Inexpressible> {
    let who = format!("route {}", route.name);
    let (backend, template) = match route.stage {
        Stage::Service => (route.new, &route.new_path),
        Stage::Monolith | Stage::Shadow => (route.old, &route.old_path),
        Stage::Canary => {
            let why = "at stage canary a share of its clients is answered by each backend";
            return Err(Inexpressible::new(who, why));
        }
    };
    let rest = Rest::of(&route.path);
    // Where a path may become empty, the paths for which it does are a rule of their own: those become `/`.
    let whole = [rest];
    let split = [Rest::None, Rest::Some];
    let becomes_empty = rest == Rest::Any && template.as_ref().is_some_and(|it| is_rest(it, route));
    for rest in if becomes_empty { &split[..] } else { &whole[..] } {
        let rewrite = template.as_ref().map(|template| rewrite(template, &route.path, *rest));
        let rewrite = rewrite.transpose().map_err(|why| Inexpressible::new(&who, why))?;
        let methods =
            route.methods.as_ref().map_or(String::new(), |it| format!("{} ", it.join(", ")));
        rules.push(Rule {
            name: format!("r{}", rules.len() + 1),
            about: printable(&format!("{}: {methods}{}", route.name, route.path)),
            methods: route.methods.clone(),
            paths: paths(&route.path, *rest),
            rewrite,
            servers: backend.index(),
        });
    }
    Ok(())
}

/// Whether a template holds nothing but the wildcard.
fn is_rest(template: &TargetPath, route: &Route) -> bool {
    let wildcard = route.path.parameters().count().checked_sub(1);
    !template.parts().is_empty()
        && template
            .parts()
            .iter()
            .all(|part| matches!(part, Part::Captured { index, .. } if Some(*index) == wildcard))
}

fn rewrite(template: &TargetPath, pattern: &Pattern, rest: Rest) -> Result<Rewrite, String> {
    let parts = template.parts();
    let mut captured: Vec<usize> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Captured { index, .. } => Some(*index),
            Part::Literal(_) => None,
        })
        .collect();
    captured.sort_unstable();
    captured.dedup();
    let names: Vec<&Segment> =
        pattern.segments().iter().filter(|segment| segment.parameter().is_some()).collect();
    let mut to = Vec::new();
    for (position, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) => to.push(Piece::Text(format!("/{}", plain(text)?))),
            Part::Captured { index, .. } => {
                let group = 1 + captured.iter().take_while(|known| *known < index).count();
                let is_wildcard = matches!(names.get(*index), Some(Segment::Wildcard(_)));
                match (is_wildcard, rest) {
                    (false, _) => to.extend([Piece::Text("/".to_owned()), Piece::Group(group)]),
                    (true, Rest::None) => {}
                    (true, _) => {
                        to.push(Piece::Group(group));
                        // A slash with nothing behind it stays at the end only.
                        if position + 1 == parts.len() {
                            to.push(Piece::Group(group + 1));
                        }
                    }
                }
            }
        }
    }
    if to.is_empty() {
        to.push(Piece::Text("/".to_owned()));
    }
    if captured.len() >= MOST_GROUPS {
        return Err(format!("its path for the backend takes more than {MOST_GROUPS} parameters"));
    }
    Ok(Rewrite { from: places(pattern, rest, &captured), to })
}

/// A literal that no front takes for anything else.
fn plain(text: &str) -> Result<&str, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!&()*+,;=:@".contains(&byte);
    if text.bytes().all(is_plain) {
        return Ok(text);
    }
    Err(format!(
        "`{text}` in its path for the backend has characters that mean something to a front; percent-encode them"
    ))
}

/// A name in a comment must not end it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
