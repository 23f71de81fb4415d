//! One text for both engines: queries are written with `?` and `rowid`, and said in PostgreSQL's words where it is asked.

use crate::tables::{ColumnType, Record, Table};

/// A query, and what must be known to say it in either dialect.
#[derive(Debug, Clone)]
pub(in crate::store) struct Query {
    text: String,
    /// What PostgreSQL has for `rowid`.
    row_number: &'static str,
    lock: Lock,
}

/// What happens to the rows that a query finds, where a transaction does not lock the whole database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// Nothing.
    None,
    /// Nobody changes them before the transaction ends.
    Rows,
    /// The same, and those that somebody else has are not found.
    FreeRows,
}

impl Query {
    /// A query or statement as it stands. Where it says `rowid`, it means one of the service's own tables.
    pub(in crate::store) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), row_number: "rowid", lock: Lock::None }
    }

    /// Every column of the rows for which `rest` (from `WHERE` on) holds.
    pub(in crate::store) fn rows<R: Record>(rest: &str) -> Self {
        let text = format!("{} {rest}", R::TABLE.select());
        Self { text, row_number: row_number(&R::TABLE), lock: Lock::None }
    }

    /// The same, and nobody changes them before the transaction ends. The service's own tables have no other writers than
    /// those who wait for it anyway.
    pub(in crate::store) fn rows_to_keep<R: Record>(rest: &str) -> Self {
        let lock = if R::TABLE.is_shared() { Lock::Rows } else { Lock::None };
        Self { lock, ..Self::rows::<R>(rest) }
    }

    /// The same of rows that nobody else has: work to take.
    pub(in crate::store) fn rows_to_take<R: Record>(rest: &str) -> Self {
        Self { lock: Lock::FreeRows, ..Self::rows::<R>(rest) }
    }

    /// A statement that answers every column of the rows of `table` that it wrote.
    pub(in crate::store) fn returning(text: &str, table: &Table) -> Self {
        Self::plain(format!("{text} RETURNING {}", table.column_names().join(", ")))
    }

    /// In SQLite's words. Whoever writes there has locked the database.
    pub(super) fn sqlite(self) -> String {
        self.text
    }

    /// In PostgreSQL's words.
    pub(super) fn postgres(self) -> String {
        let mut text = numbered(&self.text, self.row_number);
        match self.lock {
            Lock::None => {}
            Lock::Rows => text.push_str(" FOR UPDATE"),
            Lock::FreeRows => text.push_str(" FOR UPDATE SKIP LOCKED"),
        }
        text
    }
}

/// What stands for the number that a row has in SQLite. The service's own tables have a column of that name. In the monolith's it
/// is the key where that is a number, as in SQLite, or else the row's place: the order in which the monolith's own queries
/// answer rows.
fn row_number(table: &Table) -> &'static str {
    if !table.is_shared() {
        return "rowid";
    }
    let mut keys = table.columns.iter().filter(|column| column.key);
    match (keys.next(), keys.next()) {
        (Some(key), None) if key.kind == ColumnType::Integer => key.name,
        _ => "ctid",
    }
}

/// Places get their numbers, and rows theirs.
fn numbered(text: &str, row_number: &str) -> String {
    let mut told = String::with_capacity(text.len() + 16);
    let mut places = 0_u32;
    // Every second part is a literal.
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            told.push('\'');
        }
        if index % 2 == 1 {
            told.push_str(part);
            continue;
        }
        let part = part.replace("rowid", row_number);
        for (index, between) in part.split('?').enumerate() {
            if index > 0 {
                places += 1;
                told.push('$');
                told.push_str(&places.to_string());
            }
            told.push_str(between);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::agents::Execution;
    use crate::tables::own::MetaTraining;
    use crate::tables::portfolio::PortfolioAlert;

    fn from_where(query: Query) -> String {
        let text = query.postgres();
        text[text.find(" WHERE ").unwrap_or(0)..].to_owned()
    }

    #[test]
    fn places_are_numbered_outside_of_literals() {
        let query =
            Query::plain("SELECT '?', 'it''s ?' FROM t WHERE a LIKE '%' || ? || '%' AND b = ?");
        assert_eq!(query.clone().sqlite(), query.text);
        assert_eq!(
            query.postgres(),
            "SELECT '?', 'it''s ?' FROM t WHERE a LIKE '%' || $1 || '%' AND b = $2"
        );
    }

    #[test]
    fn only_the_monoliths_tables_have_no_numbers_of_rows() {
        let rest = "WHERE id = ? ORDER BY rowid";
        assert_eq!(from_where(Query::rows::<Execution>(rest)), " WHERE id = $1 ORDER BY ctid");
        assert_eq!(from_where(Query::rows::<PortfolioAlert>(rest)), " WHERE id = $1 ORDER BY id");
        assert_eq!(from_where(Query::rows::<MetaTraining>(rest)), " WHERE id = $1 ORDER BY rowid");
    }

    #[test]
    fn what_is_found_to_be_changed_is_locked_where_others_write() {
        let rest = "WHERE id = ?";
        let kept = from_where(Query::rows_to_keep::<Execution>(rest));
        assert_eq!(kept, " WHERE id = $1 FOR UPDATE");
        assert_eq!(from_where(Query::rows_to_keep::<MetaTraining>(rest)), " WHERE id = $1");
        let taken = from_where(Query::rows_to_take::<MetaTraining>(rest));
        assert_eq!(taken, " WHERE id = $1 FOR UPDATE SKIP LOCKED");
        assert!(Query::rows_to_take::<MetaTraining>(rest).sqlite().ends_with(rest));
    }
}
