//! The columns that the fields of a class make.

use ruff_python_ast::Expr;
use service::schema::shape::{Column, Family, IDENTITY, Reference};

use super::types::{Typed, number, of_annotation, of_sqlalchemy};
use scan::classes::{Class, Classes, Field, Given, called, last_name};

/// A column and what its field says about the table.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) column: Column,
    pub(crate) is_key: bool,
    pub(crate) is_indexed: bool,
    pub(crate) is_unique: bool,
    pub(crate) reference: Option<Reference>,
}

/// The column of a field; none where it makes none: a relationship, a class variable, a name with an underscore.
pub(crate) fn of(field: &Field, class: &Class, classes: &Classes) -> Option<Declared> {
    if field.name.starts_with('_') || field.name == "model_config" {
        return None;
    }
    let call = field.value.as_ref().and_then(called);
    match (&field.annotation, call) {
        (_, Some(("Relationship" | "relationship" | "column_property" | "synonym", _))) => None,
        (Some(annotation), _) if last_name(annotation).as_deref() == Some("ClassVar") => None,
        (annotation, Some(("Column" | "mapped_column", arguments))) => {
            Some(of_column(field, annotation.as_ref(), arguments, class, classes))
        }
        (Some(annotation), Some(("Field", arguments))) => {
            Some(of_field(field, annotation, arguments, class, classes))
        }
        (Some(annotation), _) => {
            Some(of_field(field, annotation, Given::default(), class, classes))
        }
        // Nothing but a value: no column.
        (None, _) => None,
    }
}

/// SQLModel's `Field(…)`.
fn of_field(
    field: &Field,
    annotation: &Expr,
    arguments: Given<'_>,
    class: &Class,
    classes: &Classes,
) -> Declared {
    let mut typed = of_annotation(annotation, &class.file, classes);
    if let Some(given) = arguments.named("sa_column") {
        return of_sa_column(field, given, class, classes);
    }
    if let Some(family) =
        arguments.named("sa_type").and_then(|given| of_sqlalchemy(given, &class.file, classes))
    {
        typed.family = family;
    }
    if let (Family::Text { most }, Some(length)) =
        (&mut typed.family, arguments.named("max_length"))
    {
        *most = number(length);
    }
    declared(field, typed, arguments)
}

/// `sa_column=Column(…)`, where the column says everything by itself; it may come from a function of the file.
fn of_sa_column(field: &Field, given: &Expr, class: &Class, classes: &Classes) -> Declared {
    let unknown = || Typed { family: Family::Other, nullable: true };
    let Some((name, arguments)) = called(given) else {
        return declared(field, unknown(), Given::default());
    };
    if name == "Column" {
        return of_column(field, None, arguments, class, classes);
    }
    let returned = classes.returned.get(&(class.file.clone(), name.to_owned()));
    match returned.and_then(called) {
        Some(("Column", inner)) => {
            let mut column = of_column(field, None, inner, class, classes);
            // What the caller says goes through to the column.
            if let Some(is) = arguments.flag("nullable") {
                column.column.nullable = is;
            }
            column
        }
        _ => declared(field, unknown(), arguments),
    }
}

/// SQLAlchemy's `Column(…)` and `mapped_column(…)`.
fn of_column(
    field: &Field,
    annotation: Option<&Expr>,
    arguments: Given<'_>,
    class: &Class,
    classes: &Classes,
) -> Declared {
    let annotated = annotation.map(|annotation| of_annotation(annotation, &class.file, classes));
    let given =
        arguments.unnamed().iter().find_map(|given| of_sqlalchemy(given, &class.file, classes));
    let family = given.or_else(|| annotated.as_ref().map(|typed| typed.family.clone()));
    // Without an annotation a column may be NULL unless it says that it may not.
    let nullable = annotated.is_none_or(|typed| typed.nullable);
    let typed = Typed { family: family.unwrap_or(Family::Other), nullable };
    let mut column = declared(field, typed, arguments);
    let named =
        arguments.unnamed().first().and_then(text).filter(|_| arguments.unnamed().len() > 1);
    if let Some(name) = named {
        name.clone_into(&mut column.column.name);
    }
    column.reference = arguments.unnamed().iter().find_map(|given| match called(given) {
        Some(("ForeignKey", inner)) => {
            reference(&column.column.name, text(inner.unnamed().first()?)?)
        }
        _ => None,
    });
    column
}

fn declared(field: &Field, typed: Typed, arguments: Given<'_>) -> Declared {
    let is_key = arguments.flag("primary_key").unwrap_or_default();
    let nullable = arguments.flag("nullable").unwrap_or(typed.nullable) && !is_key;
    let target = arguments.named("foreign_key").and_then(text);
    let default = server_default(arguments)
        .or_else(|| (is_key && is_numbered(&typed, arguments)).then(|| IDENTITY.to_owned()));
    Declared {
        reference: target.and_then(|target| reference(&field.name, target)),
        column: Column {
            name: field.name.clone(),
            declared: typed.family.to_string(),
            family: typed.family,
            nullable,
            default,
            generated: false,
        },
        is_key,
        is_indexed: arguments.flag("index").unwrap_or_default(),
        is_unique: arguments.flag("unique").unwrap_or_default(),
    }
}

/// `server_default="now"`, `text("now()")` or `func.now()`, of SQLModel among `sa_column_kwargs`.
fn server_default(arguments: Given<'_>) -> Option<String> {
    let given = arguments.named("server_default").or_else(|| {
        let Expr::Dict(more) = arguments.named("sa_column_kwargs")? else { return None };
        let is_it = |key: &Option<Expr>| key.as_ref().and_then(text) == Some("server_default");
        more.items.iter().find(|item| is_it(&item.key)).map(|item| &item.value)
    })?;
    let said = match (text(given), called(given)) {
        (Some(text), _) => text.to_owned(),
        (None, Some(("text", inner))) => {
            inner.unnamed().first().and_then(text).unwrap_or("an expression").to_owned()
        }
        (None, Some((function, _))) => format!("{function}()"),
        (None, None) => "an expression".to_owned(),
    };
    (!given.is_none_literal_expr()).then_some(said)
}

/// Whether rows come without a value for a key, because the database gives them a number.
fn is_numbered(typed: &Typed, arguments: Given<'_>) -> bool {
    let has_value = arguments.named("default").is_some_and(|value| !value.is_none_literal_expr())
        || arguments.named("default_factory").is_some();
    matches!(typed.family, Family::Integer { .. })
        && typed.nullable
        && !has_value
        && arguments.flag("autoincrement") != Some(false)
}

/// `"portfolio.id"`.
fn reference(column: &str, target: &str) -> Option<Reference> {
    let (table, to) = target.rsplit_once('.')?;
    Some(Reference {
        columns: vec![column.to_owned()],
        table: table.to_owned(),
        to: vec![to.to_owned()],
    })
}

/// A text that is written out.
pub(crate) fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringLiteral(literal) => Some(literal.value.to_str()),
        _ => None,
    }
}
