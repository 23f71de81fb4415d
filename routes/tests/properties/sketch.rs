//! Routes and requests as the strategies make them, and as people would write them.

use proptest::prelude::*;
use routes::Stage;

/// A route as the strategies make it.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    /// Segments as written in the pattern.
    pub(crate) segments: Vec<&'static str>,
    pub(crate) methods: Option<Vec<&'static str>>,
    pub(crate) stage: Option<Stage>,
    pub(crate) percent: Option<u16>,
    pub(crate) sticky: bool,
    /// Which way the canary is written.
    pub(crate) form: u8,
}

pub(crate) fn sketch() -> impl Strategy<Value = Sketch> {
    let segment = prop::sample::select(vec!["a", "b", "%61", "a%20", "{p}"]);
    let wildcard = prop::option::weighted(0.4, Just("{*w}"));
    let segments =
        (prop::collection::vec(segment, 0..4), wildcard).prop_map(|(mut all, wildcard)| {
            all.extend(wildcard);
            all
        });
    let methods = prop::option::of(prop::sample::subsequence(vec!["GET", "PUT", "POST"], 1..=3));
    let stage = prop::option::of(prop::sample::select(Stage::ALL.to_vec()));
    (segments, methods, stage, prop::option::of(0..=100u16), any::<bool>(), 0..4u8).prop_map(
        |(segments, methods, stage, percent, sticky, form)| Sketch {
            segments,
            methods,
            stage,
            percent,
            sticky,
            form,
        },
    )
}

impl Sketch {
    /// The pattern, with each parameter named after its place.
    fn pattern(&self) -> String {
        let named = self.segments.iter().enumerate().map(|(place, segment)| match *segment {
            "{p}" => format!("/{{p{place}}}"),
            other => format!("/{other}"),
        });
        let pattern: String = named.collect();
        if pattern.is_empty() { "/".to_owned() } else { pattern }
    }

    /// The route in TOML, in one of the ways that people write it.
    pub(crate) fn print(&self, name: usize) -> String {
        let mut lines = vec!["[[routes]] # a route".to_owned(), format!("name = \"r{name}\"")];
        lines.push(format!("path   =   '{}'", self.pattern()));
        if let Some(methods) = &self.methods {
            lines.push(format!("methods = [\n    \"{}\", # all\n]", methods.join("\",\n    \"")));
        }
        if let Some(stage) = self.stage {
            lines.push(format!("stage = '{stage}' # where it stands"));
        }
        let percent = self.percent.map(|percent| format!("percent = {percent}"));
        let sticky = self.sticky.then(|| "sticky = \"header:x-api-key\"".to_owned());
        let fields: Vec<String> = percent.into_iter().chain(sticky).collect();
        match (self.form, fields.is_empty()) {
            (_, true) => {}
            (0, _) => lines.extend(fields.iter().map(|field| format!("canary.{field}"))),
            (1, _) => lines.push(format!("canary = {{{}}}", fields.join(","))),
            (2, _) => lines.push(format!("canary = {{ {} }} # c", fields.join(", "))),
            _ => {
                lines.push("[routes.canary] # c".to_owned());
                lines.extend(fields);
            }
        }
        lines.join("\n") + "\n\n"
    }
}

pub(crate) const HEAD: &str = "# top\nformat = 1 # one\n\n[backends.m]\ntargets = [\"http://m:1\"]\n[backends.s]\n\
                    targets = [\"http://s:1\"]\n[defaults]\nold = \"m\"\nnew = \"s\"\n\n";

pub(crate) fn print(sketches: &[Sketch]) -> String {
    let routes = sketches.iter().enumerate().map(|(name, sketch)| sketch.print(name));
    HEAD.to_owned() + &routes.collect::<String>()
}

pub(crate) fn paths() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "c", "%61", "%20", "%2F", "%2f", ".", "%2e", "%", "%5C", "\\", "\0", "ü", "/",
        "/", "/", "/a", "/b",
    ]);
    let start = prop::sample::select(vec!["/", "/", "/", "/", ""]);
    (start, prop::collection::vec(piece, 0..7))
        .prop_map(|(start, rest)| start.to_owned() + &rest.concat())
}

pub(crate) fn methods() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "get", ""])
}
