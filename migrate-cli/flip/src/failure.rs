//! Why a flip was not made: everything that `migrate` and the dashboard may have to tell of one.

use home::HomeError;
use routes::edit::EditError;
use routes::{Problems, Stage};

/// Everything that ends a flip early.
#[derive(Debug, thiserror::Error)]
pub enum FlipError {
    /// The table does not parse or validate.
    #[error("{} is not a valid route table", .0.file.display())]
    Table(Box<Problems>),
    /// The table can't be read, locked or replaced.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The text can't be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// No route of that name.
    #[error("no route is named `{name}`")]
    UnknownRoute {
        /// What was asked for.
        name: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
    /// A cutover was asked to go back.
    #[error("route `{route}` is at stage {from}; {to} would be a step back")]
    GoesBack {
        /// The route.
        route: String,
        /// Where it stands.
        from: Stage,
        /// Where it was to go.
        to: Stage,
    },
    /// A percent was given where it means nothing.
    #[error("a percent is about stage canary; route `{route}` would go to {to}")]
    PercentElsewhere {
        /// The route.
        route: String,
        /// Where it would go.
        to: Stage,
    },
    /// The journal does not have what is needed.
    #[error("{message}")]
    Journal {
        /// What is missing.
        message: String,
        /// What to do instead.
        help: String,
    },
    /// A step failed after the intent was journaled.
    #[error("{message}")]
    Unfinished {
        /// What is in force now.
        message: String,
        /// Why.
        #[source]
        source: HomeError,
    },
}

impl From<Problems> for FlipError {
    fn from(problems: Problems) -> Self {
        Self::Table(Box::new(problems))
    }
}
