//! What a move of the tables to another database (`migrate db split`) leaves in the databases for everybody to read: which of the
//! two is in force.

use super::open::Location;
use super::{Store, StoreError};
use crate::schema::Schema;
use crate::tables::Cell;

/// The table with the one row that says so.
pub const STATE: &str = "strangler_split_state";

/// How the words begin with which a database refuses to be written.
pub const REFUSAL: &str = "strangler_split: ";

/// Which of the two databases of a move this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that the tables come from.
    Source,
    /// The one that they go to.
    Target,
}

/// How far a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// In force: it may be written.
    Open,
    /// A source that refuses writes: the target is in force, or about to be.
    Fenced,
    /// A source whose move is over for good.
    Left,
    /// A target that does not have every row yet.
    Filling,
    /// A target that has every row, and gets what changes.
    Following,
    /// A target that gives back what was written in it.
    Returning,
    /// A target whose move was given up.
    Abandoned,
}

impl Role {
    /// As it is stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// What a word means.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Source, Self::Target].into_iter().find(|role| role.word() == word)
    }
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Fenced,
        Self::Left,
        Self::Filling,
        Self::Following,
        Self::Returning,
        Self::Abandoned,
    ];

    /// As it is stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fenced => "fenced",
            Self::Left => "left",
            Self::Filling => "filling",
            Self::Following => "following",
            Self::Returning => "returning",
            Self::Abandoned => "abandoned",
        }
    }

    /// What a word means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word() == word)
    }
}

impl Store {
    /// Refuses a database that is not in force: its writes would be refused anyway, and its reads would be old.
    pub(super) async fn refuse_moved(
        &self,
        location: &Location,
        schema: &Schema,
    ) -> Result<(), StoreError> {
        if !schema.tables.contains_key(STATE) {
            return Ok(());
        }
        let sql = format!("SELECT role, phase, other FROM {STATE}");
        let rows = self.figures("see which database is in force", sql, Vec::new()).await?;
        let Some([Cell::Text(role), Cell::Text(phase), Cell::Text(other)]) =
            rows.first().map(Vec::as_slice)
        else {
            return Ok(());
        };
        match not_in_force(role, phase, other) {
            None => Ok(()),
            Some(problem) => {
                Err(StoreError::Unusable { database: location.place.to_string(), problem })
            }
        }
    }
}

/// Why a database is not in force, if it is not. Words that this build does not know are a reason.
fn not_in_force(role: &str, phase: &str, other: &str) -> Option<String> {
    match (Role::of(role), Phase::of(phase)) {
        (_, Some(Phase::Open)) => None,
        (Some(Role::Source), _) => Some(format!(
            "its tables have moved, or are about to, to {other}; point DATABASE_URL there once `migrate db split switch` is \
             through, or take them back with `migrate db split back`"
        )),
        _ => Some(format!(
            "it is the target of a move from {other} and not in force; point DATABASE_URL there until `migrate db split \
             switch` is through"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_database_is_in_force() {
        for phase in Phase::ALL {
            assert_eq!(Phase::of(phase.word()), Some(phase));
            for role in [Role::Source, Role::Target] {
                assert_eq!(Role::of(role.word()), Some(role));
                let why = not_in_force(role.word(), phase.word(), "sqlite://x.db");
                assert_eq!(why.is_none(), phase == Phase::Open, "{role:?} {phase:?}");
                assert!(why.is_none_or(|why| why.contains("sqlite://x.db")));
            }
        }
        assert!(not_in_force("a", "b", "c").is_some());
    }
}
