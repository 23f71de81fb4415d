//! The fields of a body, a query or a nested object, in the order in which their problems are reported.

use serde_json::{Map, Value};

use super::coerce;
use super::kind::Kind;
use super::problem::{Place, Problem};

/// A rule about all fields together; what it says follows `Value error, `.
pub type Rule = fn(&Map<String, Value>) -> Result<(), String>;

/// A rule about one field, which sees those before it that fit; what it says follows `Value error, `.
pub type FieldRule = fn(&Value, &Map<String, Value>) -> Result<(), &'static str>;

/// What a request part takes. Unknown fields are ignored, as the monolith ignores them.
#[derive(Debug, Clone)]
pub struct Shape {
    fields: Vec<Field>,
    whole: Option<Rule>,
}

/// One field: its name, its kind, and what counts when it is absent.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name in the request.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What counts when it is absent.
    pub absent: Absent,
    /// Whether an empty text counts as absent.
    pub blank_is_absent: bool,
    /// A value for the documentation, where neither the default nor the simplest that fits makes sense.
    pub example: Option<Value>,
    /// What else must hold of a value that was sent.
    rule: Option<FieldRule>,
}

/// What happens when a field is not in the request.
#[derive(Debug, Clone)]
pub enum Absent {
    /// The request is refused.
    Refused,
    /// The value counts as sent.
    Default(Value),
    /// The field stays absent from the checked request.
    Left,
}

/// A field that must be sent, until [`Field::default`] or [`Field::optional`] says otherwise.
pub fn field(name: &'static str, kind: Kind) -> Field {
    let absent = Absent::Refused;
    Field { name, kind, absent, blank_is_absent: false, example: None, rule: None }
}

impl Field {
    /// The value that counts when the field is absent.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.absent = Absent::Default(value.into());
        self
    }

    /// The field may be absent, and then stays so.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.absent = Absent::Left;
        self
    }

    /// The field may be absent, and an empty text is as good as that: how the monolith treats most filters.
    #[must_use]
    pub fn filter(mut self) -> Self {
        self.blank_is_absent = true;
        self.optional()
    }

    /// The value that the documentation shows.
    #[must_use]
    pub fn example(mut self, value: impl Into<Value>) -> Self {
        self.example = Some(value.into());
        self
    }

    /// What was sent for the field, as far as it counts.
    fn sent<'v>(&self, value: Option<&'v Value>) -> Option<&'v Value> {
        value.filter(|value| !(self.blank_is_absent && value.as_str() == Some("")))
    }
}

impl Field {
    /// A rule about a value that was sent and fits; its text follows `Value error, `.
    #[must_use]
    pub fn rule(mut self, rule: FieldRule) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Checks a value that was sent, beside the fields before it.
    fn check(
        &self,
        value: &Value,
        before: &Map<String, Value>,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Option<Value> {
        let value = self.kind.check(value, place, problems)?;
        match self.rule.map(|rule| rule(&value, before)) {
            Some(Err(text)) => {
                problems.push(place.problem("value_error", format!("Value error, {text}")));
                None
            }
            _ => Some(value),
        }
    }
}

impl Shape {
    /// A shape of these fields.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Self {
        Self { fields: fields.into_iter().collect(), whole: None }
    }

    /// A rule about the whole, asked when every field fits; its text follows `Value error, `.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.whole = Some(rule);
        self
    }

    /// The fields in declaration order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Checks an object. A value that is no object at all is one problem of `place`.
    pub fn check(
        &self,
        value: &Value,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Option<Map<String, Value>> {
        let Ok(map) = coerce::object(value) else {
            let message = "Input should be a valid dictionary or object to extract fields from";
            problems.push(place.problem("model_attributes_type", message));
            return None;
        };
        self.check_fields(|name| map.get(name), place, problems)
    }

    /// Checks the fields, wherever their values come from, and gives the coerced ones when all fit.
    pub fn check_fields<'v>(
        &self,
        get: impl Fn(&str) -> Option<&'v Value>,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Option<Map<String, Value>> {
        let before = problems.len();
        let mut checked = Map::with_capacity(self.fields.len());
        for field in &self.fields {
            let value = match (field.sent(get(field.name)), &field.absent) {
                (Some(value), _) => {
                    field.check(value, &checked, &place.within(field.name), problems)
                }
                (None, Absent::Default(value)) => Some(value.clone()),
                (None, Absent::Left) => None,
                (None, Absent::Refused) => {
                    let here = place.within(field.name);
                    problems.push(here.problem("missing", "Field required"));
                    None
                }
            };
            if let Some(value) = value {
                checked.insert(field.name.to_owned(), value);
            }
        }
        if problems.len() == before
            && let Some(Err(text)) = self.whole.map(|rule| rule(&checked))
        {
            problems.push(place.problem("value_error", format!("Value error, {text}")));
        }
        (problems.len() == before).then_some(checked)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::python::number;

    fn workflow() -> Shape {
        Shape::new([
            field("name", Kind::text_up_to(3)),
            field("steps", Kind::object()),
            field("dependencies", Kind::map_of(Kind::list_of(Kind::text()))).default(json!({})),
            field("limit", Kind::integer_within(1, 100)).default(50),
            field("level", Kind::Choice(&["basic", "full", "zero-knowledge"])).default("basic"),
            field("note", Kind::text().or_null()).optional(),
        ])
    }

    type Found = (String, &'static str, String);

    fn check(shape: &Shape, value: &Value) -> Result<Map<String, Value>, Vec<Found>> {
        let mut problems = Vec::new();
        shape
            .check(value, &Place::root("body"), &mut problems)
            .ok_or_else(|| problems.into_iter().map(|p| (p.field, p.code, p.message)).collect())
    }

    #[test]
    fn defaults_fill_in_and_unknown_fields_fall_out() {
        let checked =
            check(&workflow(), &json!({"name": "w", "steps": {}, "owner_id": "mallory"})).unwrap();
        assert_eq!(
            Value::Object(checked),
            json!({"name": "w", "steps": {}, "dependencies": {}, "limit": 50, "level": "basic"})
        );
    }

    #[test]
    fn every_problem_is_reported_in_declaration_order() {
        let value = json!({"level": "FULL", "limit": 0, "dependencies": {"a": "b", "c": [1]}, "name": "long"});
        insta::assert_debug_snapshot!(check(&workflow(), &value).unwrap_err(), @r#"
        [
            (
                "body.name",
                "string_too_long",
                "String should have at most 3 characters",
            ),
            (
                "body.steps",
                "missing",
                "Field required",
            ),
            (
                "body.dependencies.a",
                "list_type",
                "Input should be a valid list",
            ),
            (
                "body.dependencies.c.0",
                "string_type",
                "Input should be a valid string",
            ),
            (
                "body.limit",
                "greater_than_equal",
                "Input should be greater than or equal to 1",
            ),
            (
                "body.level",
                "enum",
                "Input should be 'basic', 'full' or 'zero-knowledge'",
            ),
        ]
        "#);
    }

    #[test]
    fn null_counts_only_where_allowed() {
        let problems =
            check(&workflow(), &json!({"name": null, "steps": {}, "note": null})).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, "body.name");
        let checked = check(&workflow(), &json!({"name": "n", "steps": {}, "note": null})).unwrap();
        assert_eq!(checked.get("note"), Some(&Value::Null));
    }

    #[test]
    fn a_blank_filter_is_no_filter() {
        let shape = Shape::new([
            field("level", Kind::Choice(&["basic"])).filter(),
            field("name", Kind::text()).optional(),
        ]);
        let checked = check(&shape, &json!({"level": "", "name": ""})).unwrap();
        assert_eq!(Value::Object(checked), json!({"name": ""}));
        assert_eq!(check(&shape, &json!({"level": " "})).unwrap_err()[0].1, "enum");
    }

    #[test]
    fn a_body_that_is_no_object() {
        let problems = check(&workflow(), &json!([1])).unwrap_err();
        assert_eq!((problems[0].0.as_str(), problems[0].1), ("body", "model_attributes_type"));
    }

    #[test]
    fn a_union_reports_each_member() {
        let shape = Shape::new([field(
            "seed",
            Kind::AnyOf(vec![
                ("int", Kind::integer()),
                ("list[int]", Kind::list_of(Kind::integer())),
            ]),
        )]);
        assert_eq!(
            check(&shape, &json!({"seed": ["1", 2]})).unwrap().get("seed"),
            Some(&json!([1, 2]))
        );
        let problems = check(&shape, &json!({"seed": "x"})).unwrap_err();
        let places: Vec<_> = problems.iter().map(|p| p.0.as_str()).collect();
        assert_eq!(places, ["body.seed.int", "body.seed.list[int]"]);
    }

    #[test]
    fn a_rule_about_the_whole_comes_after_the_fields() {
        let shape =
            Shape::new([field("a", Kind::integer()), field("b", Kind::integer())]).rule(|map| {
                let number = |key: &str| map.get(key).and_then(Value::as_i64);
                if number("a") <= number("b") { Ok(()) } else { Err("b first".to_owned()) }
            });
        assert_eq!(check(&shape, &json!({"a": "x", "b": 0})).unwrap_err()[0].1, "int_parsing");
        assert_eq!(
            check(&shape, &json!({"a": 1, "b": 0})).unwrap_err()[0].2,
            "Value error, b first"
        );
    }

    #[test]
    fn a_rule_about_a_field_sees_those_before_it_and_only_what_was_sent() {
        let shape = Shape::new([
            field("first", Kind::integer_from(1)).default(1),
            field("last", Kind::integer_from(1)).default(1).rule(|last, before| {
                let first = before.get("first").and_then(Value::as_i64);
                if first <= last.as_i64() { Ok(()) } else { Err("first comes first") }
            }),
        ]);
        let said = |value: Value| check(&shape, &value).map_err(|found| found[0].2.clone());
        assert_eq!(
            said(json!({"first": 5, "last": 4})).unwrap_err(),
            "Value error, first comes first"
        );
        assert!(said(json!({"first": 5})).is_ok());
        let found = check(&shape, &json!({"first": 0, "last": 1})).unwrap_err();
        assert_eq!((found.len(), found[0].1), (1, "greater_than_equal"));
    }

    #[test]
    fn bounds_come_before_size_and_nan_is_within_none() {
        let shape = Shape::new([
            field("n", Kind::integer_within(0, 9)).optional(),
            field("x", Kind::number_within(0.0, 2.0)).optional(),
            field("y", Kind::number()).optional(),
            field("z", Kind::NumberOrInfinity).optional(),
            field("i", Kind::any_integer()).optional(),
        ]);
        let large = json!({"i": u64::MAX, "z": number::hold("-Infinity")});
        assert_eq!(check(&shape, &large).map(Value::Object).as_ref(), Ok(&large));
        for (value, code) in [
            (json!({"n": number::hold("1000000000000000000000")}), "less_than_equal"),
            (json!({"n": number::hold("-1000000000000000000000")}), "greater_than_equal"),
            (json!({"n": "1000000000000000000000"}), "less_than_equal"),
            (json!({"n": 1e20}), "int_parsing_size"),
            (json!({"y": "inf"}), "finite_number"),
            (json!({"z": "nan"}), "finite_number"),
            (json!({"i": 0.5}), "int_from_float"),
            (json!({"x": number::hold("NaN")}), "less_than_equal"),
            (json!({"x": "inf"}), "less_than_equal"),
            (json!({"x": "-inf"}), "greater_than_equal"),
            (json!({"y": "nan"}), "finite_number"),
            (number::hold("NaN"), "model_attributes_type"),
        ] {
            assert_eq!(check(&shape, &value).unwrap_err()[0].1, code, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_once_passes_again_unchanged(name in "[a-zé]{0,3}", limit in 1..=100_i64, as_text in any::<bool>()) {
            let limit = if as_text { json!(limit.to_string()) } else { json!(limit) };
            let once = check(&workflow(), &json!({"name": name, "steps": {"s": [1.5]}, "limit": limit})).unwrap();
            let twice = check(&workflow(), &Value::Object(once.clone())).unwrap();
            prop_assert_eq!(once, twice);
        }
    }
}
