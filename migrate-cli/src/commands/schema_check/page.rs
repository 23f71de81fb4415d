//! The check for people: what is broken for whom, then each finding with what to do.

use std::fmt::{self, Write as _};

use comfy_table::Cell;
use service::schema::findings::{Broken, Finding, Operation, Program, Severity};

use super::CheckReport;
use crate::grid::{bad, good, grid, lines, plain};
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, STRONG, WARN, paint};

/// So many harmless findings are shown; JSON has all of them.
const MOST_HARMLESS: usize = 10;

impl Report for CheckReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let tables = &self.tables;
        writeln!(
            page,
            "{}: {} shared tables, {} of the service's own{}; {} looked at{}",
            paint(STRONG, &self.database),
            tables.shared,
            tables.own,
            match tables.own_to_be_made {
                0 => String::new(),
                count => format!(" ({count} not there yet: it makes them when it starts)"),
            },
            match self.rows {
                1 => "1 row".to_owned(),
                count => format!("{count} rows"),
            },
            if self.proven { ", inserts tried" } else { "" }
        )?;
        if let Some(source) = &self.source {
            writeln!(
                page,
                "source: {} files, {} tables, of which the service shares {}",
                source.files,
                source.tables,
                source.shared.len()
            )?;
            for note in &source.notes {
                writeln!(page, "  {} {note}", paint(WARN, "not understood:"))?;
            }
        }
        if !self.broken.is_empty() {
            let mut table = grid(&["TABLE", "THE SERVICE CAN'T", "THE MONOLITH CAN'T"]);
            for row in &self.broken {
                let of = |program| operations(&row.breaks, program);
                table.add_row(vec![plain(&row.table), of(Program::Service), of(Program::Monolith)]);
            }
            page.push('\n');
            page.push_str(&lines(&table));
        }
        let (harmless, breaking): (Vec<_>, Vec<_>) =
            self.findings.iter().partition(|finding| finding.severity == Severity::Harmless);
        for finding in &breaking {
            page.push('\n');
            show(finding, page)?;
        }
        if !harmless.is_empty() {
            page.push('\n');
        }
        for finding in harmless.iter().take(MOST_HARMLESS) {
            show(finding, page)?;
        }
        if harmless.len() > MOST_HARMLESS {
            let rest = harmless.len() - MOST_HARMLESS;
            writeln!(page, "and {rest} more that are harmless: --output json shows them")?;
        }
        page.push('\n');
        match breaking.len() {
            0 => writeln!(page, "{} both programs can live with it", paint(GOOD, "fits:")),
            1 => writeln!(page, "{} 1 finding", paint(BAD, "breaks:")),
            count => writeln!(page, "{} {count} findings", paint(BAD, "breaks:")),
        }
    }
}

fn show(finding: &Finding, page: &mut String) -> fmt::Result {
    let style = match finding.severity {
        Severity::Harmless => DIM,
        Severity::MonolithWouldBreak => WARN,
        Severity::ServiceCannotWrite | Severity::ServiceCannotRead => BAD,
    };
    let word = format!("{}:", words(finding.severity));
    writeln!(page, "{} {}", paint(style, word), finding.message)?;
    match &finding.remedy {
        Some(remedy) => writeln!(page, "  {} {remedy}", paint(DIM, "what to do:")),
        None => Ok(()),
    }
}

const fn words(severity: Severity) -> &'static str {
    match severity {
        Severity::Harmless => "harmless",
        Severity::MonolithWouldBreak => "the monolith would break",
        Severity::ServiceCannotWrite => "the service can't write",
        Severity::ServiceCannotRead => "the service can't read",
    }
}

fn operations(breaks: &[Broken], program: Program) -> Cell {
    let of_program = breaks.iter().filter(|broken| broken.program == program);
    let words: Vec<&str> = of_program.map(|broken| word(broken.operation)).collect();
    if words.is_empty() { good("–") } else { bad(words.join(", ")) }
}

const fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "read",
        Operation::Insert => "insert",
        Operation::Update => "update",
        Operation::Delete => "delete",
    }
}
