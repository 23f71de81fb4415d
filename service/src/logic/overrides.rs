//! Free objects of a request: whatever names a column takes its place in the row, as laxly as the monolith stores it.
//!
//! What comes out are the cells to store. What the columns make of them (`"512"` becomes 512 in a column of integers, 5
//! becomes `"5"` in one of text) is the database's business, so a row that was stored from cells is read back before it is
//! shown. A value that the monolith cannot store either, or that no later read would survive, is a problem of the request.

use serde_json::{Map, Value};

use crate::python::json::stored;
use crate::python::number;
use crate::python::time::Stamp;
use crate::tables::column::{ColumnType, ColumnValue as _, Record};
use crate::tables::{Cell, Column, Engine, Money, choice};
use crate::validation::coerce::{self, Refusal};
use crate::validation::{Place, Problem, kind};

/// The cells of a new row: `row` has the defaults, `object` what is to be otherwise. Null means the default, except in
/// columns of JSON.
pub fn created<R: Record>(
    row: &R,
    object: &Map<String, Value>,
    engine: Engine,
) -> Result<Vec<Cell>, Vec<Problem>> {
    let is_default =
        |column: &Column, value: &Value| value.is_null() && column.kind != ColumnType::Json;
    replaced(row, object, engine, is_default)
}

/// The cells of a changed row. Null is a value like any other, which few columns take.
pub fn changed<R: Record>(
    row: &R,
    object: &Map<String, Value>,
    engine: Engine,
) -> Result<Vec<Cell>, Vec<Problem>> {
    replaced(row, object, engine, |_, _| false)
}

fn replaced<R: Record>(
    row: &R,
    object: &Map<String, Value>,
    engine: Engine,
    keeps: impl Fn(&Column, &Value) -> bool,
) -> Result<Vec<Cell>, Vec<Problem>> {
    let body = Place::root("body");
    let mut problems = Vec::new();
    let mut cells = row.cells();
    for (column, cell) in R::TABLE.columns.iter().zip(&mut cells) {
        let Some(value) = object.get(column.name).filter(|value| !keeps(column, value)) else {
            continue;
        };
        match cell_of(column, value, engine) {
            Ok(taken) => *cell = taken,
            Err(refusal) => {
                let place = body.within(column.name);
                problems.push(place.problem(refusal.code, refusal.message));
            }
        }
    }
    if problems.is_empty() { Ok(cells) } else { Err(problems) }
}

/// What is stored of a value in a column.
fn cell_of(column: &Column, value: &Value, engine: Engine) -> Result<Cell, Refusal> {
    match (column.kind, value) {
        (ColumnType::Json, value) => Ok(Cell::Text(stored(value))),
        (_, Value::Null) if column.nullable => Ok(Cell::Null),
        (ColumnType::Text(_), Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            number(value).map_err(|refusal| match refusal.code {
                "int_type" => Refusal::new("string_type", "Input should be a valid string"),
                _ => refusal,
            })
        }
        (ColumnType::Text(_) | ColumnType::Integer, Value::String(text)) => {
            Ok(Cell::from(text.as_str()))
        }
        (ColumnType::Text(_), _) => {
            Err(Refusal::new("string_type", "Input should be a valid string"))
        }
        (ColumnType::Integer | ColumnType::Float, value) if column.nullable && is_nan(value) => {
            Ok(Cell::Null)
        }
        (ColumnType::Integer, value) => number(value),
        (ColumnType::Float, value) if is_nan(value) => coerce::finite(f64::NAN).map(Cell::Real),
        (ColumnType::Float, value) => coerce::number(value).map(Cell::Real),
        (ColumnType::Money, value) => coerce::number(value).map(|number| Money::of(number).write()),
        (ColumnType::Boolean, value) => truth(value),
        (ColumnType::DateTime, value) => instant(value, engine),
        (ColumnType::Bytes, _) => Err(Refusal::new("bytes_type", "Input should be valid bytes")),
        (ColumnType::Enum(names), value) => named(names, value),
    }
}

/// JSON has no instants, and the monolith's columns take no text for one, but where a server reads it.
fn instant(value: &Value, engine: Engine) -> Result<Cell, Refusal> {
    let text = value.as_str().filter(|_| engine == Engine::Postgres);
    let stamp = text.and_then(Stamp::parse);
    let refusal = || Refusal::new("datetime_type", "Input should be a valid datetime");
    stamp.map(|stamp| stamp.write()).ok_or_else(refusal)
}

/// What SQLite stores as NULL.
fn is_nan(value: &Value) -> bool {
    coerce::number(value).is_ok_and(f64::is_nan)
}

/// A number or a truth value as it is. A whole number that 64 bits do not hold is refused, and what is no number.
fn number(value: &Value) -> Result<Cell, Refusal> {
    match number::as_f64(value).filter(|number| !number.is_nan() && !number::is_integer(value)) {
        Some(float) => Ok(Cell::Real(float)),
        None => coerce::integer(value).map(Cell::Integer),
    }
}

/// `true`, `false`, and the two numbers that are the same to Python.
fn truth(value: &Value) -> Result<Cell, Refusal> {
    match value {
        Value::Bool(_) | Value::Number(_) => {
            coerce::boolean(value).map(|truth| Cell::Integer(i64::from(truth)))
        }
        _ => Err(Refusal::new("bool_type", "Input should be a valid boolean")),
    }
}

/// A member of an enumeration, by its word or by its name.
fn named(names: &[&str], value: &Value) -> Result<Cell, Refusal> {
    let sent = value.as_str().unwrap_or_default();
    let name = names.iter().find(|name| **name == sent || choice::word(name) == sent);
    name.map(|name| Cell::from(*name)).ok_or_else(|| {
        let words: Vec<String> = names.iter().map(|name| choice::word(name)).collect();
        Refusal::new("enum", kind::one_of(&words))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tables::agents::{Step, StepType, Workflow};
    use crate::tables::{Float, Int};

    fn row() -> Step {
        let mut step = crate::logic::plan::tests::step("s", 1, StepType::Inference);
        step.created_at = Stamp::parse("2026-01-01").unwrap();
        step
    }

    fn cell(cells: &[Cell], name: &str) -> Cell {
        let at = Step::TABLE.columns.iter().position(|column| column.name == name).unwrap();
        cells[at].clone()
    }

    fn one(name: &str, value: &Value) -> Result<Cell, &'static str> {
        one_in(name, value, Engine::Sqlite)
    }

    fn one_in(name: &str, value: &Value, engine: Engine) -> Result<Cell, &'static str> {
        let object = Map::from_iter([(name.to_owned(), value.clone())]);
        let changed = changed(&row(), &object, engine).map_err(|problems| problems[0].code);
        changed.map(|cells| cell(&cells, name))
    }

    #[test]
    fn each_column_takes_what_the_monolith_stores() {
        for (name, value, stored) in [
            ("name", json!("x"), Cell::from("x")),
            ("name", json!(5), Cell::Integer(5)),
            ("name", json!(1.5), Cell::Real(1.5)),
            ("name", json!(true), Cell::Integer(1)),
            ("max_retries", json!(512), Cell::Integer(512)),
            ("max_retries", json!("many"), Cell::from("many")),
            ("max_retries", json!(2.0), Cell::Real(2.0)),
            ("max_retries", json!(1e30), Cell::Real(1e30)),
            ("max_retries", number::hold("Infinity"), Cell::Real(f64::INFINITY)),
            ("name", number::hold("-Infinity"), Cell::Real(f64::NEG_INFINITY)),
            ("max_retries", json!(false), Cell::Integer(0)),
            ("requires_proof", json!(1.0), Cell::Integer(1)),
            ("step_type", json!("data_processing"), Cell::from("DATA_PROCESSING")),
            ("step_type", json!("CUSTOM"), Cell::from("CUSTOM")),
            ("verification_level", json!("zero-knowledge"), Cell::from("ZERO_KNOWLEDGE")),
            ("retry_policy", json!(null), Cell::from("null")),
            ("retry_policy", json!({"ü": [1]}), Cell::from("{\"\\u00fc\": [1]}")),
        ] {
            assert_eq!(one(name, &value), Ok(stored), "{name} {value}");
        }
    }

    #[test]
    fn what_could_not_be_stored_or_read_again_is_refused() {
        for (name, value, code) in [
            ("name", json!(null), "string_type"),
            ("name", json!([1]), "string_type"),
            ("id", json!(null), "string_type"),
            ("max_retries", json!(null), "int_type"),
            ("max_retries", json!({}), "int_type"),
            ("max_retries", json!(u64::MAX), "int_parsing_size"),
            ("max_retries", number::hold("-123456789012345678901"), "int_parsing_size"),
            ("max_retries", number::hold("NaN"), "finite_number"),
            ("name", number::hold("NaN"), "finite_number"),
            ("name", json!({}), "string_type"),
            ("requires_proof", json!("yes"), "bool_type"),
            ("requires_proof", json!(2), "bool_parsing"),
            ("requires_proof", json!(null), "bool_type"),
            ("step_type", json!("Custom"), "enum"),
            ("step_type", json!(""), "enum"),
            ("step_type", json!(5), "enum"),
            ("created_at", json!("2026-01-01"), "datetime_type"),
            ("created_at", json!(1), "datetime_type"),
            ("created_at", json!(null), "datetime_type"),
        ] {
            assert_eq!(one(name, &value), Err(code), "{name} {value}");
        }
        let in_postgres = |value| one_in("created_at", &value, Engine::Postgres);
        assert_eq!(in_postgres(json!("2026-01-02")), Ok(Cell::from("2026-01-02 00:00:00.000000")));
        assert_eq!(in_postgres(json!("soon")), Err("datetime_type"));
        let object = json!({"max_cost_budget": "many"});
        let workflow = workflow();
        let problems = changed(&workflow, object.as_object().unwrap(), Engine::Sqlite).unwrap_err();
        assert_eq!(
            (problems[0].field.as_str(), problems[0].code),
            ("body.max_cost_budget", "float_parsing")
        );
    }

    fn workflow() -> Workflow {
        let now = Stamp::parse("2026-01-01").unwrap();
        Workflow {
            id: "w".to_owned(),
            owner_id: "alice".to_owned(),
            name: "w".to_owned(),
            description: String::new(),
            steps: crate::tables::Json(json!({})),
            dependencies: crate::tables::Json(json!({})),
            max_execution_time: Int::from(1),
            max_cost_budget: Float::from(0.0),
            requires_verification: true,
            verification_level: crate::tables::agents::VerificationLevel::Basic,
            tags: "[]".to_owned(),
            version: "1.0.0".to_owned(),
            is_public: false,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn null_means_the_default_of_a_new_row_and_all_problems_are_told() {
        let object = json!({"name": null, "created_at": null, "retry_policy": null, "unknown": 1});
        let cells = created(&row(), object.as_object().unwrap(), Engine::Sqlite).unwrap();
        assert_eq!(cell(&cells, "name"), row().name.write());
        assert_eq!(cell(&cells, "created_at"), row().created_at.write());
        assert_eq!(cell(&cells, "retry_policy"), Cell::from("null"));
        let object = json!({"step_type": "x", "name": [], "max_retries": 1});
        let problems = created(&row(), object.as_object().unwrap(), Engine::Sqlite).unwrap_err();
        let places: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(places, ["body.name", "body.step_type"]);
        assert!(problems[1].message.starts_with("Input should be 'inference', "), "{problems:?}");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop::collection::vec(inner, 0..3).prop_map(Value::Array)
        })
    }

    proptest! {
        #[test]
        fn what_is_taken_reads_as_its_column(values in prop::collection::vec(any_json(), Step::TABLE.columns.len())) {
            for (column, value) in Step::TABLE.columns.iter().zip(values) {
                let Ok(taken) = cell_of(column, &value, Engine::Sqlite) else { continue };
                let fits = match column.kind {
                    ColumnType::Enum(names) => matches!(&taken, Cell::Text(name) if names.contains(&name.as_str())),
                    ColumnType::Boolean => bool::read(taken).is_ok(),
                    ColumnType::DateTime => false,
                    ColumnType::Json => crate::tables::Json::read(taken).is_ok(),
                    _ => taken != Cell::Null || column.nullable,
                };
                prop_assert!(fits, "{} takes {value}", column.name);
            }
        }
    }
}
