//! One page of a list, as queries ask for it and statements take it.

use serde::Deserialize;

use crate::tables::Cell;

/// One page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Page {
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl Page {
    /// For binding to `LIMIT ? OFFSET ?`.
    pub(super) fn binds(self) -> [Cell; 2] {
        [Cell::Integer(self.limit), Cell::Integer(self.offset)]
    }
}
