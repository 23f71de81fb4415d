//! What a column holds, by the type that Python code gives it.

use ruff_python_ast::{Expr, Number, Operator};
use service::schema::shape::Family;

use scan::classes::{Classes, Given, called, last_name};

/// A column's type, and whether it may be NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) family: Family,
    pub(crate) nullable: bool,
}

/// The type behind an annotation, as SQLModel takes it: `str`, `datetime | None`, `Optional[Status]`, `Mapped[int]`.
pub(crate) fn of_annotation(annotation: &Expr, file: &str, classes: &Classes) -> Typed {
    match annotation {
        Expr::BinOp(either) if either.op == Operator::BitOr => {
            of_union([&*either.left, &*either.right], file, classes)
        }
        Expr::Subscript(generic) => {
            let name = last_name(&generic.value).unwrap_or_default();
            let inner = match &*generic.slice {
                Expr::Tuple(several) => several.elts.iter().collect(),
                one => vec![one],
            };
            match (name.as_str(), &inner[..]) {
                ("Optional", [one]) => {
                    Typed { nullable: true, ..of_annotation(one, file, classes) }
                }
                ("Union", several) => of_union(several.iter().copied(), file, classes),
                ("Annotated" | "Mapped" | "ClassVar", [first, ..]) => {
                    of_annotation(first, file, classes)
                }
                _ => Typed { family: Family::Other, nullable: false },
            }
        }
        Expr::StringLiteral(quoted) => {
            // `"Status"`: a name that is declared further down.
            let family = named(quoted.value.to_str(), file, classes);
            Typed { family, nullable: false }
        }
        Expr::NoneLiteral(_) => Typed { family: Family::Other, nullable: true },
        other => {
            let name = last_name(other).unwrap_or_default();
            Typed { family: named(&name, file, classes), nullable: false }
        }
    }
}

fn of_union<'e>(
    several: impl IntoIterator<Item = &'e Expr>,
    file: &str,
    classes: &Classes,
) -> Typed {
    let mut typed = Typed { family: Family::Other, nullable: false };
    for one in several {
        let Typed { family, nullable } = of_annotation(one, file, classes);
        typed.nullable |= nullable;
        if family != Family::Other {
            typed.family = family;
        }
    }
    typed
}

fn named(name: &str, file: &str, classes: &Classes) -> Family {
    match name {
        "str" | "AutoString" | "EmailStr" | "AnyUrl" => Family::Text { most: None },
        "int" => Family::Integer { bits: 32 },
        "float" => Family::Float { bits: 64 },
        "bool" => Family::Boolean,
        "datetime" => Family::Instant { zoned: false },
        "bytes" => Family::Bytes,
        "Decimal" => Family::Decimal,
        other => match classes.members(file, other) {
            Some(labels) => Family::Enum { labels },
            None => Family::Other,
        },
    }
}

/// The type of SQLAlchemy that is given to a column: `JSON`, `String(20)`, `DateTime(timezone=True)`, `Enum(Status)`. None where
/// it is something else, such as a foreign key.
pub(crate) fn of_sqlalchemy(given: &Expr, file: &str, classes: &Classes) -> Option<Family> {
    let (name, arguments) = match called(given) {
        Some((name, arguments)) => (name.to_owned(), arguments),
        None => (last_name(given)?, Given::default()),
    };
    let either = |name, at| arguments.named(name).or_else(|| arguments.unnamed().get(at));
    Some(match name.as_str() {
        "String" | "Text" | "Unicode" | "UnicodeText" | "VARCHAR" | "TEXT" | "CHAR"
        | "AutoString" => Family::Text { most: either("length", 0).and_then(number) },
        "JSON" => Family::Json { as_written: true },
        "JSONB" => Family::Json { as_written: false },
        "SmallInteger" | "SMALLINT" => Family::Integer { bits: 16 },
        "Integer" | "INTEGER" => Family::Integer { bits: 32 },
        "BigInteger" | "BIGINT" => Family::Integer { bits: 64 },
        "Float" | "FLOAT" | "Double" | "DOUBLE" | "DOUBLE_PRECISION" => Family::Float { bits: 64 },
        "REAL" => Family::Float { bits: 32 },
        "Numeric" | "NUMERIC" | "DECIMAL" => Family::Decimal,
        "Boolean" | "BOOLEAN" => Family::Boolean,
        "DateTime" | "DATETIME" | "TIMESTAMP" => {
            let zoned = either("timezone", 0);
            Family::Instant { zoned: matches!(zoned, Some(Expr::BooleanLiteral(is)) if is.value) }
        }
        "LargeBinary" | "BLOB" | "BYTEA" => Family::Bytes,
        "Enum" | "ENUM" => Family::Enum { labels: labels(arguments, file, classes) },
        "Uuid" | "UUID" | "Date" | "Time" | "Interval" | "ARRAY" | "PickleType" => Family::Other,
        _ => return None,
    })
}

/// Of `Enum(Status)` or `Enum("A", "B", name="…")`.
fn labels(arguments: Given<'_>, file: &str, classes: &Classes) -> Vec<String> {
    let given = arguments.unnamed().iter().flat_map(|argument| match argument {
        Expr::StringLiteral(label) => vec![label.value.to_str().to_owned()],
        other => last_name(other).and_then(|name| classes.members(file, &name)).unwrap_or_default(),
    });
    given.collect()
}

/// A whole number that is written out.
pub(crate) fn number(expression: &Expr) -> Option<u32> {
    match expression {
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(number) => u32::try_from(number.as_usize()?).ok(),
            Number::Float(_) | Number::Complex { .. } => None,
        },
        _ => None,
    }
}
