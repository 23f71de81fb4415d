//! What `migrate scan` shows to people.

use std::fmt::{self, Write as _};

use scan::border::{Crossing, Place};
use scan::facts::{Form, Moment};
use scan::links::Role;

use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, PLACE, STRONG, WARN, paint};

use super::ScanReport;

impl Report for ScanReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let border = &self.border;
        writeln!(
            page,
            "{} files, {} lines; {} of them are extracted",
            self.files,
            self.lines,
            self.extracted.len()
        )?;
        crossings(page, "The rest imports extracted files", &border.importers)?;
        crossings(page, "Extracted files import the rest", &border.needs)?;
        if !border.cycles.is_empty() {
            heading(page, "Circles of imports across the border", border.cycles.len())?;
        }
        for cycle in &border.cycles {
            let when = if cycle.at_load { "while loading" } else { "in functions" };
            let (inside, outside) = (cycle.extracted.join(", "), cycle.rest.join(", "));
            writeln!(page, "  {inside} ↔ {outside} {}", paint(DIM, format_args!("({when})")))?;
        }
        places(page, "Imports of extracted files that lead nowhere", &border.nowhere)?;
        if !border.hidden.is_empty() {
            heading(page, "Extracted files that no import reaches", border.hidden.len())?;
        }
        for hidden in &border.hidden {
            writeln!(page, "  {}: hidden by {}", paint(PLACE, &hidden.file), hidden.by)?;
        }
        places(page, "Dynamic imports that can't be followed", &border.untold)?;
        places(page, "Files that could not be read whole", &border.unread)?;
        for note in &self.notes {
            writeln!(page, "{} {note}", paint(WARN, "not read:"))?;
        }
        let verdict = if border.clean {
            format!("{} the border is clean", paint(GOOD, "clean:"))
        } else {
            format!("{} the border is not clean", paint(BAD, "crossed:"))
        };
        writeln!(page, "\n{verdict}")
    }
}

fn heading(page: &mut String, title: &str, count: usize) -> fmt::Result {
    writeln!(page, "\n{} {}", paint(STRONG, title), paint(DIM, format_args!("({count})")))
}

fn crossings(page: &mut String, title: &str, all: &[Crossing]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    heading(page, title, all.len())?;
    for one in all {
        let place = format!("{}:{}", one.from, one.line);
        let names: Vec<&str> = one.names.iter().map(String::as_str).collect();
        let names = if names.is_empty() { "the module".to_owned() } else { names.join(", ") };
        write!(page, "  {} → {}: {names}", paint(PLACE, place), one.to)?;
        let mut remarks: Vec<String> = Vec::new();
        remarks.extend(match one.role {
            Role::Uses => None,
            Role::Mounts => Some("takes a router in, no more".to_owned()),
            Role::PassesOn => Some("passes on, no more".to_owned()),
        });
        remarks.extend(match one.moment {
            Moment::Load => None,
            Moment::Call => Some("in a function".to_owned()),
            Moment::Typing => Some("for type checkers".to_owned()),
        });
        remarks.extend(match one.form {
            Form::Import | Form::From => None,
            Form::Star => Some("a star".to_owned()),
            Form::Dynamic => Some("dynamic".to_owned()),
            Form::Text => Some("named by a text".to_owned()),
        });
        if !one.through.is_empty() {
            remarks.push(format!("through {}", one.through.join(", ")));
        }
        if one.ambiguous {
            remarks.push("another file may be meant".to_owned());
        }
        if !remarks.is_empty() {
            write!(page, " {}", paint(DIM, format_args!("({})", remarks.join("; "))))?;
        }
        page.push('\n');
    }
    Ok(())
}

fn places(page: &mut String, title: &str, all: &[Place]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    heading(page, title, all.len())?;
    for one in all {
        let place = format!("{}:{}", one.file, one.line);
        writeln!(page, "  {} {}", paint(PLACE, place), one.what)?;
    }
    Ok(())
}
