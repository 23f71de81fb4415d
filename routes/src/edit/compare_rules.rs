//! Adds a compare rule to a route's text, whatever form its `compare` has.

use std::ops::Range;

use toml_edit::{Array, Document, InlineTable, Item, TableLike, Value};

use super::{EditError, Form, Planned, Splice, end_of_last, find, insert, line_end, one_line};
use crate::admin::{Proposal, ProposalKind};

/// Settings under `compare`.
const SETTINGS: [&str; 8] =
    ["ignore", "timestamp", "identifier", "number", "unordered", "tolerance", "headers", "allow"];

/// Keys of a route after which a first `compare` may stand; a sub-table of its own is none.
const BEFORE: [&str; 9] =
    ["name", "path", "methods", "old", "new", "old_path", "new_path", "stage", "verify"];

/// Plans to add a rule; nothing where it is in force already.
pub(super) fn add(document: &Document<&str>, text: &str, route: &str, rule: &Proposal) -> Planned {
    let (table, form) = find(document, route)?;
    let key = rule.kind.as_str();
    let of = |table: &dyn TableLike| -> Option<Item> {
        table.get("compare")?.as_table_like()?.get(key).cloned()
    };
    let defaults = document.get("defaults").and_then(Item::as_table_like);
    let place =
        Place { text, table, form, key, comment: format!("# noise: {}", one_line(&rule.origin)) };
    let written = Written { own: of(table), inherited: defaults.and_then(of) };
    match rule.kind {
        ProposalKind::Tolerance => place.tolerance(&written, &rule.value),
        ProposalKind::Unordered => place.unordered(&written, &rule.path, &rule.value),
        _ => place.path(&written, &rule.path),
    }
}

/// How the table says it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().trim().to_owned()
}

/// What the route says of a setting, and what the defaults say: the route's own word replaces the defaults' whole list.
struct Written {
    own: Option<Item>,
    inherited: Option<Item>,
}

/// Where a setting is written.
struct Place<'a> {
    text: &'a str,
    table: &'a dyn TableLike,
    form: Form,
    key: &'static str,
    comment: String,
}

impl Place<'_> {
    /// Adds to a list of paths.
    fn path(&self, written: &Written, path: &str) -> Planned {
        let has = |item: &Item| {
            let elements = item.as_array().into_iter().flatten();
            elements.into_iter().any(|element| element.as_str() == Some(path))
        };
        let in_force = written.own.as_ref().or(written.inherited.as_ref());
        if in_force.is_some_and(has) {
            return Ok(None);
        }
        match (&written.own, &written.inherited) {
            (Some(own), _) => {
                let array = own.as_array().ok_or(EditError::NoPlace(self.key))?;
                self.element(array, path).map(Some)
            }
            (None, inherited) => {
                let inherited = inherited.iter().filter_map(Item::as_array).flatten();
                let mut elements: Vec<String> =
                    inherited.filter_map(Value::as_str).map(quoted).collect();
                elements.push(quoted(path));
                self.setting(&format!("[{}]", elements.join(", "))).map(Some)
            }
        }
    }

    fn unordered(&self, written: &Written, path: &str, field: &str) -> Planned {
        let in_force = written.own.as_ref().or(written.inherited.as_ref());
        let has =
            in_force.and_then(Item::as_table_like).is_some_and(|rules| rules.contains_key(path));
        if has {
            return Ok(None);
        }
        let entry = format!("{} = {}", quoted(path), quoted(field));
        let Some(own) = &written.own else {
            let inherited = written.inherited.as_ref().and_then(Item::as_table_like);
            let pairs = inherited.into_iter().flat_map(TableLike::iter);
            let mut entries: Vec<String> = pairs
                .filter_map(|(path, field)| {
                    Some(format!("{} = {}", quoted(path), quoted(field.as_str()?)))
                })
                .collect();
            entries.push(entry);
            return self.setting(&format!("{{ {} }}", entries.join(", "))).map(Some);
        };
        let rules = own.as_table_like().ok_or(EditError::NoPlace(self.key))?;
        let paths: Vec<String> = rules.iter().map(|(path, _)| path.to_owned()).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let last = end_of_last(rules, &paths);
        match own {
            Item::Value(Value::InlineTable(inline)) if !inline.is_dotted() => {
                self.member(inline, last, &entry).map(Some)
            }
            Item::Table(table) if !table.is_dotted() => {
                let after = last.or_else(|| Some(table.span()?.start));
                let after = after.ok_or(EditError::NoPlace(self.key))?;
                Ok(Some(self.line(after, Form::Lines, &entry)))
            }
            _ => {
                let after = last.ok_or(EditError::NoPlace(self.key))?;
                let form = self.form_of_compare();
                Ok(Some(self.line(after, form, &format!("{}unordered.{entry}", self.prefix()))))
            }
        }
    }

    fn tolerance(&self, written: &Written, value: &str) -> Planned {
        let number = |item: &Item| {
            item.as_float().or_else(|| item.as_integer().and_then(|n| n.to_string().parse().ok()))
        };
        let wanted: f64 = value.parse().map_err(|_no_number| EditError::NoPlace(self.key))?;
        let in_force = written.own.as_ref().or(written.inherited.as_ref());
        if in_force.and_then(number).is_some_and(|found| found >= wanted) {
            return Ok(None);
        }
        match &written.own {
            Some(own) => {
                let range = own.span().ok_or(EditError::NoPlace(self.key))?;
                Ok(Some(self.commented(range, value)))
            }
            None => self.setting(value).map(Some),
        }
    }

    /// Adds an element to the list that the route has.
    fn element(&self, array: &Array, path: &str) -> Result<Splice, EditError> {
        let missing = || EditError::NoPlace(self.key);
        let whole = array.span().ok_or_else(missing)?;
        let Some(last) = array.iter().last() else {
            return Ok(self.commented(whole, &format!("[{}]", quoted(path))));
        };
        let last = last.span().ok_or_else(missing)?.end;
        let (end, newline) = line_end(self.text, last);
        if whole.end <= end {
            return Ok(self.commented(last..last, &format!(", {}", quoted(path))));
        }
        // One element per line: it goes below the last one, whose own comment stays with it.
        let rest = self.text.get(last..end).ok_or_else(missing)?;
        let comma = if rest.trim_start().starts_with(',') { "" } else { "," };
        let indent = self.indent(last);
        let with = format!(
            "{comma}{rest}{indent}{}{newline}{indent}{},{newline}",
            self.comment,
            quoted(path)
        );
        Ok(Splice { range: last..end, with })
    }

    /// Writes the whole setting, which the route does not have yet.
    fn setting(&self, value: &str) -> Result<Splice, EditError> {
        let missing = || EditError::NoPlace("compare");
        let written = format!("{} = {value}", self.key);
        let Some(compare) = self.table.get("compare") else {
            let keys = BEFORE.iter().filter(|key| self.table.get(key).is_some_and(Item::is_value));
            let keys: Vec<&str> = keys.copied().collect();
            let after = end_of_last(self.table, &keys).ok_or_else(missing)?;
            return Ok(self.line(after, self.form, &format!("compare.{written}")));
        };
        let settings = compare.as_table_like().ok_or_else(missing)?;
        let last = end_of_last_value(settings);
        match compare {
            Item::Value(Value::InlineTable(inline)) if !inline.is_dotted() => {
                self.member(inline, last, &written)
            }
            Item::Table(table) if !table.is_dotted() => {
                let after = last.or_else(|| Some(table.span()?.start)).ok_or_else(missing)?;
                Ok(self.line(after, Form::Lines, &written))
            }
            _ => {
                let after = last.ok_or_else(missing)?;
                Ok(self.line(after, self.form, &format!("compare.{written}")))
            }
        }
    }

    /// Adds a member to a table between braces.
    fn member(
        &self,
        table: &InlineTable,
        last: Option<usize>,
        written: &str,
    ) -> Result<Splice, EditError> {
        if let Some(last) = last {
            return Ok(self.commented(last..last, &format!(", {written}")));
        }
        let whole = table.span().ok_or(EditError::NoPlace(self.key))?;
        Ok(self.commented(whole, &format!("{{ {written} }}")))
    }

    /// A line of its own below the comment; between braces there is no place for a comment.
    fn line(&self, after: usize, form: Form, written: &str) -> Splice {
        if form == Form::Inline {
            return insert(self.text, after, form, written);
        }
        let newline = line_end(self.text, after).1;
        let indent = self.indent(after);
        insert(self.text, after, form, &format!("{}{newline}{indent}{written}", self.comment))
    }

    /// Puts `with` in place of a range, and the comment above the line that it begins in.
    fn commented(&self, range: Range<usize>, with: &str) -> Splice {
        if self.form == Form::Inline {
            return Splice { range, with: with.to_owned() };
        }
        let start = self.line_start(range.start);
        let before = self.text.get(start..range.start).unwrap_or_default();
        let newline = line_end(self.text, range.start).1;
        let indent = self.indent(range.start);
        Splice {
            range: start..range.end,
            with: format!("{indent}{}{newline}{before}{with}", self.comment),
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1)
    }

    fn indent(&self, at: usize) -> &str {
        let line = self.text.get(self.line_start(at)..).unwrap_or_default();
        let end = line.find(|one| !matches!(one, ' ' | '\t')).unwrap_or(line.len());
        line.get(..end).unwrap_or_default()
    }

    /// What stands before a setting that is written beside its dotted siblings.
    fn prefix(&self) -> &'static str {
        match self.table.get("compare") {
            Some(Item::Table(table)) if !table.is_dotted() => "",
            Some(Item::Value(Value::InlineTable(table))) if !table.is_dotted() => "",
            _ => "compare.",
        }
    }

    fn form_of_compare(&self) -> Form {
        match self.table.get("compare") {
            Some(Item::Value(Value::InlineTable(table))) if !table.is_dotted() => Form::Inline,
            _ => self.form,
        }
    }
}

/// Where the last setting ends that is no table with a header of its own.
fn end_of_last_value(settings: &dyn TableLike) -> Option<usize> {
    let ends = SETTINGS.iter().filter_map(|key| {
        let item = settings.get(key)?;
        match item {
            Item::Table(table) if !table.is_dotted() => None,
            // A dotted table has no place itself; its members have.
            item => item.as_table_like().and_then(end_of_members).max(item.span().map(|s| s.end)),
        }
    });
    ends.max()
}

fn end_of_members(table: &dyn TableLike) -> Option<usize> {
    table.iter().filter_map(|(_, member)| Some(member.span()?.end)).max()
}

#[cfg(test)]
mod tests {
    use super::super::{Change, apply};
    use super::*;

    const ORIGIN: &str = "GET /x: 9 of 9\ndiffer";
    const NOTE: &str = "# noise: GET /x: 9 of 9 differ";

    fn rule(kind: ProposalKind, path: &str, value: &str) -> Change {
        let rule = Proposal {
            kind,
            path: path.to_owned(),
            value: value.to_owned(),
            origin: ORIGIN.to_owned(),
            would_silence: 0,
        };
        Change::AddRule { route: "x".to_owned(), rule }
    }

    /// The text after, which must be the same when the rule is added again.
    fn added(text: &str, change: &Change) -> String {
        let after = apply(text, std::slice::from_ref(change), 1).unwrap();
        assert_eq!(apply(&after, std::slice::from_ref(change), 1).unwrap(), after, "again");
        after.replace(NOTE, "# N")
    }

    fn route(lines: &str) -> String {
        format!("format = 1\ngeneration = 1\n[[routes]]\nname = \"x\"\npath = \"/x\"\n{lines}")
    }

    fn of_route(text: &str) -> &str {
        text.split_once("path = \"/x\"\n").unwrap().1
    }

    #[test]
    fn a_path_is_added_in_every_form() {
        let change = rule(ProposalKind::Timestamp, "$.at", "");
        for (lines, expected) in [
            ("", "# N\ncompare.timestamp = [\"$.at\"]\n"),
            (
                "stage = \"shadow\" # s\n",
                "stage = \"shadow\" # s\n# N\ncompare.timestamp = [\"$.at\"]\n",
            ),
            (
                "compare.ignore = [\"$.id\"] # i\ncanary.percent = 5\n",
                "compare.ignore = [\"$.id\"] # i\n# N\ncompare.timestamp = [\"$.at\"]\ncanary.percent = 5\n",
            ),
            (
                "compare.timestamp = [ '$.b' ] # t\n",
                "# N\ncompare.timestamp = [ '$.b', \"$.at\" ] # t\n",
            ),
            ("compare.timestamp = []\n", "# N\ncompare.timestamp = [\"$.at\"]\n"),
            (
                "compare.timestamp = [\n  \"$.b\", # b\n]\n",
                "compare.timestamp = [\n  \"$.b\", # b\n  # N\n  \"$.at\",\n]\n",
            ),
            (
                "compare.timestamp = [\n  \"$.b\" # b\n]\n",
                "compare.timestamp = [\n  \"$.b\", # b\n  # N\n  \"$.at\",\n]\n",
            ),
            (
                "compare = { ignore = [\"$.id\"] }\n",
                "# N\ncompare = { ignore = [\"$.id\"], timestamp = [\"$.at\"] }\n",
            ),
            ("compare = {}\n", "# N\ncompare = { timestamp = [\"$.at\"] }\n"),
            (
                "[routes.compare] # c\nignore = [\"$.id\"]\n",
                "[routes.compare] # c\nignore = [\"$.id\"]\n# N\ntimestamp = [\"$.at\"]\n",
            ),
            ("[routes.compare] # c\n", "[routes.compare] # c\n# N\ntimestamp = [\"$.at\"]\n"),
            ("[routes.compare.unordered]\n\"$\" = \"id\"\n", ""),
        ] {
            if expected.is_empty() {
                continue;
            }
            assert_eq!(of_route(&added(&route(lines), &change)), expected, "{lines}");
        }
    }

    #[test]
    fn what_the_defaults_say_stays_in_force() {
        let change = rule(ProposalKind::Timestamp, "$.at", "");
        let text = format!("{}[defaults]\ncompare.timestamp = [\"$..made_at\"]\n", route(""));
        let after = added(&text, &change);
        assert!(after.contains("compare.timestamp = [\"$..made_at\", \"$.at\"]\n"), "{after}");
        let known = rule(ProposalKind::Timestamp, "$..made_at", "");
        assert_eq!(added(&text, &known), text, "in force already");
    }

    #[test]
    fn arrays_without_an_order_are_added_in_every_form() {
        let change = rule(ProposalKind::Unordered, "$.steps", "id");
        for (lines, expected) in [
            ("", "# N\ncompare.unordered = { \"$.steps\" = \"id\" }\n"),
            (
                "compare.unordered = { \"$\" = \"id\" }\n",
                "# N\ncompare.unordered = { \"$\" = \"id\", \"$.steps\" = \"id\" }\n",
            ),
            (
                "compare.unordered.\"$\" = \"id\"\n",
                "compare.unordered.\"$\" = \"id\"\n# N\ncompare.unordered.\"$.steps\" = \"id\"\n",
            ),
            (
                "[routes.compare.unordered]\n\"$\" = \"id\"\n",
                "[routes.compare.unordered]\n\"$\" = \"id\"\n# N\n\"$.steps\" = \"id\"\n",
            ),
        ] {
            assert_eq!(of_route(&added(&route(lines), &change)), expected, "{lines}");
        }
    }

    #[test]
    fn a_tolerance_only_grows() {
        let change = rule(ProposalKind::Tolerance, "", "2e-8");
        for (lines, expected) in [
            ("", "# N\ncompare.tolerance = 2e-8\n"),
            ("compare.tolerance = 1e-9 # t\n", "# N\ncompare.tolerance = 2e-8 # t\n"),
            ("compare.tolerance = 1e-6\n", "compare.tolerance = 1e-6\n"),
            ("compare.tolerance = 0\n", "# N\ncompare.tolerance = 2e-8\n"),
        ] {
            assert_eq!(of_route(&added(&route(lines), &change)), expected, "{lines}");
        }
    }

    #[test]
    fn between_braces_and_with_other_line_ends_it_works_as_well() {
        let change = rule(ProposalKind::Identifier, "$['it\\'s \"it\"']", "");
        let text = "format = 1\ngeneration = 1\nroutes = [{ name = \"x\", path = \"/x\" }]\n";
        let after = added(text, &change);
        let table: toml_edit::DocumentMut = after.parse().unwrap();
        let path = table["routes"][0]["compare"]["identifier"][0].as_str().unwrap();
        assert_eq!(path, "$['it\\'s \"it\"']");
        let windows = route("stage = \"shadow\"\n").replace('\n', "\r\n");
        let after = added(&windows, &change);
        assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
        assert_eq!(after.lines().count(), windows.lines().count() + 2);
    }

    #[test]
    fn every_other_byte_stays() {
        let changes = [
            rule(ProposalKind::Timestamp, "$.at", ""),
            rule(ProposalKind::Identifier, "$.id", ""),
            rule(ProposalKind::Number, "$.n", ""),
            rule(ProposalKind::Unordered, "$", "id"),
            rule(ProposalKind::Tolerance, "", "1e-8"),
        ];
        let text = route("stage = 'shadow' # s\n\n[[routes]]\nname = \"y\" # y\npath = \"/y\"\n");
        let after = apply(&text, &changes, 1).unwrap();
        let kept: Vec<&str> =
            after.lines().filter(|line| !line.starts_with("compare.") && *line != NOTE).collect();
        assert_eq!(kept, text.lines().collect::<Vec<_>>());
        assert_eq!(after.lines().count(), text.lines().count() + 10);
    }
}
