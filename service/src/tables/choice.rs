//! Enumerations: upper-case names in columns, lower-case words in the API.

/// The word of the API for a name in an enum column: the same in lower case, and one word has a hyphen.
pub fn word(name: &str) -> String {
    match name {
        "ZERO_KNOWLEDGE" => "zero-knowledge".to_owned(),
        name => name.to_ascii_lowercase(),
    }
}

/// Defines an enumeration with, for each member, its name in the database and its word in the API; and the name of the
/// monolith's class, where that is another.
macro_rules! choice {
    (
        $(#[$about:meta])*
        pub enum $Choice:ident $( as $Class:ident )? { $( $(#[$member_about:meta])* $Member:ident = $name:literal / $word:literal ),* $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Choice { $( $(#[$member_about])* $Member ),* }

        impl $Choice {
            /// The members, in order.
            pub const ALL: &'static [Self] = &[ $( Self::$Member ),* ];

            /// The words of the API, in order.
            pub const WORDS: &'static [&'static str] = &[ $( $word ),* ];

            /// The word in requests, answers and JSON columns.
            pub const fn word(self) -> &'static str {
                match self { $( Self::$Member => $word ),* }
            }

            /// The name in enum columns.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$Member => $name ),* }
            }

            /// The member with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$Member), )* _ => None }
            }
        }

        impl<'de> serde::Deserialize<'de> for $Choice {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::from_word(&word).ok_or_else(|| {
                    serde::de::Error::unknown_variant(&word, Self::WORDS)
                })
            }
        }

        impl $crate::tables::column::ColumnValue for $Choice {
            const TYPE: $crate::tables::column::ColumnType =
                $crate::tables::column::ColumnType::Enum(&[ $( $name ),* ]);
            const CLASS: &'static str = {
                let class = stringify!($( $Class )?);
                if class.is_empty() { stringify!($Choice) } else { class }
            };

            fn read(cell: $crate::tables::cell::Cell) -> Result<Self, $crate::tables::cell::Fault> {
                match cell.text()?.as_str() {
                    $( $name => Ok(Self::$Member), )*
                    other => Err($crate::tables::cell::Fault::unknown_name(other, &[ $( $name ),* ])),
                }
            }

            fn write(&self) -> $crate::tables::cell::Cell {
                self.name().into()
            }

            fn to_json(&self) -> serde_json::Value {
                self.word().into()
            }

            fn send(&self, out: &mut String) {
                $crate::python::json::send_string(self.word(), out);
            }
        }
    };
}
pub(crate) use choice;
