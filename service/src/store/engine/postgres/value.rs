//! One value on its way to or from PostgreSQL: the forms are those that the same value has in an SQLite file.

use chrono::DateTime;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgTypeKind, PgValueRef, Postgres};
use sqlx::{Type, TypeInfo as _, ValueRef as _};

use crate::python::time::Stamp;
use crate::tables::Cell;

/// Microseconds from 1970 to 2000, from where PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;

/// The types that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Short,
    Int,
    Long,
    Single,
    Double,
    /// Whatever travels as its text: strings, JSON, names of enumerations.
    Text,
    JsonB,
    /// Without a zone.
    Timestamp,
    TimestampTz,
    Bytes,
    Other,
}

/// A value and the type of its place.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) cell: Cell,
    pub(super) kind: Kind,
}

/// A value that its column cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} does not fit a column of {1:?}")]
pub(in crate::store) struct Unfit(Cell, Kind);

impl Kind {
    /// By the numbers of `pg_type.dat`; the types of enumerations and domains have no fixed ones.
    pub(super) fn of(info: &PgTypeInfo) -> Self {
        match info.oid().map(|oid| oid.0) {
            Some(16) => Self::Boolean,
            Some(17) => Self::Bytes,
            Some(20) => Self::Long,
            Some(21) => Self::Short,
            Some(23) => Self::Int,
            // name, text, json, unknown, bpchar, varchar
            Some(19 | 25 | 114 | 705 | 1042 | 1043) => Self::Text,
            Some(700) => Self::Single,
            Some(701) => Self::Double,
            Some(1114) => Self::Timestamp,
            Some(1184) => Self::TimestampTz,
            Some(3802) => Self::JsonB,
            _ => match info.kind() {
                PgTypeKind::Enum(_) => Self::Text,
                PgTypeKind::Domain(base) => Self::of(base),
                _ => Self::Other,
            },
        }
    }
}

impl Type<Postgres> for Parameter {
    /// None: the server has said itself what it is.
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Parameter {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Self { cell, kind } = self;
        let unfit = || Unfit(cell.clone(), *kind);
        if *cell == Cell::Null {
            return Ok(IsNull::Yes);
        }
        match kind {
            Kind::Boolean => buffer.push(u8::from(truth(cell).ok_or_else(unfit)?)),
            Kind::Short => put(buffer, whole::<i16>(cell).ok_or_else(unfit)?.to_be_bytes()),
            Kind::Int => put(buffer, whole::<i32>(cell).ok_or_else(unfit)?.to_be_bytes()),
            Kind::Long => put(buffer, whole::<i64>(cell).ok_or_else(unfit)?.to_be_bytes()),
            #[expect(clippy::cast_possible_truncation, reason = "the column holds no more")]
            Kind::Single => put(buffer, (double(cell).ok_or_else(unfit)? as f32).to_be_bytes()),
            Kind::Double => put(buffer, double(cell).ok_or_else(unfit)?.to_be_bytes()),
            Kind::Text => put(buffer, text(cell).ok_or_else(unfit)?),
            Kind::JsonB => {
                // The version of the form.
                buffer.push(1);
                put(buffer, text(cell).ok_or_else(unfit)?);
            }
            Kind::Timestamp | Kind::TimestampTz => {
                put(buffer, micros(cell).ok_or_else(unfit)?.to_be_bytes());
            }
            Kind::Bytes => match cell {
                Cell::Bytes(bytes) => put(buffer, bytes),
                cell => put(buffer, text(cell).ok_or_else(unfit)?),
            },
            Kind::Other => return Err(unfit().into()),
        }
        Ok(IsNull::No)
    }
}

fn put(buffer: &mut PgArgumentBuffer, bytes: impl AsRef<[u8]>) {
    buffer.extend_from_slice(bytes.as_ref());
}

fn truth(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Integer(number) => Some(*number != 0),
        Cell::Real(number) => Some(*number != 0.0),
        Cell::Null | Cell::Text(_) | Cell::Bytes(_) => None,
    }
}

/// A whole number, also one that is written as a text or as 3.0, as columns of SQLite take it.
fn whole<N: TryFrom<i64>>(cell: &Cell) -> Option<N> {
    let number = match cell {
        Cell::Integer(number) => *number,
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and compared")]
        Cell::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => *number as i64,
        Cell::Text(text) => text.trim().parse().ok()?,
        Cell::Real(_) | Cell::Null | Cell::Bytes(_) => return None,
    };
    N::try_from(number).ok()
}

fn double(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Real(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "the column holds no more digits")]
        Cell::Integer(number) => Some(*number as f64),
        Cell::Text(text) => text.trim().parse().ok(),
        Cell::Null | Cell::Bytes(_) => None,
    }
}

/// A text without the one character that PostgreSQL's texts cannot have.
fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Text(text) if text.contains('\0') => None,
        Cell::Text(text) => Some(text.clone()),
        Cell::Integer(number) => Some(number.to_string()),
        Cell::Real(number) => Some(format!("{number:?}")),
        Cell::Null | Cell::Bytes(_) => None,
    }
}

/// Microseconds since 2000.
fn micros(cell: &Cell) -> Option<i64> {
    let Cell::Text(text) = cell else { return None };
    Stamp::parse(text)?.micros().checked_sub(EPOCH)
}

/// What stands in a column, in the form in which SQLite would have it.
pub(super) fn found(value: &PgValueRef<'_>) -> Result<Cell, sqlx::Error> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let info = value.type_info().into_owned();
    let bytes = value.as_bytes().map_err(sqlx::Error::Decode)?;
    let cell = read(Kind::of(&info), bytes);
    cell.ok_or_else(|| {
        sqlx::Error::Decode(format!("a value of type {} is not understood", info.name()).into())
    })
}

fn read(kind: Kind, bytes: &[u8]) -> Option<Cell> {
    Some(match kind {
        Kind::Boolean => Cell::Integer(i64::from(*bytes.first()?)),
        Kind::Short => Cell::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Int => Cell::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Long => Cell::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Single => Cell::Real(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Double => Cell::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Text => Cell::Text(String::from_utf8(bytes.to_vec()).ok()?),
        Kind::JsonB => Cell::Text(String::from_utf8(bytes.get(1..)?.to_vec()).ok()?),
        Kind::Timestamp => Cell::Text(instant(bytes)?),
        Kind::TimestampTz => Cell::Text(instant(bytes)? + "+00:00"),
        Kind::Bytes => Cell::Bytes(bytes.to_vec()),
        Kind::Other => return None,
    })
}

/// As it is stored. PostgreSQL knows instants that no calendar has: these read as none, so that their row is reported.
fn instant(bytes: &[u8]) -> Option<String> {
    let micros = i64::from_be_bytes(bytes.try_into().ok()?);
    let at = micros.checked_add(EPOCH).and_then(DateTime::from_timestamp_micros);
    Some(
        at.map_or_else(
            || "infinity".to_owned(),
            |at| at.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(cell: Cell, kind: Kind) -> Result<Option<Vec<u8>>, String> {
        let mut buffer = PgArgumentBuffer::default();
        let is_null = Parameter { cell, kind }.encode_by_ref(&mut buffer);
        match is_null.map_err(|error| error.to_string())? {
            IsNull::Yes => Ok(None),
            IsNull::No => Ok(Some(buffer.to_vec())),
        }
    }

    fn there_and_back(cell: Cell, kind: Kind) -> Cell {
        read(kind, &sent(cell, kind).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn values_come_back_as_an_sqlite_file_has_them() {
        for (cell, kind) in [
            (Cell::Integer(1), Kind::Boolean),
            (Cell::Integer(-7), Kind::Short),
            (Cell::Integer(i32::MIN.into()), Kind::Int),
            (Cell::Integer(i64::MAX), Kind::Long),
            (Cell::Real(6e-5), Kind::Double),
            (Cell::from("żółć ✓"), Kind::Text),
            (Cell::from(""), Kind::Text),
            (Cell::from(r#"{"b": 1, "a": [1.0]}"#), Kind::JsonB),
            (Cell::from("2026-11-22 10:28:51.000000"), Kind::Timestamp),
            (Cell::from("1969-12-31 23:59:59.999999"), Kind::Timestamp),
            (Cell::Bytes(vec![0, 159, 255]), Kind::Bytes),
        ] {
            assert_eq!(there_and_back(cell.clone(), kind), cell, "{kind:?}");
        }
        assert_eq!(sent(Cell::Null, Kind::Other), Ok(None));
    }

    #[test]
    fn columns_take_other_forms_of_what_they_hold() {
        assert_eq!(there_and_back(Cell::from(" 512"), Kind::Int), Cell::Integer(512));
        assert_eq!(there_and_back(Cell::Real(3.0), Kind::Int), Cell::Integer(3));
        assert_eq!(there_and_back(Cell::Integer(2), Kind::Double), Cell::Real(2.0));
        assert_eq!(there_and_back(Cell::Integer(5), Kind::Text), Cell::from("5"));
        assert_eq!(there_and_back(Cell::Real(1.5), Kind::Text), Cell::from("1.5"));
        let east = Cell::from("2026-01-02T03:04:05+02:00");
        let utc = Cell::from("2026-01-02 01:04:05.000000");
        assert_eq!(there_and_back(east, Kind::Timestamp), utc);
    }

    #[test]
    fn what_does_not_fit_is_refused_here() {
        for (cell, kind) in [
            (Cell::Integer(1 << 40), Kind::Int),
            (Cell::Real(1.5), Kind::Int),
            (Cell::Real(f64::NAN), Kind::Long),
            (Cell::from("many"), Kind::Int),
            (Cell::from("a\0b"), Kind::Text),
            (Cell::from("soon"), Kind::Timestamp),
            (Cell::Integer(12), Kind::Timestamp),
            (Cell::from("yes"), Kind::Boolean),
            (Cell::Integer(1), Kind::Other),
        ] {
            assert!(sent(cell.clone(), kind).is_err(), "{cell:?} {kind:?}");
        }
    }

    #[test]
    fn instants_that_no_calendar_has_are_no_instants() {
        for micros in [i64::MIN, i64::MAX] {
            let found = read(Kind::Timestamp, &micros.to_be_bytes());
            assert_eq!(found, Some(Cell::from("infinity")));
        }
        assert_eq!(read(Kind::Timestamp, &[1, 2]), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(whole in any::<i64>(), number in any::<f64>()) {
            prop_assert_eq!(there_and_back(Cell::Integer(whole), Kind::Long), Cell::Integer(whole));
            let Cell::Real(back) = there_and_back(Cell::Real(number), Kind::Double) else { panic!() };
            prop_assert_eq!(back.to_bits(), number.to_bits());
        }

        #[test]
        fn nothing_that_is_read_panics(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            for kind in [Kind::Boolean, Kind::Int, Kind::Text, Kind::JsonB, Kind::Timestamp, Kind::Bytes] {
                let _cell = read(kind, &bytes);
            }
        }
    }
}
