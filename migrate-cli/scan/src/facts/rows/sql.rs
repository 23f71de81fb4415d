//! The tables of a statement of SQL, as far as its words tell.

use super::Access;

/// A text that begins with one of these may be a statement; a sentence may, too, but has no word of the second kind.
const VERBS: [(&str, &str); 5] =
    [("SELECT", "FROM"), ("WITH", "AS"), ("INSERT", "INTO"), ("UPDATE", "SET"), ("DELETE", "FROM")];
/// Words that end a list of tables.
const ENDS: &[&str] = &[
    "EXCEPT",
    "GROUP",
    "HAVING",
    "INTERSECT",
    "LIMIT",
    "ORDER",
    "RETURNING",
    "SET",
    "UNION",
    "WHERE",
    "WINDOW",
];

/// The tables that a statement reads or writes, in its order; none where the text is no statement.
pub(super) fn tables(text: &str) -> Vec<(Access, String)> {
    let words = words(text);
    let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
    let verb = |word: &str| VERBS.iter().find(|(verb, _)| is(word, verb));
    let mut begin = words.iter().map(String::as_str).skip_while(|word| *word == "(").peekable();
    let is_explained = begin.peek().is_some_and(|word| is(word, "EXPLAIN"));
    let first = if is_explained { begin.find(|word| verb(word).is_some()) } else { begin.next() };
    let needed = first.and_then(verb).map(|(_, needed)| *needed);
    if needed.is_none_or(|needed| !words.iter().any(|word| is(word, needed))) {
        return Vec::new();
    }
    let mut reading = Reading { lists: vec![false], next: None, found: Vec::new() };
    let mut before = "";
    for word in &words {
        reading.word(word, before);
        before = word;
    }
    reading.found
}

struct Reading {
    /// Whether a list of tables goes on, in each bracket around.
    lists: Vec<bool>,
    /// What is done with the table that comes next.
    next: Option<Access>,
    found: Vec<(Access, String)>,
}

impl Reading {
    fn word(&mut self, word: &str, before: &str) {
        let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "(" => {
                self.lists.push(false);
                self.next = None;
            }
            ")" => {
                self.lists.pop();
                self.next = None;
            }
            "," => self.next = self.lists.last().is_some_and(|list| *list).then_some(Access::Read),
            ";" => self.list(false),
            "FROM" if is(before, "DELETE") => self.next = Some(Access::Write),
            "FROM" | "USING" => {
                self.list(true);
                self.next = Some(Access::Read);
            }
            "JOIN" => self.next = Some(Access::Read),
            "INTO" => self.next = Some(Access::Write),
            "UPDATE" if !is(before, "DO") && !is(before, "FOR") => self.next = Some(Access::Write),
            // `FROM ONLY t`, `FROM LATERAL (…)`, `UPDATE OR IGNORE t`
            "ONLY" | "LATERAL" => {}
            "OR" if is(before, "UPDATE") => {}
            _ if is(before, "OR") && self.next == Some(Access::Write) => {}
            end if ENDS.contains(&end) => self.list(false),
            _ => {
                if let Some(access) = self.next.take() {
                    let table = word.rsplit('.').next().unwrap_or(word).to_ascii_lowercase();
                    self.found.push((access, table));
                }
            }
        }
    }

    fn list(&mut self, goes_on: bool) {
        if let Some(list) = self.lists.last_mut() {
            *list = goes_on;
        }
        self.next = None;
    }
}

/// Words and the marks between them, without comments, without the quotes of names, and with `'` for every text.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        let ahead = rest.clone().next();
        let mark = match letter {
            '-' if ahead == Some('-') => {
                rest.by_ref().find(|letter| *letter == '\n');
                None
            }
            '/' if ahead == Some('*') => {
                let end = rest.as_str().find("*/").map_or(rest.as_str().len(), |at| at + 2);
                rest = rest.as_str().get(end..).unwrap_or_default().chars();
                None
            }
            '\'' => {
                rest.by_ref().find(|letter| *letter == '\'');
                Some('\'')
            }
            '(' | ')' | ',' | ';' => Some(letter),
            '"' | '`' => continue,
            letter if letter.is_whitespace() => None,
            letter => {
                word.push(letter);
                continue;
            }
        };
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        words.extend(mark.map(String::from));
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let all = tables(text).into_iter();
        let all = all.map(|(access, table)| {
            format!("{table}{}", if access == Access::Write { "!" } else { "" })
        });
        all.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_table_is_found() {
        for (text, tables) in [
            (
                "SELECT * FROM a x, public.\"B\" AS y, (SELECT 1 FROM c WHERE f(1, 2) = 3) z, d WHERE e IN (1, 2) ORDER BY g, h",
                "a b c d",
            ),
            ("select 1 from a join b on a.x = b.x, c group by d, e", "a b c"),
            ("  -- why\n/* FROM no,\n such */ SELECT a, b FROM c -- , d\n, e", "c e"),
            ("EXPLAIN QUERY PLAN SELECT * FROM a, b", "a b"),
            ("explain (analyze, buffers) delete from a using b, c where d = 'from e'", "a! b c"),
            (
                "INSERT OR REPLACE INTO a (x, y) SELECT x, y FROM b ON CONFLICT DO UPDATE SET x = 1, y = 2",
                "a! b",
            ),
            ("UPDATE OR IGNORE a SET x = 1, y = (SELECT max(z) FROM b)", "a! b"),
            ("UPDATE ONLY a SET x = 1 FROM b, c", "a! b c"),
            ("WITH n AS (SELECT 1 FROM a, b) SELECT * FROM n FOR UPDATE", "a b n"),
            ("(SELECT 1 FROM a) UNION (SELECT 2 FROM b)", "a b"),
            ("Select one of them, or none", ""),
            ("Explain it from the start, please", ""),
            ("-- nothing", ""),
        ] {
            assert_eq!(shown(text), tables, "{text}");
        }
    }
}
