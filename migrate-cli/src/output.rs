//! The printer: the only code that writes to stdout and stderr.
//!
//! Stdout has the result, for people or as JSON; stderr has what is said on the way: progress, warnings, the report of an error.

use std::fmt::{self, Display};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::style::{DIM, WARN, paint};

/// Shape of the result on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON document, of the shape that the command documents.
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, and never when `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::AlwaysAnsi,
            Color::Never => Self::Never,
        }
    }
}

/// A result that is shown: its JSON shape is its serialization, its human form the text it writes.
pub(crate) trait Report: Serialize {
    /// Writes the human form, styled; lines end with a newline.
    fn human(&self, page: &mut String) -> fmt::Result;
}

type Sink = Box<dyn Write + Send>;

/// Cheap to clone; clones write to the same place.
#[derive(Clone)]
pub(crate) struct Printer {
    sinks: Arc<Mutex<Sinks>>,
    format: Format,
    verbose: bool,
    /// Stdin and stderr are a terminal: questions can be asked and progress drawn.
    terminal: bool,
    coloured: bool,
}

struct Sinks {
    out: Sink,
    err: Sink,
    /// Why something could not be written; a closed pipe is no failure.
    broken: Option<io::Error>,
}

impl Printer {
    /// Prints to the process's stdout and stderr.
    pub(crate) fn to_process(format: Format, color: Color, verbose: bool) -> Self {
        let coloured = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never,
        };
        Self {
            sinks: Arc::new(Mutex::new(Sinks {
                out: Box::new(AutoStream::new(io::stdout(), color.into())),
                err: Box::new(AutoStream::new(io::stderr(), color.into())),
                broken: None,
            })),
            format,
            verbose,
            terminal: io::stdin().is_terminal() && io::stderr().is_terminal(),
            coloured,
        }
    }

    /// Shows a result in the format that was asked for.
    pub(crate) fn show(&self, report: &impl Report) {
        match self.format {
            Format::Human => {
                let mut page = String::new();
                if report.human(&mut page).is_ok() {
                    self.sinks().write_out(&page);
                }
            }
            Format::Json => self.json(report),
        }
    }

    /// Writes one JSON document to stdout.
    pub(crate) fn json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.sinks().write_out(&format!("{text}\n")),
            Err(problem) => {
                self.warn(format_args!("a result could not be written as JSON: {problem}"));
            }
        }
    }

    /// Empties the screen before a result that is shown again; where stdout is no terminal, a blank line keeps the results apart.
    pub(crate) fn clear(&self) {
        const HOME_AND_CLEAR: &str = "\u{1b}[H\u{1b}[2J";
        if self.format == Format::Human {
            let is_screen = self.terminal && io::stdout().is_terminal();
            self.sinks().write_out(if is_screen { HOME_AND_CLEAR } else { "\n" });
        }
    }

    /// Writes a line of human output to stdout; nothing in JSON format.
    pub(crate) fn line(&self, text: impl Display) {
        if self.format == Format::Human {
            self.sinks().write_out(&format!("{text}\n"));
        }
    }

    /// Writes a script for another program to stdout, whatever the format.
    pub(crate) fn script(&self, text: &str) {
        self.sinks().write_out(text);
    }

    /// Says something on the way, on stderr.
    pub(crate) fn note(&self, text: impl Display) {
        self.sinks().write_err(&format!("{text}\n"));
    }

    /// Says something on the way with `-v` only.
    pub(crate) fn detail(&self, text: impl Display) {
        if self.verbose {
            self.note(paint(DIM, text));
        }
    }

    /// Warns on stderr.
    pub(crate) fn warn(&self, text: impl Display) {
        self.note(format_args!("{} {text}", paint(WARN, "warning:")));
    }

    /// A progress line on stderr for something that may take over a second; drawn on terminals only, gone on drop.
    pub(crate) fn progress(&self, text: impl Display) -> Progress {
        let bar = ProgressBar::with_draw_target(
            None,
            if self.terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(text.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress(bar)
    }

    /// A progress bar for so many steps, like [`Printer::progress`].
    pub(crate) fn progress_of(&self, steps: usize, text: impl Display) -> Progress {
        let progress = self.progress(text);
        progress.0.set_length(u64::try_from(steps).unwrap_or(u64::MAX));
        if let Ok(style) =
            ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {per_sec} {eta}")
        {
            progress.0.set_style(style);
        }
        progress
    }

    /// A progress bar for so many bytes as [`Progress::at`] says, like [`Printer::progress`].
    pub(crate) fn progress_of_bytes(&self, text: impl Display) -> Progress {
        let progress = self.progress(text);
        if let Ok(style) = ProgressStyle::with_template(
            "{spinner} {msg} {bar:30} {percent}% {bytes} of about {total_bytes} {elapsed}",
        ) {
            progress.0.set_style(style);
        }
        progress
    }

    /// Asks for a yes on the terminal; `None` where nobody can be asked.
    pub(crate) fn ask(&self, question: impl Display) -> Option<bool> {
        if !self.terminal {
            return None;
        }
        self.sinks().write_err(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        Some(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Whether [`Printer::ask`] reaches somebody.
    pub(crate) fn asks(&self) -> bool {
        self.terminal
    }

    /// The shape of results.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether styled text reaches the reader of stderr in colour.
    pub(crate) fn coloured(&self) -> bool {
        self.coloured
    }

    /// Writes everything out; false when something could not be written.
    pub(crate) fn finish(&self) -> bool {
        let mut sinks = self.sinks();
        let flushed = sinks.out.flush();
        sinks.keep(flushed);
        sinks.broken.is_none()
    }

    fn sinks(&self) -> MutexGuard<'_, Sinks> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sinks {
    fn write_out(&mut self, text: &str) {
        let written = self.out.write_all(text.as_bytes());
        self.keep(written);
    }

    fn write_err(&mut self, text: &str) {
        // Nobody is left to tell when stderr is closed.
        let _unwritten = self.err.write_all(text.as_bytes());
    }

    fn keep(&mut self, written: io::Result<()>) {
        if let Err(problem) = written
            && problem.kind() != io::ErrorKind::BrokenPipe
        {
            self.broken = Some(problem);
        }
    }
}

/// A progress line; it disappears when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// One step more is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    /// So much is done of about so much, which is corrected where it was too little.
    pub(crate) fn at(&self, done: u64, of: u64) {
        self.0.set_length(of.max(done));
        self.0.set_position(done);
    }

    /// Changes what the line says.
    pub(crate) fn say(&self, text: impl Display) {
        self.0.set_message(text.to_string());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What a printer into memory wrote.
#[derive(Clone, Default)]
pub(crate) struct Written {
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
}

impl Written {
    /// To stdout.
    pub(crate) fn out(&self) -> String {
        text(&self.out)
    }

    /// To stderr.
    #[cfg(test)]
    pub(crate) fn err(&self) -> String {
        text(&self.err)
    }
}

fn text(bytes: &Arc<Mutex<Vec<u8>>>) -> String {
    let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printer {
    /// Prints without colour into memory.
    pub(crate) fn to_memory(format: Format) -> (Self, Written) {
        let written = Written::default();
        let plain = |bytes: &Arc<Mutex<Vec<u8>>>| -> Sink {
            Box::new(anstream::StripStream::new(Box::new(Shared(Arc::clone(bytes))) as Sink))
        };
        let sinks = Sinks { out: plain(&written.out), err: plain(&written.err), broken: None };
        let printer = Self {
            sinks: Arc::new(Mutex::new(sinks)),
            format,
            verbose: false,
            terminal: false,
            coloured: false,
        };
        (printer, written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_human_lines_away_from_stdout() {
        let (printer, written) = Printer::to_memory(Format::Json);
        printer.line("for people");
        printer.warn("careful");
        printer.json(&[1, 2]);
        assert_eq!(written.out(), "[\n  1,\n  2\n]\n");
        assert_eq!(written.err(), "warning: careful\n");
    }
}
