//! SQLite's types: what a declared one is taken for, and what it does to values that are stored.

use super::shape::Family;

/// What SQLite converts the values of a column to when they are stored.
///
/// Source: *Datatypes In SQLite*, 3.1 Determination Of Column Affinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// To whole numbers where nothing is lost.
    Integer,
    /// Numbers to text.
    Text,
    /// Nothing is converted.
    Blob,
    /// Numbers to doubles.
    Real,
    /// To whole numbers, else to doubles, where nothing is lost.
    Numeric,
}

impl Affinity {
    /// By the declared type, the first rule that fits.
    pub fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
        if has(&["INT"]) {
            Self::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if has(&["BLOB"]) || declared.trim().is_empty() {
            Self::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Numeric
        }
    }

    /// Whether every value of a family comes back as it was written.
    pub const fn keeps(self, family: &Family) -> bool {
        match family {
            // Text of digits would become a number.
            Family::Text { .. } | Family::Other => matches!(self, Self::Text | Self::Blob),
            // Names and timestamps are never numbers.
            Family::Enum { .. } | Family::Instant { .. } | Family::Bytes => true,
            // JSON may be a number: 3, but not 3.0 where 3 was written.
            Family::Json { .. } => !matches!(self, Self::Real),
            Family::Integer { .. } | Family::Boolean => !matches!(self, Self::Text | Self::Real),
            // 2.0 would become 2.
            Family::Float { .. } => matches!(self, Self::Real | Self::Blob),
            Family::Decimal => matches!(self, Self::Numeric | Self::Blob),
        }
    }
}

/// What a column holds by its declared type, as SQLAlchemy and others write it.
pub fn family(declared: &str) -> Family {
    let upper = declared.to_ascii_uppercase();
    let has = |word: &str| upper.contains(word);
    if has("JSON") {
        return Family::Json { as_written: true };
    }
    if has("BOOL") {
        return Family::Boolean;
    }
    if has("DATE") || has("TIMESTAMP") {
        return Family::Instant { zoned: false };
    }
    match Affinity::of(declared) {
        // SQLite's own integers have 64 bits, whatever the word.
        Affinity::Integer => Family::Integer { bits: 64 },
        Affinity::Text => Family::Text { most: length(&upper) },
        Affinity::Blob => Family::Bytes,
        Affinity::Real => Family::Float { bits: 64 },
        Affinity::Numeric if has("NUM") || has("DEC") => Family::Decimal,
        Affinity::Numeric => Family::Other,
    }
}

/// `100` of `VARCHAR(100)`.
fn length(declared: &str) -> Option<u32> {
    let (_, rest) = declared.split_once('(')?;
    rest.split_once(')')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

    use super::*;

    #[test]
    fn declared_types_have_a_family() {
        for (declared, expected) in [
            ("VARCHAR", Family::Text { most: None }),
            ("varchar( 14 )", Family::Text { most: Some(14) }),
            ("JSON", Family::Json { as_written: true }),
            ("DATETIME", Family::Instant { zoned: false }),
            ("BOOLEAN", Family::Boolean),
            ("FLOAT", Family::Float { bits: 64 }),
            ("BIGINT", Family::Integer { bits: 64 }),
            ("NUMERIC(10, 2)", Family::Decimal),
            ("BLOB", Family::Bytes),
            ("GEOMETRY", Family::Other),
        ] {
            assert_eq!(family(declared), expected, "{declared}");
        }
    }

    /// What is said here of conversions is asked of SQLite itself.
    #[tokio::test]
    async fn what_an_affinity_keeps_is_what_sqlite_keeps() {
        let values = [
            (Family::Text { most: None }, vec!["'007'", "'x'", "'1e3'"]),
            (Family::Enum { labels: Vec::new() }, vec!["'BASIC'"]),
            (Family::Json { as_written: true }, vec!["'{\"a\": 1}'", "'null'", "'3'"]),
            (Family::Integer { bits: 64 }, vec!["3", "-9223372036854775807"]),
            (Family::Float { bits: 64 }, vec!["2.0", "0.1"]),
            (Family::Boolean, vec!["0", "1"]),
            (Family::Instant { zoned: false }, vec!["'2026-11-22 10:28:51.272435'"]),
            (Family::Bytes, vec!["x'00ff'", "x'31'"]),
        ];
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for declared in ["INTEGER", "VARCHAR", "BLOB", "FLOAT", "NUMERIC"] {
            for (family, texts) in &values {
                let mut all_kept = true;
                for text in texts {
                    let sql = format!(
                        "DROP TABLE IF EXISTS t; CREATE TABLE t (c {declared}); INSERT INTO t VALUES ({text})"
                    );
                    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
                    // JSON's 3 may be a number in the file; everything else comes back in its own form.
                    let form =
                        if matches!(family, Family::Json { .. }) { "concat" } else { "quote" };
                    let sql = format!("SELECT {form}(c) = {form}({text}) FROM t");
                    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut database).await;
                    all_kept &= row.unwrap().get::<bool, _>(0);
                }
                let claimed = Affinity::of(declared).keeps(family);
                assert_eq!(claimed, all_kept, "{family} in a column declared {declared}");
            }
        }
    }
}
