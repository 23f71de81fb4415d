//! What a table is made of, and the macro that defines one together with the type of its rows.

use serde_json::{Map, Value};

use super::cell::{Cell, Fault};
use crate::python::json;

/// A table: its name and its columns in the order of `CREATE TABLE`.
#[derive(Debug)]
pub struct Table {
    /// The name in the database.
    pub name: &'static str,
    /// The columns in order.
    pub columns: &'static [Column],
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The name in the database and in answers.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Whether it is (part of) the primary key.
    pub key: bool,
    /// Whether it has an index of its own.
    pub indexed: bool,
    /// The columns that follow it in that index.
    pub indexed_with: &'static [&'static str],
    /// The columns that follow it in a second index of its own.
    pub also_indexed_with: Option<&'static [&'static str]>,
    /// Whether no two rows may have the same value, said in the table itself.
    pub unique_constraint: bool,
    /// Whether that index allows each value once.
    pub unique: bool,
    /// The table whose `id` it names, where the monolith says so.
    pub references: Option<&'static str>,
    /// Tries to read what stands in it.
    pub reads: fn(Cell) -> Result<(), Fault>,
    /// The monolith's class of an enumeration; empty for anything else.
    pub class: &'static str,
}

/// What a column holds, apart from any engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Text of any length, or up to a number of characters.
    Text(Option<u16>),
    /// JSON text.
    Json,
    /// A whole number.
    Integer,
    /// A double.
    Float,
    /// Money: whole steps of its last place.
    Money,
    /// Any bytes.
    Bytes,
    /// A truth value.
    Boolean,
    /// A naive UTC instant.
    DateTime,
    /// One of these upper-case names.
    Enum(&'static [&'static str]),
}

impl Column {
    /// A plain column for values of type `T`.
    pub const fn of<T: ColumnValue>(name: &'static str) -> Self {
        Self {
            name,
            kind: T::TYPE,
            nullable: T::NULLABLE,
            key: false,
            indexed: false,
            indexed_with: &[],
            also_indexed_with: None,
            unique_constraint: false,
            unique: false,
            references: None,
            reads: |cell| T::read(cell).map(drop),
            class: T::CLASS,
        }
    }

    /// Part of the primary key.
    #[must_use]
    pub const fn key(mut self) -> Self {
        self.key = true;
        self
    }

    /// With an index of its own.
    #[must_use]
    pub const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// With an index of its own in which these columns follow.
    #[must_use]
    pub const fn indexed_with(mut self, columns: &'static [&'static str]) -> Self {
        self.indexed_with = columns;
        self.indexed()
    }

    /// With a second index of its own, in which these columns follow.
    #[must_use]
    pub const fn also_indexed_with(mut self, columns: &'static [&'static str]) -> Self {
        self.also_indexed_with = Some(columns);
        self
    }

    /// With a value that no other row has.
    #[must_use]
    pub const fn unique_constraint(mut self) -> Self {
        self.unique_constraint = true;
        self
    }

    /// With an index of its own that allows each value once.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self.indexed()
    }

    /// Names the `id` of a row of `table`.
    #[must_use]
    pub const fn references(mut self, table: &'static str) -> Self {
        self.references = Some(table);
        self
    }

    /// Text of at most `length` characters.
    #[must_use]
    pub const fn up_to(mut self, length: u16) -> Self {
        self.kind = ColumnType::Text(Some(length));
        self
    }
}

/// A Rust type that a column can hold.
pub trait ColumnValue: Sized {
    /// What its column holds.
    const TYPE: ColumnType;
    /// Whether its column may be NULL.
    const NULLABLE: bool = false;
    /// The monolith's class of an enumeration.
    const CLASS: &'static str = "";

    /// Reads what any writer left in the column.
    fn read(cell: Cell) -> Result<Self, Fault>;
    /// The form in which the service writes it.
    fn write(&self) -> Cell;
    /// The form in answers.
    fn to_json(&self) -> Value;

    /// The form in answers, added to the text of one. Lists have thousands of values, for which this is the short way.
    fn send(&self, out: &mut String) {
        json::send(&self.to_json(), out);
    }
}

/// A row type that `table!` made.
pub trait Record: Sized {
    /// The table that holds the rows.
    const TABLE: Table;

    /// Builds the row from its cells in column order; the error names the column.
    fn from_cells(cells: Vec<Cell>) -> Result<Self, (&'static str, Fault)>;
    /// The cells in column order.
    fn cells(&self) -> Vec<Cell>;
    /// Every column under its name.
    fn to_json(&self) -> Value;
    /// The same, added to the text of an answer.
    fn send(&self, out: &mut String) {
        json::send(&self.to_json(), out);
    }

    /// Some columns under their names, in the order asked for.
    fn shown(&self, names: &[&str]) -> Map<String, Value> {
        let Value::Object(mut all) = self.to_json() else { return Map::new() };
        names.iter().filter_map(|name| all.remove_entry(*name)).collect()
    }
}

/// Takes the next cell as the value of the column `name`.
pub fn take<T: ColumnValue>(
    cells: &mut impl Iterator<Item = Cell>,
    name: &'static str,
) -> Result<T, (&'static str, Fault)> {
    T::read(cells.next().unwrap_or(Cell::Null)).map_err(|fault| (name, fault))
}

/// Defines a table and the struct of its rows in one go.
///
/// ```text
/// table! {
///     /// A thing.
///     pub struct Thing => "things" {
///         id: String [key],
///         thing_id: String [unique],
///         name: String [up_to(100)],
///         note: Option<String>,
///     }
/// }
/// ```
macro_rules! table {
    (
        $(#[$about:meta])*
        pub struct $Row:ident => $name:literal {
            $( $field:ident : $type:ty $([ $( $option:ident $( ( $($argument:expr),* ) )? ),* ])? ),* $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Row {
            $( #[doc = concat!("The column `", stringify!($field), "`.")] pub $field: $type, )*
        }

        impl $crate::tables::column::Record for $Row {
            const TABLE: $crate::tables::column::Table = $crate::tables::column::Table {
                name: $name,
                columns: &[ $(
                    $crate::tables::column::Column::of::<$type>(stringify!($field))
                        $( $( .$option( $( $($argument),* )? ) )* )?,
                )* ],
            };

            fn from_cells(
                cells: Vec<$crate::tables::cell::Cell>,
            ) -> Result<Self, (&'static str, $crate::tables::cell::Fault)> {
                let mut cells = cells.into_iter();
                Ok(Self {
                    $( $field: $crate::tables::column::take(&mut cells, stringify!($field))?, )*
                })
            }

            fn cells(&self) -> Vec<$crate::tables::cell::Cell> {
                use $crate::tables::column::ColumnValue as _;
                vec![ $( self.$field.write() ),* ]
            }

            fn to_json(&self) -> serde_json::Value {
                use $crate::tables::column::ColumnValue as _;
                let mut map = serde_json::Map::new();
                $( map.insert(stringify!($field).to_owned(), self.$field.to_json()); )*
                serde_json::Value::Object(map)
            }

            fn send(&self, out: &mut String) {
                use $crate::tables::column::ColumnValue as _;
                out.push('{');
                $(
                    $crate::python::json::separate(out);
                    out.push_str(concat!("\"", stringify!($field), "\":"));
                    self.$field.send(out);
                )*
                out.push('}');
            }
        }
    };
}
pub(crate) use table;
