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
}
