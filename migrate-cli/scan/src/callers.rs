//! Who calls the paths of extracted routes over HTTP, by the texts that may be such a path.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::border::Sides;
use crate::facts::elsewhere::Word;
use crate::facts::text::HOLE;
use crate::lookup::{Lookup, Spot};
use crate::served::{Served, UNTOLD};

/// Fewest words of a path that have to fit where its beginning is not known.
const FEWEST_WORDS: usize = 2;

/// A file that is not Python, and what may be a path in it.
#[derive(Debug, Clone)]
pub struct Other {
    /// Its path, as those of Python files.
    pub path: String,
    /// What may be the path of a request.
    pub words: Vec<Word>,
}

/// A text that names the path of an extracted route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Caller {
    /// Who calls.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The text, with [`UNTOLD`] where a part can't be told.
    pub text: String,
    /// The method, where the call around the text says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The paths that it fits; everything below one that ends in `/*`.
    pub paths: BTreeSet<String>,
    /// Whether the whole path stands there; else how it begins is not known.
    pub whole: bool,
}

/// How a text fits a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Whole,
    End,
}

/// Finds them in files that are not extracted.
pub(crate) fn of(
    lookup: &Lookup<'_>,
    paths: &[String],
    sides: &Sides,
    others: &[Other],
    served: &[Served],
) -> Vec<Caller> {
    let known: Vec<(&Served, Vec<&str>)> = served
        .iter()
        .flat_map(|route| route.paths.iter().map(move |path| (route, segments(&path.path))))
        .collect();
    let mut found = Vec::new();
    for (file, facts) in lookup.monolith.facts.iter().enumerate() {
        let Some(path) = paths.get(file).filter(|_| !sides.extracted.contains(&file)) else {
            continue;
        };
        for url in &facts.urls {
            let told = lookup.text(&Spot::new(file, &url.scope), &url.text).text;
            let method = url.method.as_deref();
            found.extend(caller(path, url.line, &told, method, &known));
        }
    }
    for other in others {
        for word in &other.words {
            found.extend(if word.is_prefix {
                prefix(&other.path, word, &known)
            } else {
                caller(&other.path, word.line, &word.text, None, &known)
            });
        }
    }
    found.sort();
    found.dedup();
    found
}

fn caller(
    file: &str,
    line: usize,
    text: &str,
    method: Option<&str>,
    known: &[(&Served, Vec<&str>)],
) -> Option<Caller> {
    let (is_whole, path) = path_of(text)?;
    let words = segments(path);
    let mut fitting = Vec::new();
    for (route, path) in known {
        let has_method = method.is_none_or(|method| {
            route.methods.is_empty() || route.methods.iter().any(|known| known == method)
        });
        // A client with a base of its own names the end only.
        let fit = fits(&words, path, is_whole && method.is_none());
        fitting.extend(fit.filter(|_| has_method).map(|fit| (fit, joined(path))));
    }
    let whole = fitting.iter().any(|(fit, _)| *fit == Fit::Whole);
    let paths: BTreeSet<String> = fitting
        .into_iter()
        .filter(|(fit, _)| !whole || *fit == Fit::Whole)
        .map(|(_, path)| path)
        .collect();
    (!paths.is_empty()).then(|| Caller {
        file: file.to_owned(),
        line,
        text: text.replace(HOLE, &UNTOLD.to_string()),
        method: method.map(str::to_owned),
        paths,
        whole,
    })
}

/// Everything below a path.
fn prefix(file: &str, word: &Word, known: &[(&Served, Vec<&str>)]) -> Option<Caller> {
    let words = segments(word.text.strip_prefix('/')?);
    let is_below = |path: &&(&Served, Vec<&str>)| {
        !words.is_empty()
            && path.1.len() >= words.len()
            && words.iter().zip(&path.1).all(|(one, other)| one == other)
    };
    known.iter().any(|path| is_below(&path)).then(|| Caller {
        file: file.to_owned(),
        line: word.line,
        text: word.text.clone(),
        method: None,
        paths: [format!("{}/*", joined(&words))].into(),
        whole: true,
    })
}

/// The path of a URL, and whether it is known from its beginning.
fn path_of(text: &str) -> Option<(bool, &str)> {
    let text = text.split(['?', '#']).next()?;
    if let Some((_, rest)) = text.split_once("://") {
        return rest.split_once('/').map(|(_, path)| (true, path));
    }
    match text.strip_prefix('/') {
        Some(path) => Some((true, path)),
        None => text.strip_prefix(HOLE)?.strip_prefix('/').map(|path| (false, path)),
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

fn joined(path: &[&str]) -> String {
    format!("/{}", path.join("/"))
}

/// Whether words are a path of this pattern, or its end.
fn fits(words: &[&str], path: &[&str], whole_only: bool) -> Option<Fit> {
    let skipped = path.len().checked_sub(words.len())?;
    if skipped > 0 && whole_only {
        return None;
    }
    let mut same = 0;
    for (word, segment) in words.iter().zip(path.iter().skip(skipped)) {
        if word == segment {
            same += 1;
        } else if !segment.starts_with('{') && !segment.contains(UNTOLD) {
            return None;
        }
    }
    match skipped {
        0 if same > 0 => Some(Fit::Whole),
        _ if same >= FEWEST_WORDS => Some(Fit::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_whole_or_by_its_end() {
        let path = ["v1", "agents", "jobs", "{id}"];
        let fit = |text: &str, whole_only: bool| {
            let text = text.replace('…', &HOLE.to_string());
            let (_, text) = path_of(&text)?;
            fits(&segments(text), &path, whole_only)
        };
        assert_eq!(fit("http://a:1/v1/agents/jobs/7?x=1", true), Some(Fit::Whole));
        assert_eq!(fit("http://…/v1/agents/jobs/…/", true), Some(Fit::Whole));
        assert_eq!(fit("…/agents/jobs/…", false), Some(Fit::End));
        assert_eq!(fit("/agents/jobs/7", true), None);
        assert_eq!(fit("…/jobs/7", false), None, "one word is too little");
        assert_eq!(fit("…/v1/agents/other/7", false), None);
        assert_eq!(fit("v1/agents/jobs/7", false), None, "a path of files");
    }
}
