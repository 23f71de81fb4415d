//! What is wrong with a route table, each with its place in the file and what to write instead.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan};

/// One thing that is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A lowercase fragment: what is wrong.
    pub message: String,
    /// Byte range of the offending text; empty ranges point at a position.
    pub span: Range<usize>,
    /// Other places that belong to the problem (the first of two ambiguous routes, …) with a label each.
    pub related: Vec<(Range<usize>, String)>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, related: Vec::new(), help: None }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// Where the problem stands in `text`: line and column, both from 1, columns counted in characters.
    pub fn line_column(&self, text: &str) -> (usize, usize) {
        line_column(text, self.span.start)
    }
}

/// Most problems that are told of one text: finding the place of each takes time, and nobody reads more.
const MAX_PROBLEMS: usize = 100;

/// The problems in order of place; of too many, the first ones and how many more there are.
pub(crate) fn bounded(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
    let more = problems.split_off(problems.len().min(MAX_PROBLEMS));
    if let Some(next) = more.first() {
        problems.push(Problem::new(next.span.clone(), format!("{} more problems", more.len())));
    }
    problems
}

/// Line and column (from 1, columns in characters) of a byte offset; an offset past the end counts as the end.
pub(crate) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(offset)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.bytes().filter(|byte| *byte == b'\n').count() + 1, column)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = LabeledSpan::new_primary_with_span(None, self.span.clone());
        let others = self.related.iter().map(|(span, label)| {
            LabeledSpan::new_with_span(Some(label.clone()), SourceSpan::from(span.clone()))
        });
        Some(Box::new(std::iter::once(here).chain(others)))
    }
}

/// Everything that is wrong with one text; never empty. Renders as a graphical report through `miette`
/// and as one line per problem (`file:line:column: message; help`) through `Display`.
#[derive(Debug, Clone)]
pub struct Problems {
    /// The file the text came from, as the user named it.
    pub file: PathBuf,
    /// The text itself.
    pub text: String,
    /// The problems, in order of their place.
    pub problems: Vec<Problem>,
}

impl Problems {
    /// One line per problem: `file:line:column: message; help`.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.problems.iter().map(|problem| {
            let (line, column) = problem.line_column(&self.text);
            let help = problem.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
            format!("{}:{line}:{column}: {}{help}", self.file.display(), problem.message)
        })
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&line)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

impl SourceCode for Problems {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, MietteError> {
        let inner = self.text.read_span(span, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.display().to_string(),
            inner.data(),
            *inner.span(),
            inner.line(),
            inner.column(),
            inner.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "a = 1\r\nü = \"x\"\n";
        assert_eq!(line_column(text, 0), (1, 1));
        assert_eq!(line_column(text, text.find('x').unwrap()), (2, 6));
        assert_eq!(line_column(text, 8), (2, 1), "inside a character counts as its start");
        assert_eq!(line_column(text, 999), (3, 1));
    }
}
