//! Changes to a table's text that leave every other byte alone.
//!
//! The tree is only asked where things stand; the text itself is spliced. Comments, order, line ends and even the
//! spelling of numbers elsewhere can't change that way.

mod compare_rules;
mod new_route;

use std::ops::Range;

use toml_edit::{Document, Item, TableLike, TomlError, Value};

use crate::admin::Proposal;
use crate::stage::Stage;

pub use new_route::NewRoute;

/// One change to one route (or to the whole table).
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Set a route's stage and, where given, its canary percent.
    SetStage {
        /// Name of the route.
        route: String,
        /// The stage it gets.
        stage: Stage,
        /// `canary.percent`, where given.
        percent: Option<f64>,
    },
    /// Add a compare rule to a route, with a comment that says where it comes from; what the route takes over from the
    /// defaults it keeps. Nothing changes where the rule is in force already.
    AddRule {
        /// Name of the route.
        route: String,
        /// The rule and its origin.
        rule: Proposal,
    },
    /// Add a route at the end, with a comment that says where it comes from.
    AddRoute {
        /// The route.
        route: NewRoute,
    },
}

/// Why a text could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The text is no TOML.
    #[error("the table does not parse as TOML")]
    Syntax(#[from] TomlError),
    /// No route of that name.
    #[error("no route is named `{0}`")]
    UnknownRoute(String),
    /// Not a share.
    #[error("a canary of {0} percent; use a number from 0 to 100")]
    Percent(f64),
    /// The text is TOML but no route table.
    #[error(
        "no place for `{0}` in the table; `migrate routes validate` tells what is wrong with it"
    )]
    NoPlace(&'static str),
}

/// The text with the changes made and `generation` set to `number`; comments, order and formatting stay.
///
/// # Errors
/// The text does not parse or has no such route, or a percent is none.
pub fn apply(text: &str, changes: &[Change], number: u64) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for change in changes {
        text = match change {
            Change::SetStage { route, stage, percent } => {
                let text = edit(text, |document, text| set_stage(document, text, route, *stage))?;
                match percent {
                    Some(percent) => {
                        edit(text, |document, text| set_percent(document, text, route, *percent))?
                    }
                    None => text,
                }
            }
            Change::AddRule { route, rule } => {
                edit(text, |document, text| compare_rules::add(document, text, route, rule))?
            }
            Change::AddRoute { route } => {
                edit(text, |document, text| new_route::add(document, text, route))?
            }
        };
    }
    text = edit(text, |document, text| Ok(Some(set_generation(document, text, number))))?;
    // What is handed back parses: a slip here must never reach the file.
    Document::parse(text.as_str())?;
    Ok(text)
}

/// The text with `generation` set to `number` and nothing else changed (a rollback to an older text is a new generation).
///
/// # Errors
/// The text does not parse.
pub fn renumber(text: &str, number: u64) -> Result<String, EditError> {
    apply(text, &[], number)
}

/// Put this in place of those bytes.
struct Splice {
    range: Range<usize>,
    with: String,
}

type Planned = Result<Option<Splice>, EditError>;

fn edit(
    mut text: String,
    plan: impl FnOnce(&Document<&str>, &str) -> Planned,
) -> Result<String, EditError> {
    let splice = plan(&Document::parse(text.as_str())?, &text)?;
    if let Some(Splice { range, with }) = splice {
        text.replace_range(range, &with);
    }
    Ok(text)
}

/// How the keys of a table are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One per line.
    Lines,
    /// Between braces.
    Inline,
}

fn routes<'d>(document: &'d Document<&str>) -> Vec<(&'d dyn TableLike, Form)> {
    match document.get("routes") {
        Some(Item::ArrayOfTables(tables)) => {
            tables.iter().map(|table| (table as &dyn TableLike, Form::Lines)).collect()
        }
        Some(Item::Value(Value::Array(values))) => values
            .iter()
            .filter_map(Value::as_inline_table)
            .map(|table| (table as &dyn TableLike, Form::Inline))
            .collect(),
        _ => Vec::new(),
    }
}

fn find<'d>(
    document: &'d Document<&str>,
    name: &str,
) -> Result<(&'d dyn TableLike, Form), EditError> {
    routes(document)
        .into_iter()
        .find(|(route, _)| route.get("name").and_then(Item::as_str) == Some(name))
        .ok_or_else(|| EditError::UnknownRoute(name.to_owned()))
}

fn set_stage(document: &Document<&str>, text: &str, route: &str, stage: Stage) -> Planned {
    let (table, form) = find(document, route)?;
    let found = table.get("stage");
    if found.map_or(Some(Stage::Monolith.as_str()), Item::as_str) == Some(stage.as_str()) {
        return Ok(None);
    }
    let with = format!("\"{stage}\"");
    if let Some(range) = found.and_then(Item::span) {
        return Ok(Some(Splice { range, with }));
    }
    let keys = ["name", "path", "methods", "old", "new", "old_path", "new_path"];
    let last = end_of_last(table, &keys).ok_or(EditError::NoPlace("stage"))?;
    Ok(Some(insert(text, last, form, &format!("stage = {with}"))))
}

fn set_percent(document: &Document<&str>, text: &str, route: &str, percent: f64) -> Planned {
    if !(0.0..=100.0).contains(&percent) {
        return Err(EditError::Percent(percent));
    }
    let (table, form) = find(document, route)?;
    let missing = || EditError::NoPlace("canary.percent");
    let Some(canary) = table.get("canary") else {
        let keys = ["stage", "name", "path", "methods", "old", "new", "old_path", "new_path"];
        let after = end_of_last(table, keys.get(..1).unwrap_or(&keys))
            .or_else(|| end_of_last(table, &keys));
        let written = match form {
            Form::Lines => format!("canary.percent = {percent}"),
            Form::Inline => format!("canary = {{ percent = {percent} }}"),
        };
        return Ok(Some(insert(text, after.ok_or_else(missing)?, form, &written)));
    };
    let fields = canary.as_table_like().ok_or_else(missing)?;
    if let Some(found) = fields.get("percent") {
        let same = found
            .as_float()
            .or_else(|| found.as_integer().and_then(|whole| whole.to_string().parse().ok()));
        if same == Some(percent) {
            return Ok(None);
        }
        let range = found.span().ok_or_else(missing)?;
        return Ok(Some(Splice { range, with: percent.to_string() }));
    }
    let written = format!("percent = {percent}");
    let sibling = end_of_last(fields, &["sticky"]);
    let dotted = format!("canary.{written}");
    match (canary, sibling) {
        (Item::Value(Value::InlineTable(table)), Some(after)) if !table.is_dotted() => {
            Ok(Some(insert(text, after, Form::Inline, &written)))
        }
        (Item::Value(Value::InlineTable(table)), None) => {
            let range = table.span().ok_or_else(missing)?;
            Ok(Some(Splice { range, with: format!("{{ {written} }}") }))
        }
        (Item::Table(table), Some(after)) if !table.is_dotted() => {
            Ok(Some(insert(text, after, Form::Lines, &written)))
        }
        (Item::Table(table), None) => {
            let header = table.span().ok_or_else(missing)?;
            Ok(Some(insert(text, header.start, Form::Lines, &written)))
        }
        (_, Some(after)) => Ok(Some(insert(text, after, form, &dotted))),
        (_, None) => Err(missing()),
    }
}

fn set_generation(document: &Document<&str>, text: &str, number: u64) -> Splice {
    if let Some(range) = document.get("generation").and_then(Item::span) {
        return Splice { range, with: number.to_string() };
    }
    let line = format!("generation = {number}");
    if let Some(format) = document.get("format").and_then(Item::span) {
        return insert(text, format.end, Form::Lines, &line);
    }
    // A byte order mark stays first.
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    Splice { range: start..start, with: format!("{line}{}", line_end(text, start).1) }
}

/// Where the last of the keys that the table has ends.
fn end_of_last(table: &dyn TableLike, keys: &[&str]) -> Option<usize> {
    keys.iter().filter_map(|key| Some(table.get(key)?.span()?.end)).max()
}

/// Adds `written` to a table, after the value (or header) that stands at `after`.
fn insert(text: &str, after: usize, form: Form, written: &str) -> Splice {
    if form == Form::Inline {
        return Splice { range: after..after, with: format!(", {written}") };
    }
    let line_start = text.get(..after).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(line_start..).unwrap_or_default();
    let indent: String =
        line.chars().take_while(|character| matches!(character, ' ' | '\t')).collect();
    let (end, newline) = line_end(text, after);
    let with = if text.get(..end).is_some_and(|before| before.ends_with('\n')) {
        format!("{indent}{written}{newline}")
    } else {
        // The last line has no end, and keeps having none.
        format!("{newline}{indent}{written}")
    };
    Splice { range: end..end, with }
}

/// A text for a comment: whatever it names stays in its line.
fn one_line(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

/// Where the line of `at` ends (after its line break), and the line break of the file.
fn line_end(text: &str, at: usize) -> (usize, &'static str) {
    let end =
        text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |found| at + found + 1);
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    (end, newline)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that differ, `-` before and `+` after, for texts of which one has at most a few lines more.
    fn changed(before: &str, after: &str) -> Vec<String> {
        let (before, after): (Vec<&str>, Vec<&str>) =
            (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
        let gone =
            before.iter().filter(|line| !after.contains(line)).map(|line| format!("-{line}"));
        let come =
            after.iter().filter(|line| !before.contains(line)).map(|line| format!("+{line}"));
        let changed: Vec<String> = gone.chain(come).collect();
        let kept: Vec<&&str> = after.iter().filter(|line| before.contains(line)).collect();
        assert!(
            kept.iter().eq(&before.iter().filter(|line| after.contains(line)).collect::<Vec<_>>())
        );
        changed
    }

    fn set(stage: Stage, percent: Option<f64>) -> Change {
        Change::SetStage { route: "x".into(), stage, percent }
    }

    fn lines(text: &str, stage: Stage, percent: Option<f64>) -> Vec<String> {
        changed(text, &apply(text, &[set(stage, percent)], 8).unwrap())
    }

    #[test]
    fn values_are_replaced_where_they_stand() {
        let text = "format=1 # one\ngeneration   =  7 # seven\n[[routes]]\n  name='x'\n  path = \"/x\"\n  \
                    stage   = 'shadow'   # was monolith\n  canary = {percent=10,sticky=\"client-ip\"}#c\n";
        assert_eq!(
            lines(text, Stage::Canary, Some(12.5)),
            [
                "-generation   =  7 # seven\n",
                "-  stage   = 'shadow'   # was monolith\n",
                "-  canary = {percent=10,sticky=\"client-ip\"}#c\n",
                "+generation   =  8 # seven\n",
                "+  stage   = \"canary\"   # was monolith\n",
                "+  canary = {percent=12.5,sticky=\"client-ip\"}#c\n",
            ]
        );
        assert_eq!(
            lines(text, Stage::Shadow, Some(10.0)),
            ["-generation   =  7 # seven\n", "+generation   =  8 # seven\n"],
            "what is so already stays as it is written"
        );
    }

    #[test]
    fn missing_lines_are_inserted_in_their_place() {
        let text = "# top\nformat = 1 # one\n\n[[routes]]\nname = \"x\" # the name\npath = \"/x\"\nmethods = [\n  \
                    \"GET\", # reads\n]\n# compare\ncompare.ignore = [\"$.id\"]\n";
        let after = apply(text, &[set(Stage::Canary, Some(5.0))], 8).unwrap();
        assert_eq!(
            after,
            "# top\nformat = 1 # one\ngeneration = 8\n\n[[routes]]\nname = \"x\" # the name\npath = \"/x\"\nmethods \
             = [\n  \"GET\", # reads\n]\nstage = \"canary\"\ncanary.percent = 5\n# compare\ncompare.ignore = \
             [\"$.id\"]\n"
        );
    }

    #[test]
    fn every_form_of_canary_is_known() {
        let route = "format = 1\n[[routes]]\nname = \"x\"\npath = \"/x\"\nstage = \"canary\"\n";
        for (canary, expected) in [
            (
                "canary.percent = 1\n",
                vec!["-canary.percent = 1\n", "+generation = 8\n", "+canary.percent = 5\n"],
            ),
            ("canary.sticky = \"client-ip\"\n", vec!["+generation = 8\n", "+canary.percent = 5\n"]),
            (
                "[routes.canary] # c\npercent = 1\n",
                vec!["-percent = 1\n", "+generation = 8\n", "+percent = 5\n"],
            ),
            ("[routes.canary] # c\n", vec!["+generation = 8\n", "+percent = 5\n"]),
            (
                "[routes.canary]\nsticky = \"client-ip\"\n",
                vec!["+generation = 8\n", "+percent = 5\n"],
            ),
            (
                "canary = {}\n",
                vec!["-canary = {}\n", "+generation = 8\n", "+canary = { percent = 5 }\n"],
            ),
            (
                "canary = { sticky = \"client-ip\" }\n",
                vec![
                    "-canary = { sticky = \"client-ip\" }\n",
                    "+generation = 8\n",
                    "+canary = { sticky = \"client-ip\", percent = 5 }\n",
                ],
            ),
        ] {
            assert_eq!(
                lines(&format!("{route}{canary}"), Stage::Canary, Some(5.0)),
                expected,
                "{canary}"
            );
        }
    }

    #[test]
    fn routes_between_braces_are_changed_between_braces() {
        let text = "format = 1\nroutes = [{ name = \"x\", path = \"/x\" }]\n";
        let after = apply(text, &[set(Stage::Canary, Some(5.0))], 2).unwrap();
        assert_eq!(
            after,
            "format = 1\ngeneration = 2\nroutes = [{ name = \"x\", path = \"/x\", stage = \"canary\", canary = { \
             percent = 5 } }]\n"
        );
    }

    #[test]
    fn line_ends_stay_what_they_are() {
        let text = "\u{feff}format = 1\r\n[[routes]]\r\npath = \"/x\"\r\nname = \"x\"";
        let after = apply(text, &[set(Stage::Shadow, None)], 1).unwrap();
        assert_eq!(
            after,
            "\u{feff}format = 1\r\ngeneration = 1\r\n[[routes]]\r\npath = \"/x\"\r\nname = \"x\"\r\nstage = \"shadow\""
        );
        assert_eq!(renumber("[listen]", 3).unwrap(), "generation = 3\n[listen]");
        assert_eq!(renumber("format = 1", 3).unwrap(), "format = 1\ngeneration = 3");
    }

    #[test]
    fn what_can_not_be_changed_is_refused() {
        let text = "format = 1\n[[routes]]\nname = \"x\"\n";
        let other = Change::SetStage { route: "y".into(), stage: Stage::Shadow, percent: None };
        assert!(
            matches!(apply(text, &[other], 1), Err(EditError::UnknownRoute(name)) if name == "y")
        );
        for percent in [f64::NAN, -1.0, 100.5] {
            let change = [set(Stage::Canary, Some(percent))];
            assert!(matches!(apply(text, &change, 1), Err(EditError::Percent(_))));
        }
        assert!(matches!(renumber("a = = b", 1), Err(EditError::Syntax(_))));
    }
}
