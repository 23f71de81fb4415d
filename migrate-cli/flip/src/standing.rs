//! What the table says right now, good or damaged.

use home::Home;
use routes::generation::Generation;
use routes::{Digest, RouteTable};

use crate::failure::FlipError;

/// The table as it stands.
#[derive(Debug)]
pub enum Standing {
    /// It parses and validates.
    Good {
        /// Its text.
        text: String,
        /// What it says.
        table: Box<RouteTable>,
    },
    /// It can't be read, or its text is no valid table.
    Damaged {
        /// Its text, where it could be read.
        text: Option<String>,
        /// Why.
        problem: FlipError,
    },
}

impl Standing {
    /// Reads it.
    pub fn of(home: &Home) -> Self {
        match home.read() {
            Err(problem) => Self::Damaged { text: None, problem: problem.into() },
            Ok(text) => match RouteTable::parse(home.path(), &text) {
                Ok(table) => Self::Good { text, table: Box::new(table) },
                Err(problems) => Self::Damaged { text: Some(text), problem: problems.into() },
            },
        }
    }

    /// The text and the table, for commands that can't do without.
    pub fn into_good(self) -> Result<(String, Box<RouteTable>), FlipError> {
        match self {
            Self::Good { text, table } => Ok((text, table)),
            Self::Damaged { problem, .. } => Err(problem),
        }
    }

    /// The text, where it could be read.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Good { text, .. } => Some(text),
            Self::Damaged { text, .. } => text.as_deref(),
        }
    }

    /// The generation, where the table is good.
    pub fn generation(&self) -> Option<&Generation> {
        match self {
            Self::Good { table, .. } => Some(&table.generation),
            Self::Damaged { .. } => None,
        }
    }

    /// The digest of the text, where it could be read.
    pub fn digest(&self) -> Option<Digest> {
        self.text().map(Digest::of)
    }
}

/// Reads and checks the table.
pub fn read_table(home: &Home) -> Result<RouteTable, FlipError> {
    let (_, table) = Standing::of(home).into_good()?;
    Ok(*table)
}
