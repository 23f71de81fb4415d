//! What `migrate client generate` shows to people.

use std::fmt::{self, Write as _};

use super::{Came, GenerateReport};
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, PLACE, WARN, paint};

impl Report for GenerateReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        for one in &self.functions {
            writeln!(page, "{} → {}: {}", paint(PLACE, &one.stands_for), one.name, one.operation)?;
        }
        for one in &self.by_hand {
            writeln!(page, "{} {one}", paint(DIM, "left to be replaced by hand:"))?;
        }
        for one in &self.left_out {
            writeln!(page, "{} {}: {}", paint(DIM, "left out:"), one.operation, one.why)?;
        }
        for one in &self.unfit {
            let what = paint(WARN, "migration.toml:");
            writeln!(page, "{what} `{one}` fits no name that is used, or several")?;
        }
        for one in &self.against {
            let place = format!("{}:{}", one.file, one.line);
            writeln!(page, "{} {} {}", paint(BAD, "against:"), paint(PLACE, place), one.what)?;
        }
        let Self { file, document, operations, types, functions, .. } = self;
        let what = format!(
            "{document}: {operations} operations, {types} types, {} functions",
            functions.len()
        );
        match self.result {
            Came::Written => writeln!(page, "{} {file} ({what})", paint(GOOD, "written:")),
            Came::Planned => {
                writeln!(page, "{}", paint(DIM, format!("would write {file} ({what})")))
            }
            Came::NothingToDo => {
                writeln!(page, "{}", paint(DIM, format!("{file} is so already ({what})")))
            }
            Came::Refused => {
                let why = paint(BAD, "refused:");
                writeln!(
                    page,
                    "{why} nothing was written; say in [client] of migration.toml what is not known (docs/client.md)"
                )
            }
        }
    }
}
