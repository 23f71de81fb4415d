//! Rows of either kind of database, in one form.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Most rows of one table that are read.
pub(super) const MAX_ROWS: usize = 200;

/// Most identifiers that are looked for.
const MAX_IDENTIFIERS: usize = 32;

/// Most entries of the log that are looked at after one request.
pub(super) const MAX_CHANGES: usize = 1000;

/// The rows of one database, by table. Each row carries its primary key.
pub(super) type Found = BTreeMap<String, Vec<Row>>;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Row {
    /// Names of the columns of the primary key.
    pub(super) key: Vec<String>,
    pub(super) columns: Map<String, Value>,
}

/// One row that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Change {
    pub(in super::super) table: String,
    /// Its primary key, where that is one column; else empty.
    pub(in super::super) key: String,
    /// What is in the columns that hold identifiers, before and after.
    pub(in super::super) mentions: Vec<String>,
}

/// As many of them as are looked for.
pub(super) fn looked_for(identifiers: &[String]) -> &[String] {
    identifiers.get(..MAX_IDENTIFIERS).unwrap_or(identifiers)
}

/// A text as JSON: one that is a JSON document as that document, so that its spelling makes no difference.
pub(super) fn document(text: String) -> Value {
    let is_document = text.starts_with(['{', '[']);
    let document = is_document.then(|| serde_json::from_str(&text).ok()).flatten();
    document.unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_is_a_document_is_compared_as_one() {
        assert_eq!(document("{\"a\" : [1]}".to_owned()), json!({"a": [1]}));
        assert_eq!(document("[1".to_owned()), json!("[1"));
        assert_eq!(document("7".to_owned()), json!("7"));
    }

    #[test]
    fn what_is_looked_for_is_bounded() {
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(looked_for(&many).len(), MAX_IDENTIFIERS);
        assert_eq!(looked_for(&many[..3]).len(), 3);
    }
}
