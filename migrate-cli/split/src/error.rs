//! What can go wrong with a move, said with the place and with what to do.

use service::store::session::SessionError;

use super::compare::Difference;
use super::standing::Muddle;

/// Why a move does not go on. Nothing is lost by any of them, and every verb may be asked for again.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// A database refused, or does not answer.
    #[error("{database}: {source}: {}", .source.cause())]
    Database {
        /// Which, without password.
        database: String,
        /// What was attempted.
        #[source]
        source: SessionError,
    },
    /// A value that a column of the other database can't hold.
    #[error("{database} can't take the row {key} of {table}: its column {column} {problem}")]
    Unfit {
        /// Which can't.
        database: String,
        /// The table.
        table: &'static str,
        /// The key of the row.
        key: String,
        /// The column.
        column: String,
        /// What it holds.
        problem: String,
    },
    /// Another command carries rows between these databases.
    #[error("{database} is in use by another `migrate db split`")]
    InUse {
        /// Which, without password.
        database: String,
    },
    /// The databases don't belong together.
    #[error(transparent)]
    Muddle(#[from] Muddle),
    /// A check says no; nothing was changed.
    #[error("{message}")]
    Refused {
        /// What was refused, and why.
        message: String,
        /// What to do first.
        help: String,
    },
    /// The two databases don't hold the same rows.
    #[error("the two databases differ: {}", told(.0))]
    Differs(Vec<Difference>),
    /// Something that one of the move's own tables holds.
    #[error("{database}: {problem}")]
    Odd {
        /// Which, without password.
        database: String,
        /// What it holds.
        problem: String,
    },
    /// An error, after which a fence could not be lifted.
    #[error("{first}; and the fence could not be lifted: {then}")]
    Stuck {
        /// What went wrong first.
        first: Box<Self>,
        /// Why the fence stays.
        then: Box<Self>,
    },
    /// It is not known whether the last step was taken.
    #[error("{message}: {because}")]
    Unknown {
        /// What is not known.
        message: &'static str,
        /// Why.
        because: String,
    },
}

fn told(differences: &[Difference]) -> String {
    let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl SplitError {
    /// What to do.
    pub fn help(&self) -> &str {
        match self {
            Self::Database { .. } => {
                "see that the database runs, that this user owns the tables, and that nobody holds them locked; then run the \
                 command again: it goes on where it was"
            }
            Self::Unfit { .. } => {
                "correct the row at its source, then run the command again: it goes on where it was"
            }
            Self::InUse { .. } => "wait until it has ended; its lock ends with it",
            Self::Muddle(_) => {
                "name the two databases of one move, or a target that no other move has been to"
            }
            Self::Refused { help, .. } => help,
            Self::Differs(_) => {
                "see who writes past the triggers (TRUNCATE, a restore, REPLACE in SQLite); give the move up with `migrate db \
                 split abort` and begin anew"
            }
            Self::Odd { .. } => "see who has changed the tables strangler_split_…",
            Self::Stuck { .. } => {
                "NOBODY MAY WRITE until the same command is run again (of a switch, `migrate db split abort` lifts the fence as \
                 well); see that both databases run, and that nobody holds tables locked"
            }
            Self::Unknown { .. } => "see that both databases run, then run the same command again",
        }
    }

    /// Whether a check said no, and nothing has failed.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::Muddle(_) | Self::InUse { .. } | Self::Differs(_)
        )
    }
}
