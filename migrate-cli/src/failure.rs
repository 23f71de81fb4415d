//! Why a command stopped: one report with what to do next, and the exit code that goes with it.

use std::error::Error as _;
use std::sync::Arc;

use flip::admin::AdminError;
use flip::failure::FlipError;
use home::HomeError;
use miette::{GraphicalReportHandler, GraphicalTheme, NamedSource, Report};
use routes::edit::EditError;
use routes::store::StoreError;
use routes::{Problems, Stage};
use serde::Serialize;

use crate::checks::Wrong;
use crate::exit_code::Exit;
use crate::output::{Format, Printer};
use crate::style::{BAD, DIM, paint};

/// Everything that ends a command early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The table does not parse or validate.
    #[error("{} is not a valid route table", .0.file.display())]
    Table(Box<Problems>),
    /// The table can't be read, locked or replaced.
    #[error(transparent)]
    Home(HomeError),
    /// The text can't be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A proxy does not answer as it should.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// No route of that name.
    #[error("no route is named `{name}`")]
    UnknownRoute {
        /// What was asked for.
        name: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
    /// `cutover` was asked to go back.
    #[error("route `{route}` is at stage {from}; {to} would be a step back")]
    GoesBack {
        /// The route.
        route: String,
        /// Where it stands.
        from: Stage,
        /// Where it was to go.
        to: Stage,
    },
    /// The arguments make no sense together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        help: String,
    },
    /// The operator said no.
    #[error("not confirmed; nothing was changed")]
    NotConfirmed,
    /// A check says no; nothing was changed.
    #[error("{message}")]
    Refused {
        /// What was refused, and why.
        message: String,
        /// What to do first.
        help: String,
    },
    /// The journal does not have what is needed.
    #[error("{message}")]
    Journal {
        /// What is missing.
        message: String,
        /// What to do instead.
        help: String,
    },
    /// No proxy could be asked.
    #[error("no proxy answers")]
    NoProxy {
        /// One line for each address that was tried.
        tried: Vec<String>,
    },
    /// A step of the flip failed after the intent was journaled.
    #[error("{message}")]
    Flip {
        /// What is in force now.
        message: String,
        /// Why.
        #[source]
        source: HomeError,
    },
    /// Something else failed.
    #[error("{message}")]
    Other {
        /// What was attempted, on what, and why it failed.
        message: String,
        /// What to do.
        help: String,
    },
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Table(Box::new(problems))
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Pointer(problems) => Self::Table(problems),
            error => Self::Home(error),
        }
    }
}

impl From<FlipError> for Failure {
    fn from(error: FlipError) -> Self {
        match error {
            FlipError::Table(problems) => Self::Table(problems),
            FlipError::Home(error) => error.into(),
            FlipError::Edit(error) => Self::Edit(error),
            FlipError::UnknownRoute { name, nearest } => Self::UnknownRoute { name, nearest },
            FlipError::GoesBack { route, from, to } => Self::GoesBack { route, from, to },
            FlipError::PercentElsewhere { ref route, .. } => Self::Usage {
                message: error.to_string(),
                help: format!("migrate cutover {route} --to canary --percent N"),
            },
            FlipError::Journal { message, help } => Self::Journal { message, help },
            FlipError::Unfinished { message, source } => Self::Flip { message, source },
        }
    }
}

impl From<Failure> for Wrong {
    /// Of a command that goes on and tells it with the rest.
    fn from(failure: Failure) -> Self {
        let told = [vec![failure.to_string()], failure.causes()].concat();
        Self::new(told.join(": "), failure.help())
    }
}

/// The JSON shape of a failure, on stdout.
#[derive(Serialize)]
struct Shape<'a> {
    error: ErrorShape<'a>,
    exit_code: u8,
}

#[derive(Serialize)]
struct ErrorShape<'a> {
    message: String,
    causes: Vec<String>,
    problems: Vec<ProblemShape>,
    help: &'a str,
}

/// The JSON shape of one problem of a table.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemShape {
    line: usize,
    column: usize,
    message: String,
    help: Option<String>,
}

/// The problems of a table with their places as line and column, 1-based.
pub(crate) fn problem_shapes(problems: &Problems) -> Vec<ProblemShape> {
    problems
        .problems
        .iter()
        .map(|problem| {
            let (line, column) = problem.line_column(&problems.text);
            ProblemShape {
                line,
                column,
                message: problem.message.clone(),
                help: problem.help.clone(),
            }
        })
        .collect()
}

/// The problems of a table with the lines they stand on, marked.
pub(crate) fn problem_report(problems: &Problems, coloured: bool) -> String {
    let theme =
        if coloured { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let source = NamedSource::new(problems.file.to_string_lossy(), problems.text.clone());
    let source = Arc::new(source);
    let mut page = String::new();
    for problem in &problems.problems {
        let report = Report::new(problem.clone()).with_source_code(Arc::clone(&source));
        if handler.render_report(&mut page, report.as_ref()).is_err() {
            return problems.to_string();
        }
    }
    page
}

impl Failure {
    /// The exit code that tells scripts what sort of failure this is.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::UnknownRoute { .. } | Self::Usage { .. } => Exit::Usage,
            Self::GoesBack { .. } | Self::NotConfirmed | Self::Refused { .. } => Exit::Refused,
            _ => Exit::Failed,
        }
    }

    /// What to do next.
    fn help(&self) -> String {
        match self {
            Self::Table(_) => {
                "correct the places shown, or take the last good table from the journal: \
                migrate rollback"
                    .to_owned()
            }
            Self::Home(error) => home_help(error).to_owned(),
            Self::Edit(_) => "see what is wrong with the table: migrate routes validate".to_owned(),
            Self::Admin(AdminError::Status { status, .. }) if status.as_u16() == 401 => {
                "give the proxy's token with --admin-token-file FILE or MIGRATE_ADMIN_TOKEN"
                    .to_owned()
            }
            Self::Admin(_) | Self::NoProxy { .. } => {
                "start the proxy, or correct `[proxies] admin` in \
                the table so that it names the admin address of each running proxy"
                    .to_owned()
            }
            Self::UnknownRoute { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`?")
            }
            Self::UnknownRoute { nearest: None, .. } => {
                "see their names: migrate routes list".to_owned()
            }
            Self::GoesBack { route, .. } => format!("go back with: migrate rollback {route}"),
            Self::NotConfirmed => "say yes, or run it with --yes".to_owned(),
            Self::Flip { .. } => "see what is in force: migrate history".to_owned(),
            Self::Usage { help, .. }
            | Self::Refused { help, .. }
            | Self::Journal { help, .. }
            | Self::Other { help, .. } => help.clone(),
        }
    }

    fn causes(&self) -> Vec<String> {
        let mut causes = match self {
            Self::NoProxy { tried } => tried.clone(),
            _ => Vec::new(),
        };
        let mut source = self.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        causes
    }

    /// Prints the one report of this failure.
    pub(crate) fn report(&self, printer: &Printer) {
        if printer.format() == Format::Json {
            let help = self.help();
            let problems = match self {
                Self::Table(problems) => problem_shapes(problems),
                _ => Vec::new(),
            };
            printer.json(&Shape {
                error: ErrorShape {
                    message: self.to_string(),
                    causes: self.causes(),
                    problems,
                    help: &help,
                },
                exit_code: self.exit() as u8,
            });
        }
        self.report_to_people(printer);
    }

    /// The part of the report that goes to stderr, whatever the format.
    pub(crate) fn report_to_people(&self, printer: &Printer) {
        printer.note(format_args!("{} {self}", paint(BAD, "error:")));
        if let Self::Table(problems) = self {
            printer.note(problem_report(problems, printer.coloured()).trim_end());
        }
        for cause in self.causes() {
            printer.note(format_args!("  {} {cause}", paint(DIM, "because")));
        }
        printer.note(format_args!("  {} {help}", paint(DIM, "what to do:"), help = self.help()));
    }
}

fn home_help(error: &HomeError) -> &'static str {
    match error {
        HomeError::Locked { .. } => {
            "wait until the other change is done; the lock is released when its process \
            ends"
        }
        HomeError::Changed { .. } => "look at the edit, then run the command again",
        HomeError::File(StoreError::TooLong { .. } | StoreError::NotUtf8 { .. }) => {
            "check that this is the right file; \
            another table is named with --routes FILE"
        }
        HomeError::Missing { .. } => {
            "put a table there: migrate routes push FILE; another one is named with `?table=NAME`, or `name` in the file"
        }
        HomeError::Url { .. } | HomeError::UrlFile { .. } | HomeError::Pointer(_) => {
            "write `postgres://USER@HOST/NAME`, and the password into PGPASSFILE"
        }
        HomeError::Database { .. } => {
            "see that this user may use the schema strangler_routes, and read and write its tables"
        }
        HomeError::Unreachable { .. } | HomeError::Late { .. } | HomeError::LockLost { .. } => {
            "see that the database runs and lets you in; the proxies go on with their last good generation. If something \
            was being written: migrate history"
        }
        HomeError::Thread(_) => "try again",
        HomeError::TooLong { .. } => "see that this is the right database",
        HomeError::File(_) => {
            "check that the path is right and that you may write to the file and its folder; \
            another table is named with --routes FILE"
        }
    }
}
