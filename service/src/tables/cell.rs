//! One value in one column: what other writers may have left there, and how it reads.

use serde_json::Value;

use super::column::{ColumnType, ColumnValue};
use crate::python::read::{self, Unread};
use crate::python::{float, json, time::Stamp};

/// What a database holds in one column of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text, or bytes that are UTF-8.
    Text(String),
    /// Other bytes.
    Bytes(Vec<u8>),
}

/// Why a cell does not read as its column's type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("holds {found}, which is no {wanted}")]
pub struct Fault {
    found: String,
    wanted: String,
}

impl Fault {
    pub(super) fn new(cell: &Cell, wanted: &str) -> Self {
        let found = match cell {
            Cell::Null => "NULL".to_owned(),
            Cell::Integer(number) => format!("the integer {number}"),
            Cell::Real(number) => format!("the number {number}"),
            Cell::Text(text) => format!("the text {:?}", shortened(text)),
            Cell::Bytes(bytes) => format!("{} bytes that are no text", bytes.len()),
        };
        Self { found, wanted: wanted.to_owned() }
    }

    /// What should stand there.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }

    /// A text that is none of the names of an enumeration.
    pub fn unknown_name(text: &str, names: &[&str]) -> Self {
        Self::new(&Cell::Text(text.to_owned()), &format!("name out of {}", names.join(", ")))
    }
}

/// Enough of a text to recognise it in a log line.
pub fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

impl Cell {
    /// The text in the cell.
    pub fn text(self) -> Result<String, Fault> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(Fault::new(&other, "text")),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl ColumnValue for String {
    const TYPE: ColumnType = ColumnType::Text(None);

    fn read(cell: Cell) -> Result<Self, Fault> {
        cell.text()
    }

    fn write(&self) -> Cell {
        Cell::Text(self.clone())
    }

    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }

    fn send(&self, out: &mut String) {
        json::send_string(self, out);
    }
}

impl ColumnValue for bool {
    const TYPE: ColumnType = ColumnType::Boolean;

    /// Python calls any number but zero and any text but the empty one true.
    fn read(cell: Cell) -> Result<Self, Fault> {
        match cell {
            Cell::Integer(number) => Ok(number != 0),
            Cell::Real(number) => Ok(number != 0.0),
            Cell::Text(text) => Ok(!text.is_empty()),
            other => Err(Fault::new(&other, "truth value")),
        }
    }

    fn write(&self) -> Cell {
        Cell::Integer(i64::from(*self))
    }

    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }

    fn send(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl ColumnValue for Stamp {
    const TYPE: ColumnType = ColumnType::DateTime;

    fn read(cell: Cell) -> Result<Self, Fault> {
        let stamp = if let Cell::Text(text) = &cell { Self::parse(text) } else { None };
        stamp.ok_or_else(|| Fault::new(&cell, "instant"))
    }

    fn write(&self) -> Cell {
        Cell::Text(self.stored())
    }

    fn to_json(&self) -> Value {
        Value::String(self.sent())
    }

    fn send(&self, out: &mut String) {
        json::send_string(&self.sent(), out);
    }
}

/// What a text that is not read should have been.
const fn unread(why: &Unread) -> &'static str {
    match why {
        // Python stores it, and can't send it either.
        Unread::Surrogate(_) => "JSON text of whole characters (it has half of a surrogate pair)",
        Unread::Syntax(_) | Unread::TooMuch => "JSON text",
    }
}

/// A JSON column. Its null is the stored text `null`.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub Value);

impl ColumnValue for Json {
    const TYPE: ColumnType = ColumnType::Json;

    fn read(cell: Cell) -> Result<Self, Fault> {
        match &cell {
            Cell::Null => Ok(Self(Value::Null)),
            Cell::Integer(number) => Ok(Self((*number).into())),
            Cell::Real(number) => Ok(Self((*number).into())),
            Cell::Text(text) => {
                read::read(text).map(Self).map_err(|why| Fault::new(&cell, unread(&why)))
            }
            Cell::Bytes(_) => Err(Fault::new(&cell, "JSON text")),
        }
    }

    fn write(&self) -> Cell {
        Cell::Text(json::stored(&self.0))
    }

    fn to_json(&self) -> Value {
        self.0.clone()
    }

    fn send(&self, out: &mut String) {
        json::send(&self.0, out);
    }
}

/// Bytes that are nobody's text. Answers do not show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl ColumnValue for Bytes {
    const TYPE: ColumnType = ColumnType::Bytes;

    /// The driver reads bytes that happen to be text as text.
    fn read(cell: Cell) -> Result<Self, Fault> {
        match cell {
            Cell::Bytes(bytes) => Ok(Self(bytes)),
            Cell::Text(text) => Ok(Self(text.into_bytes())),
            other => Err(Fault::new(&other, "bytes")),
        }
    }

    fn write(&self) -> Cell {
        Cell::Bytes(self.0.clone())
    }

    fn to_json(&self) -> Value {
        Value::Null
    }
}

/// A number as found: SQLite keeps what another writer put there, and Python hands it through.
macro_rules! figure {
    ($(#[$about:meta])* $Figure:ident, $native:ty, $variant:ident, $kind:ident) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Figure(Cell);

        impl $Figure {
            /// The number, unless something else is stored.
            pub fn get(&self) -> Option<$native> {
                if let Cell::$variant(number) = self.0 { Some(number) } else { None }
            }
        }

        impl From<$native> for $Figure {
            fn from(number: $native) -> Self {
                Self(Cell::$variant(number))
            }
        }

        impl ColumnValue for $Figure {
            const TYPE: ColumnType = ColumnType::$kind;

            fn read(cell: Cell) -> Result<Self, Fault> {
                match cell {
                    Cell::Null | Cell::Bytes(_) => Err(Fault::new(&cell, "number")),
                    cell => Ok(Self(cell)),
                }
            }

            fn write(&self) -> Cell {
                self.0.clone()
            }

            fn to_json(&self) -> Value {
                match &self.0 {
                    Cell::Integer(number) => (*number).into(),
                    Cell::Real(number) => (*number).into(),
                    Cell::Text(text) => text.as_str().into(),
                    Cell::Null | Cell::Bytes(_) => Value::Null,
                }
            }

            fn send(&self, out: &mut String) {
                match &self.0 {
                    Cell::Integer(number) => out.push_str(&number.to_string()),
                    Cell::Real(number) if number.is_finite() => out.push_str(&float::repr(*number)),
                    Cell::Text(text) => json::send_string(text, out),
                    Cell::Real(_) | Cell::Null | Cell::Bytes(_) => out.push_str("null"),
                }
            }
        }
    };
}

figure!(
    /// A whole-number column.
    Int, i64, Integer, Integer
);
figure!(
    /// A floating-point column.
    Float, f64, Real, Float
);

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
    const CLASS: &'static str = T::CLASS;

    fn read(cell: Cell) -> Result<Self, Fault> {
        match cell {
            Cell::Null => Ok(None),
            Cell::Text(text) if is_json::<T>() && text.trim() == "null" => Ok(None),
            cell => T::read(cell).map(Some),
        }
    }

    fn write(&self) -> Cell {
        match self {
            Some(value) => value.write(),
            // The monolith's JSON columns hold the four letters, not NULL.
            None if is_json::<T>() => Cell::from("null"),
            None => Cell::Null,
        }
    }

    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }

    fn send(&self, out: &mut String) {
        match self {
            Some(value) => value.send(out),
            None => out.push_str("null"),
        }
    }
}

fn is_json<T: ColumnValue>() -> bool {
    T::TYPE == ColumnType::Json
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tables::Record as _;
    use crate::tables::agents::{Status, Workflow};

    #[test]
    fn booleans_read_as_python_reads_them() {
        for (cell, truth) in [
            (Cell::Integer(0), false),
            (Cell::Integer(2), true),
            (Cell::Real(1.0), true),
            (Cell::from("true"), true),
            (Cell::from(""), false),
        ] {
            assert_eq!(bool::read(cell), Ok(truth));
        }
    }

    #[test]
    fn json_null_and_sql_null_are_both_none() {
        assert_eq!(Option::<Json>::read(Cell::Null), Ok(None));
        assert_eq!(Option::<Json>::read(Cell::from("null")), Ok(None));
        assert_eq!(Option::<Json>::write(&None), Cell::from("null"));
        assert_eq!(Option::<String>::write(&None), Cell::Null);
        assert_eq!(Json::read(Cell::from("3")), Ok(Json(json!(3))));
        assert_eq!(Json(json!({"ü": [1.0]})).write(), Cell::from(r#"{"\u00fc": [1.0]}"#));
    }

    #[test]
    fn numbers_that_are_text_are_handed_through() {
        let seven = Int::read(Cell::from("seven")).unwrap();
        assert_eq!((seven.get(), seven.to_json()), (None, json!("seven")));
        assert_eq!(seven.write(), Cell::from("seven"));
    }

    #[test]
    fn bytes_are_bytes_even_where_they_are_text() {
        for bytes in [vec![0, 159, 255], b"text".to_vec(), Vec::new()] {
            assert_eq!(Bytes::read(Bytes(bytes.clone()).write()), Ok(Bytes(bytes)));
        }
        assert_eq!(Bytes::read(Cell::from("text")), Ok(Bytes(b"text".to_vec())));
        assert!(Bytes::read(Cell::Integer(1)).is_err());
    }

    #[test]
    fn a_row_is_sent_as_its_json_is() {
        let cells = [
            "id",
            "o\"wner",
            "ü\n",
            "",
            "{\"a\": [1.5, {}]}",
            "null",
            "seven",
            "1e400",
            "",
            "BASIC",
            "[]",
            "\u{7}",
            "x",
            "2026-01-02 03:04:05",
            "2026-01-02 03:04:05.5+02:00",
        ];
        let text = Workflow::from_cells(cells.map(Cell::from).to_vec()).unwrap();
        let [mut number, mut none] = [text.clone(), text.clone()];
        number.max_execution_time = 7.into();
        number.max_cost_budget = 1e16.into();
        none.max_cost_budget = f64::NAN.into();
        for row in [text, number, none] {
            let mut sent = String::new();
            row.send(&mut sent);
            assert_eq!(sent, json::sent(&row.to_json()));
        }
    }

    proptest! {
        #[test]
        fn every_value_is_sent_as_its_json_is(
            cell in prop_oneof![
                Just(Cell::Null),
                any::<i64>().prop_map(Cell::Integer),
                any::<f64>().prop_map(Cell::Real),
                any::<String>().prop_map(Cell::Text),
                Just(Cell::from("[1, {\"a\": null}]")),
                Just(Cell::from("2026-11-22 10:28:51.272435")),
                Just(Cell::from("PENDING")),
                any::<Vec<u8>>().prop_map(Cell::Bytes),
            ],
        ) {
            fn check<T: ColumnValue>(cell: &Cell) {
                let Ok(value) = T::read(cell.clone()) else { return };
                let mut sent = String::from("[");
                value.send(&mut sent);
                assert_eq!(&sent[1..], json::sent(&value.to_json()));
            }
            check::<String>(&cell);
            check::<bool>(&cell);
            check::<Stamp>(&cell);
            check::<Json>(&cell);
            check::<Bytes>(&cell);
            check::<Int>(&cell);
            check::<Float>(&cell);
            check::<Status>(&cell);
            check::<Option<Json>>(&cell);
            check::<Option<String>>(&cell);
        }
    }

    #[test]
    fn a_fault_says_what_was_found() {
        let fault = Stamp::read(Cell::from("soon")).unwrap_err();
        assert_eq!(fault.to_string(), "holds the text \"soon\", which is no instant");
        assert!(Json::read(Cell::from("")).is_err());
    }
}
