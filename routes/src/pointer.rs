//! A file that holds no table and says instead in which database the table is kept.
//!
//! ```toml
//! [table]
//! source = "postgres"
//! url = "postgres://strangler@db.example/strangler"   # or url_file = "…", a file that holds it
//! name = "main"                                       # default; one database may hold several tables
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use crate::document::{Document, Section};
use crate::problem::{Problem, Problems};
use crate::syntax;

/// The name of a table that was not given one.
pub const DEFAULT_NAME: &str = "main";

/// Longest name.
const MAX_NAME: usize = 64;

/// Where a table is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// Of the database.
    pub url: PointedUrl,
    /// Which of its tables.
    pub name: String,
}

/// The URL of the database, which may hold a password: it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum PointedUrl {
    /// As written.
    Here(String),
    /// In a file; relative to the pointer's folder.
    In(PathBuf),
}

impl fmt::Debug for PointedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str("Here(…)"),
            Self::In(path) => f.debug_tuple("In").field(path).finish(),
        }
    }
}

/// Reads a file that has `[table]`; `None` for every other one.
pub fn read(file: &Path, text: &str) -> Option<Result<Pointer, Problems>> {
    let tree = syntax::parse(text).ok()?;
    if !tree.get_ref().contains_key("table") {
        return None;
    }
    let document = Document::new(text);
    let pointer = pointer(Section::root(&document, tree.get_ref()));
    let problems = document.into_problems();
    Some(match pointer {
        Some(pointer) if problems.is_empty() => Ok(pointer),
        // Reports show the lines that they are about.
        _ => Err(Problems { file: file.to_owned(), text: without_passwords(text), problems }),
    })
}

/// The text with the passwords of its URLs blotted out, as long as before so that places stay right.
fn without_passwords(text: &str) -> String {
    let ends = |character: char| character.is_whitespace() || "\"'".contains(character);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let (url, left) = after.split_at(after.find(ends).unwrap_or(after.len()));
        let (user, host) = url.rsplit_once('@').unwrap_or(("", url));
        if host.len() < url.len() {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            shown.push_str(name);
            shown.push_str(if password.len() < user.len() - name.len() { ":" } else { "" });
            shown.push_str(&"*".repeat(password.len()));
            shown.push('@');
        }
        let (place, secret) = host.split_once("password=").unwrap_or((host, ""));
        shown.push_str(place);
        if place.len() < host.len() {
            shown.push_str("password=");
            shown.push_str(&"*".repeat(secret.len()));
        }
        rest = left;
    }
    shown.push_str(rest);
    shown
}

/// Whether a text can be the name of a table.
pub fn is_name(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NAME && text.bytes().all(good)
}

/// `None` only when something was reported.
fn pointer(mut root: Section<'_, '_>) -> Option<Pointer> {
    root.whole("format", 1..=1);
    let is_table = ["backends", "routes", "defaults"].into_iter().any(|key| root.has(key));
    let mut section = root.section("table", "[table]");
    if is_table {
        let message = "a file with `[table]` says where the table is kept, and holds none itself";
        let help = "put the table into a file of its own, and that into the database: migrate routes push FILE";
        section.report(Problem::new(section.span.clone(), message).help(help));
        return None;
    }
    let source = section.parsed("source", "\"postgres\"", source);
    let url = section.parsed("url", "\"postgres://USER@HOST/NAME\"", url);
    let url_file = section.text("url_file", "\"/etc/strangler/routes.url\"");
    let name = section.parsed("name", "\"main\"", name);
    let is_named = section.has("name");
    let url = match (url, url_file) {
        (Some(_), Some(file)) => {
            let problem = Problem::new(file.span, "both `url` and `url_file`");
            section.report(problem.help("leave one of them out"));
            None
        }
        (Some(url), None) => Some(PointedUrl::Here(url.value)),
        (None, Some(file)) => Some(PointedUrl::In(file.value.into())),
        (None, None) => {
            if !section.has("url") && !section.has("url_file") {
                let problem = Problem::new(section.span.clone(), "`[table]` names no database");
                section.report(problem.help("write `url = \"postgres://USER@HOST/NAME\"`"));
            }
            None
        }
    };
    if source.is_none() && !section.has("source") {
        let problem = Problem::new(section.span.clone(), "`[table]` has no `source`");
        section.report(problem.help("write `source = \"postgres\"`"));
    }
    section.finish();
    root.finish();
    let name = match name {
        Some(name) => name.value,
        None if is_named => return None,
        None => DEFAULT_NAME.to_owned(),
    };
    source?;
    Some(Pointer { url: url?, name })
}

fn source(text: &str) -> Result<(), (String, String)> {
    if text == "postgres" {
        return Ok(());
    }
    let help = "write `source = \"postgres\"`; a table in a file needs no `[table]`";
    Err((format!("`{text}` is no source of a table"), help.to_owned()))
}

fn url(text: &str) -> Result<String, (String, String)> {
    if is_database(text) {
        return Ok(text.to_owned());
    }
    let help = "write `postgres://USER@HOST/NAME`";
    Err(("this is no URL of a PostgreSQL database".to_owned(), help.to_owned()))
}

/// Whether a text looks like the URL of a PostgreSQL database.
pub fn is_database(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

fn name(text: &str) -> Result<String, (String, String)> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    let help = format!("use up to {MAX_NAME} letters, digits, `.`, `_` and `-`");
    Err((format!("`{text}` is no name for a table"), help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Result<Pointer, String>> {
        let read = read(Path::new("routes.toml"), text)?;
        Some(read.map_err(|problems| problems.to_string()))
    }

    #[test]
    fn a_pointer_names_database_and_table() {
        let text = "[table]\nsource = \"postgres\"\nurl = \"postgres://ann:planted@db/x\"\n";
        let pointer = parsed(text).unwrap().unwrap();
        assert_eq!(pointer.name, DEFAULT_NAME);
        assert_eq!(pointer.url, PointedUrl::Here("postgres://ann:planted@db/x".to_owned()));
        assert!(!format!("{pointer:?}").contains("planted"));
        let text = "format = 1\n[table]\nsource = \"postgres\"\nurl_file = \"u\"\nname = \"b\"\n";
        let pointer = parsed(text).unwrap().unwrap();
        assert_eq!((pointer.url, pointer.name), (PointedUrl::In("u".into()), "b".to_owned()));
    }

    #[test]
    fn a_table_and_what_is_no_toml_are_no_pointers() {
        for text in ["", "format = 1\n[backends.a]\n", "[table\n"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn the_lines_that_are_shown_have_no_passwords_and_their_places() {
        for (text, shown) in [
            ("u = \"mysql://ann:planted@db/x\" # c", "u = \"mysql://ann:*******@db/x\" # c"),
            ("u = \"x://ann:pl@nted@db\"", "u = \"x://ann:*******@db\""),
            (
                "u = \"x://ann@db\" v = \"x:///y?password=planted\"",
                "u = \"x://ann@db\" v = \"x:///y?password=*******\"",
            ),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn a_file_that_becomes_a_pointer_is_no_table_and_says_what_to_do() {
        let text = "[table]\nsource = \"postgres\"\nurl = \"postgres://db/x\"\n";
        let told =
            crate::RouteTable::parse(Path::new("routes.toml"), text).unwrap_err().to_string();
        assert!(told.contains("routes.toml:1:2: `[table]` says that the table is kept"), "{told}");
        assert!(!told.contains("unknown key"), "{told}");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_url() {
        let table = "[table]\nsource = \"postgres\"\nurl = \"postgres://db/x\"\n";
        for (text, told) in [
            (format!("{table}[[routes]]\nname = \"a\"\n"), "holds none itself"),
            (table.replace("\"postgres\"", "\"etcd\""), "`etcd` is no source"),
            (table.replace("postgres://db", "mysql://ann:planted@db"), "no URL of a PostgreSQL"),
            (format!("{table}url_file = \"x\"\n"), "both `url` and `url_file`"),
            (format!("{table}nmae = \"x\"\n"), "did you mean `name`?"),
            (format!("{table}name = \"a b\"\n"), "`a b` is no name"),
            ("[table]\n".to_owned(), "names no database"),
            ("[table]\nurl = \"postgres://db/x\"\n".to_owned(), "has no `source`"),
        ] {
            let problems = parsed(&text).unwrap().unwrap_err();
            assert!(problems.contains(told), "{text}: {problems}");
            assert!(!problems.contains("planted"), "{problems}");
        }
    }
}
