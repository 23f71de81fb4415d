//! The statements of a start, for those who want to read them, and in short for everybody else.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;

use split::Place;

use crate::failure::Failure;
use crate::whole_file;

/// What is made at one of the two databases.
#[derive(Debug)]
pub(super) struct Batch<'p> {
    pub(super) place: &'p Place,
    pub(super) statements: &'p [String],
}

/// How the statements begin that make something, and what it is. A trigger of a server is made in a block that looks first whether
/// it is there.
const MADE: [(&str, &str); 6] = [
    ("CREATE TABLE", "table"),
    ("CREATE INDEX", "index"),
    ("CREATE UNIQUE INDEX", "index"),
    ("CREATE TRIGGER", "trigger"),
    ("DO $if$", "trigger"),
    ("CREATE OR REPLACE FUNCTION", "function"),
];

impl Display for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = false;
        for (kind, many) in [
            ("table", "tables"),
            ("index", "indexes"),
            ("trigger", "triggers"),
            ("function", "functions"),
        ] {
            let is_one = |sql: &&String| {
                MADE.iter().any(|(begin, made)| *made == kind && sql.starts_with(begin))
            };
            let count = self.statements.iter().filter(is_one).count();
            if count > 0 {
                let name = if count == 1 { kind } else { many };
                write!(f, "{}{count} {name}", if told { ", " } else { "" })?;
                told = true;
            }
        }
        if told { f.write_str(", as far as they are not there") } else { f.write_str("nothing") }
    }
}

/// Writes every statement to a file, as a script for each database.
pub(super) fn write(file: &Path, batches: &[Batch<'_>]) -> Result<(), Failure> {
    let written =
        whole_file::write(file, |out| batches.iter().try_for_each(|batch| script(out, batch)));
    written.map_err(|why| Failure::Other {
        message: format!("{} can't be written: {why}", file.display()),
        help: "name a file in a folder that you may write".to_owned(),
    })
}

fn script(out: &mut dyn io::Write, batch: &Batch<'_>) -> io::Result<()> {
    writeln!(out, "-- at {}, in one transaction", batch.place)?;
    batch.statements.iter().try_for_each(|sql| writeln!(out, "{sql};"))?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_counted() {
        let place = Place::File("x.db".into());
        let told = |statements: &[&str]| {
            let statements: Vec<String> = statements.iter().map(|&sql| sql.to_owned()).collect();
            Batch { place: &place, statements: &statements }.to_string()
        };
        assert_eq!(told(&[]), "nothing");
        let all = [
            "CREATE TABLE a",
            "CREATE UNIQUE INDEX b",
            "CREATE INDEX c",
            "DO $if$ x",
            "DELETE FROM a",
        ];
        assert_eq!(told(&all), "1 table, 2 indexes, 1 trigger, as far as they are not there");
    }
}
