//! Runs PostgreSQL's own tools, which know every version of every server.

use std::process::{Command, Stdio};

use super::place::Server;
use crate::failure::Failure;

/// `psql`, `pg_dump` or `pg_restore`, ready for a database of a server.
pub(crate) fn tool(name: &str, server: &Server, database: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).arg("--no-password");
    command.arg(format!("--dbname={}", server.url_of(database)));
    // Another user's `ps` shows arguments, but not this.
    if let Some(password) = &server.password {
        command.env("PGPASSWORD", password);
    }
    command.env("PGCONNECT_TIMEOUT", "10");
    command
}

/// Runs SQL, in one transaction where there are several statements; the result without decoration.
pub(crate) fn psql(
    server: &Server,
    database: &str,
    statements: &[&str],
) -> Result<String, Failure> {
    let mut command = tool("psql", server, database);
    command.args([
        "--no-psqlrc",
        "--quiet",
        "--no-align",
        "--tuples-only",
        "--set=ON_ERROR_STOP=1",
    ]);
    if statements.len() > 1 {
        command.arg("--single-transaction");
    }
    for statement in statements {
        command.arg(format!("--command={statement}"));
    }
    let output = command.output().map_err(|problem| missing("psql", &problem))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(Failure::Other {
        message: format!("{server}: {}", last_words(&output.stderr)),
        help: "see that the server runs, and that this user may connect and create databases (CREATEDB)".to_owned(),
    })
}

/// A tool that could not be started.
pub(crate) fn missing(name: &str, problem: &std::io::Error) -> Failure {
    Failure::Other {
        message: format!("`{name}` could not be run: {problem}"),
        help: "install PostgreSQL's client programs (psql, pg_dump, pg_restore) of the server's version or newer, \
               and see that they are on the PATH"
            .to_owned(),
    }
}

/// What a tool said last, in one line.
pub(crate) fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let from = lines.len().saturating_sub(3);
    lines.get(from..).unwrap_or_default().join("; ")
}

/// A name as SQL has it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL has it.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
