//! A request that a shape takes, for the documentation: of each field its example, else its default, else the simplest value
//! that fits. What may be absent is absent.

use serde_json::{Map, Value, json};

use super::kind::{Bounds, Kind, TextLimits};
use super::shape::{Absent, Field, Shape};

/// An object with the fields of `shape`.
pub fn of_shape(shape: &Shape) -> Value {
    let fields = shape.fields().iter();
    let shown = fields.filter_map(|field| Some((field.name.to_owned(), of_field(field)?)));
    Value::Object(shown.collect::<Map<_, _>>())
}

/// The value of one field.
pub fn of_field(field: &Field) -> Option<Value> {
    match (&field.example, &field.absent) {
        (Some(example), _) => Some(example.clone()),
        (None, Absent::Refused) => Some(of_kind(&field.kind)),
        (None, Absent::Default(value)) => Some(value.clone()).filter(|value| !value.is_null()),
        (None, Absent::Left) => None,
    }
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text(limits) => text(limits).into(),
        #[expect(clippy::cast_possible_truncation, reason = "bounds are small")]
        Kind::Integer(bounds) | Kind::AnyInteger(bounds) => json!(within(bounds) as i64),
        Kind::Number(bounds) => within(bounds).into(),
        Kind::NumberOrInfinity | Kind::AnyNumber => 1.0.into(),
        Kind::Boolean => true.into(),
        Kind::Choice(words) => json!(words.first()),
        Kind::Anything => Value::Null,
        Kind::MapOf(_) => json!({}),
        Kind::ListOf(item) => json!([of_kind(item)]),
        Kind::Model(shape) => of_shape(shape),
        Kind::AnyOf(kinds) => kinds.first().map_or(Value::Null, |(_, kind)| of_kind(kind)),
        Kind::Nullable(kind) => of_kind(kind),
    }
}

fn text(limits: &TextLimits) -> String {
    let most = limits.max.unwrap_or(usize::MAX);
    "text".chars().chain(std::iter::repeat('t')).take(limits.min.max(4).min(most)).collect()
}

fn within(bounds: &Bounds) -> f64 {
    let most = bounds.le.unwrap_or(f64::INFINITY);
    bounds.ge.unwrap_or(1.0).max(1.0).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::field;
    use crate::validation::problem::Place;

    #[test]
    fn an_example_has_what_must_be_sent_and_what_is_worth_showing() {
        let shape = Shape::new([
            field("name", Kind::text_within(6, 100)),
            field("short", Kind::text_up_to(2)),
            field("title", Kind::text_within(10, 100)).example("A good title"),
            field("count", Kind::integer_within(3, 9)),
            field("share", Kind::number_within(0.0, 0.5)),
            field("level", Kind::Choice(&["low", "high"])),
            field("tags", Kind::list_of(Kind::text())),
            field("steps", Kind::object()),
            field("inner", Kind::Model(Shape::new([field("a", Kind::Boolean)]))),
            field("limit", Kind::integer()).default(50),
            field("note", Kind::text().or_null()).default(Value::Null),
            field("other", Kind::text()).optional(),
            field("shown", Kind::text()).optional().example("too"),
        ]);
        let example = of_shape(&shape);
        assert_eq!(
            example,
            json!({
                "name": "texttt", "short": "te", "title": "A good title", "count": 3, "share": 0.5,
                "level": "low", "tags": ["text"], "steps": {}, "inner": {"a": true}, "limit": 50,
                "shown": "too",
            })
        );
        let mut problems = Vec::new();
        assert!(
            shape.check(&example, &Place::root("body"), &mut problems).is_some(),
            "{problems:?}"
        );
    }
}
