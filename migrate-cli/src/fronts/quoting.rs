//! Text of the table between the quotes of a front's configuration.

use std::path::Path;

/// A file's name, as it stands between quotes of any front; else why it can't.
pub(super) fn file_name(path: &Path) -> Result<String, String> {
    let text = path.to_str().ok_or_else(|| format!("{} is no UTF-8", path.display()))?;
    let means_something = |c: char| c.is_control() || "'\"\\$".contains(c);
    match text.chars().find(|c| means_something(*c)) {
        None => Ok(text.to_owned()),
        Some(found) => {
            Err(format!("{found:?} in {text:?} means something to a front; rename the file"))
        }
    }
}

/// Any text as one word of HAProxy, which reads quotes as a shell does.
pub(super) fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_the_quotes_is_refused() {
        assert_eq!(file_name(Path::new("/a b/c;{#}.pem")), Ok("/a b/c;{#}.pem".to_owned()));
        for name in ["/a'b", "/a\"b", "/a\\", "/a$b", "/a\nb"] {
            assert!(file_name(Path::new(name)).unwrap_err().contains("rename the file"), "{name}");
        }
    }

    #[test]
    fn a_word_of_haproxy_is_one_word() {
        assert_eq!(word("/h#?a=$b\\"), r"'/h#?a=$b\'");
        assert_eq!(word("/it's"), r"'/it'\''s'");
    }
}
