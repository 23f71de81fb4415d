//! TOML syntax: the tree of a text, or every syntax error with its place and a hint.

use toml::Spanned;
use toml::de::{DeTable, Error};

use crate::document::Document;
use crate::problem::{Problem, bounded};

/// The tree of a text. With a syntax error nothing else is looked at: what follows an error would be guesswork.
pub(crate) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Vec<Problem>> {
    let (tree, mut errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(tree);
    }
    // One slip makes several errors in its line; the first tells most.
    let lines = Document::new(text);
    let start = |error: &Error| error.span().map_or(0, |span| span.start);
    errors.sort_by_key(start);
    errors.dedup_by_key(|error| lines.line(start(error)));
    Err(bounded(errors.iter().map(|error| problem(text, error)).collect()))
}

fn problem(text: &str, error: &Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let mut lines = error.message().lines();
    let message = format!("not TOML: {}", lines.next().unwrap_or_default());
    let expected: Vec<&str> = lines.collect();
    let problem = Problem::new(span.clone(), message);
    match hint(text, span.start, error.message()) {
        Some(hint) => problem.help(hint),
        None if expected.is_empty() => problem,
        None => problem.help(expected.join(", ")),
    }
}

/// What was probably meant, for the slips that are made most.
fn hint(text: &str, at: usize, message: &str) -> Option<String> {
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line_start..)?.lines().next().unwrap_or_default().trim();
    if message.contains("duplicate key") {
        return Some("remove one of the two".to_owned());
    }
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let bare = value.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    if value.is_empty() {
        return Some(format!("write a value after `{key} =`"));
    }
    if bare && !matches!(value, "true" | "false") {
        let word =
            value.split(['#', ',']).next().unwrap_or_default().trim_end().trim_end_matches('"');
        return Some(format!("a text stands in quotes: `{key} = \"{word}\"`"));
    }
    let odd = |quote| value.split('#').next().unwrap_or_default().matches(quote).count() % 2 == 1;
    if value.starts_with('"') && odd('"') {
        return Some("close the quotes".to_owned());
    }
    None
}
