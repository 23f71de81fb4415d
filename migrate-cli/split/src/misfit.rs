//! Why a column can't hold a value, said before the database says less. Pure.

use serde::de::IgnoredAny;
use service::python::time::Stamp;
use service::schema::shape::{self, Family};
use service::tables::Cell;

use super::canonical::whole;

/// What is wrong with a row for a table: the column, and what it can't hold. None where nothing is seen to be wrong.
pub fn misfit(table: &shape::Table, names: &[&str], row: &[Cell]) -> Option<(String, String)> {
    names.iter().zip(row).find_map(|(name, cell)| {
        let column = table.column(name)?;
        let problem = problem(column, cell)?;
        Some((column.name.clone(), problem))
    })
}

fn problem(column: &shape::Column, cell: &Cell) -> Option<String> {
    if *cell == Cell::Null {
        return (!column.nullable).then(|| "holds NULL, which it may not".to_owned());
    }
    let family = &column.family;
    let fits = match (family, cell) {
        (Family::Text { .. } | Family::Json { .. } | Family::Enum { .. }, Cell::Text(text))
            if text.contains('\0') =>
        {
            return Some(
                "holds a text with the character NUL, which PostgreSQL has not".to_owned(),
            );
        }
        (Family::Text { most: Some(most) }, Cell::Text(text)) => {
            text.chars().count() <= usize::try_from(*most).unwrap_or(usize::MAX)
        }
        (Family::Enum { labels }, Cell::Text(text)) => labels.contains(text),
        (Family::Json { .. }, Cell::Text(text)) => serde_json::from_str::<IgnoredAny>(text).is_ok(),
        (Family::Integer { bits }, cell) => whole(cell).is_some_and(|number| {
            let limit = 1_i128 << (bits - 1);
            (-limit..limit).contains(&i128::from(number))
        }),
        (Family::Float { .. } | Family::Decimal, Cell::Text(text)) => {
            text.trim().parse::<f64>().is_ok()
        }
        (Family::Boolean, Cell::Text(_)) => false,
        (Family::Instant { .. }, cell) => {
            matches!(cell, Cell::Text(text) if Stamp::parse(text).is_some())
        }
        (Family::Bytes | Family::Other, _) => true,
        (_, cell) => !matches!(cell, Cell::Bytes(_)),
    };
    (!fits).then(|| format!("holds {}, which is not {family}", shown(cell)))
}

/// Enough of a value to find it.
pub fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => format!("{:?}", service::tables::cell::shortened(text)),
        Cell::Bytes(bytes) => format!("{} bytes that are no text", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(family: Family, cell: Cell) -> Option<String> {
        let column = shape::Column {
            name: "c".to_owned(),
            declared: String::new(),
            family,
            nullable: false,
            default: None,
            generated: false,
        };
        let table = shape::Table { columns: vec![column], ..shape::Table::default() };
        misfit(&table, &["c"], &[cell]).map(|(column, problem)| format!("{column} {problem}"))
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let labels = || vec!["BASIC".to_owned(), "FULL".to_owned()];
        for (family, cell, problem) in [
            (
                Family::Text { most: Some(3) },
                "äöüß".into(),
                "c holds \"äöüß\", which is not text of up to 3 characters",
            ),
            (
                Family::Text { most: None },
                "a\0b".into(),
                "c holds a text with the character NUL, which PostgreSQL has not",
            ),
            (
                Family::Text { most: None },
                Cell::Bytes(vec![255]),
                "c holds 1 bytes that are no text, which is not text",
            ),
            (
                Family::Enum { labels: labels() },
                "basic".into(),
                "c holds \"basic\", which is not one of BASIC, FULL",
            ),
            (
                Family::Json { as_written: true },
                "{\"a\": NaN}".into(),
                "c holds \"{\\\"a\\\": NaN}\", which is not JSON",
            ),
            (
                Family::Integer { bits: 32 },
                Cell::Integer(1 << 31),
                "c holds 2147483648, which is not an integer of 32 bits",
            ),
            (Family::Boolean, "yes".into(), "c holds \"yes\", which is not a boolean"),
            (
                Family::Instant { zoned: false },
                "soon".into(),
                "c holds \"soon\", which is not a timestamp without time zone",
            ),
            (
                Family::Float { bits: 64 },
                "much".into(),
                "c holds \"much\", which is not a float of 64 bits",
            ),
            (Family::Decimal, Cell::Null, "c holds NULL, which it may not"),
        ] {
            assert_eq!(told(family, cell).as_deref(), Some(problem));
        }
    }

    #[test]
    fn what_fits_is_not() {
        for (family, cell) in [
            (Family::Text { most: Some(3) }, "äöü".into()),
            (Family::Json { as_written: true }, "{\"a\": [1e400]}".into()),
            (Family::Integer { bits: 32 }, Cell::Integer(i64::from(i32::MIN))),
            (Family::Integer { bits: 64 }, " 12".into()),
            (Family::Boolean, Cell::Integer(1)),
            (Family::Instant { zoned: false }, "2026-01-02T03:04:05+02:00".into()),
            (Family::Bytes, "text".into()),
            (Family::Float { bits: 64 }, Cell::Integer(3)),
        ] {
            assert_eq!(told(family, cell), None);
        }
    }
}
