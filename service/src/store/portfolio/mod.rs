//! Rows of the monolith's portfolio tables, and of those that say whose they are and what tokens cost.

pub mod prices;
pub mod strategies;
pub mod portfolios;
pub mod records;

use super::rows::cell;
use crate::tables::Cell;

/// Whose rows a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those of this owner.
    Of(String),
    /// Those that have none: the monolith made them.
    Nobodys,
}

impl Whose {
    /// The condition on the numbers of rows, where `owners` says whose the row is that `column` of it names.
    fn condition(&self, owners: &str, column: &str) -> (String, Vec<Cell>) {
        match self {
            Self::Of(owner) => (
                format!("id IN (SELECT {column} FROM {owners} WHERE owner_id = ?)"),
                vec![cell(owner)],
            ),
            // One look for each row that is passed over, and no list of all that are owned.
            Self::Nobodys => {
                (format!("NOT EXISTS (SELECT 1 FROM {owners} WHERE {column} = id)"), Vec::new())
            }
        }
    }
}
