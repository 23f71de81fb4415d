//! How two texts differ, as people read it.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use crate::style::{BAD, DIM, GOOD, PLACE, paint};

/// A unified diff with three lines around each change; empty for equal texts.
pub(crate) fn unified(file: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut page = String::new();
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        if page.is_empty() {
            push(&mut page, format_args!("{}", paint(DIM, format_args!("--- {file}"))));
            push(
                &mut page,
                format_args!("{}", paint(DIM, format_args!("+++ {file}, new generation"))),
            );
        }
        push(&mut page, format_args!("{}", paint(PLACE, hunk.header())));
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            match change.tag() {
                ChangeTag::Equal => push(&mut page, format_args!(" {line}")),
                ChangeTag::Delete => {
                    push(&mut page, format_args!("{}", paint(BAD, format_args!("-{line}"))));
                }
                ChangeTag::Insert => {
                    push(&mut page, format_args!("{}", paint(GOOD, format_args!("+{line}"))));
                }
            }
        }
    }
    page
}

/// Two short texts one over the other, what only one of them has marked.
pub(crate) fn inline(old: &str, new: &str) -> (String, String) {
    let diff = TextDiff::from_chars(old, new);
    let (mut left, mut right) = (String::new(), String::new());
    for change in diff.iter_all_changes() {
        let text = change.value();
        // Writing to a string never fails.
        let _written = match change.tag() {
            ChangeTag::Equal => {
                left.push_str(text);
                right.push_str(text);
                Ok(())
            }
            ChangeTag::Delete => write!(left, "{}", paint(BAD, text)),
            ChangeTag::Insert => write!(right, "{}", paint(GOOD, text)),
        };
    }
    (left, right)
}

/// Widest column of [`side_by_side`], characters; longer lines are cut.
const COLUMN: usize = 58;

/// Most lines that [`side_by_side`] shows.
const MAX_ROWS: usize = 60;

/// One row of two texts side by side: what each has there, and whether it differs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The old side's line; absent where only the new side has one.
    pub(crate) old: Option<String>,
    /// The new side's.
    pub(crate) new: Option<String>,
    /// Both have it, and it is the same.
    pub(crate) equal: bool,
}

/// Two texts aligned line by line; JSON is laid out first, so that each member has a line of its own.
pub(crate) fn rows(old: &str, new: &str) -> Vec<Row> {
    let (old, new) = (laid_out(old), laid_out(new));
    let diff = TextDiff::from_lines(old.as_str(), new.as_str());
    let line = |text: &str| Some(text.trim_end_matches('\n').to_owned());
    let mut rows: Vec<Row> = Vec::new();
    // Where the new side's lines of the change go: beside the old side's, from the first of them on.
    let mut gap = 0;
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => {
                rows.push(Row {
                    old: line(change.value()),
                    new: line(change.value()),
                    equal: true,
                });
                gap = rows.len();
            }
            ChangeTag::Delete => {
                rows.push(Row { old: line(change.value()), new: None, equal: false });
            }
            ChangeTag::Insert => {
                let beside = rows.iter().skip(gap).position(|row| row.new.is_none());
                match beside.and_then(|place| rows.get_mut(gap + place)) {
                    Some(row) => row.new = line(change.value()),
                    None => rows.push(Row { old: None, new: line(change.value()), equal: false }),
                }
            }
        }
    }
    rows
}

/// JSON with one member a line; anything else as it is.
fn laid_out(text: &str) -> String {
    let json: Result<serde_json::Value, _> = serde_json::from_str(text);
    json.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned())
}

/// Two texts in two columns, with two lines around what differs.
pub(crate) fn side_by_side(old: &str, new: &str) -> String {
    let rows = rows(old, new);
    let mut page = String::new();
    let mut shown = 0;
    let mut skipped = false;
    for (index, row) in rows.iter().enumerate() {
        let around = rows.get(index.saturating_sub(2)..rows.len().min(index + 3));
        if !around.is_some_and(|around| around.iter().any(|row| !row.equal)) {
            skipped = true;
            continue;
        }
        if shown == MAX_ROWS {
            push(&mut page, format_args!("  {}", paint(DIM, "…")));
            break;
        }
        if std::mem::take(&mut skipped) {
            push(&mut page, format_args!("  {}", paint(DIM, "⋮")));
        }
        let [left, right] = [&row.old, &row.new].map(|line| cell(line.as_deref().unwrap_or("")));
        let mark = if row.equal { ' ' } else { '|' };
        if row.equal {
            push(&mut page, format_args!("  {left} {mark} {}", right.trim_end()));
        } else {
            let right = paint(GOOD, right.trim_end());
            push(&mut page, format_args!("  {} {mark} {right}", paint(BAD, left)));
        }
        shown += 1;
    }
    page
}

fn cell(line: &str) -> String {
    // What comes from the network must not steer the terminal.
    let clean = line.chars().map(|c| if c.is_control() { '·' } else { c });
    let mut cut: String = clean.take(COLUMN + 1).collect();
    if cut.chars().count() > COLUMN {
        cut.pop();
        cut.pop();
        cut.push('…');
    }
    format!("{cut:COLUMN$}")
}

fn push(page: &mut String, line: std::fmt::Arguments<'_>) {
    let _written = writeln!(page, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_diff_shows_only_what_changed_and_its_surroundings() {
        let before = "a\nb\nc\nd\ne\nstage = \"shadow\"\nf\n";
        let after = before.replace("shadow", "canary");
        insta::assert_snapshot!(plain(&unified("routes.toml", before, &after)), @r#"
        --- routes.toml
        +++ routes.toml, new generation
        @@ -3,5 +3,5 @@
         c
         d
         e
        -stage = "shadow"
        +stage = "canary"
         f
        "#);
        assert_eq!(unified("routes.toml", before, before), "");
    }

    #[test]
    fn two_values_are_shown_whole() {
        let (old, new) = inline("\"1.5 s\"", "\"1.50 s\"");
        assert_eq!((plain(&old), plain(&new)), ("\"1.5 s\"".to_owned(), "\"1.50 s\"".to_owned()));
    }

    #[test]
    fn bodies_stand_side_by_side_with_what_differs_marked() {
        let old = r#"{"id":1,"name":"ann","tags":["a","b"],"x":1,"y":2,"z":3,"w":4}"#;
        let new = r#"{"id":1,"name":"bob","tags":["a","b"],"x":1,"y":2,"z":3,"w":4,"more":true}"#;
        insta::assert_snapshot!(plain(&side_by_side(old, new)), @r#"
        {                                                            {
          "id": 1,                                                     "id": 1,
          "name": "ann",                                           |   "name": "bob",
          "tags": [                                                    "tags": [
            "a",                                                         "a",
        ⋮
          "y": 2,                                                      "y": 2,
          "z": 3,                                                      "z": 3,
          "w": 4                                                   |   "w": 4,
                                                                   |   "more": true
        }                                                            }
        "#);
        assert_eq!(side_by_side(old, old), "");
        let rows = rows("a\nb\n", "c\n");
        let sides: Vec<_> =
            rows.iter().map(|row| (row.old.as_deref(), row.new.as_deref())).collect();
        assert_eq!(sides, [(Some("a"), Some("c")), (Some("b"), None)]);
    }

    #[test]
    fn what_comes_from_the_network_does_not_steer_the_terminal() {
        let page = plain(&side_by_side("a\u{1b}[2Jb", "x\u{7}"));
        assert!(page.contains("a·[2Jb") && page.contains("x·"), "{page}");
    }
}
