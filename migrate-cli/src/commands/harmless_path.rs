//! A path of a route that names nothing that exists, so that asking for it does nothing.

use routes::pattern::Segment;
use routes::{Route, RouteMatch, RouteTable};

/// A path that a `GET` of this route, and of no other, asks for; else why there is none. `nothing` stands for each parameter, and
/// `rest` for a wildcard, which may stand for no segment.
pub(crate) fn of(
    table: &RouteTable,
    route: &Route,
    nothing: &str,
    rest: Option<&str>,
) -> Result<(String, RouteMatch), &'static str> {
    let mut path = String::new();
    for segment in route.path.segments() {
        match segment {
            Segment::Literal(_) => path.extend(["/", &segment.to_string()]),
            Segment::Parameter(_) => path.extend(["/", nothing]),
            Segment::Wildcard(_) => path.extend(rest.iter().flat_map(|rest| ["/", *rest])),
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    let takes = route.methods.as_ref().is_none_or(|all| all.iter().any(|method| method == "GET"));
    if !takes {
        return Err("it takes no GET, and nothing else can be asked without writing");
    }
    match table.match_route("GET", &path) {
        Ok(Some(found)) if table.route(found.route).name == route.name => Ok((path, found)),
        _ => Err("another route takes what would be asked"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_another_route_would_answer_is_not_asked_for() {
        let text = r#"format = 1
[backends.a]
targets = ["http://127.0.0.1:1"]
[backends.b]
targets = ["http://127.0.0.1:2"]
[defaults]
old = "a"
new = "b"
fallback = "a"
[[routes]]
name = "file"
path = "/files/{id}"
stage = "service"
[[routes]]
name = "files"
path = "/files/{*rest}"
stage = "monolith"
[[routes]]
name = "upload"
path = "/a b/{id}"
methods = ["PUT"]
stage = "monolith"
[[routes]]
name = "all"
path = "/{*rest}"
stage = "monolith"
"#;
        let table = RouteTable::parse(Path::new("routes.toml"), text).unwrap();
        let paths = |rest| -> Vec<Result<String, &str>> {
            let paths = table.routes.iter().map(|route| of(&table, route, "none", rest));
            paths.map(|found| found.map(|(path, _)| path)).collect()
        };
        let another = Err("another route takes what would be asked");
        let no_get = Err("it takes no GET, and nothing else can be asked without writing");
        let some = |path: &str| Ok(path.to_owned());
        assert_eq!(paths(None), [some("/files/none"), some("/files"), no_get.clone(), some("/")]);
        assert_eq!(paths(Some("none")), [some("/files/none"), another, no_get, some("/none")]);
    }
}
