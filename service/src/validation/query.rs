//! Reads a query string into the values that a shape checks.

use serde_json::{Map, Value};

use super::kind::Kind;
use super::problem::{Place, Problem};
use super::shape::Shape;

/// Checks the query string: a list field collects every value of its name, any other takes the last.
pub fn check(
    shape: &Shape,
    query: &str,
    problems: &mut Vec<Problem>,
) -> Option<Map<String, Value>> {
    let mut sent = Map::new();
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(field) = shape.fields().iter().find(|field| field.name == name) else {
            continue;
        };
        if takes_list(&field.kind) {
            if let Value::Array(list) =
                sent.entry(field.name).or_insert_with(|| Value::Array(Vec::new()))
            {
                list.push(text.into());
            }
        } else {
            sent.insert(field.name.to_owned(), text.into());
        }
    }
    shape.check_fields(|name| sent.get(name), &Place::root("query"), problems)
}

fn takes_list(kind: &Kind) -> bool {
    match kind {
        Kind::ListOf(_) => true,
        Kind::Nullable(inner) => takes_list(inner),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validation::field;

    #[test]
    fn scalars_take_the_last_value_and_lists_take_all() {
        let shape = Shape::new([
            field("limit", Kind::integer()).default(50),
            field("public", Kind::Boolean).optional(),
            field("tags", Kind::list_of(Kind::text())).default(json!([])),
        ]);
        let mut problems = Vec::new();
        let checked = check(&shape, "limit=1&tags=a&limit=%32&tags=b+c&x=1", &mut problems);
        assert_eq!(checked.map(Value::Object), Some(json!({"limit": 2, "tags": ["a", "b c"]})));
        assert!(check(&shape, "limit=ten&public=", &mut problems).is_none());
        let found: Vec<_> = problems.iter().map(|p| (p.field.as_str(), p.code)).collect();
        assert_eq!(found, [("query.limit", "int_parsing"), ("query.public", "bool_parsing")]);
    }
}
