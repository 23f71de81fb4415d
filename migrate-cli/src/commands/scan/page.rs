//! What `migrate scan` shows to people.

use std::fmt::{self, Write as _};

use scan::border::{Crossing, Place};
use scan::callers::Caller;
use scan::change::{Changes, Kind};
use scan::facts::{Form, Moment};
use scan::links::Role;
use scan::served::{Served, Serving};
use scan::tables::{Side, Tables, Use};

use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, PLACE, STRONG, WARN, paint};

use super::{ScanReport, Since};

impl Report for ScanReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let border = &self.survey.border;
        let files = counted(self.files, "file");
        let lines = counted(self.lines, "line");
        writeln!(page, "{files}, {lines}; extracted: {}", counted(self.extracted.len(), "file"))?;
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
        routes(page, &self.survey.routes)?;
        callers(page, &self.survey.callers)?;
        tables(page, &self.survey.tables)?;
        if let Some(since) = &self.since {
            changes(page, since)?;
        }
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

/// `1 file`, `2 files`.
fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn routes(page: &mut String, serving: &Serving) -> fmt::Result {
    let (mounted, unmounted): (Vec<&Served>, Vec<&Served>) =
        serving.served.iter().partition(|route| !route.paths.is_empty());
    if !mounted.is_empty() {
        heading(page, "Extracted files serve routes", mounted.len())?;
    }
    for route in mounted {
        for path in &route.paths {
            let place = format!("{}:{}", route.file, route.line);
            write!(page, "  {} {} {}", methods(route), path.path, paint(PLACE, place))?;
            if !path.settings.is_empty() {
                let settings = path.settings.join(", ");
                write!(page, " {}", paint(WARN, format_args!("(by the default of {settings})")))?;
            }
            page.push('\n');
        }
    }
    if !unmounted.is_empty() {
        heading(page, "Extracted files have routes that nobody takes in", unmounted.len())?;
    }
    for route in unmounted {
        let place = format!("{}:{}", route.file, route.line);
        writeln!(page, "  {} {} on `{}`", paint(PLACE, place), route.handler, route.router)?;
    }
    places(page, "Routers that can't be followed", &serving.untold)
}

fn callers(page: &mut String, callers: &[Caller]) -> fmt::Result {
    if !callers.is_empty() {
        heading(page, "Texts that name paths of these routes", callers.len())?;
    }
    for one in callers {
        let place = paint(PLACE, format!("{}:{}", one.file, one.line));
        let method = one.method.as_deref().map(|it| format!("{it} ")).unwrap_or_default();
        let more = match one.paths.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(" and {}", counted(more, "other")),
        };
        let path = one.paths.first().map(String::as_str).unwrap_or_default();
        let doubt = if one.whole { "" } else { "the end of " };
        let note = paint(DIM, format!("({doubt}{path}{more})"));
        writeln!(page, "  {place} {method}{} {note}", one.text)?;
    }
    Ok(())
}

fn tables(page: &mut String, tables: &Tables) -> fmt::Result {
    if !tables.tables.is_empty() {
        heading(page, "Tables that extracted files use", tables.tables.len())?;
    }
    for table in &tables.tables {
        let does = |uses: &[Use]| {
            let files =
                |wanted: &dyn Fn(&Use) -> bool| uses.iter().filter(|one| wanted(one)).count();
            let reads = files(&|one| !one.reads.is_empty());
            let writes = files(&|one| !one.writes.is_empty());
            format!("read by {}, written by {writes}", counted(reads, "file"))
        };
        let note = match table.side {
            Side::Both => paint(WARN, format!("the rest uses it, too: {}", does(&table.rest))),
            Side::Nobody => paint(DIM, "nobody uses it".to_owned()),
            Side::Extracted | Side::Rest => paint(DIM, "nobody else uses it".to_owned()),
        };
        writeln!(page, "  {} {}; {note}", paint(STRONG, &table.name), does(&table.extracted))?;
    }
    if !tables.foreign_keys.is_empty() {
        heading(page, "Foreign keys across the border", tables.foreign_keys.len())?;
    }
    for key in &tables.foreign_keys {
        let sides = format!("{} → {}", who(key.from_side), who(key.to_side));
        let (at, sides) = (paint(PLACE, &key.at), paint(DIM, format!("({sides})")));
        writeln!(page, "  {} → {} {at} {sides}", key.from, key.to)?;
    }
    Ok(())
}

fn changes(page: &mut String, since: &Since) -> fmt::Result {
    let commit = since.commit.get(..12).unwrap_or(&since.commit);
    let Changes { appeared, gone } = &since.changes;
    let title = format!("Since {} ({commit})", since.revision);
    heading(page, &title, appeared.len() + gone.len())?;
    for (mark, style, facts) in [("+", BAD, appeared), ("-", GOOD, gone)] {
        for fact in facts {
            let kind = kind(fact.kind);
            writeln!(page, "  {} {kind}: {}", paint(style, mark), fact.what)?;
        }
    }
    Ok(())
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Importer => "imports what leaves",
        Kind::Need => "imported by what leaves",
        Kind::Cycle => "circle",
        Kind::Nowhere => "leads nowhere",
        Kind::Unread => "not read whole",
        Kind::Route => "route",
        Kind::Caller => "caller",
        Kind::Table => "table",
        Kind::ForeignKey => "foreign key",
    }
}

fn who(side: Side) -> &'static str {
    match side {
        Side::Extracted => "extracted files only",
        Side::Both => "both sides",
        Side::Rest => "the rest only",
        Side::Nobody => "nobody",
    }
}

pub(super) fn methods(route: &Served) -> String {
    match (&route.methods[..], route.websocket) {
        (_, true) => "WebSocket".to_owned(),
        ([], false) => "any method".to_owned(),
        (methods, false) => methods.join(", "),
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
        write!(page, "  {} → {}: {}", paint(PLACE, place), one.to, names(one))?;
        let remarks = remarks(one);
        if !remarks.is_empty() {
            write!(page, " {}", paint(DIM, format_args!("({})", remarks.join("; "))))?;
        }
        page.push('\n');
    }
    Ok(())
}

/// What is used, in words.
pub(super) fn names(one: &Crossing) -> String {
    let names: Vec<&str> = one.names.iter().map(String::as_str).collect();
    if names.is_empty() { "the module".to_owned() } else { names.join(", ") }
}

/// What is out of the ordinary.
pub(super) fn remarks(one: &Crossing) -> Vec<String> {
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
    remarks
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
