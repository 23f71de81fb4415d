//! Lays the rows of both databases side by side and compares them: pure.

use std::collections::BTreeSet;

use compare::{Answer, Comparison, Difference, Question, Rules, compare};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use routes::admin::DifferenceKind;
use routes::compare::CompareRules;
use serde_json::{Map, Value};
use serde_json_path::JsonPath;

use super::row::{Found, Row};

/// Stands for a key that each side made for itself.
const MADE: &str = "(made by each side)";

/// The rows of both databases that mention the same objects.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Sides {
    pub(super) old: Found,
    /// In the new side's words.
    pub(super) new: Found,
}

/// What differs between the rows, as `table.column`. `to_old` puts the old side's identifiers into a JSON text of the new
/// side; `rules` are those of the route, with the columns that hold times.
pub(in super::super) fn differences(
    sides: &Sides,
    to_old: impl Fn(String) -> String,
    rules: &Rules,
    max_body: usize,
) -> Vec<Difference> {
    let new = sides.new.iter().map(|(table, rows)| {
        let rows = rows.iter().map(|row| {
            let text = to_old(Value::Object(row.columns.clone()).to_string());
            let columns = serde_json::from_str(&text).unwrap_or_else(|_never| row.columns.clone());
            Row { key: row.key.clone(), columns }
        });
        (table.clone(), rows.collect())
    });
    let new: Found = new.collect();
    let (old, new) = (document(&sides.old, &new), document(&new, &sides.old));
    if old == new {
        return Vec::new();
    }
    let headers = HeaderMap::from_iter([(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )]);
    let (old, new) = (old.to_string(), new.to_string());
    let answer = |body| Answer { status: StatusCode::OK, headers: &headers, body };
    let (old, new) = (answer(old.as_bytes()), answer(new.as_bytes()));
    let question = Question { method: &Method::GET, path: "/", host: None };
    let comparison = compare(&question, &old, &new, rules, max_body);
    comparison.map(as_rows).unwrap_or_default()
}

/// Rules for rows: those of the route, and columns that are declared to hold times are only looked at for being times.
pub(in super::super) fn with_times(
    mut rules: CompareRules,
    times: &[(String, String)],
) -> CompareRules {
    let quoted = |name: &str| name.replace('\\', "\\\\").replace('\'', "\\'");
    for (table, column) in times {
        let path = format!("$['{}'][*]['{}']", quoted(table), quoted(column));
        rules.timestamp.extend(JsonPath::parse(&path).ok());
    }
    rules
}

/// The differences of the two documents, as differences between rows.
fn as_rows(comparison: Comparison) -> Vec<Difference> {
    let name = |path: &str| {
        let path = path.strip_prefix("$.").unwrap_or(path);
        match path.split_once('[') {
            // Only the index of the row: one within a column stays.
            Some((table, rest)) if !table.contains('.') => {
                format!("{table}{}", rest.split_once(']').map_or("", |(_, rest)| rest))
            }
            _ => path.to_owned(),
        }
    };
    let rows = comparison.differences.into_iter().map(|difference| Difference {
        kind: DifferenceKind::Row,
        path: name(&difference.path),
        at: difference.at.strip_prefix("$.").unwrap_or(&difference.at).to_owned(),
        ..difference
    });
    rows.collect()
}

/// All rows as one document, tables by name and rows in an order that is the same on both sides.
fn document(own: &Found, other: &Found) -> Value {
    let tables = own.iter().map(|(table, rows)| {
        let keys: BTreeSet<String> =
            other.get(table).into_iter().flatten().map(Row::key_text).collect();
        let mut rows: Vec<(bool, String, Value)> = rows
            .iter()
            .map(|row| {
                let is_known = keys.contains(&row.key_text());
                let columns = if is_known { row.columns.clone() } else { row.without_key() };
                // Rows that are known on both sides by their key, the others by what is in them.
                let order = if is_known { row.key_text() } else { row.content() };
                (!is_known, order, Value::Object(columns))
            })
            .collect();
        rows.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        (table.clone(), rows.into_iter().map(|(_, _, row)| row).collect())
    });
    Value::Object(tables.collect())
}

impl Row {
    fn key_text(&self) -> String {
        let values = self.key.iter().filter_map(|name| self.columns.get(name));
        values.map(ToString::to_string).collect::<Vec<_>>().join("\u{1f}")
    }

    fn without_key(&self) -> Map<String, Value> {
        let mut columns = self.columns.clone();
        for name in &self.key {
            if let Some(value) = columns.get_mut(name) {
                *value = MADE.into();
            }
        }
        columns
    }

    /// What tells rows apart that have no key in common: whatever is short and no time.
    fn content(&self) -> String {
        let columns = self.columns.iter().filter(|(name, _)| !self.key.contains(name));
        let short = columns.filter_map(|(name, value)| match value {
            Value::String(text) if text.len() <= 64 && !text.get(..5).is_some_and(is_year) => {
                Some(format!("{name}={text};"))
            }
            Value::Number(_) | Value::Bool(_) => Some(format!("{name}={value};")),
            _ => None,
        });
        short.collect()
    }
}

/// `2026-`
fn is_year(text: &str) -> bool {
    text.ends_with('-') && text.bytes().take(4).all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(columns: Value) -> Row {
        let Value::Object(columns) = columns else { panic!("{columns}") };
        Row { key: vec!["id".to_owned()], columns }
    }

    fn found(rows: Vec<(&str, Vec<Value>)>) -> Found {
        let rows = rows
            .into_iter()
            .map(|(table, rows)| (table.to_owned(), rows.into_iter().map(row).collect()));
        rows.collect()
    }

    fn differing(old: Vec<(&str, Vec<Value>)>, new: Vec<(&str, Vec<Value>)>) -> Vec<String> {
        let sides = Sides { old: found(old), new: found(new) };
        let to_old = |text: String| text.replace("agent_ffee01", "agent_0a1b2c");
        let rules = with_times(CompareRules::default(), &[("w".to_owned(), "at".to_owned())]);
        let rules = Rules::from(rules);
        let found = differences(&sides, to_old, &rules, 1 << 20);
        assert!(found.iter().all(|difference| difference.kind == DifferenceKind::Row));
        found
            .into_iter()
            .map(|found| format!("{}: {} / {}", found.path, found.old, found.new))
            .collect()
    }

    #[test]
    fn paired_identifiers_and_times_are_equal_and_other_columns_are_not() {
        let old = json!({"id": "agent_0a1b2c", "name": "a", "at": "2026-01-31 10:00:00", "steps": {"x": 1}});
        let new = json!({"id": "agent_ffee01", "name": "a", "at": "2026-01-31 10:00:07.5", "steps": {"x": 1}});
        assert_eq!(
            differing(vec![("w", vec![old.clone()])], vec![("w", vec![new.clone()])]),
            Vec::<String>::new()
        );
        let mut other = new;
        other["name"] = "b".into();
        other["steps"] = json!({"x": 2});
        assert_eq!(
            differing(vec![("w", vec![old])], vec![("w", vec![other])]),
            ["w.name: \"a\" / \"b\"", "w.steps.x: 1 / 2"]
        );
    }

    #[test]
    fn a_row_of_one_side_only_is_found_on_either() {
        let row = json!({"id": "x_1", "w": "agent_0a1b2c"});
        let old_only = differing(vec![("audit", vec![row.clone()])], vec![]);
        assert_eq!(old_only.len(), 1);
        assert!(old_only[0].starts_with("audit: ["), "{old_only:?}");
        let new_only = differing(vec![], vec![("audit", vec![row])]);
        assert!(new_only[0].starts_with("audit:  / ["), "{new_only:?}");
    }

    #[test]
    fn rows_with_keys_of_their_own_are_compared_by_what_is_in_them() {
        let row = |id: &str, step: &str, done: bool| json!({"id": id, "step": step, "done": done, "at": "2026-01-01 00:00:00"});
        let old = vec![(
            "steps",
            vec![row("o1", "a", true), row("o2", "b", true), row("same", "c", true)],
        )];
        let new = vec![(
            "steps",
            vec![row("same", "c", true), row("n9", "b", true), row("n8", "a", true)],
        )];
        assert_eq!(differing(old.clone(), new), Vec::<String>::new());
        let new = vec![(
            "steps",
            vec![row("same", "c", true), row("n9", "b", true), row("n8", "a", false)],
        )];
        assert_eq!(differing(old, new).len(), 1);
    }
}
