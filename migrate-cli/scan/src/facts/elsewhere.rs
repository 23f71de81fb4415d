//! Words in files that are not Python (shell, nginx, YAML, JavaScript) that may be the path of a request.

use super::text::HOLE;

/// Longer lines were made by a program.
const LONGEST: usize = 4_000;

/// A word with a slash in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// 1-based.
    pub line: usize,
    /// With a [`HOLE`] where a variable stands.
    pub text: String,
    /// Whether everything below it is meant: nginx's `location /v1/`.
    pub is_prefix: bool,
}

/// Reads them. Lines that are comments are left out.
pub fn of(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let is_comment = ["#", "//", "/*", "* "].iter().any(|mark| start.starts_with(mark));
        if is_comment || line.len() > LONGEST || !line.contains('/') {
            continue;
        }
        let is_location = start.starts_with("location ");
        let words = words(line).into_iter().filter(|word| word.contains('/'));
        found.extend(words.map(|word| Word {
            line: number + 1,
            is_prefix: is_location && !start.starts_with("location = "),
            text: word.trim_start_matches('^').to_owned(),
        }));
    }
    found
}

/// The line in words, with each variable as a [`HOLE`].
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut rest = line.chars().peekable();
    while let Some(one) = rest.next() {
        let hole = match one {
            '$' => match rest.peek() {
                Some('{') => Some(('{', '}')),
                Some('(') => Some(('(', ')')),
                Some(next) if next.is_alphanumeric() || *next == '_' => {
                    while rest.next_if(|next| next.is_alphanumeric() || *next == '_').is_some() {}
                    put(&mut words, HOLE);
                    continue;
                }
                _ => None,
            },
            '{' if rest.peek().is_some_and(|next| next.is_alphanumeric() || *next == '{') => {
                Some(('{', '}'))
            }
            _ => None,
        };
        if let Some((open, close)) = hole {
            let mut depth = usize::from(one == open);
            for inner in rest.by_ref() {
                depth += usize::from(inner == open);
                depth -= usize::from(inner == close && depth > 0);
                if depth == 0 {
                    break;
                }
            }
            put(&mut words, HOLE);
        } else if one.is_whitespace() || "\"'`,;()<>|=[]".contains(one) {
            words.push(String::new());
        } else {
            put(&mut words, one);
        }
    }
    words
}

fn put(words: &mut [String], one: char) {
    if let Some(word) = words.last_mut() {
        word.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_holes_and_quotes_end_words() {
        let shown = |text: &str| -> Vec<String> {
            of(text).into_iter().map(|word| word.text.replace(HOLE, "…")).collect()
        };
        assert_eq!(shown("curl -s \"$BASE/v1/jobs/${ID:-1}?a=b\"\n"), ["…/v1/jobs/…?a"]);
        assert_eq!(shown("fetch(`${api}/jobs/${job.id({})}`, x)"), ["…/jobs/…"]);
        assert_eq!(shown("  url: 'http://{{ host }}/v1/jobs'"), ["http://…/v1/jobs"]);
        assert_eq!(shown("# curl /v1/jobs\n// a/b\n  /* a/b"), Vec::<String>::new());
        assert_eq!(shown("x=$(cat /tmp/x)/v1 y"), ["…/v1"]);
    }

    #[test]
    fn a_location_means_what_is_below() {
        let is_prefix = |text: &str| of(text).first().map(|word| (word.line, word.is_prefix));
        assert_eq!(is_prefix("\n  location /v1/ {"), Some((2, true)));
        assert_eq!(is_prefix("location = /v1/x {"), Some((1, false)));
        assert_eq!(is_prefix("proxy_pass http://a/v1;"), Some((1, false)));
    }
}
